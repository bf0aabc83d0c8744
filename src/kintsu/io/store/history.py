"""The history of watched tables: one packed row for each batch, from which courses over time are read.

Batches that no baseline needs any more are packed by months, so that a course over years lies in a few places.
SQLite in the store's folder, or PostgreSQL by URL; the same statements on both.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from kintsu.core.errors import UnknownName, UsageError
from kintsu.core.lazy import lazy
from kintsu.io.store.batch_rows import (
    ACCEPTED,
    NORMAL,
    RUNS,
    WATCHED,
    BatchRow,
    Watched,
    batch_of,
    run_name,
    watched_of,
)
from kintsu.io.store.courses import framed, pack_facts, unpack_month
from kintsu.io.store.home import LOCAL, find_home, folder_of, home_for, is_url
from kintsu.io.store.months import layout_of, month_of, names_of, pack, unpacked
from kintsu.io.store.records import micros, moment_of, now_text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["History", "open_history"]


@dataclass(frozen=True)
class History:
    """The watched tables of one tenant. Opening is cheap: nothing is touched before the first use.

    Parameters
    ----------
    place
        The store's folder, or a URL such as postgresql://user:password@host/database.
    tenant
        Whose tables: no call reads or writes those of another.
    """

    place: Path | str
    tenant: str = LOCAL

    @lazy
    def engine(self) -> Engine:
        from kintsu.io.store import schema

        if is_url(self.place):
            return schema.connect(str(self.place))
        return schema.opened(Path(self.place))

    # watched tables

    def watch(self, name: str, settings: Mapping[str, Any], *, replace: bool = False) -> Watched:
        """Begin to watch a table, or change the settings of one that is watched.

        Raises
        ------
        UsageError
            It is watched already, and `replace` is not asked for.
        """
        from kintsu.io.store import schema

        table = schema.monitors
        with schema.writing(self.engine) as connection:
            mine = (table.c.tenant == self.tenant) & (table.c.name == name) & (table.c.kind == WATCHED)
            known = connection.execute(table.select().where(mine)).first()
            if known is not None and not replace:
                raise UsageError(f"{name!r} is watched already: choose another name, or say that it is to be replaced")
            text = json.dumps(dict(settings), ensure_ascii=False)
            if known is not None:
                connection.execute(table.update().where(mine).values(settings=text))
            else:
                fresh = {"tenant": self.tenant, "name": name, "settings": text, "created_at": now_text()}
                fresh["folded"] = name.casefold()
                connection.execute(table.insert().values(**fresh))
            return watched_of(connection.execute(table.select().where(mine)).one())

    def forget(self, name: str) -> None:
        """Stop watching a table; its history goes."""
        from kintsu.io.store import schema

        watched = self.watched(name)
        with schema.writing(self.engine) as connection:
            connection.execute(schema.monitors.delete().where(schema.monitors.c.id == watched.id))

    def tables(self, kind: str = WATCHED) -> list[Watched]:
        """Every watched table, by name; or every table of which runs are kept."""
        from kintsu.io.store import schema

        table = schema.monitors
        query = table.select().where(table.c.tenant == self.tenant, table.c.kind == kind).order_by(table.c.name)
        with schema.reading(self.engine) as connection:
            return [watched_of(row) for row in connection.execute(query)]

    def watched(self, name: str) -> Watched:
        """The watched table of this name.

        Raises
        ------
        UsageError
            There is none; the nearest name is told.
        """
        from kintsu.io.store import schema

        table = schema.monitors
        mine = (table.c.tenant == self.tenant) & (table.c.name == name) & (table.c.kind == WATCHED)
        query = table.select().where(mine)
        with schema.reading(self.engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            raise UnknownName(f"no table {name!r} is watched{_nearest(name, [w.name for w in self.tables()])}")
        return watched_of(row)

    # runs of any table

    def keep_run(self, name: str, place: str, run: BatchRow) -> None:
        """Keep the figures of a run of the table at `place` (a path or a URL), which is called `name`.

        Months before the one of the run are packed.
        """
        from kintsu.io.store import schema

        table = schema.monitors
        known = run_name(place)
        mine = (table.c.tenant == self.tenant) & (table.c.name == known) & (table.c.kind == RUNS)
        with schema.writing(self.engine) as connection:
            row = connection.execute(table.select().where(mine)).first()
            if row is None:
                about = json.dumps({"table": name, "place": place})
                fresh = {
                    "tenant": self.tenant,
                    "name": known,
                    "kind": RUNS,
                    "settings": about,
                    "folded": name.casefold(),
                }
                connection.execute(table.insert().values(**fresh, created_at=now_text()))
                row = connection.execute(table.select().where(mine)).one()
            self._record(connection, watched_of(row), run)
            pack(connection, row.id, month_of(run.at))

    # sensitive columns

    def salt(self) -> tuple[bytes, bool]:
        """The secret of this tenant, and whether it was made just now."""
        from kintsu.io.store import schema

        table = schema.salts
        query = table.select().where(table.c.tenant == self.tenant)
        with schema.reading(self.engine) as connection:
            row = connection.execute(query).first()
        if row is not None:
            return bytes(row.salt), False
        with schema.writing(self.engine) as connection:
            row = connection.execute(query).first()
            if row is not None:
                return bytes(row.salt), False
            fresh = secrets.token_bytes(32)
            connection.execute(table.insert().values(tenant=self.tenant, salt=fresh))
            return fresh, True

    def redraw(self, table: Watched, change: Callable[[bytes], bytes]) -> None:
        """Put changed sketches in the place of those that are kept of a table."""
        from sqlalchemy import select

        from kintsu.io.store import schema

        b = schema.batches
        with schema.writing(self.engine) as connection:
            query = select(b.c.id, b.c.sketch).where(b.c.monitor == table.id, b.c.sketch.is_not(None))
            for row in connection.execute(query).all():
                connection.execute(b.update().where(b.c.id == row.id).values(sketch=change(row.sketch)))

    # batches

    def record(self, table: Watched, batch: BatchRow, *, keep: int = 60) -> BatchRow:
        """Keep a batch, in the place of an earlier one of the same name. Returns it with its id.

        Only the `keep` last batches that count as normal, and those that are held, keep their sketch.
        """
        return self.record_all(table, [batch], keep=keep)[0]

    def record_all(self, table: Watched, rows: Sequence[BatchRow], *, keep: int = 60) -> list[BatchRow]:
        """Keep several batches in one transaction."""
        from kintsu.io.store import schema

        with schema.writing(self.engine) as connection:
            out = [self._record(connection, table, row) for row in rows]
            self._let_go(connection, table, keep)
        return out

    def _record(self, connection: Connection, table: Watched, row: BatchRow) -> BatchRow:
        from kintsu.io.store import schema

        batches = schema.batches
        values = {
            "monitor": table.id,
            "name": row.name,
            "at_us": micros(row.at),
            "due": row.due,
            "arrived": row.arrived,
            "judged_at": row.judged_at or now_text(),
            "content": row.content,
            "rows": row.rows,
            "state": row.state,
            "alarm": row.alarm,
            "score": row.score,
            "issue": row.issue,
            "layout": layout_of(connection, list(row.facts)),
            "facts": pack_facts(row.facts.values()),
            "judgement": None if row.judgement is None else json.dumps(dict(row.judgement), ensure_ascii=False),
            "sketch": row.sketch,
            "verdict_by": row.verdict_by,
            "verdict_at": row.verdict_at,
            "mending": None if row.mending is None else json.dumps(dict(row.mending), ensure_ascii=False),
        }
        same = (batches.c.monitor == table.id) & (batches.c.name == row.name)
        known = connection.execute(batches.select().with_only_columns(batches.c.id).where(same)).scalar()
        if known is not None:
            connection.execute(batches.update().where(batches.c.id == known).values(**values))
            connection.execute(schema.unfollowed.delete().where(schema.unfollowed.c.batch == known))
        else:
            made = connection.execute(batches.insert().values(**values)).inserted_primary_key
            assert made is not None
            known = int(made[0])
        if row.unfollowed:
            connection.execute(schema.unfollowed.insert().values(batch=known))
        return replace(row, id=known)

    def _let_go(self, connection: Connection, table: Watched, keep: int) -> None:
        """Drop the sketches of batches before the last `keep` normal ones; pack the months before those."""
        from sqlalchemy import select

        from kintsu.io.store import schema

        b = schema.batches
        newest = select(b.c.at_us).where(b.c.monitor == table.id, b.c.sketch.is_not(None), b.c.state.in_(NORMAL))
        limit = connection.execute(newest.order_by(b.c.at_us.desc()).offset(keep - 1).limit(1)).scalar()
        if limit is None:
            return
        older = (b.c.monitor == table.id) & (b.c.at_us < limit)
        connection.execute(b.update().where(older, b.c.sketch.is_not(None)).values(sketch=None))
        pack(connection, table.id, month_of(moment_of(limit)))

    def pack(self, table: Watched, before: datetime) -> None:
        """Pack the months before the one that holds `before`, whether or not a baseline needs them."""
        from kintsu.io.store import schema

        with schema.writing(self.engine) as connection:
            pack(connection, table.id, month_of(before))

    def retain(self, table: Watched, since: datetime) -> int:
        """Forget the months before the one that holds `since`; returns how many went.

        Batches that a baseline needs stay, however old. So does the newest packed month: its end tells which files are
        so old that they are not looked at again.
        """
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        m = schema.months
        mine = m.c.monitor == table.id
        with schema.writing(self.engine) as connection:
            newest = connection.execute(select(func.max(m.c.month)).where(mine)).scalar()
            first = month_of(since).strftime("%Y-%m")
            gone = connection.execute(m.delete().where(mine, m.c.month < first, m.c.month < (newest or "")))
            return gone.rowcount

    def batch(self, table: Watched, name: str) -> BatchRow | None:
        """The batch of this name, with its facts and sketch."""
        from kintsu.io.store import schema

        b = schema.batches
        with schema.reading(self.engine) as connection:
            row = connection.execute(b.select().where(b.c.monitor == table.id, b.c.name == name)).first()
            return None if row is None else batch_of(connection, row)

    def contents(self, table: Watched) -> tuple[dict[str, str], datetime | None]:
        """Name of each batch that is not packed -> hash of what was read; and when the packed months end."""
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        b, m = schema.batches, schema.months
        with schema.reading(self.engine) as connection:
            rows = connection.execute(select(b.c.name, b.c.content).where(b.c.monitor == table.id))
            held = {row.name: row.content for row in rows}
            month = connection.execute(select(func.max(m.c.month)).where(m.c.monitor == table.id)).scalar()
        return held, None if month is None else month_of(datetime.fromisoformat(f"{month}-28") + timedelta(days=7))

    def sketches(self, table: Watched, n: int, *, before: datetime | None = None) -> list[bytes]:
        """The packed metrics of the last `n` batches that count as normal, oldest first; those `before` a moment."""
        from sqlalchemy import select

        from kintsu.io.store import schema

        b = schema.batches
        query = select(b.c.sketch).where(b.c.monitor == table.id, b.c.state.in_(NORMAL), b.c.sketch.is_not(None))
        if before is not None:
            query = query.where(b.c.at_us < micros(before))
        with schema.reading(self.engine) as connection:
            rows = connection.execute(query.order_by(b.c.at_us.desc(), b.c.id.desc()).limit(n))
            return [row.sketch for row in rows][::-1]

    def decide(self, table: Watched, name: str, state: str, *, by: str) -> BatchRow:
        """Say of a batch that it is right (ACCEPTED: it joins the baseline) or wrong (REJECTED: it stays out).

        Raises
        ------
        UsageError
            There is no such batch.
        """
        from kintsu.io.store import schema

        b = schema.batches
        mine = (b.c.monitor == table.id) & (b.c.name == name)
        with schema.writing(self.engine) as connection:
            values = {"state": state, "verdict_by": by, "verdict_at": now_text()}
            if not connection.execute(b.update().where(mine).values(**values)).rowcount:
                names = [row.name for row in connection.execute(b.select().where(b.c.monitor == table.id))]
                raise UnknownName(f"{table.name!r} has no batch {name!r}{_nearest(name, names)}")
            return batch_of(connection, connection.execute(b.select().where(mine)).one())

    def remember(self, table: Watched, name: str, mending: Mapping[str, Any]) -> None:
        """Keep with a batch what was done to mend it: a JSON object."""
        from kintsu.io.store import schema

        b = schema.batches
        with schema.writing(self.engine) as connection:
            mine = (b.c.monitor == table.id) & (b.c.name == name)
            connection.execute(b.update().where(mine).values(mending=json.dumps(dict(mending), ensure_ascii=False)))

    def mendings(self, table: Watched) -> list[dict[str, Any]]:
        """What was done to mend batches, oldest first; only of batches that are not packed."""
        from sqlalchemy import select

        from kintsu.io.store import schema

        b = schema.batches
        query = select(b.c.mending).where(b.c.monitor == table.id, b.c.mending.is_not(None)).order_by(b.c.at_us)
        with schema.reading(self.engine) as connection:
            return [json.loads(row.mending) for row in connection.execute(query)]

    def alarms(self, table: str | None = None, *, since: str = "", most: int = 200) -> list[BatchRow]:
        """The newest batches that alarmed and were judged from `since` on (as `judged_at` tells), newest first."""
        from sqlalchemy import select

        from kintsu.io.store import schema

        b, m = schema.batches, schema.monitors
        query = select(b).join(m, m.c.id == b.c.monitor).where(m.c.tenant == self.tenant, b.c.alarm)
        if table is not None:
            query = query.where(m.c.name == table)
        query = query.where(b.c.judgement.is_not(None), b.c.judged_at >= since)
        with schema.reading(self.engine) as connection:
            rows = connection.execute(query.order_by(b.c.at_us.desc(), b.c.id.desc()).limit(most)).all()
            return [batch_of(connection, row) for row in rows]

    def unfollowed(self) -> dict[str, list[BatchRow]]:
        """Batches that alarmed and are in no incident, since a run was killed: by table, oldest first.

        Not those that were right after all.
        """
        from sqlalchemy import select

        from kintsu.io.store import schema

        b, m, u = schema.batches, schema.monitors, schema.unfollowed
        query = select(b, m.c.name.label("table")).join(u, u.c.batch == b.c.id).join(m, m.c.id == b.c.monitor)
        query = query.where(m.c.tenant == self.tenant, b.c.judgement.is_not(None), b.c.state != ACCEPTED)
        found: dict[str, list[BatchRow]] = {}
        with schema.reading(self.engine) as connection:
            for row in connection.execute(query.order_by(b.c.at_us, b.c.id)).all():
                found.setdefault(row.table, []).append(replace(batch_of(connection, row), unfollowed=True))
        return found

    def followed(self, table: Watched, names: Sequence[str]) -> None:
        """The incidents of these batches are opened or continued."""
        from sqlalchemy import select

        from kintsu.io.store import schema

        b, u = schema.batches, schema.unfollowed
        mine = select(b.c.id).where(b.c.monitor == table.id, b.c.name.in_(names))
        with schema.writing(self.engine) as connection:
            connection.execute(u.delete().where(u.c.batch.in_(mine)))

    def course(
        self, table: Watched, facts: Iterable[str] | None = None, *, since: datetime | None = None
    ) -> pl.DataFrame:
        """The batches over time, oldest first: a row each.

        Columns: name, at (UTC), due, arrived, judged_at, rows, state, alarm, score, issue, verdict_by, verdict_at; then
        the named facts as Float64, null where a batch has none (all of them, where `facts` is None).
        """
        from kintsu.io.store import schema

        b, m = schema.batches, schema.months
        recent, packed = b.c.monitor == table.id, m.c.monitor == table.id
        if since is not None:
            recent &= b.c.at_us >= micros(since)
            packed &= m.c.month >= month_of(since).strftime("%Y-%m")
        with schema.reading(self.engine) as connection:
            rows = connection.execute(m.select().where(packed).order_by(m.c.month)).all()
            names = {layout: names_of(connection, layout) for layout in {row.layout for row in rows}}
            parts = [unpack_month(row.body, names[row.layout]) for row in rows]
            parts += unpacked(connection, recent)
        course = framed(parts, None if facts is None else list(facts))
        return course if since is None else course.filter(pl.col("at") >= moment_of(micros(since)))


def open_history(home: Path | str | None = None, *, create: bool = False) -> History:
    """The history in a folder or a PostgreSQL database.

    Without `home` it is KINTSU_HOME, which may name either, else `.kintsu` in the current folder.

    Raises
    ------
    UnknownRun
        There is no store, and none is to be created.
    """
    place = home if home is not None else os.environ.get("KINTSU_HOME")
    if isinstance(place, str) and is_url(place):
        return History(place)
    if create:
        return History(folder_of(place) if place is not None else home_for(None))
    return History(find_home(place))


def _nearest(name: str, names: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, names, 1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f": there is {', '.join(repr(n) for n in names[:5])}" if names else ": there is none yet"
