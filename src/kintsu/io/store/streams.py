"""Streams in the store: how far they are counted, what came through by windows of time, what was told.

Several workers write at once; each call is one transaction under the store's write lock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from kintsu.core.events import Positions
from kintsu.io.store.history import History
from kintsu.io.store.records import micros, now_text
from kintsu.monitor.stream.tally import ColumnTally, WindowTally

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Passed", "StreamLine", "StreamStore", "StreamWindow"]

COUNTS: Final = ("events", "passed", "healed", "quarantined", "held", "changes", "late_ms")
SOURCES: Final = 20  # that are told of a stream: a folder has one for each file
EXAMPLES: Final = 20  # changes that are kept of a window


@dataclass(frozen=True)
class Passed:
    """Events that are through: where they stood, what became of them.

    `tally` counts those at or behind the given places (all, where a part is not named), so that what was counted
    before is left out.
    """

    first: Positions
    after: Positions
    tally: Callable[[Positions], WindowTally]
    examples: Sequence[Mapping[str, Any]] = ()
    alerts: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class StreamWindow:
    """What came through in one window of time."""

    at_us: int
    tally: WindowTally
    examples: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class StreamLine:
    """A stream in a list: its settings, where its events come from, and what is counted of it as long as it is kept."""

    id: int
    name: str
    settings: Mapping[str, Any]
    created_at: str
    sources: tuple[str, ...]
    last_us: int | None
    totals: WindowTally


@dataclass(frozen=True)
class StreamStore:
    """The streams of the tenant of a history; no call reads or writes those of another."""

    history: History

    def stream(self, name: str, settings: Mapping[str, Any]) -> int:
        """The number of the stream of this name; its settings are kept."""
        from kintsu.io.store import schema

        s = schema.streams
        mine = (s.c.tenant == self.history.tenant) & (s.c.name == name)
        values = {"settings": json.dumps(dict(settings), ensure_ascii=False)}
        with schema.writing(self.history.engine) as connection:
            if not connection.execute(s.update().where(mine).values(**values)).rowcount:
                fresh = {"tenant": self.history.tenant, "name": name, "created_at": now_text()}
                connection.execute(s.insert().values(**values, **fresh))
            return int(connection.execute(s.select().where(mine)).one().id)

    def record(self, stream: int, at_us: int, passed: Passed) -> WindowTally:
        """Count events once, whoever brings them how often; returns what was counted now.

        The marks, the window and the alerts are written together or not at all.
        """
        from kintsu.io.store import schema

        with schema.writing(self.history.engine) as connection:
            marks = self._marks(connection, stream)
            fresh = passed.tally({at: mark for at, mark in marks.items() if mark > passed.first.get(at, mark)})
            self._mark(connection, stream, passed.after, marks)
            if fresh.events:
                self._add(connection, stream, at_us, fresh, passed.examples)
                self._tell(connection, stream, at_us, passed.alerts)
        return fresh

    def marks(self, stream: int) -> dict[tuple[str, int], int]:
        """The place after the last event that was counted, of each part."""
        from kintsu.io.store import schema

        with schema.reading(self.history.engine) as connection:
            return self._marks(connection, stream)

    def _marks(self, connection: Connection, stream: int) -> dict[tuple[str, int], int]:
        from kintsu.io.store import schema

        m = schema.stream_marks
        rows = connection.execute(m.select().where(m.c.tenant == self.history.tenant, m.c.stream == stream))
        return {(row.source, row.part): row.place for row in rows}

    def _mark(self, connection: Connection, stream: int, after: Positions, known: Positions) -> None:
        from kintsu.io.store import schema

        m = schema.stream_marks
        for (source, part), place in after.items():
            here = (m.c.stream == stream) & (m.c.source == source) & (m.c.part == part)
            if (source, part) not in known:
                fresh = {"stream": stream, "tenant": self.history.tenant, "source": source, "part": part}
                connection.execute(m.insert().values(**fresh, place=place))
            elif place > known[source, part]:
                connection.execute(m.update().where(here).values(place=place))

    def _add(
        self,
        connection: Connection,
        stream: int,
        at_us: int,
        fresh: WindowTally,
        examples: Sequence[Mapping[str, Any]],
    ) -> None:
        from kintsu.io.store import schema

        w = schema.stream_windows
        here = (w.c.stream == stream) & (w.c.at_us == at_us)
        row = connection.execute(w.select().where(here)).first()
        known = _window(row) if row is not None else StreamWindow(at_us, WindowTally(), ())
        both = known.tally.merge(fresh)
        plain = both.to_dict()
        values = {name: plain[name] for name in COUNTS} | {
            "columns": json.dumps(plain["columns"], ensure_ascii=False),
            "examples": json.dumps([*known.examples, *examples][:EXAMPLES], ensure_ascii=False),
        }
        if row is not None:
            connection.execute(w.update().where(here).values(**values))
        else:
            connection.execute(w.insert().values(stream=stream, tenant=self.history.tenant, at_us=at_us, **values))

    def _tell(self, connection: Connection, stream: int, at_us: int, alerts: Sequence[Mapping[str, Any]]) -> None:
        from sqlalchemy import select

        from kintsu.io.store import schema

        a = schema.stream_alerts
        ids = [alert["id"] for alert in alerts]
        known = set(connection.execute(select(a.c.id).where(a.c.stream == stream, a.c.id.in_(ids))).scalars())
        rows = {
            alert["id"]: {
                "stream": stream,
                "tenant": self.history.tenant,
                "id": alert["id"],
                "at_us": at_us,
                "stage": alert["stage"],
                "body": json.dumps(dict(alert), ensure_ascii=False),
            }
            for alert in alerts
            if alert["id"] not in known
        }
        if rows:
            connection.execute(a.insert(), list(rows.values()))

    def begin(self, stream: int, kind: str, column: str, message: str, now: datetime, again: timedelta | None) -> bool:
        """Write a trouble down; whether it is news: no worker wrote it before, or longer than `again` ago."""
        from kintsu.io.store import schema

        t = schema.stream_troubles
        here = self._trouble(stream, kind, column)
        fresh = {"at_us": micros(now), "message": message}
        with schema.writing(self.history.engine) as connection:
            known = connection.execute(t.select().where(here)).first()
            if known is None:
                key = {"stream": stream, "kind": kind, "column": column, "tenant": self.history.tenant}
                connection.execute(t.insert().values(**key, **fresh))
                return True
            is_news = again is not None and known.at_us < micros(now - again)
            if is_news:
                connection.execute(t.update().where(here).values(**fresh))
            return is_news

    def end(self, stream: int, kind: str, column: str) -> bool:
        """Strike a trouble out; whether it still stood there."""
        from kintsu.io.store import schema

        with schema.writing(self.history.engine) as connection:
            gone = schema.stream_troubles.delete().where(self._trouble(stream, kind, column))
            return connection.execute(gone).rowcount > 0

    def troubles(self, stream: int) -> list[tuple[str, str, str]]:
        """What is wrong now: kind, column ("" where it is about none) and what was told."""
        from kintsu.io.store import schema

        t = schema.stream_troubles
        query = t.select().where(t.c.tenant == self.history.tenant, t.c.stream == stream).order_by(t.c.kind, t.c.column)
        with schema.reading(self.history.engine) as connection:
            return [(row.kind, row.column, row.message) for row in connection.execute(query)]

    def _trouble(self, stream: int, kind: str, column: str) -> Any:
        from kintsu.io.store import schema

        t = schema.stream_troubles
        mine = (t.c.tenant == self.history.tenant) & (t.c.stream == stream)
        return mine & (t.c.kind == kind) & (t.c.column == column)

    def windows(self, stream: int, since_us: int = 0) -> list[StreamWindow]:
        """The windows since a moment, oldest first."""
        from kintsu.io.store import schema

        w = schema.stream_windows
        query = w.select().where(w.c.tenant == self.history.tenant, w.c.stream == stream, w.c.at_us >= since_us)
        with schema.reading(self.history.engine) as connection:
            return [_window(row) for row in connection.execute(query.order_by(w.c.at_us))]

    def alerts(self, stream: int, since_us: int = 0) -> list[dict[str, Any]]:
        """What was told since a moment, oldest first."""
        from kintsu.io.store import schema

        a = schema.stream_alerts
        query = a.select().where(a.c.tenant == self.history.tenant, a.c.stream == stream, a.c.at_us >= since_us)
        with schema.reading(self.history.engine) as connection:
            return [json.loads(row.body) for row in connection.execute(query.order_by(a.c.at_us, a.c.id))]

    def page(self, *, limit: int, after: int | None = None) -> list[StreamLine]:
        """At most `limit` streams, the first known first: those after one of them."""
        from kintsu.io.store import schema

        s = schema.streams
        query = s.select().where(s.c.tenant == self.history.tenant).order_by(s.c.id).limit(limit)
        return self._lines(query if after is None else query.where(s.c.id > after))

    def line(self, stream: int) -> StreamLine | None:
        """The stream of this number."""
        from kintsu.io.store import schema

        s = schema.streams
        found = self._lines(s.select().where(s.c.tenant == self.history.tenant, s.c.id == stream))
        return found[0] if found else None

    def _lines(self, query: Any) -> list[StreamLine]:
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        m, w = schema.stream_marks, schema.stream_windows
        counted = [func.sum(w.c[name]).label(name) for name in COUNTS]
        with schema.reading(self.history.engine) as connection:
            rows = connection.execute(query).all()
            ids = [row.id for row in rows]
            marks = connection.execute(select(m.c.stream, m.c.source).where(m.c.stream.in_(ids)).distinct()).all()
            sums = select(w.c.stream, func.max(w.c.at_us).label("last_us"), *counted).where(w.c.stream.in_(ids))
            told = {row.stream: row for row in connection.execute(sums.group_by(w.c.stream))}
        sources = {id: tuple(sorted({mark.source for mark in marks if mark.stream == id})[:SOURCES]) for id in ids}
        return [_line(row, told.get(row.id), sources[row.id]) for row in rows]

    def names(self) -> dict[str, int]:
        """The streams by name."""
        from kintsu.io.store import schema

        s = schema.streams
        query = s.select().where(s.c.tenant == self.history.tenant).order_by(s.c.name)
        with schema.reading(self.history.engine) as connection:
            return {row.name: row.id for row in connection.execute(query)}

    def retain(self, stream: int, since: datetime) -> int:
        """Forget windows and alerts from before a moment; returns how many windows went."""
        from kintsu.io.store import schema

        w, a = schema.stream_windows, schema.stream_alerts
        with schema.writing(self.history.engine) as connection:
            mine = (a.c.tenant == self.history.tenant) & (a.c.stream == stream)
            connection.execute(a.delete().where(mine, a.c.at_us < micros(since)))
            mine = (w.c.tenant == self.history.tenant) & (w.c.stream == stream)
            return connection.execute(w.delete().where(mine, w.c.at_us < micros(since))).rowcount


def _line(row: Any, counted: Any, sources: tuple[str, ...]) -> StreamLine:
    counts: dict[str, Any] = {} if counted is None else {name: int(getattr(counted, name)) for name in COUNTS}
    totals = WindowTally(**counts)
    last = None if counted is None else int(counted.last_us)
    return StreamLine(row.id, row.name, json.loads(row.settings), row.created_at, sources, last, totals)


def _window(row: Any) -> StreamWindow:
    columns = {name: ColumnTally(**held) for name, held in json.loads(row.columns).items()}
    tally = WindowTally(**{name: getattr(row, name) for name in COUNTS}, columns=columns)
    return StreamWindow(row.at_us, tally, tuple(json.loads(row.examples)))
