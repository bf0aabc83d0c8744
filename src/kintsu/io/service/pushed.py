"""Events that are pushed over HTTP: written down before they are accepted, each taken once however often it comes."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from kintsu.core.errors import OutputError
from kintsu.core.events import Event, Positions, Spans
from kintsu.io.store.history import History

__all__ = ["Full", "Pushed", "PushedEvents", "event_id"]

CHUNK: Final = 500  # values of one statement
KEPT: Final = timedelta(days=7)  # for so long a repeat is known
LOOK_S: Final = 1.0  # without news of this process: another one may have written


class Full(OutputError):
    """More events wait already than may: try again in a moment."""


def event_id(content: bytes) -> str:
    """The identity of an event that names none: that of its content."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


@dataclass(frozen=True)
class Pushed:
    """The events that were pushed for the tables of a tenant; no call reads or writes those of another."""

    history: History

    def add(self, table: str, events: Sequence[tuple[str, bytes]], *, at_ms: int, most: int) -> list[bool]:
        """Write events down, all or none: whether each (id, value) is new. When this returns they survive a crash.

        Raises
        ------
        Full
            More than `most` would wait.
        """
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        p, tenant = schema.pushed, self.history.tenant
        mine = (p.c.tenant == tenant) & (p.c.name == table)
        ids = list(dict.fromkeys(id for id, _ in events))
        with schema.writing(self.history.engine) as connection:
            known: set[str] = set()
            for start in range(0, len(ids), CHUNK):
                here = mine & p.c.event.in_(ids[start : start + CHUNK])
                known |= set(connection.execute(select(p.c.event).where(here)).scalars())
            fresh, rows = [], []
            for id, value in events:
                fresh.append(id not in known)
                if id not in known:
                    known.add(id)
                    rows.append({"tenant": tenant, "name": table, "event": id, "at_ms": at_ms, "value": value})
            if rows:
                waiting = connection.execute(select(func.count()).where(mine, p.c.value.is_not(None))).scalar() or 0
                if waiting + len(rows) > most:
                    raise Full(f"{waiting:,} events of {table!r} wait already: try again in a moment")
                connection.execute(p.insert(), rows)
        return fresh

    def waiting(self) -> dict[str, int]:
        """How many events of each table are not mended yet."""
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        p = schema.pushed
        query = select(p.c.name, func.count()).where(p.c.tenant == self.history.tenant, p.c.value.is_not(None))
        with schema.reading(self.history.engine) as connection:
            return {name: int(n) for name, n in connection.execute(query.group_by(p.c.name))}

    def first(self, table: str, most: int, after: int) -> list[tuple[int, int, str, bytes]]:
        """The first that wait, after a place: place, milliseconds, id, value."""
        from sqlalchemy import select

        from kintsu.io.store import schema

        p = schema.pushed
        mine = (p.c.tenant == self.history.tenant) & (p.c.name == table) & p.c.value.is_not(None) & (p.c.n > after)
        query = select(p.c.n, p.c.at_ms, p.c.event, p.c.value).where(mine).order_by(p.c.n).limit(most)
        with schema.reading(self.history.engine) as connection:
            return [(row.n, row.at_ms, row.event, row.value) for row in connection.execute(query)]

    def done(self, table: str, before: int, now_ms: int) -> None:
        """Let go of the values before a place. Ids of any table are kept for a week, so that repeats are known."""
        from sqlalchemy import null

        from kintsu.io.store import schema

        p = schema.pushed
        mine = p.c.tenant == self.history.tenant
        here = mine & (p.c.name == table) & (p.c.n < before)
        old = now_ms - int(KEPT.total_seconds() * 1000)
        with schema.writing(self.history.engine) as connection:
            connection.execute(p.update().where(here, p.c.value.is_not(None)).values(value=null()))
            connection.execute(p.delete().where(mine, p.c.value.is_(None), p.c.at_ms < old))


@dataclass
class PushedEvents:
    """What was pushed for one table as a source of a stream; `news` is set when this process has written some."""

    pushed: Pushed
    table: str
    news: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._given = 0
        self._looked_at = 0.0

    @property
    def is_ready(self) -> bool:
        return True

    def poll(self, most: int, wait_s: float) -> list[Event]:
        until = time.monotonic() + wait_s
        if not self.news.wait(wait_s) and time.monotonic() - self._looked_at < LOOK_S:
            return []
        time.sleep(max(until - time.monotonic(), 0.0))  # so that what comes in one moment is mended together
        self.news.clear()
        self._looked_at = time.monotonic()
        rows = self.pushed.first(self.table, most, self._given)
        if rows:
            self._given = rows[-1][0]
        if len(rows) == most:
            self.news.set()  # there may be more
        return [Event(self.table, 0, n, at_ms, id.encode(), value) for n, at_ms, id, value in rows]

    def commit(self, positions: Positions, *, wait: bool = False) -> None:
        self.pushed.done(self.table, max(positions.values()), time.time_ns() // 1_000_000)

    def idle(self) -> None:
        pass

    def spans(self) -> Spans:
        return {}  # places are those of all tables: `Pushed.waiting` counts

    def incarnation(self, source: str) -> str:
        return "pushed"  # places are never given twice

    def on_leaving(self, settle: Callable[[], object]) -> None:
        pass

    def close(self) -> None:
        pass
