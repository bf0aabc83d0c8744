"""Watched tables: judge what has arrived, remember what was right, hold back what was not until somebody decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.errors import InputError, KintsuError, UnknownName, UsageError
from kintsu.io.store.batch_rows import ACCEPTED, HELD, NORMAL, REJECTED, BatchRow, Watched
from kintsu.io.store.courses import latest
from kintsu.io.store.history import History, open_history
from kintsu.io.store.incidents import IncidentStore
from kintsu.monitor.alerts import AlertPolicy
from kintsu.monitor.baseline import Baseline
from kintsu.monitor.incidents import Incident
from kintsu.monitor.judge import BatchJudgement, learn_batches
from kintsu.run.batches import Arrival, MonitorSettings, arrivals
from kintsu.run.follow import follow_up, leave
from kintsu.run.judging import Judged, Watch
from kintsu.run.salt import hide, salt_of

__all__ = [
    "Reopened",
    "Status",
    "Verdict",
    "add",
    "backfill",
    "batch",
    "decide",
    "learnable",
    "record",
    "remove",
    "reopen",
    "run",
    "status",
    "trend",
]


@dataclass(frozen=True)
class Status:
    """How a watched table is doing.

    Attributes
    ----------
    waiting
        Batches that alarmed and that nobody has decided on.
    incidents
        Those that are open, the longest known first.
    precision
        Share of the alarms that people confirmed, out of those decided on; None without any.
    false_alarm_rate
        Alarms that people called wrong, out of all batches but those that were confirmed as wrong; None without any.
    time_to_detection_min
        Median minutes from the arrival of a batch that alarmed to its judgement; None where arrivals are unknown.
    recovery
        Share of the batches that somebody tried to mend which were as usual afterwards; None without any.
    acceptance
        Share of the remedies that would help, and had to be asked for, that were carried out; None without any.
    """

    table: str
    source: str
    n_batches: int
    last_batch: str | None
    last_at: str | None
    last_state: str | None
    last_message: str | None
    waiting: tuple[str, ...]
    n_alarms: int
    precision: float | None
    false_alarm_rate: float | None
    time_to_detection_min: float | None
    recovery: float | None
    acceptance: float | None
    incidents: tuple[Incident, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return asdict(self) | {"incidents": [incident.to_dict() for incident in self.incidents]}


@dataclass(frozen=True)
class Verdict:
    """What a person said of a batch, and the incident that it left because it is right; None where it was in none."""

    batch: BatchRow
    incident: Incident | None = None


def add(name: str, settings: MonitorSettings, *, home: Path | str | None = None, replace: bool = False) -> Watched:
    """Begin to watch a table. Nothing is read yet: `backfill` learns from what is there."""
    if not name.strip():
        raise UsageError("a watched table needs a name")
    history = open_history(home, create=True)
    watched = history.watch(name, settings.to_dict(), replace=replace)
    if settings.sensitive:
        hide(history, watched, salt_of(history))
    return watched


def remove(name: str, *, home: Path | str | None = None) -> None:
    """Stop watching a table and forget its history."""
    open_history(home).forget(name)


def backfill(
    name: str,
    *,
    home: Path | str | None = None,
    now: datetime | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[Judged]:
    """Learn from the batches that are there, oldest first, as if they had been judged one by one when they came.

    What alarms stays out. But where batches in a row alarm and resemble each other, they are the new normal: there is
    nobody to ask any more. When each arrived is not taken from the files, which may have been copied since.
    """
    history = open_history(home)
    table = history.watched(name)
    watch = Watch(history, table)
    return watch.catch_up(arrivals(watch.settings, now=now or datetime.now(UTC)), is_past=True, progress=progress)


def run(
    names: list[str] | None = None,
    *,
    home: Path | str | None = None,
    now: datetime | None = None,
    policy: AlertPolicy | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[Judged]:
    """Judge the batches that have come since the last time, of the named tables or all of them.

    A batch that was judged before is judged again only if it has changed. One that cannot be read is an alarm of its
    own, and the others are still judged. Alarms open incidents or continue them, by `policy`; `notify.tell` tells it.
    So do those of a run that was killed before it came to that: they are among what is returned.
    """
    history = open_history(home)
    tables = [history.watched(name) for name in names] if names else history.tables()
    at = now or datetime.now(UTC)
    troubled = {incident.table for incident in IncidentStore(history).incidents(names or None)}
    lost = history.unfollowed()
    out: list[Judged] = []
    for table in tables:
        watch = Watch(history, table)
        try:
            watch.catch_up(arrivals(watch.settings, now=at), is_past=False, progress=progress)
        except KintsuError as error:
            if names and len(names) == 1 and not watch.known:
                raise  # it never had a batch: its settings are wrong
            watch.judged.append(Judged(table.name, "", None, HELD, str(error)))
        finally:  # what was recorded is not judged again: its incidents must not be lost
            judged = _placed(watch, at, policy, lost.get(table.name, ()), is_troubled=table.name in troubled)
        out += judged
    return out


def record(
    history: History, table: Watched, arrival: Arrival, *, now: datetime, policy: AlertPolicy | None = None
) -> Judged | None:
    """Judge one batch as `run` does, and remember it; None where it was judged before and has not changed."""
    watch = Watch(history, table)
    watch.catch_up([arrival], is_past=False, beside=learnable(watch.settings, now))
    return next(iter(_placed(watch, now, policy, is_troubled=True)), None)


def learnable(settings: MonitorSettings, now: datetime) -> list[Arrival]:
    """The batches that judges of rows may learn from; none where no judge asks, or none can be found any more."""
    try:
        return arrivals(settings, now=now) if settings.judges else []
    except InputError:
        return []


def _placed(
    watch: Watch,
    now: datetime,
    policy: AlertPolicy | None,
    lost: Sequence[BatchRow] = (),
    *,
    is_troubled: bool,
) -> list[Judged]:
    """The batches that a watch has judged, with the incidents that they open or continue; before them the lost ones."""
    again = {each.batch for each in watch.judged}
    old = [_lost(watch.table, row) for row in lost if row.name not in again]
    judged = [*old, *watch.judged]
    alarms = [each.batch for each in judged if each.alarm]
    if not judged or not (is_troubled or alarms):
        return judged
    told = [each.for_incidents(now) for each in judged]
    placed = follow_up(watch.history, told, now, policy or AlertPolicy())
    if alarms:
        watch.history.followed(watch.table, alarms)
    return [replace(each, incident=where) for each, where in zip(judged, placed, strict=True)]


def _lost(table: Watched, row: BatchRow) -> Judged:
    assert row.judgement is not None
    return Judged(table.name, row.name, BatchJudgement.from_dict(row.judgement), row.state)


def decide(
    name: str, batch: str, *, is_right: bool, by: str, home: Path | str | None = None, now: datetime | None = None
) -> Verdict:
    """Say whether a batch that alarmed is right: then it is learnt from, and leaves its incident, which is over if it
    has no other batch. If not, it stays out."""
    history = open_history(home)
    row = history.decide(history.watched(name), batch, ACCEPTED if is_right else REJECTED, by=by)
    return Verdict(row, leave(history, name, batch, now or datetime.now(UTC)) if is_right else None)


def trend(
    name: str, facts: list[str] | None = None, *, days: float | None = None, home: Path | str | None = None
) -> pl.DataFrame:
    """The course of a table's batches: see `History.course`. `days` counts back from its last batch."""
    history = open_history(home)
    course = history.course(history.watched(name), facts)
    return course if days is None else latest(course, days)


