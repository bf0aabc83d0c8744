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
from kintsu.io.store.database import writing
from kintsu.io.store.history import BatchRow, History

START = datetime(2025, 1, 1, tzinfo=UTC)
STATISTICS = ("completeness", "distinct", "top", "mean", "low", "high", "q05", "q25", "q50", "q75", "q95", "spread")


def fill(history: History, tables: int, days: int, columns: int) -> None:
    """Every table gets a batch a day, day after day, as in real life: batches of one table lie far apart."""
    names = ["rows", "duplicates", *(f"{s}:column_{i}" for i in range(columns) for s in STATISTICS)]
    watched = [history.watch(f"table_{i:05}", {}) for i in range(tables)]
    rng = np.random.default_rng(0)
    first = history.record(watched[0], BatchRow("x", START, 1, dict.fromkeys(names, 0.0)))
    with writing(history.engine) as connection:
        b = schema.batches
        layout = connection.execute(b.select().where(b.c.id == first.id)).one().layout
        connection.execute(b.delete())
    for day in range(days):
        at = START + timedelta(days=day)
        packed = rng.normal(size=(tables, len(names))).astype("<f4")
        common = {
            "name": at.date().isoformat(), "at_us": int(at.timestamp() * 1e6), "due": at.isoformat(), "arrived": None,
            "judged_at": at.isoformat(), "content": "0" * 16, "rows": 1000, "state": "learnt", "alarm": False,
            "score": 0.0, "issue": "none", "layout": layout, "judgement": None, "sketch": None,
        }  # fmt: skip
        rows = [common | {"monitor": t.id, "facts": packed[i].tobytes()} for i, t in enumerate(watched)]
        with writing(history.engine) as connection:
            connection.execute(schema.batches.insert(), rows)
        if at.day == 1 and day > 90:  # the monitor packs what is older than its window of 60 batches
            for table in watched:
                history.pack(table, at - timedelta(days=60))


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
