"""The incidents of watched tables and the notices about them, in the store beside the history.

Incidents are read, changed and written under the store's write lock, together with the notices that tell of it: two
processes at once open one incident for one cause, and news that could not be sent waits here for the next try.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from kintsu.core.notice import Notice
from kintsu.io.store.batch_rows import Watched
from kintsu.io.store.events import insert as happened
from kintsu.io.store.history import History
from kintsu.io.store.paging import Page
from kintsu.io.store.records import micros
from kintsu.monitor.incidents import Incident

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Delivery", "Draft", "IncidentStore"]

LEASE: Final = timedelta(minutes=10)  # after which a try that never ended (the process was killed) may be made again
PATIENCE: Final = timedelta(days=7)  # news that is older is not sent any more
WAITING, SENDING, SENT, GIVEN_UP = "waiting", "sending", "sent", "given_up"
OPEN, ENDED = "open", "ended"  # the two halves of the list


@dataclass(frozen=True)
class Delivery:
    """A notice on its way over one route. `state` is "waiting", "sending", "sent" or "given_up"; `failure` tells why
    the last try did not work."""

    route: str
    notice: Notice
    state: str = WAITING
    n_tries: int = 0
    failure: str = ""
    id: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        told = {"route": self.route, "state": self.state, "n_tries": self.n_tries, "failure": self.failure}
        return told | {"notice": self.notice.to_dict()}


@dataclass
class Draft:
    """What is written when the change ends: new values for incidents, and notices to send."""

    incidents: tuple[Incident, ...]
    deliveries: Sequence[Delivery] = ()


@dataclass(frozen=True)
class IncidentStore:
    """The incidents and notices of the tenant of a history; no call reads or writes those of another."""

    history: History

    def incidents(self, tables: Iterable[str] | None = None, *, with_ended: bool = False) -> tuple[Incident, ...]:
        """The incidents of some tables or of all: those that are open, the longest known first; then those that ended,
        if they are wanted, the last one first."""
        return tuple(map(_incident, self._listed(tables, with_ended=with_ended)))

    def page(
        self,
        *,
        limit: int,
        after: str | None = None,
        tables: Iterable[str] | None = None,
        with_ended: bool = False,
    ) -> Page[Incident]:
        """At most so many of `incidents`, those after a cursor: it holds, whatever opens or ends meanwhile."""
        page = Page.cut(self._listed(tables, with_ended=with_ended, limit=limit + 1, after=after), limit, _cursor)
        return Page(tuple(map(_incident, page.items)), page.next)

    def _listed(
        self, tables: Iterable[str] | None, *, with_ended: bool, limit: int | None = None, after: str | None = None
    ) -> list[Any]:
        """Rows. Those of the second half come from an index in their order: no more are read than are wanted."""
        from sqlalchemy import literal, tuple_

        from kintsu.io.store import schema

        i, rows = schema.incidents, list[Any]()
        half, at_us, last = (OPEN, None, "") if after is None else after.split("_", 2)
        place = None if at_us is None else tuple_(literal(int(at_us)), literal(last))
        with schema.reading(self.history.engine) as connection:
            if half == OPEN:
                query = self._chosen(tables).where(i.c.ended_us.is_(None)).order_by(i.c.opened_us, i.c.id)
                query = query if place is None else query.where(tuple_(i.c.opened_us, i.c.id) > place)
                rows += connection.execute(query.limit(limit))
            left = None if limit is None else limit - len(rows)
            if with_ended and left != 0:
                query = self._chosen(tables).where(i.c.ended_us.is_not(None))
                query = query if half == OPEN else query.where(tuple_(i.c.ended_us, i.c.id) < place)
                rows += connection.execute(query.order_by(i.c.ended_us.desc(), i.c.id.desc()).limit(left))
        return rows

    def _chosen(self, tables: Iterable[str] | None) -> Any:
        from sqlalchemy import select

        from kintsu.io.store import schema

        i, m = schema.incidents, schema.monitors
        query = select(i.c.id, i.c.opened_us, i.c.ended_us, i.c.body).where(i.c.tenant == self.history.tenant)
        return query if tables is None else query.join(m, m.c.id == i.c.monitor).where(m.c.name.in_(list(tables)))

    @contextmanager
    def changing(self, tables: Iterable[str] | None = None, *, ended_since: datetime) -> Iterator[Draft]:
        """Change incidents while nobody else can: those that are open, and those that ended lately.

        What the draft holds at the end is written, with its deliveries; nothing is if the block raises.
        """
        from sqlalchemy import or_

        from kintsu.io.store import schema

        i = schema.incidents
        with schema.writing(self.history.engine) as connection:
            lately = or_(i.c.ended_us.is_(None), i.c.ended_us >= micros(ended_since))
            rows = connection.execute(self._chosen(tables).where(lately).order_by(i.c.opened_us, i.c.id))
            before = tuple(map(_incident, rows))
            draft = Draft(before)
            yield draft
            known = {(incident.table, incident.id): incident for incident in before}
            changed = [each for each in draft.incidents if known.get((each.table, each.id)) != each]
            self._write(connection, changed)
            for incident in changed:
                before_it = known.get((incident.table, incident.id))
                if before_it is None or before_it.state != incident.state:
                    happened(connection, self.history.tenant, "incident", _news(incident))
            self._add(connection, draft.deliveries)

    def _write(self, connection: Connection, incidents: Sequence[Incident]) -> None:
        from sqlalchemy import bindparam, select

        from kintsu.io.store import schema

        if not incidents:
            return
        i, m = schema.incidents, schema.monitors
        mine = m.c.tenant == self.history.tenant
        named = mine & m.c.name.in_({incident.table for incident in incidents})
        ids = {row.name: row.id for row in connection.execute(select(m.c.name, m.c.id).where(named))}
        kept = [incident for incident in incidents if incident.table in ids]  # not those of a table that was removed
        if kept:
            old = i.delete().where(i.c.monitor == bindparam("of"), i.c.id == bindparam("known"))
            connection.execute(old, [{"of": ids[incident.table], "known": incident.id} for incident in kept])
            connection.execute(i.insert(), [self._values(ids[incident.table], incident) for incident in kept])

    def _values(self, monitor: int, incident: Incident) -> dict[str, Any]:
        return {
            "monitor": monitor,
            "id": incident.id,
            "tenant": self.history.tenant,
            "state": incident.state,
            "opened_us": micros(incident.opened_at),
            "seen_us": micros(incident.last_seen_at),
            "ended_us": None if incident.resolved_at is None else micros(incident.resolved_at),
            "body": json.dumps(incident.to_dict(), ensure_ascii=False),
        }

    # notices

    def deliveries(self, states: Sequence[str] = (WAITING, SENDING)) -> list[Delivery]:
        """What is in these states, oldest first."""
        from kintsu.io.store import schema

        n = schema.notices
        query = n.select().where(n.c.tenant == self.history.tenant, n.c.state.in_(states)).order_by(n.c.id)
        with schema.reading(self.history.engine) as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def _add(self, connection: Connection, deliveries: Iterable[Delivery]) -> None:
        from kintsu.io.store import schema

        for each in deliveries:
            body = json.dumps(each.notice.to_dict(), ensure_ascii=False)
            fresh: dict[str, Any] = {"tenant": self.history.tenant, "notice": each.notice.id, "route": each.route}
            fresh |= {"at_us": micros(each.notice.at), "state": each.state, "n_tries": 0, "failure": "", "body": body}
            connection.execute(schema.notices.insert().values(**fresh))

    def claim(self, routes: Iterable[str], now: datetime) -> list[Delivery]:
        """What waits for these routes, oldest first, and is now ours to send: nobody else gets it for ten minutes.

        What has waited for more than a week is given up.
        """
        from sqlalchemy import or_

        from kintsu.io.store import schema

        n = schema.notices
        stuck = (n.c.state == SENDING) & (n.c.tried_us <= micros(now - LEASE))
        free = (n.c.tenant == self.history.tenant) & or_(n.c.state == WAITING, stuck)
        with schema.writing(self.history.engine) as connection:
            old = free & (n.c.at_us < micros(now - PATIENCE))
            connection.execute(n.update().where(old).values(state=GIVEN_UP))
            mine = free & n.c.route.in_(list(routes))
            rows = connection.execute(n.select().where(mine).order_by(n.c.id)).all()
            ours = n.c.id.in_([row.id for row in rows])
            if rows:
                connection.execute(n.update().where(ours).values(state=SENDING, tried_us=micros(now)))
        return [replace(_delivery(row), state=SENDING) for row in rows]

    def settle(self, deliveries: Iterable[Delivery]) -> None:
        """Keep what became of what was claimed: it was sent, or waits for another try."""
        from kintsu.io.store import schema

        n = schema.notices
        with schema.writing(self.history.engine) as connection:
            for each in deliveries:
                values = {"state": each.state, "n_tries": each.n_tries, "failure": each.failure}
                mine = (n.c.tenant == self.history.tenant) & (n.c.id == each.id)
                connection.execute(n.update().where(mine).values(**values))

    def retain(self, tables: Sequence[Watched], since: datetime) -> int:
        """Forget the incidents of some tables that ended before a moment, and notices from before it; returns how many
        incidents went."""
        from kintsu.io.store import schema

        i, n = schema.incidents, schema.notices
        with schema.writing(self.history.engine) as connection:
            old = (i.c.tenant == self.history.tenant) & (i.c.ended_us < micros(since))
            gone = connection.execute(i.delete().where(old, i.c.monitor.in_([table.id for table in tables])))
            told = (n.c.tenant == self.history.tenant) & n.c.state.in_([SENT, GIVEN_UP])
            connection.execute(n.delete().where(told, n.c.at_us < micros(since)))
            return gone.rowcount


def _news(incident: Incident) -> dict[str, Any]:
    """What is told of an incident that opens, is acknowledged, ends or comes back."""
    told = {"incident": incident.id, "table": incident.table, "issue": incident.issue, "state": incident.state}
    return told | {"columns": list(incident.columns)}


def _incident(row: Any) -> Incident:
    return Incident.from_dict(json.loads(row.body))


def _cursor(row: Any) -> str:
    half, at_us = (OPEN, row.opened_us) if row.ended_us is None else (ENDED, row.ended_us)
    return f"{half}_{at_us}_{row.id}"


def _delivery(row: Any) -> Delivery:
    notice = Notice.from_dict(json.loads(row.body))
    return Delivery(row.route, notice, row.state, row.n_tries, row.failure, row.id)