def batch(name: str, batch: str, *, home: Path | str | None = None) -> dict[str, Any]:
    """One batch as JSON-able values: when it came, its facts, its judgement where it alarmed, what was said and done.

    Raises
    ------
    UsageError
        There is none of this name, or it was packed away.
    """
    history = open_history(home)
    row = history.batch(history.watched(name), batch)
    if row is None:
        raise UnknownName(f"{name!r} has no batch {batch!r}, or it is so old that only its course is kept")
    told = {each: value for each, value in vars(row).items() if each not in ("sketch", "id", "content")}
    return told | {"at": row.at.isoformat(), "facts": dict(row.facts)}


def status(names: list[str] | None = None, *, home: Path | str | None = None) -> list[Status]:
    """How the named tables are doing, or all of them."""
    history = open_history(home)
    tables = [history.watched(name) for name in names] if names else history.tables()
    found: dict[str, list[Incident]] = {}
    for incident in IncidentStore(history).incidents(names or None):
        found.setdefault(incident.table, []).append(incident)
    return [replace(_status(history, table), incidents=tuple(found.get(table.name, ()))) for table in tables]


@dataclass(frozen=True, eq=False)
class Reopened:
    """A batch that was judged before, with what it is held against. `good` holds the last good batch before it."""

    watch: Watch
    arrival: Arrival
    baseline: Baseline | None
    good: pl.DataFrame | None


