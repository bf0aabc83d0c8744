"""Jobs that are handed in by the clock: the section `schedules:` of the settings file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

from kintsu.core.settings import Setting
from kintsu.io.service.jobs import Job, Jobs
from kintsu.io.store.home import LOCAL, is_tenant
from kintsu.run.jobs import KINDS

__all__ = ["Schedule", "fire", "schedules_from"]

PARTS: Final = ("minute", "hour", "day", "month", "day_of_week")
SOURCES: Final = ("upload", "path")
LATE: Final = timedelta(hours=1)
FORGOTTEN: Final = timedelta(days=7)
FORM: Final = '{cron: "0 6 * * *", kind: monitor_run}'


@dataclass(frozen=True)
class Schedule:
    """A job for each moment that fits. `cron` has five parts, in UTC: minute, hour, day, month, day of the week (from
    Sunday, 0); where both days are given both have to fit."""

    cron: str
    kind: str
    arguments: Mapping[str, Any]
    tenant: str = LOCAL

    def fits(self, minute: datetime) -> bool:
        """Whether it is time.

        Raises
        ------
        ValueError
            `cron` cannot be read.
        """
        from huey import crontab

        return bool(crontab(**dict(zip(PARTS, self.cron.split(), strict=True)), strict=True)(minute))

    @property
    def name(self) -> str:
        """By which all workers know that one has handed it in."""
        told = json.dumps([self.cron, self.kind, self.arguments], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def schedules_from(section: Setting | None) -> tuple[Schedule, ...]:
    """The schedules of the section; none without it.

    Raises
    ------
    UsageError
        Tells the line where something is wrong.
    """
    return () if section is None else tuple(_schedule(each) for each in section.items(form=f"- {FORM}"))


def _schedule(setting: Setting) -> Schedule:
    told = setting.mapping(("cron", "kind", "tenant", "source", "options"), needed=("cron", "kind"), form=FORM)
    arguments: dict[str, Any] = {"options": told["options"].plain() if "options" in told else {}}
    if "source" in told:
        arguments["source"] = {name: each.text() for name, each in told["source"].mapping(SOURCES).items()}
    tenant = told["tenant"].text() if "tenant" in told else LOCAL
    if not is_tenant(tenant):
        raise told["tenant"].wrong(f"{tenant!r} is no name of a tenant")
    made = Schedule(told["cron"].text(), told["kind"].choice(tuple(KINDS)), arguments, tenant)
    try:
        made.fits(datetime(2000, 1, 1))
    except ValueError as error:
        raise told["cron"].wrong(f'{made.cron!r} is no time: write five parts, such as "0 6 * * 1-5"') from error
    return made


def fire(schedules: Iterable[Schedule], jobs: Callable[[str], Jobs], since: datetime, now: datetime) -> list[Job]:
    """Hand in what was due after `since`. Several workers may do it at once: each moment gives one job.

    Where nobody looked for more than an hour (the machine slept, the database was away), what was due before that hour
    is handed in once, for its last moment of at most a week.
    """
    first = max(since, now - FORGOTTEN).replace(second=0, microsecond=0) + timedelta(minutes=1)
    minutes = [first + timedelta(minutes=n) for n in range(max(ceil((now - first) / timedelta(minutes=1)), 0) + 1)]
    made = []
    for each in schedules:
        due = [minute for minute in minutes if minute <= now and each.fits(minute)]
        late = [minute for minute in due if minute < now - LATE]
        for minute in due[max(len(late) - 1, 0) :]:
            key = f"schedule:{each.name}:{minute:%Y-%m-%dT%H:%M}"
            job, is_new = jobs(each.tenant).submit(each.kind, each.arguments, by="schedule", now=now, key=key)
            made += [job] if is_new else []
    return made
