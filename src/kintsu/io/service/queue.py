"""The queue that wakes workers (Huey): it carries the ids of jobs and nothing else, and may lose them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from kintsu.core.errors import MissingExtra, UsageError
from kintsu.io.store.home import server_of

__all__ = ["Queue"]

NAME = "kintsu"
log = logging.getLogger("kintsu.api")


class Queue:
    """The ids of jobs that wait, the most urgent first.

    Parameters
    ----------
    home
        The service's folder: without `url` the queue is the database that it remembers, else a file in it.
    url
        redis://HOST/0 or postgresql://USER:PASSWORD@HOST/DATABASE, for workers on several machines.
    do
        What a worker does with an id.
    """

    def __init__(self, home: Path, url: str | None = None, do: Callable[[str], None] | None = None) -> None:
        server = None if url is not None else server_of(home)
        self.huey = _huey(home, url if server is None else server.url)
        act = do or _nothing

        def job(name: str) -> None:  # Huey knows a task by its module and name: one for those who put and who take
            act(name)

        self._task = self.huey.task()(job)
        # Huey opens a connection for each thread that puts, and a service has forty
        self._putter = ThreadPoolExecutor(1, "kintsu-queue")
        self._soon: list[tuple[str, int]] = []
        self._adding = Lock()

    def put(self, job: str, priority: int = 0) -> None:
        """Wake a worker for this job."""
        self.put_all([(job, priority)])

    def put_all(self, jobs: Sequence[tuple[str, int]]) -> None:
        """Wake workers for jobs, each with its priority."""
        self._putter.submit(self._put, jobs).result()

    def put_soon(self, job: str, priority: int = 0) -> None:
        """Wake a worker for this job, without waiting for it, and together with others that come meanwhile. What is
        lost by it, or cannot be put, waits for a sweep."""
        with self._adding:
            self._soon.append((job, priority))
            is_first = len(self._soon) == 1
        if is_first:
            self._putter.submit(self._put_waiting)

    def _put_waiting(self) -> None:
        with self._adding:
            now, self._soon = self._soon, []
        try:
            self._put(now)
        except Exception:
            log.exception("the queue cannot be reached: %d jobs wait for a sweep", len(now))

    def _put(self, jobs: Sequence[tuple[str, int]]) -> None:
        tasks = [self._task.s(job, priority=priority) for job, priority in jobs]
        storage = self.huey.storage
        if not hasattr(storage, "channel"):
            for task in tasks:
                self.huey.enqueue(task)
            return
        rows = [(storage.name, self.huey.serialize_task(task), task.priority) for task in tasks]
        with storage.db(commit=True) as cursor:  # a transaction, and a flush to the disk, for all of them
            cursor.executemany(f"INSERT INTO {storage.table_task} (queue, data, priority) VALUES (%s, %s, %s)", rows)
            cursor.execute("SELECT pg_notify(%s, '')", (storage.channel,))

    def close(self) -> None:
        """Close the connections of this thread, and of that which puts."""
        self._putter.submit(self.huey.storage.close).result()
        self._putter.shutdown()
        self.huey.storage.close()

    def waiting(self, limit: int) -> set[str] | None:
        """The ids in the queue; None where there are more than `limit`."""
        if self.huey.pending_count() > limit:
            return None
        return {str(task.args[0]) for task in self.huey.pending()}


def _nothing(job: str) -> None:
    """The service puts ids into the queue and takes none out."""


def _huey(home: Path, url: str | None) -> Any:
    import huey
    from huey.exceptions import ConfigurationError

    kind = (url or "").partition("://")[0]
    common: dict[str, Any] = {"results": False, "serializer": _Plain()}
    try:
        if url is None:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            # what a power cut takes from the queue, the sweep finds in the table: nothing is flushed to the disk
            return huey.SqliteHuey(NAME, filename=str(home / "queue.db"), fsync=False, timeout=60, **common)
        if kind in ("redis", "rediss"):
            return huey.PriorityRedisHuey(NAME, url=url, **common)
        if kind in ("postgresql", "postgres"):
            return huey.PostgresHuey(NAME, dsn=url, **common)
    except ConfigurationError as error:
        raise MissingExtra(*(("redis", "redis") if kind.startswith("redis") else ("psycopg", "postgres"))) from error
    raise UsageError(f"a queue is redis://... or postgresql://..., not {kind!r}: without --queue it is a file")


class _Plain:
    """Tasks as JSON: Huey's own way is pickle, which runs whatever stands in it, and anybody may reach a Redis."""

    def serialize(self, message: Any) -> bytes:
        return json.dumps([message.id, message.name, message.args[0], message.priority]).encode()

    def deserialize(self, data: bytes) -> Any:
        from huey.registry import Message

        task, name, job, priority = json.loads(bytes(data))
        return Message(task, name, None, 0, 0, priority, (str(job),), {}, None, None, None, None)
