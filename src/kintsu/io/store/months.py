"""Months of batches that no baseline needs any more, packed; and the names of the facts that they share."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from kintsu.io.store.courses import COURSE, Part, framed, pack_month, rows_of, unpack_month
from kintsu.io.store.records import micros

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["layout_of", "month_of", "names_of", "pack", "unpacked"]


def month_of(moment: datetime) -> datetime:
    """When the month of a moment began, UTC; a moment without a zone is taken as universal."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def pack(connection: Connection, monitor: int, before: datetime) -> None:
    """Put what a table has before a moment into its months. One that is packed already is packed anew."""
    from sqlalchemy import select

    from kintsu.io.store import schema

    b, m = schema.batches, schema.months
    old = (b.c.monitor == monitor) & (b.c.at_us < micros(before))
    if connection.execute(select(b.c.id).where(old).limit(1)).first() is None:
        return
    course = framed(unpacked(connection, old), None)
    for (month,), fresh in course.group_by(pl.col("at").dt.strftime("%Y-%m"), maintain_order=True):
        here = (m.c.monitor == monitor) & (m.c.month == month)
        known = connection.execute(m.select().where(here)).first()
        if known is not None:  # batches of that month came in later
            held = framed([unpack_month(known.body, names_of(connection, known.layout))], None)
            held = held.filter(~pl.col("name").is_in(fresh["name"].implode()))
            fresh = pl.concat([held, fresh], how="diagonal").sort("at", maintain_order=True)
        names, body = pack_month(fresh)
        connection.execute(m.delete().where(here))
        layout = layout_of(connection, names)
        connection.execute(m.insert().values(monitor=monitor, month=month, layout=layout, body=body))
    connection.execute(b.delete().where(old))


def unpacked(connection: Connection, chosen: Any) -> list[Part]:
    """The batches that are not packed, a part for each layout."""
    from sqlalchemy import select

    from kintsu.io.store import schema

    b = schema.batches
    heads = [b.c.at_us if name == "at" else b.c[name] for name in COURSE]
    found = connection.execute(select(*heads, b.c.layout, b.c.facts).where(chosen).order_by(b.c.at_us, b.c.id)).all()
    by_layout: dict[int, list[Any]] = {}
    for row in found:
        by_layout.setdefault(row.layout, []).append(row)
    return [rows_of(rows, names_of(connection, layout)) for layout, rows in by_layout.items()]


def names_of(connection: Connection, layout: int) -> list[str]:
    """Names of the facts in a packed row of this layout, in order."""
    from kintsu.io.store import schema

    table = schema.layouts
    return list(json.loads(connection.execute(table.select().where(table.c.id == layout)).one().names))


def layout_of(connection: Connection, names: list[str]) -> int:
    """The id of the layout with these names; it is made where there is none."""
    from kintsu.io.store import schema

    table = schema.layouts
    text = json.dumps(names, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    known = connection.execute(table.select().where(table.c.digest == digest)).first()
    if known is not None:
        return int(known.id)
    made = connection.execute(table.insert().values(digest=digest, names=text)).inserted_primary_key
    assert made is not None
    return int(made[0])
