"""Streams in the store: how far they are counted, what came through by windows of time, what was told.

Several workers write at once; each call is one transaction under the store's write lock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from kintsu.core.events import Positions, Spans
from kintsu.io.store.events import insert as happened
from kintsu.io.store.history import History
from kintsu.io.store.records import micros, now_text
from kintsu.monitor.stream.tally import ColumnTally, WindowTally

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["EXAMPLES", "Counted", "Passed", "StreamLine", "StreamPart", "StreamStore", "StreamWindow"]

SOURCES: Final = 20  # that are told of a stream: a folder has one for each file
MOVES: Final = ("place", "reach", "reach_us")
EXAMPLES: Final = 20  # changes that are kept of a window
LONGEST: Final = 255  # characters of a name in the table of troubles: a field may be called anything
GONE_US: Final = 60_000_000  # a part of which nobody told for so long, while of others somebody did, is not there


@dataclass(frozen=True)
class Passed:
    """Events that are through: where they stood, what became of them.

    `tally` counts those at or behind the given places (all, where a part is not named), so that what was counted
    before is left out. `spans` are the places between which there were events at a moment (`seen_us`); `lag` says how
    many wait where no places do.
    """

    first: Positions
    after: Positions
    tally: Callable[[Positions], WindowTally]
    examples: Sequence[Mapping[str, Any]] = ()
    alerts: Sequence[Mapping[str, Any]] = ()
    spans: Spans = field(default_factory=dict)
    seen_us: int = 0
    lag: int | None = None


@dataclass(frozen=True)
class Counted:
    """What was counted now, and how many events of the whole stream wait, where that is known."""

    tally: WindowTally
    lag: int | None


@dataclass(frozen=True)
class StreamPart:
    """A part of a stream: the next event that is to be counted, and where it ended at a moment, if anybody told."""

    stream: int
    source: str
    part: int
    place: int
    reach: int | None = None
    reach_us: int | None = None

    @property
    def lag(self) -> int | None:
        """Events that wait. Brokers may tell of an end that lies behind what they gave already."""
        return None if self.reach is None else max(self.reach - self.place, 0)


@dataclass(frozen=True)
class StreamWindow:
    """What came through in one window of time."""

    at_us: int
    tally: WindowTally
    examples: tuple[Mapping[str, Any], ...]
    lag: int | None = None


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
    parts: tuple[StreamPart, ...]


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

    def record(self, stream: int, at_us: int, passed: Passed) -> Counted:
        """Count events once, whoever brings them how often; returns what was counted now.

        The marks, the window and the alerts are written together or not at all.
        """
        from kintsu.io.store import schema

        with schema.writing(self.history.engine) as connection:
            known = {(each.source, each.part): each for each in self._parts(connection, [stream], *_of(passed))}
            marks = {at: each.place for at, each in known.items()}
            fresh = passed.tally({at: mark for at, mark in marks.items() if mark > passed.first.get(at, mark)})
            now = self._mark(connection, stream, passed, known)
            lag = passed.lag if passed.lag is not None else _lag(now.values())
            if fresh.events:
                self._add(connection, stream, at_us, fresh, passed.examples, lag)
                self._tell(connection, stream, at_us, passed.alerts)
            self._arrived(connection, stream, [alert["id"] for alert in passed.alerts])
        return Counted(fresh, lag)

    def marks(self, stream: int) -> dict[tuple[str, int], int]:
        """The place after the last event that was counted, of each part."""
        from kintsu.io.store import schema

        with schema.reading(self.history.engine) as connection:
            return {(each.source, each.part): each.place for each in self._parts(connection, [stream])}

    def parts(self) -> list[StreamPart]:
        """The parts of all streams whose end a worker told."""
        from kintsu.io.store import schema

        with schema.reading(self.history.engine) as connection:
            found = self._parts(connection, None, schema.stream_marks.c.reach.is_not(None))
        streams = sorted({each.stream for each in found})
        return [part for stream in streams for part in _present(each for each in found if each.stream == stream)]

    def _parts(self, connection: Connection, streams: Sequence[int] | None, *which: Any) -> list[StreamPart]:
        from kintsu.io.store import schema

        m = schema.stream_marks
        query = m.select().where(m.c.tenant == self.history.tenant, *which).order_by(m.c.stream, m.c.source, m.c.part)
        rows = connection.execute(query if streams is None else query.where(m.c.stream.in_(streams)))
        return [StreamPart(r.stream, r.source, r.part, r.place, r.reach, r.reach_us) for r in rows]

    def _mark(
        self, connection: Connection, stream: int, passed: Passed, known: Mapping[tuple[str, int], StreamPart]
    ) -> dict[tuple[str, int], StreamPart]:
        """Write down how far each part is counted and where it ends; all parts as they are then."""
        from sqlalchemy import bindparam

        from kintsu.io.store import schema

        m = schema.stream_marks
        now = dict(known)
        for at, place in passed.after.items():
            before = known.get(at) or StreamPart(stream, *at, place)
            now[at] = replace(before, place=max(before.place, place))
        for at, (begin, end) in passed.spans.items():
            before = now.get(at) or StreamPart(stream, *at, begin)
            now[at] = replace(before, reach=end, reach_us=passed.seen_us)
        new = [{**vars(each), "tenant": self.history.tenant} for at, each in now.items() if at not in known]
        if new:
            connection.execute(m.insert(), new)
        moved = [each for at, each in now.items() if at in known and each != known[at]]
        if moved:
            key = (m.c.stream == stream) & (m.c.source == bindparam("s")) & (m.c.part == bindparam("p"))
            rows = [
                {"s": each.source, "p": each.part, **{name: getattr(each, name) for name in MOVES}} for each in moved
            ]
            change: Any = {name: bindparam(name) for name in MOVES}
            connection.execute(m.update().where(key).values(**change), rows)
        return now

    def _add(
        self,
        connection: Connection,
        stream: int,
        at_us: int,
        fresh: WindowTally,
        examples: Sequence[Mapping[str, Any]],
        lag: int | None,
    ) -> None:
        from sqlalchemy import case

        from kintsu.io.store import schema

        w = schema.stream_windows
        here = (w.c.stream == stream) & (w.c.at_us == at_us)
        row = connection.execute(w.select().where(here)).first()
        known = _window(row) if row is not None else StreamWindow(at_us, WindowTally(), ())
        both = known.tally.merge(fresh)
        plain = both.to_dict()
        values = {name: plain[name] for name in schema.COUNTS} | {
            "columns": json.dumps(plain["columns"], ensure_ascii=False),
            "examples": json.dumps([*known.examples, *examples][:EXAMPLES], ensure_ascii=False),
            "lag": lag,
        }
        if row is not None:
            connection.execute(w.update().where(here).values(**values))
        else:
            connection.execute(w.insert().values(stream=stream, tenant=self.history.tenant, at_us=at_us, **values))
        s, more = schema.streams, fresh.to_dict()
        total: dict[str, Any] = {name: s.c[name] + more[name] for name in schema.COUNTS}
        total["last_us"] = case((s.c.last_us > at_us, s.c.last_us), else_=at_us)
        connection.execute(s.update().where(s.c.id == stream).values(total))

    def _tell(
        self,
        connection: Connection,
        stream: int,
        at_us: int,
        alerts: Sequence[Mapping[str, Any]],
        unsent_us: int | None = None,
    ) -> None:
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
                "unsent_us": unsent_us,
            }
            for alert in alerts
            if alert["id"] not in known
        }
        if rows:
            connection.execute(a.insert(), list(rows.values()))
        for alert in alerts:
            if alert["id"] in rows and alert["stage"] == "detect":  # without values: they stay here
                told = {name: alert.get(name) for name in ("alert", "stream", "kind", "column", "over")}
                happened(connection, self.history.tenant, "alert", told)

    def _arrived(self, connection: Connection, stream: int, alerts: Sequence[str]) -> None:
        from kintsu.io.store import schema

        a = schema.stream_alerts
        if alerts:
            waits = (a.c.stream == stream) & a.c.unsent_us.is_not(None) & a.c.id.in_(alerts)
            connection.execute(a.update().where(waits).values(unsent_us=None))

    def sent(self, stream: int, alerts: Sequence[str]) -> None:
        """Say that alerts have arrived."""
        from kintsu.io.store import schema

        with schema.writing(self.history.engine) as connection:
            self._arrived(connection, stream, alerts)

    def unsent(self, stream: int, now: datetime, patience: timedelta) -> list[dict[str, Any]]:
        """Alerts that were written down so long ago and have not arrived: they are the caller's to send now."""
        from kintsu.io.store import schema

        a = schema.stream_alerts
        late = (a.c.tenant == self.history.tenant) & (a.c.stream == stream) & (a.c.unsent_us <= micros(now - patience))
        with schema.reading(self.history.engine) as connection:  # mostly there is none: nobody waits for a lock
            if connection.execute(a.select().where(late).limit(1)).first() is None:
                return []
        with schema.writing(self.history.engine) as connection:
            rows = connection.execute(a.select().where(late).order_by(a.c.at_us, a.c.id)).all()
            connection.execute(a.update().where(late).values(unsent_us=micros(now)))
        return [json.loads(row.body) for row in rows]

    def begin(
        self,
        stream: int,
        kind: str,
        column: str,
        message: str,
        now: datetime,
        again: timedelta | None,
        alerts: Sequence[Mapping[str, Any]] = (),
    ) -> bool:
        """Write a trouble down; whether it is news: no worker wrote it before, or longer than `again` ago. With it
        stand its alerts, which are then the caller's to send."""
        from kintsu.io.store import schema

        t = schema.stream_troubles
        here = self._trouble(stream, kind, column)
        fresh = {"at_us": micros(now), "message": _storable(message)}
        with schema.writing(self.history.engine) as connection:
            known = connection.execute(t.select().where(here)).first()
            if known is None:
                named = _storable(column)[:LONGEST]
                key = {"stream": stream, "kind": kind, "column": named, "tenant": self.history.tenant}
                connection.execute(t.insert().values(**key, **fresh))
            elif again is not None and known.at_us < micros(now - again):
                connection.execute(t.update().where(here).values(**fresh))
            else:
                return False
            self._tell(connection, stream, micros(now), alerts, micros(now))
            return True

    def end(self, stream: int, kind: str, column: str, now: datetime, alerts: Sequence[Mapping[str, Any]] = ()) -> bool:
        """Strike a trouble out; whether it still stood there: then its alerts are the caller's to send."""
        from kintsu.io.store import schema

        with schema.writing(self.history.engine) as connection:
            gone = schema.stream_troubles.delete().where(self._trouble(stream, kind, column))
            is_news = connection.execute(gone).rowcount > 0
            if is_news:
                self._tell(connection, stream, micros(now), alerts, micros(now))
            return is_news

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
        return mine & (t.c.kind == kind) & (t.c.column == _storable(column)[:LONGEST])

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
        from sqlalchemy import select

        from kintsu.io.store import schema

        m = schema.stream_marks
        with schema.reading(self.history.engine) as connection:
            rows = connection.execute(query).all()
            ids = [row.id for row in rows]
            marks = connection.execute(select(m.c.stream, m.c.source).where(m.c.stream.in_(ids)).distinct()).all()
            parts = self._parts(connection, ids, m.c.reach.is_not(None))
        sources = {id: tuple(sorted({mark.source for mark in marks if mark.stream == id})[:SOURCES]) for id in ids}
        ours = {id: _present(each for each in parts if each.stream == id) for id in ids}
        return [_line(row, sources[row.id], ours[row.id]) for row in rows]

    def names(self) -> dict[str, int]:
        """The streams by name."""
        from kintsu.io.store import schema

        s = schema.streams
        query = s.select().where(s.c.tenant == self.history.tenant).order_by(s.c.name)
        with schema.reading(self.history.engine) as connection:
            return {row.name: row.id for row in connection.execute(query)}

    def retain(self, stream: int, since: datetime) -> int:
        """Forget windows and alerts from before a moment; returns how many windows went."""
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        s, w, a = schema.streams, schema.stream_windows, schema.stream_alerts
        with schema.writing(self.history.engine) as connection:
            mine = (a.c.tenant == self.history.tenant) & (a.c.stream == stream)
            connection.execute(a.delete().where(mine, a.c.at_us < micros(since)))
            mine = (w.c.tenant == self.history.tenant) & (w.c.stream == stream)
            old = mine & (w.c.at_us < micros(since))
            sums = connection.execute(
                select(*(func.sum(w.c[name]).label(name) for name in schema.COUNTS)).where(old)
            ).one()
            gone = connection.execute(w.delete().where(old)).rowcount
            if gone:
                left: dict[str, Any] = {name: s.c[name] - int(sums[place]) for place, name in enumerate(schema.COUNTS)}
                left["last_us"] = select(func.max(w.c.at_us)).where(mine).scalar_subquery()
                connection.execute(s.update().where(s.c.id == stream).values(left))
            return gone


