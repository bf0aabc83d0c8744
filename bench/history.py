"""How long the course of one table takes to read from a store with many.

    python bench/history.py [--tables 10000] [--days 400] [--columns 24] [--store URL]

Fills a store (SQLite in a temporary folder, or the given PostgreSQL database) with made-up batches, then reads the
courses of tables drawn at random: one fact, and all of them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from kintsu.io.store import schema
from kintsu.io.store.batch_rows import BatchRow
from kintsu.io.store.database import writing
from kintsu.io.store.history import History

START = datetime(2025, 1, 1, tzinfo=UTC)
STATISTICS = ("completeness", "distinct", "top", "mean", "low", "high", "q05", "q25", "q50", "q75", "q95", "spread")


def fill(history: History, tables: int, days: int, columns: int) -> None:
    """Every table gets a batch a day, in the order of days, as in real life: batches of one table lie far apart.

    Months that the last 60 batches do not reach are packed, as the monitor packs them; the packed bytes of one table
    serve all others, for the time that takes is not what is measured here.
    """
    names = ["rows", "duplicates", *(f"{s}:column_{i}" for i in range(columns) for s in STATISTICS)]
    rng = np.random.default_rng(0)
    first = history.watch("table_00000", {})
    for day in range(days):
        history.record(first, batch(day, rng.normal(size=len(names)).tolist(), names), keep=10**6)
    history.pack(first, START + timedelta(days=days - 60))
    b, m = schema.batches, schema.months
    with writing(history.engine) as connection:
        months = [dict(row) for row in connection.execute(m.select().order_by(m.c.month)).mappings()]
        recent = [dict(row) for row in connection.execute(b.select().order_by(b.c.at_us)).mappings()]
        connection.execute(m.delete())
        connection.execute(b.delete())
    watched = [first, *(history.watch(f"table_{i:05}", {}) for i in range(1, tables))]
    for insert, rows in ((m.insert(), months), (b.insert(), recent)):
        for row in rows:
            row.pop("id", None)
            with writing(history.engine) as connection:
                connection.execute(insert, [row | {"monitor": table.id} for table in watched])


def batch(day: int, values: list[float], names: list[str]) -> BatchRow:
    at = START + timedelta(days=day)
    return BatchRow(at.date().isoformat(), at, 1000, dict(zip(names, values, strict=True)), due=at.isoformat())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--columns", type=int, default=24)
    parser.add_argument("--reads", type=int, default=200)
    parser.add_argument("--store", help="a PostgreSQL URL")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        history = History(chosen.store or Path(folder))
        began = time.perf_counter()
        fill(history, chosen.tables, chosen.days, chosen.columns)
        size = sum(path.stat().st_size for path in Path(folder).glob("kintsu.db*"))
        print(
            f"{chosen.tables} tables x {chosen.days} days: {time.perf_counter() - began:.0f} s, {size / 2**30:.2f} GiB"
        )
        rng = np.random.default_rng(1)
        for what, facts in (("one fact", ["mean:column_3"]), ("all facts", None)):
            took = []
            for i in rng.integers(0, chosen.tables, chosen.reads):
                began = time.perf_counter()
                table = history.watched(f"table_{i:05}")
                assert history.course(table, facts).height == chosen.days
                took.append((time.perf_counter() - began) * 1000)
            print(
                f"{what}: median {np.median(took):.1f} ms, p99 {np.quantile(took, 0.99):.1f} ms, max {max(took):.1f} ms"
            )


if __name__ == "__main__":
    main()
