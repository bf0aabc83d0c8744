"""What alarmed in a store, newest first: batches of watched tables, and streams."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kintsu.io.store.history import History
from kintsu.io.store.paging import Page
from kintsu.io.store.records import moment_of

__all__ = ["Alert", "alerts_page"]


@dataclass(frozen=True)
class Alert:
    """One alarm: of a batch of a watched table, or of a stream.

    `table` is the watched table or the stream, `of` the batch or the first event; `state` is that of the batch, or
    "begins" and "ends" of a stream's trouble.
    """

    id: str
    kind: str
    table: str
    of: str
    at: str
    issue: str
    columns: tuple[str, ...]
    message: str
    state: str


def alerts_page(
    history: History, *, limit: int, before: tuple[int, str, str] | None = None, table: str | None = None
) -> Page[Alert]:
    """The alarms of a tenant: those before a place (microseconds, kind, id), of a table or stream."""
    from sqlalchemy import String, cast, literal, select, tuple_, union_all

    from kintsu.io.store import schema

    b, m, a, s = schema.batches, schema.monitors, schema.stream_alerts, schema.streams
    batches = (
        select(
            b.c.at_us,
            literal("batch").label("kind"),
            cast(b.c.id, String(64)).label("id"),
            m.c.name.label("about"),
            b.c.name.label("of"),
            b.c.issue,
            b.c.state,
            b.c.judgement.label("body"),
        )
        .join(m, m.c.id == b.c.monitor)
        .where(m.c.tenant == history.tenant, b.c.alarm)
    )
    streams = (
        select(
            a.c.at_us,
            literal("stream").label("kind"),
            a.c.id,
            s.c.name.label("about"),
            literal("").label("of"),
            literal("").label("issue"),
            literal("").label("state"),
            a.c.body,
        )
        .join(s, s.c.id == a.c.stream)
        .where(a.c.tenant == history.tenant, a.c.stage == "detect")
    )
    parts = []
    for part, at, of, kind, id in (
        (batches, b.c.at_us, m.c.name, "batch", cast(b.c.id, String(64))),
        (streams, a.c.at_us, s.c.name, "stream", a.c.id),
    ):
        chosen = part if table is None else part.where(of == table)
        if before is not None:
            chosen = chosen.where(tuple_(at, literal(kind), id) < tuple_(*map(literal, before)))
        parts.append(chosen.order_by(at.desc(), id.desc()).limit(limit + 1).subquery().select())
    both = union_all(*parts).subquery()
    query = select(both).order_by(both.c.at_us.desc(), both.c.kind.desc(), both.c.id.desc()).limit(limit + 1)
    with schema.reading(history.engine) as connection:
        rows = connection.execute(query).all()
    page = Page.cut(rows, limit, lambda row: f"{row.at_us}_{row.kind}_{row.id}")
    return Page([_alert(row) for row in page.items], page.next)


def _alert(row: Any) -> Alert:
    body = json.loads(row.body) if row.body else {}
    columns = tuple(filter(None, body.get("columns") or [body.get("column")]))
    common = {
        "id": f"{row.kind}-{row.id}",
        "kind": row.kind,
        "table": row.about,
        "at": moment_of(row.at_us).isoformat(),
    }
    if row.kind == "batch":
        message, of, issue, state = str(body.get("message") or "it could not be read"), row.of, row.issue, row.state
    else:
        message, of, issue = str(body.get("message")), str(body.get("first")), str(body.get("kind"))
        state = "ends" if body.get("over") else "begins"
    return Alert(**common, of=of, issue=issue, columns=columns, message=message, state=state)
