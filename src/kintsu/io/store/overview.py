"""Pages over all tables of a store, from its indices: what a list shows, however many tables there are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from math import isnan
from pathlib import Path
from struct import unpack_from
from typing import Any, Final

from kintsu.io.store.batch_rows import RUNS, WATCHED, Watched, run_name, watched_of
from kintsu.io.store.history import History
from kintsu.io.store.paging import Page
from kintsu.io.store.records import moment_of

__all__ = ["SORTS", "TableLine", "tables_called", "tables_page"]

SORTS: Final = ("id", "-id", "name", "-name", "last_at", "-last_at")
"""Orders of tables: by age, name or the moment of the last batch or run; "-" turns it round."""
BEFORE: Final = "score:overall"
AFTER: Final = "after:overall"


@dataclass(frozen=True)
class TableLine:
    """A table and the last that is known of it.

    `kind` is "watched", or "runs" of a table that was healed or checked and is not watched. Of a watched table `state`,
    `alarm` and `issue` are those of its last batch; of another, `state` is "heal" or "check". Scores are those of the
    last heal or check, in [0, 100]; null where there is none.
    """

    id: int
    name: str
    kind: str
    source: str
    last: str | None
    last_at: str | None
    rows: int | None
    state: str | None
    alarm: bool
    issue: str | None
    score: float | None
    score_after: float | None


def tables_page(
    history: History,
    *,
    limit: int,
    after: int | None = None,
    kind: str | None = None,
    name: str | None = None,
    q: str | None = None,
    sort: str = "id",
) -> Page[TableLine]:
    """The tables of a tenant in an order of `SORTS`, those after one of them; of a kind, of a name, or with `q` in the
    name that is shown."""
    from sqlalchemy import select

    from kintsu.io.store import schema

    m = schema.monitors
    query = _ordered(select(m).where(m.c.tenant == history.tenant).limit(limit + 1), history, sort, after)
    query = query if q is None else query.where(m.c.folded.contains(q.casefold(), autoescape=True))
    query = query if kind is None else query.where(m.c.kind == kind)
    query = query if name is None else query.where(m.c.name == name)
    with schema.reading(history.engine) as connection:
        tables = connection.execute(query).all()
        last = {row.monitor: row for row in connection.execute(_lasts(), {"ids": [row.id for row in tables]})}
        wanted = {row.layout for row in last.values()}
        layouts = connection.execute(select(schema.layouts).where(schema.layouts.c.id.in_(wanted)))
        places = {row.id: _places(row.names) for row in layouts}
    lines = [_line(row, last.get(row.id), places) for row in tables]
    return Page.cut(lines, limit, lambda line: str(line.id))


def _ordered(query: Any, history: History, sort: str, after: int | None) -> Any:
    """A query over tables in an order, from the one after `after` on; equal ones in the order of their age."""
    from sqlalchemy import func, literal, select, tuple_

    from kintsu.io.store import schema

    m, b = schema.monitors, schema.batches
    name, is_falling = sort.removeprefix("-"), sort.startswith("-")
    keys: tuple[Any, ...] = (m.c.id,)
    if name == "name":
        keys = (m.c.folded, m.c.id)
    elif name == "last_at":
        last = select(b.c.at_us).where(b.c.monitor == m.c.id).order_by(b.c.at_us.desc()).limit(1)
        keys = (func.coalesce(last.correlate(m).scalar_subquery(), 0), m.c.id)
    query = query.order_by(*(key.desc() if is_falling else key for key in keys))
    if after is None:
        return query
    here = None
    if name != "id":
        with schema.reading(history.engine) as connection:
            here = connection.execute(select(*keys).where(m.c.tenant == history.tenant, m.c.id == after)).first()
    if here is None:  # or the table is gone: its age is what is left of it
        return query.where(m.c.id < after if is_falling else m.c.id > after)
    place = tuple_(*(literal(value) for value in here))
    return query.where(tuple_(*keys) < place if is_falling else tuple_(*keys) > place)


def tables_called(history: History, name: str) -> list[Watched]:
    """The tables of which runs are kept that may be meant by a name, a name without its suffix, or a path."""
    from sqlalchemy import or_

    from kintsu.io.store import schema

    m, folded = schema.monitors, name.casefold()
    places = [run_name(place) for place in {name, str(Path(name).resolve())}]
    near = (m.c.folded >= folded) & (m.c.folded <= f"{folded}.\U0010ffff")
    query = m.select().where(m.c.tenant == history.tenant, m.c.kind == RUNS, or_(near, m.c.name.in_(places)))
    with schema.reading(history.engine) as connection:
        found = connection.execute(query.order_by(m.c.name)).all()
    return [
        table
        for table in map(watched_of, found)
        if table.name in places or table.settings["table"] == name or table.settings["table"].startswith(f"{name}.")
    ]


@cache
def _lasts() -> Any:
    """The last batch of each of the tables `ids`."""
    from sqlalchemy import bindparam, select

    from kintsu.io.store import schema

    m, b, others = schema.monitors, schema.batches, schema.batches.alias()
    of_table = select(others.c.id).where(others.c.monitor == m.c.id)
    last = of_table.order_by(others.c.at_us.desc(), others.c.id.desc()).limit(1).scalar_subquery()
    heads = (b.c.monitor, b.c.name, b.c.at_us, b.c.rows, b.c.state, b.c.alarm, b.c.issue, b.c.layout, b.c.facts)
    return select(*heads).join_from(m, b, b.c.id == last).where(m.c.id.in_(bindparam("ids", expanding=True)))


@lru_cache(maxsize=1024)
def _places(names: str) -> dict[str, int]:
    """Where the scores stand in a packed row of facts with these names, a JSON list."""
    return {name: place for place, name in enumerate(json.loads(names)) if name in (BEFORE, AFTER)}


def _line(table: Any, last: Any, places: dict[int, dict[str, int]]) -> TableLine:
    settings = json.loads(table.settings)
    is_watched = table.kind == WATCHED
    scores: dict[str, float] = {}
    if last is not None and table.kind == RUNS:
        told = {name: unpack_from("<f", last.facts, 4 * place)[0] for name, place in places[last.layout].items()}
        scores = {name: score for name, score in told.items() if not isnan(score)}
    return TableLine(
        id=table.id,
        name=table.name if is_watched else settings["table"],
        kind="watched" if is_watched else "runs",
        source=settings["source"] if is_watched else settings["place"],
        last=None if last is None else last.name,
        last_at=None if last is None else moment_of(last.at_us).isoformat(),
        rows=None if last is None else last.rows,
        state=None if last is None else last.state,
        alarm=bool(is_watched and last is not None and last.alarm),
        issue=last.issue if is_watched and last is not None else None,
        score=scores.get(BEFORE),
        score_after=scores.get(AFTER),
    )
