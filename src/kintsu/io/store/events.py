"""What happened, for those who look on: each event has a number, and a client reads on from the last that it saw."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kintsu.io.store.history import History
from kintsu.io.store.records import now_text, text_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Event", "Events", "insert", "insert_all"]


@dataclass(frozen=True)
class Event:
    """Something that happened: `kind` such as "job", "run" or "alert"; no cell values in its `body`."""

    id: int
    at: str
    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Events:
    """The events of one tenant."""

    history: History

    def add(self, kind: str, body: Mapping[str, Any]) -> Event:
        """Append an event."""
        from kintsu.io.store import schema

        with schema.writing(self.history.engine) as connection:
            return insert(connection, self.history.tenant, kind, body)

    def since(self, cursor: int, *, limit: int = 1000) -> list[Event]:
        """Events after this one, in order."""
        from kintsu.io.store import schema

        table = schema.events
        mine = (table.c.tenant == self.history.tenant) & (table.c.id > cursor)
        with schema.reading(self.history.engine) as connection:
            rows = connection.execute(table.select().where(mine).order_by(table.c.id).limit(limit)).all()
        return [Event(row.id, row.at, row.kind, json.loads(row.body)) for row in rows]

    def forget(self, before: datetime) -> int:
        """Delete events from before this moment; how many. The newest stays: the next one counts on from it."""
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        t = schema.events
        with schema.writing(self.history.engine) as connection:
            mine = t.c.tenant == self.history.tenant
            newest = connection.execute(select(func.max(t.c.id)).where(mine)).scalar() or 0
            gone = t.delete().where(mine, t.c.at < text_of(before), t.c.id < newest)
            return connection.execute(gone).rowcount

    @contextmanager
    def pulse(self) -> Iterator[Callable[[], bool]]:
        """A question to ask often, by one thread: whether anything may have been written since it was asked last.

        Of a SQLite file it costs microseconds; of a server the answer is always yes.
        """
        engine = self.history.engine
        if engine.dialect.name != "sqlite" or engine.url.database is None:
            yield lambda: True
            return
        before = -1
        with closing(sqlite3.connect(engine.url.database)) as held:

            def has_news() -> bool:
                nonlocal before
                (now,) = held.execute("PRAGMA data_version").fetchone()
                before, is_new = now, now != before
                return bool(is_new)

            yield has_news

    def last(self) -> int:
        """The number of the newest event, 0 without any."""
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        table = schema.events
        query = select(func.max(table.c.id)).where(table.c.tenant == self.history.tenant)
        with schema.reading(self.history.engine) as connection:
            return int(connection.execute(query).scalar() or 0)


def insert(connection: Connection, tenant: str, kind: str, body: Mapping[str, Any]) -> Event:
    """Append an event in a transaction that is open: it is told if and only if what it tells of is written."""
    from kintsu.io.store import schema

    values = _row(tenant, kind, body)
    made = connection.execute(schema.events.insert(), values).inserted_primary_key
    assert made is not None
    return Event(int(made[0]), values["at"], kind, dict(body))


def insert_all(connection: Connection, events: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
    """Append events, each a tenant, a kind and a body, in a transaction that is open."""
    from kintsu.io.store import schema

    connection.execute(schema.events.insert(), [_row(*event) for event in events])


def _row(tenant: str, kind: str, body: Mapping[str, Any]) -> dict[str, str]:
    text = json.dumps(dict(body), ensure_ascii=False, default=str)
    return {"tenant": tenant, "at": now_text(), "kind": kind, "body": text}
