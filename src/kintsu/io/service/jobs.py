"""Long work of a tenant. The row of a job is the truth about it; a queue only says that there may be something to do.

States: queued -> running -> done, failed or cancelled; a job whose worker died, or whose error is worth another try, is
queued again. Every change of state, and its event, is one transaction. What workers do is in `io.service.work`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

from kintsu.core.errors import UsageError
from kintsu.io.store.events import insert, insert_all
from kintsu.io.store.history import History
from kintsu.io.store.paging import Page
from kintsu.io.store.records import micros, new_id, text_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "CANCELLED",
    "DONE",
    "FAILED",
    "QUEUED",
    "RUNNING",
    "STATES",
    "Job",
    "Jobs",
    "KeyTaken",
    "NewJob",
    "Submitted",
    "changed",
    "job_of",
    "submit_all",
]

QUEUED: Final = "queued"
RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
AT_ONCE: Final = 500  # ids of one statement
STATES: Final = (QUEUED, RUNNING, DONE, FAILED, CANCELLED)


class KeyTaken(UsageError):
    """This idempotency key came before, with another job."""


@dataclass(frozen=True)
class Job:
    """One piece of work. `due_us`: not before this moment (microseconds since 1970, UTC). `run`: the id of the run
    that it is to make, so that a change is made once however often the job is tried. `trace`: W3C traceparent of the
    request that handed it in."""

    id: str
    tenant: str
    kind: str
    state: str
    priority: int
    arguments: Mapping[str, Any]
    created_at: str
    created_by: str
    due_us: int
    tries: int = 0
    started_at: str | None = None
    ended_at: str | None = None
    worker: str | None = None
    stage: str = ""
    progress: float = 0.0
    cancels: bool = False
    run: str | None = None
    result: Mapping[str, Any] | None = None
    problem: Mapping[str, Any] | None = None
    trace: str | None = None

    @property
    def event(self) -> dict[str, Any]:
        """What is told of it to those who look on."""
        told = {"job": self.id, "kind": self.kind, "state": self.state, "stage": self.stage}
        return told | {"progress": round(self.progress, 3)}


class Wishes(TypedDict, total=False):
    """What a job need not say: its priority, the caller's key (one that came before gives the first job), when it is
    due, and the W3C traceparent of the request that hands it in."""

    priority: int
    key: str | None
    due: datetime | None
    trace: str | None


@dataclass(frozen=True)
class NewJob:
    """A job to be queued."""

    job: Job
    key: str | None = None


@dataclass(frozen=True)
class Submitted:
    """What became of a new job: it is queued, or it came before, or its key came with another."""

    job: Job
    is_new: bool
    refused: str | None = None

    def told(self) -> tuple[Job, bool]:
        """The job, and whether it is new.

        Raises
        ------
        KeyTaken
        """
        if self.refused is not None:
            raise KeyTaken(self.refused)
        return self.job, self.is_new


@dataclass(frozen=True)
class Jobs:
    """The jobs of one tenant."""

    history: History

    def submit(
        self, kind: str, arguments: Mapping[str, Any], *, by: str, now: datetime, **more: Unpack[Wishes]
    ) -> tuple[Job, bool]:
        """Queue a job. Whether it is new is the second value.

        Raises
        ------
        KeyTaken
            The key came before, with another kind or other arguments.
        """
        (answer,) = submit_all(self.history, [self.drafted(kind, arguments, by=by, now=now, **more)])
        return answer.told()

    def drafted(
        self, kind: str, arguments: Mapping[str, Any], *, by: str, now: datetime, **more: Unpack[Wishes]
    ) -> NewJob:
        """A job of this tenant for `submit_all`."""
        due_us = micros(more.get("due") or now)
        name = new_id("j", at=now, token=f"{now:%f}{secrets.token_hex(3)}")  # sorts by time
        run = new_id("r", at=now)
        plain = json.loads(json.dumps(arguments, ensure_ascii=False, sort_keys=True))
        job = Job(
            name,
            self.history.tenant,
            kind,
            QUEUED,
            more.get("priority", 0),
            plain,
            text_of(now),
            by,
            due_us,
            run=run,
            trace=more.get("trace"),
        )
        return NewJob(job, more.get("key"))

    def find(self, job: str) -> Job | None:
        """The job with this id, of this tenant."""
        from kintsu.io.store import schema

        with schema.reading(self.history.engine) as connection:
            row = connection.execute(schema.jobs.select().where(self._mine(job))).first()
        return None if row is None else job_of(row)

    def page(
        self, *, limit: int, before: str | None = None, state: str | None = None, kind: str | None = None
    ) -> Page[Job]:
        """Jobs, newest first: those before this one, in a state, of a kind."""
        from kintsu.io.store import schema

        table = schema.jobs
        query = table.select().where(table.c.tenant == self.history.tenant)
        for column, value in ((table.c.state, state), (table.c.kind, kind)):
            query = query if value is None else query.where(column == value)
        query = query if before is None else query.where(table.c.id < before)
        with schema.reading(self.history.engine) as connection:
            found = connection.execute(query.order_by(table.c.id.desc()).limit(limit + 1)).all()
        return Page.cut([job_of(row) for row in found], limit, lambda job: job.id)

    def cancel(self, job: str, now: datetime) -> Job | None:
        """Cancel a job: at once while it is queued; while it runs, its worker is asked to. None where there is none."""
        from kintsu.io.store import schema

        table = schema.jobs
        with schema.writing(self.history.engine) as connection:
            row = connection.execute(table.select().where(self._mine(job))).first()
            if row is None or row.state not in (QUEUED, RUNNING):
                return None if row is None else job_of(row)
            at_once = {"state": CANCELLED, "ended_at": text_of(now)} if row.state == QUEUED else {}
            connection.execute(table.update().where(table.c.id == job).values(cancels=True, **at_once))
            return changed(connection, job)

    def open(self) -> list[Job]:
        """Jobs that are queued or run."""
        from kintsu.io.store import schema

        t = schema.jobs
        query = t.select().where(t.c.tenant == self.history.tenant, t.c.state.in_((QUEUED, RUNNING)))
        with schema.reading(self.history.engine) as connection:
            return [job_of(row) for row in connection.execute(query)]

    def ended(self, before: datetime, *, limit: int = AT_ONCE) -> list[Job]:
        """Some of the jobs that ended before this moment."""
        from kintsu.io.store import schema

        t = schema.jobs
        query = t.select().where(t.c.tenant == self.history.tenant, t.c.ended_at < text_of(before)).limit(limit)
        with schema.reading(self.history.engine) as connection:
            return [job_of(row) for row in connection.execute(query)]

    def forget(self, jobs: Sequence[Job]) -> None:
        """Delete jobs that ended."""
        from kintsu.io.store import schema

        t = schema.jobs
        with schema.writing(self.history.engine) as connection:
            for start in range(0, len(jobs), AT_ONCE):
                named = [job.id for job in jobs[start : start + AT_ONCE]]
                mine = t.c.tenant == self.history.tenant
                connection.execute(t.delete().where(mine, t.c.id.in_(named), t.c.ended_at.is_not(None)))

    def _mine(self, job: str) -> Any:
        from kintsu.io.store import schema

        return (schema.jobs.c.tenant == self.history.tenant) & (schema.jobs.c.id == job)


def submit_all(history: History, jobs: Sequence[NewJob]) -> list[Submitted]:
    """Queue jobs, of whatever tenants, in one transaction."""
    from kintsu.io.store import schema

    first: dict[tuple[str, str], Job] = {}
    answers = []
    with schema.writing(history.engine) as connection:
        for new in jobs:
            before = None if new.key is None else _before(connection, new.job.tenant, new.key, first)
            if before is None:
                answers.append(Submitted(new.job, True))
                if new.key is not None:
                    first[new.job.tenant, new.key] = new.job
                continue
            is_same = (before.kind, before.arguments) == (new.job.kind, new.job.arguments)
            refused = f"the key {new.key!r} came with another job before: {before.id}. Make a new key"
            answers.append(Submitted(before, False, None if is_same else refused))
        rows = [_row(new) for new, answer in zip(jobs, answers, strict=True) if answer.is_new]
        if rows:
            connection.execute(schema.jobs.insert(), rows)
            insert_all(
                connection, [(answer.job.tenant, "job", answer.job.event) for answer in answers if answer.is_new]
            )
    return answers


def _before(connection: Connection, tenant: str, key: str, here: Mapping[tuple[str, str], Job]) -> Job | None:
    """The job that came with this key."""
    from kintsu.io.store import schema

    if (tenant, key) in here:
        return here[tenant, key]
    table = schema.jobs
    row = connection.execute(table.select().where((table.c.tenant == tenant) & (table.c.key == key))).first()
    return None if row is None else job_of(row)


def _row(new: NewJob) -> dict[str, Any]:
    text = json.dumps(new.job.arguments, ensure_ascii=False, sort_keys=True)
    return {**vars(new.job), "arguments": text, "key": new.key}


def changed(connection: Connection, job: str) -> Job:
    """A job as it is now, told as an event in the same transaction."""
    from kintsu.io.store import schema

    found = job_of(connection.execute(schema.jobs.select().where(schema.jobs.c.id == job)).one())
    insert(connection, found.tenant, "job", found.event)
    return found


def job_of(row: Any) -> Job:
    """The job in a row of the table."""
    texts = ("arguments", "result", "problem")
    values = {name: getattr(row, name) for name in Job.__dataclass_fields__}
    return Job(**values | {name: None if values[name] is None else json.loads(values[name]) for name in texts})
