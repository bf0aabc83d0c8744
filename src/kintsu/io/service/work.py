"""Jobs as workers see them, those of all tenants: each change holds only while the job is still theirs."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from kintsu.io.service.jobs import DONE, FAILED, QUEUED, RUNNING, Job, changed, job_of
from kintsu.io.store.history import History
from kintsu.io.store.records import micros, new_id, text_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["MOST_TRIES", "Work", "pause"]

MOST_TRIES: Final = 4
FIRST_S: Final = 2.0  # before the second try
LONGEST_S: Final = 300.0


def pause(tries: int, chance: random.Random) -> timedelta:
    """How long to wait after so many tries: twice as long each time, and anything from half of that to all of it, so
    that jobs which failed together do not come back together."""
    return timedelta(seconds=min(FIRST_S * 2 ** (tries - 1), LONGEST_S) * chance.uniform(0.5, 1.0))


@dataclass(frozen=True)
class Work:
    """The jobs of every tenant. A job that was taken is known by its worker and the number of its try: who was thought
    dead and comes back changes nothing any more."""

    history: History

    def take(self, job: str, worker: str, now: datetime, lease: timedelta) -> Job | None:
        """Begin a job; None where it is not due, or somebody else was faster."""
        from kintsu.io.store import schema

        table = schema.jobs
        is_due = (table.c.id == job) & (table.c.state == QUEUED) & (table.c.due_us <= micros(now))
        values = {"state": RUNNING, "worker": worker, "lease_us": micros(now + lease), "tries": table.c.tries + 1}
        values |= {"started_at": text_of(now), "stage": "", "progress": 0.0}
        with schema.writing(self.history.engine) as connection:
            taken = connection.execute(table.update().where(is_due).values(**values)).rowcount
            return changed(connection, job) if taken else None

    def beat(self, job: Job, now: datetime, lease: timedelta, stage: str, progress: float) -> bool:
        """Say that the worker lives, and how far it is. False: it is to stop, as the job is cancelled or not its own
        any more."""
        values = {"lease_us": micros(now + lease), "stage": stage[:255], "progress": progress}
        found = self._change(job, values, tells=(job.stage, job.progress) != (stage, progress))
        return found is not None and not found.cancels

    def finish(
        self,
        job: Job,
        state: str,
        now: datetime,
        *,
        result: Mapping[str, Any] | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> bool:
        """End a job as done, failed or cancelled; whether it was still the worker's."""
        return self._change(job, _ended(state, now, result, problem)) is not None

    def again(self, job: Job, now: datetime, problem: Mapping[str, Any], chance: random.Random) -> bool:
        """Queue a job whose error is worth another try; it has failed if that was the last one."""
        if job.tries >= MOST_TRIES:
            return self.finish(job, FAILED, now, problem=problem)
        return self._change(job, _queued(now + pause(job.tries, chance), problem)) is not None

    def give_back(self, job: Job, now: datetime) -> bool:
        """Queue a job whose worker is asked to stop; it does not count as a try."""
        return self._change(job, {**_queued(now, None), "tries": job.tries - 1}) is not None

    def rename(self, job: Job) -> Job | None:
        """Choose another id for the run of a job, as the one before has failed; None: it is not the worker's."""
        return self._change(job, {"run": new_id("r")}, tells=False)

    def orphans(self, now: datetime) -> list[str]:
        """Queue the jobs whose worker has not been heard of; those that have killed every worker have failed."""
        from kintsu.io.store import schema

        table = schema.jobs
        lost = table.select().where((table.c.state == RUNNING) & (table.c.lease_us < micros(now)))
        with schema.reading(self.history.engine) as connection:  # mostly there is none: then nobody waits for a lock
            if connection.execute(lost.limit(1)).first() is None:
                return []
        queued = []
        with schema.writing(self.history.engine) as connection:
            for job in map(job_of, connection.execute(lost).all()):
                problem = {"type": "WorkerLost", "message": f"its worker died or hung, at try {job.tries}"}
                is_last = job.tries >= MOST_TRIES
                values = _ended(FAILED, now, None, problem) if is_last else _queued(now, problem)
                connection.execute(table.update().where(table.c.id == job.id).values(**values))
                queued += [job.id] if changed(connection, job.id).state == QUEUED else []
        return queued

    def due(self, now: datetime, *, limit: int = 1000) -> list[Job]:
        """Queued jobs whose time has come, the most urgent first."""
        from kintsu.io.store import schema

        table = schema.jobs
        query = table.select().where((table.c.state == QUEUED) & (table.c.due_us <= micros(now)))
        with schema.reading(self.history.engine) as connection:
            rows = connection.execute(query.order_by(table.c.priority.desc(), table.c.due_us).limit(limit)).all()
        return [job_of(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Jobs by state."""
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        table = schema.jobs
        with schema.reading(self.history.engine) as connection:
            found = connection.execute(select(table.c.state, func.count()).group_by(table.c.state)).all()
        return dict(found)

    def _change(self, job: Job, values: Mapping[str, Any], *, tells: bool = True) -> Job | None:
        """Change a job that is still the worker's; None where it is not."""
        from kintsu.io.store import schema

        table = schema.jobs
        held = (table.c.id == job.id) & (table.c.state == RUNNING)
        held &= (table.c.worker == job.worker) & (table.c.tries == job.tries)
        with schema.writing(self.history.engine) as connection:
            if not connection.execute(table.update().where(held).values(**values)).rowcount:
                return None
            return changed(connection, job.id) if tells else _read(connection, job.id)


def _read(connection: Connection, job: str) -> Job:
    from kintsu.io.store import schema

    return job_of(connection.execute(schema.jobs.select().where(schema.jobs.c.id == job)).one())


def _queued(due: datetime, problem: Mapping[str, Any] | None) -> dict[str, Any]:
    text = None if problem is None else json.dumps(problem, ensure_ascii=False)
    return {"state": QUEUED, "due_us": micros(due), "worker": None, "lease_us": None, "problem": text}


def _ended(
    state: str, now: datetime, result: Mapping[str, Any] | None, problem: Mapping[str, Any] | None
) -> dict[str, Any]:
    texts = [None if each is None else json.dumps(each, ensure_ascii=False) for each in (result, problem)]
    ended = {"state": state, "ended_at": text_of(now), "lease_us": None, "result": texts[0], "problem": texts[1]}
    return ended | ({"progress": 1.0} if state == DONE else {})
