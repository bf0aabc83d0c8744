"""Workers: they take jobs, say that they live while they work, and find what others lost."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import Any, Final

import polars as pl

from kintsu.apps.office import Office
from kintsu.apps.traces import JobSpans
from kintsu.core.errors import KintsuError
from kintsu.io.service.jobs import CANCELLED, DONE, FAILED, QUEUED, Job
from kintsu.io.service.queue import Queue
from kintsu.io.service.work import MOST_TRIES, Work
from kintsu.io.store.process import mark
from kintsu.run.jobs import Stopped, is_worth_another_try, past_run, perform
from kintsu.run.schedules import fire, schedules_from
from kintsu.run.watch_settings import find_settings

__all__ = ["Crew", "Worker"]

SWEEP_S: Final = 2.0
BEAT_S: Final = 0.5  # progress is told so often at most
LEASE_PARTS: Final = 4  # a beat that comes late, or fails once, loses no job
LOST_IT: Final = "lost"  # what becomes of a job that is another worker's by now is not known here
LOST: Final = 1000  # jobs that one sweep puts into the queue again
STOP_S: Final = 20.0  # that a job has to come to a place where it can stop
MISSED: Final = timedelta(minutes=5)  # schedules that no worker saw come, as all were stopped
log = logging.getLogger("kintsu.worker")


class Worker:
    """One process that does one job at a time: a table is mended on all cores."""

    def __init__(self, office: Office, *, parent: int | None = None, spans: Any = None) -> None:
        self.office, self.parent, self.spans = office, parent, JobSpans(spans)
        self.work = Work(office.of("local"))
        self.lease = timedelta(seconds=office.settings.lease_s)
        self.queue = Queue(office.settings.home, office.settings.queue, self.do)
        self.stopping: Any = threading.Event()
        self._fired = datetime.now(UTC) - MISSED

    def run(self) -> None:
        """Work until a signal comes. The job at hand is given back."""
        from huey.consumer import Consumer

        logging.getLogger("huey").setLevel(logging.WARNING)
        consumer = Consumer(self.queue.huey, periodic=False, initial_delay=0.02, max_delay=0.5, scheduler_interval=60)
        self.stopping = consumer.stop_flag
        sweeper = threading.Thread(target=self._sweep_on, daemon=True)
        sweeper.start()
        consumer.run()
        for _, thread in consumer.worker_threads:
            thread.join(STOP_S)

    def do(self, name: str) -> None:
        """Take a job and do it, if it is still there to be taken."""
        job = self.work.take(name, mark(), datetime.now(UTC), self.lease)
        if job is None:
            return
        began = time.monotonic()
        with self.spans.of(job) as ended:
            state = self._tried(job)
            ended(state)
        log.info("job", extra={**_facts(job), "state": state, "ms": round((time.monotonic() - began) * 1000, 1)})

    def _tried(self, job: Job) -> str:
        """Do a job that was taken; the state that it is in then, if it is still this worker's."""
        if job.cancels:
            return self._ended(job, CANCELLED)
        with Heart(self, job) as heart:
            try:
                result = self._done(job, heart)
            except Stopped:
                if self.stopping.is_set():
                    return QUEUED if self.work.give_back(job, datetime.now(UTC)) else LOST_IT
                return self._ended(job, CANCELLED)
            except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - the job tells what became of it
                return self._failed(job, error)
            return self._ended(job, DONE, result=result)

    def _ended(self, job: Job, state: str, **told: Any) -> str:
        return state if self.work.finish(job, state, datetime.now(UTC), **told) else LOST_IT

    def _done(self, job: Job, heart: Heart) -> dict[str, Any]:
        desk = self.office.desk(job.tenant)
        before = past_run(job, desk) if job.tries > 1 else None
        if before is not None and before.status == "failed":  # it was killed before its file had a name
            renamed = self.work.rename(job)
            if renamed is None:
                raise Stopped
            job = renamed
        return perform(job, desk, heart.progress)

    def _failed(self, job: Job, error: BaseException) -> str:
        told = "an error of the program: the worker's log tells more"
        if isinstance(error, KintsuError):
            told = self.office.desk(job.tenant).spoken(str(error), job.arguments.get("source"))
        problem = {"type": type(error).__name__, "message": told}
        if not is_worth_another_try(error):
            return self._ended(job, FAILED, problem=problem)
        log.warning("job %s failed at try %d", job.id, job.tries, exc_info=error, extra=_facts(job))
        if not self.work.again(job, datetime.now(UTC), problem, random.Random()):
            return LOST_IT
        return QUEUED if job.tries < MOST_TRIES else FAILED

    # what others lost

    def sweep(self, now: datetime) -> None:
        """Queue again what dead workers had, and put into the queue what it lost; hand in what the clock says."""
        self.work.orphans(now)
        fire(self._schedules, self.office.jobs, self._fired, now)
        self._fired = now
        due = self.work.due(now, limit=LOST)
        known = self.queue.waiting(LOST * 5) if due else set()
        if known is not None:  # else there is enough to do: what is lost is found later
            lost = [(job.id, job.priority) for job in due if job.id not in known]
            if lost:
                self.queue.put_all(lost)

    @cached_property
    def _schedules(self) -> Sequence[Any]:
        return schedules_from(find_settings(self.office.settings.file).sections.get("schedules"))

    def _sweep_on(self) -> None:
        while not self.stopping.is_set():
            if self.parent is not None and os.getppid() != self.parent:
                os.kill(os.getpid(), signal.SIGTERM)  # whoever started this worker is gone
                return
            try:
                self.sweep(datetime.now(UTC))
            except Exception:
                log.exception("a sweep failed")
            self.stopping.wait(SWEEP_S)


