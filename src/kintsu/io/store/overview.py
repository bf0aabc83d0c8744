"""Pages over all tables of a store, from its indices: what a list shows, however many tables there are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kintsu.io.service.paging import Page
from kintsu.io.store.history import RUNS, WATCHED, History, moment_of

__all__ = ["TableLine", "tables_page"]


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
    history: History, *, limit: int, after: int | None = None, kind: str | None = None, name: str | None = None
) -> Page[TableLine]:
    """The tables of a tenant by age, those after one of them; of a kind, or of a name."""
    from sqlalchemy import func, select

    from kintsu.io.store import schema

    m, b = schema.monitors, schema.batches
    query = select(m).where(m.c.tenant == history.tenant).order_by(m.c.id).limit(limit + 1)
    query = query if after is None else query.where(m.c.id > after)
    query = query if kind is None else query.where(m.c.kind == kind)
    query = query if name is None else query.where(m.c.name == name)
    with schema.reading(history.engine) as connection:
        tables = connection.execute(query).all()
        ids = [row.id for row in tables]
        latest = select(b.c.monitor, func.max(b.c.at_us).label("at_us")).where(b.c.monitor.in_(ids))
        newest = latest.group_by(b.c.monitor).subquery()
        heads = (b.c.monitor, b.c.name, b.c.at_us, b.c.rows, b.c.state, b.c.alarm, b.c.issue, b.c.layout, b.c.facts)
        on = (b.c.monitor == newest.c.monitor) & (b.c.at_us == newest.c.at_us)
        last = {row.monitor: row for row in connection.execute(select(*heads).join(newest, on))}
        wanted = {row.layout for row in last.values()}
        layouts = connection.execute(select(schema.layouts).where(schema.layouts.c.id.in_(wanted)))
        names = {row.id: json.loads(row.names) for row in layouts}
    lines = [_line(row, last.get(row.id), names) for row in tables]
    return Page.cut(lines, limit, lambda line: str(line.id))


def _line(table: Any, last: Any, names: dict[int, list[str]]) -> TableLine:
    settings = json.loads(table.settings)
    is_watched = table.kind == WATCHED
    scores: dict[str, float] = {}
    if last is not None and table.kind == RUNS:
        import numpy as np

        values = np.frombuffer(last.facts, "<f4").tolist()
        scores = {k: v for k, v in zip(names[last.layout], values, strict=True) if k.endswith(":overall") and v == v}
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
        score=scores.get("score:overall"),
        score_after=scores.get("after:overall"),
    )
