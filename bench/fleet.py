"""What it costs to watch many tables: made-up batches of every table, every day, in one process.

    python bench/fleet.py [--tables 10000] [--days 30] [--rows 200] [--columns 24] [--store URL] [--seeded 28]

Every batch is measured, judged against the last ones and kept, through the store. CPU seconds and memory are told for
each day, and the alarms: every batch is clean, so each is a false one. The first `--seeded` days are not judged: they
are measured of 200 tables, and each is kept for every fiftieth table, so that the days after see a full store.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from kintsu.io.store.batch_rows import BatchRow, Watched
from kintsu.io.store.history import History
from kintsu.monitor.facts import facts
from kintsu.monitor.measure import measure
from kintsu.monitor.packing import pack
from kintsu.run.batches import Arrival, MonitorSettings
from kintsu.run.judging import Watch

START = datetime(2026, 1, 5, tzinfo=UTC)
CITIES = np.array(["Lyon", "Paris", "Nice", "Lille", "Rennes", "Metz"])


def batch(table: int, day: int, rows: int, columns: int) -> pl.DataFrame:
    """Half numbers, a third categories, the rest identifiers; every table has its own levels."""
    rng = np.random.default_rng([table, day])
    own = np.random.default_rng(table)
    weekend = 0.5 if (START + timedelta(days=day)).weekday() > 4 else 1.0
    n = max(20, int(rows * weekend * rng.lognormal(0, 0.05)))
    made: dict[str, np.ndarray] = {}
    for i in range(columns):
        if i % 6 < 3:
            made[f"number_{i}"] = rng.normal(own.normal(0, 100), own.uniform(1, 20), n)
        elif i % 6 < 5:
            made[f"kind_{i}"] = rng.choice(CITIES, n, p=own.dirichlet(np.ones(len(CITIES))))
        else:
            made[f"id_{i}"] = rng.integers(0, 10**9, n).astype(str)
    return pl.DataFrame(made)


def arrival(table: int, day: int, rows: int, columns: int) -> Arrival:
    due = START + timedelta(days=day + 1)
    arrived = due + timedelta(minutes=10 + (table * 7 + day) % 20)
    return Arrival(f"{due:%Y-%m-%d}", due, due, arrived, "0", lambda: batch(table, day, rows, columns))


def seed(history: History, watched: list[Watched], chosen: argparse.Namespace) -> None:
    """Keep the seeded days of every table as if all of them had been judged and found usual."""
    for kind in range(min(chosen.kinds, len(watched)) if chosen.seeded else 0):
        rows = []
        for day in range(chosen.seeded):
            each = arrival(kind, day, chosen.rows, chosen.columns)
            metrics = measure(each.load(), due=each.due, arrived=each.arrived)
            due, arrived = (None if at is None else at.isoformat() for at in (each.due, each.arrived))
            told = {"due": due, "arrived": arrived, "content": each.content, "sketch": pack(metrics)}
            rows.append(BatchRow(each.name, each.at, metrics.rows, facts(metrics), **told))
        for table in watched[kind :: chosen.kinds]:
            history.record_all(table, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--columns", type=int, default=24)
    parser.add_argument("--seeded", type=int, default=0, help="days that are kept without being judged")
    parser.add_argument("--store", help="a PostgreSQL URL")
    chosen = parser.parse_args()
    chosen.kinds = 200 if chosen.seeded else chosen.tables
    with tempfile.TemporaryDirectory() as folder:
        history = History(chosen.store or Path(folder))
        settings = MonitorSettings("made up", window=30).to_dict()
        watched = [history.watch(f"table_{i:05}", settings) for i in range(chosen.tables)]
        alarms, judged = 0, 0
        seed(history, watched, chosen)
        for day in range(chosen.seeded, chosen.days):
            began, made = time.process_time(), 0.0
            for i, table in enumerate(watched):
                each = arrival(i % chosen.kinds, day, chosen.rows, chosen.columns)
                before = time.process_time()
                frame = each.load()
                made += time.process_time() - before
                found = Watch(history, table).catch_up(
                    [Arrival(each.name, each.at, each.due, each.arrived, "0", lambda held=frame: held)], is_past=False
                )
                judged += day >= 7
                alarms += found[0].alarm
            cpu = time.process_time() - began - made
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            per_table = cpu / chosen.tables * 1000
            print(f"day {day + 1}: {cpu:.1f} CPU s, {per_table:.1f} ms a table, peak {memory:.0f} MiB", flush=True)
        size = sum(path.stat().st_size for path in Path(folder).glob("kintsu.db*"))
        print(f"{alarms} alarms in {judged} judged clean batches; store {size / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