def _facts(job: Job) -> dict[str, Any]:
    """What lines about a job tell of it."""
    return {"job": job.id, "tenant": job.tenant, "kind": job.kind, "tries": job.tries}


class Heart:
    """While a job is done, says that its worker lives and how far it is, and hears whether it is to stop."""

    def __init__(self, worker: Worker, job: Job) -> None:
        self.worker, self.job = worker, job
        self._at = ("", 0.0)
        self._is_over, self._is_to_stop = threading.Event(), False
        self._thread = threading.Thread(target=self._beat_on, daemon=True)

    def progress(self, stage: str, fraction: float) -> None:
        """How far the job is. Raises `Stopped` where it is to stop."""
        self._at = (stage, fraction)
        if self._is_to_stop or self.worker.stopping.is_set():
            raise Stopped

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _beat_on(self) -> None:
        pause, said = self.worker.lease / LEASE_PARTS, time.monotonic()
        while not self._is_over.wait(min(BEAT_S, pause.total_seconds())):
            stage, progress = self._at
            stands = (stage, progress) == (self.job.stage, self.job.progress)
            if stands and time.monotonic() - said < pause.total_seconds():
                continue
            said = time.monotonic()
            try:
                lives = self.worker.work.beat(self.job, datetime.now(UTC), self.worker.lease, stage, progress)
            except KintsuError:  # the database is away for a moment: the lease is longer
                log.exception("job %s cannot tell how far it is", self.job.id, extra=_facts(self.job))
                continue
            self._is_to_stop = not lives
            self.job = replace(self.job, stage=stage, progress=progress)


class Crew:
    """Worker processes of our own: one that dies is replaced, and all end with this process."""

    def __init__(self, n: int, arguments: Sequence[str], queue: str | None = None) -> None:
        self.n = n
        self.environment = os.environ | ({} if queue is None else {"KINTSU_QUEUE": queue})
        self.environment.pop("KINTSU_STORE", None)  # the home remembers it
        self.command = [sys.executable, "-m", "kintsu", "worker", *arguments, "--parent", str(os.getpid())]
        self._over = threading.Event()
        self._members: list[subprocess.Popen[bytes]] = []
        self._watch = threading.Thread(target=self._watch_on, daemon=True)

    def __enter__(self) -> Crew:
        self._members = [self._start() for _ in range(self.n)]
        self._watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._watch.join()
        for each in self._members:
            each.terminate()
        until = time.monotonic() + STOP_S + 5
        for each in self._members:
            try:
                each.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                each.kill()

    def wait(self) -> None:
        """Until a signal ends this process."""
        self._over.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        # a session of its own: Ctrl-C in a terminal is for this process, which then ends its workers
        return subprocess.Popen(self.command, stdin=subprocess.DEVNULL, start_new_session=True, env=self.environment)

    def _watch_on(self) -> None:
        while not self._over.wait(1.0):
            self._members = [each if each.poll() is None else self._start() for each in self._members]