def _of(passed: Passed) -> tuple[Any, ...]:
    """Which marks are needed: those of what passed, where the lag does not follow from all. A folder has one for each
    file that it ever held."""
    from kintsu.io.store import schema

    if passed.lag is None:
        return ()
    sources = {source for places in (passed.first, passed.after, passed.spans) for source, _ in places}
    return (schema.stream_marks.c.source.in_(sources),)


def _storable(text: str) -> str:
    """A text without the one sign that PostgreSQL does not take."""
    return text.replace("\0", "\ufffd")


def _present(parts: Iterable[StreamPart]) -> tuple[StreamPart, ...]:
    """The parts of a stream that are there, of those whose end was told: a topic that was made anew has others."""
    told = [(each.reach_us, each) for each in parts if each.reach_us is not None]
    newest = max((at_us for at_us, _ in told), default=0)
    return tuple(each for at_us, each in told if at_us > newest - GONE_US)


def _lag(parts: Iterable[StreamPart]) -> int | None:
    """Events of a stream that wait."""
    present = _present(parts)
    return sum(each.lag or 0 for each in present) if present else None


def _line(row: Any, sources: tuple[str, ...], parts: tuple[StreamPart, ...]) -> StreamLine:
    from kintsu.io.store import schema

    totals = WindowTally(**{name: getattr(row, name) for name in schema.COUNTS})
    return StreamLine(row.id, row.name, json.loads(row.settings), row.created_at, sources, row.last_us, totals, parts)


def _window(row: Any) -> StreamWindow:
    from kintsu.io.store import schema

    columns = {name: ColumnTally(**held) for name, held in json.loads(row.columns).items()}
    tally = WindowTally(**{name: getattr(row, name) for name in schema.COUNTS}, columns=columns)
    return StreamWindow(row.at_us, tally, tuple(json.loads(row.examples)), row.lag)