def reopen(name: str, batch: str, *, home: Path | str | None = None, now: datetime | None = None) -> Reopened:
    """Find a batch again, and what was normal when it came.

    Raises
    ------
    UsageError
        It was never judged, or it is not there any more.
    """
    history = open_history(home)
    table = history.watched(name)
    settings = MonitorSettings(**table.settings)
    found = {each.name: each for each in arrivals(settings, now=now or datetime.now(UTC))}
    row = history.batch(table, batch)
    if row is None or batch not in found:
        why = "is not there any more" if row is not None else "was never judged"
        raise UsageError(f"batch {batch!r} of {name!r} {why}: `kintsu monitor status {name}` tells what waits")
    came = None if row.arrived is None else datetime.fromisoformat(row.arrived)  # unknown of a batch of the past
    arrival = replace(found[batch], arrived=came)
    watch = Watch(history, table)
    watch.prepare(arrival, found.values())
    course = history.course(table, []).filter((pl.col("at") < arrival.at) & pl.col("state").is_in(NORMAL))
    good = [found[each] for each in course["name"] if each in found][-1:]
    return Reopened(watch, arrival, learn_batches(list(watch.window)), good[0].load() if good else None)


def _status(history: History, table: Watched) -> Status:
    course = history.course(table, [])
    last = course.row(-1, named=True) if course.height else None
    message = None
    if last is not None and last["alarm"]:
        held = history.batch(table, last["name"])
        message = None if held is None or held.judgement is None else held.judgement["message"]
    alarms = course.filter("alarm")
    right, wrong = (alarms.filter(pl.col("state") == state).height for state in (REJECTED, ACCEPTED))
    mendings = history.mendings(table)
    tried = [one for each in mendings for one in each["decided"] if not one["is_safe"]]
    asked = [one["outcome"] == "applied" for one in tried if one["outcome"] in ("applied", "helps")]
    clean = course.height - alarms.filter(pl.col("state").is_in([REJECTED, HELD])).height
    return Status(
        table=table.name,
        source=table.settings["source"],
        n_batches=course.height,
        last_batch=None if last is None else last["name"],
        last_at=None if last is None else last["at"].isoformat(),
        last_state=None if last is None else last["state"],
        last_message=message,
        waiting=tuple(course.filter(pl.col("state") == HELD)["name"]),
        n_alarms=alarms.height,
        precision=right / (right + wrong) if right + wrong else None,
        false_alarm_rate=wrong / clean if clean else None,
        time_to_detection_min=_delay(alarms),
        recovery=sum(each["action"] == "mended" for each in mendings) / len(mendings) if mendings else None,
        acceptance=sum(asked) / len(asked) if asked else None,
    )


def _delay(alarms: pl.DataFrame) -> float | None:
    known = alarms.filter(pl.col("arrived").is_not_null())
    arrived, judged = (known[name].str.to_datetime(time_zone="UTC") for name in ("arrived", "judged_at"))
    minutes = ((judged - arrived).dt.total_seconds() / 60).median()
    return float(minutes) if isinstance(minutes, float) else None
