"""Rows a second that a treatment mends, by rows at once, on a made-up table of ten fields.

    python bench/treatment.py

Trains on 20,000 events of which 5 % of the cells are damaged, saves and loads the treatment, and mends other events.
"""

from __future__ import annotations

import argparse
import platform
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.run.train import train
from kintsu.run.treatment import Treatment, load_treatment

CITIES = ("Berlin", "Hamburg", "Munich", "Cologne", "Frankfurt", "Stuttgart", "Leipzig", "Dresden", "Bremen", "Essen")
STATES = ("BE", "HH", "BY", "NW", "HE", "BW", "SN", "SN", "HB", "NW")
STATUS = ("new", "paid", "packed", "sent", "returned")
NAMES = ("anna", "ben", "carla", "david", "eva", "felix", "greta", "hugo", "ida", "jonas", "klara", "leo")
WORDS = (
    "please",
    "ring",
    "twice",
    "leave",
    "at",
    "the",
    "door",
    "gift",
    "no",
    "hurry",
    "call",
    "before",
    "noon",
    "thanks",
)


def events(rows: int, seed: int, damaged: float = 0.05) -> pl.DataFrame:
    """Events as text: ids, times, categories that depend on each other, numbers, addresses, free text."""
    rng = np.random.default_rng(seed)
    city = rng.integers(0, len(CITIES), rows)
    price = np.round(rng.lognormal(3, 0.6, rows), 2)
    quantity = rng.integers(1, 9, rows)
    at = np.datetime64("2026-11-01T00:00:00", "ms") + 1_000 * rng.integers(0, 20 * 86_400, rows)
    words = np.array(WORDS)[rng.integers(0, len(WORDS), (rows, 5))]
    names = np.array(NAMES)[rng.integers(0, len(NAMES), (rows, 2))]
    numbers = rng.integers(10, 9_999, rows)
    frame = pl.DataFrame(
        {
            "order_id": pl.Series(rng.permutation(10_000_000)[:rows] + 10_000_000).cast(pl.String),
            "created_at": pl.Series(at).dt.strftime("%Y-%m-%dT%H:%M:%S"),
            "status": np.array(STATUS)[rng.choice(len(STATUS), rows, p=[0.2, 0.3, 0.2, 0.25, 0.05])],
            "city": np.array(CITIES)[city],
            "state": np.array(STATES)[city],
            "quantity": pl.Series(quantity).cast(pl.String),
            "price": [f"{x:.2f}" for x in price],
            "total": [f"{x:.2f}" for x in price * quantity],
            "email": [f"{a}.{b}{n}@mail.example" for (a, b), n in zip(names.tolist(), numbers.tolist(), strict=True)],
            "note": [" ".join(line) for line in words.tolist()],
        }
    )
    return frame.with_columns(_damaged(frame[name], rng, damaged) for name in frame.columns)


def _damaged(cells: pl.Series, rng: np.random.Generator, share: float) -> pl.Series:
    """Some cells empty, misspelt, in capitals, with blanks, with a unit, as a word for "none"."""
    way = np.where(rng.random(len(cells)) < share, rng.integers(1, 7, len(cells)), 0)
    text = pl.col("text")
    swapped = text.str.slice(0, 1) + text.str.slice(2, 1) + text.str.slice(1, 1) + text.str.slice(3)
    ways = (
        pl.lit(None, pl.String),
        swapped,
        text.str.to_uppercase(),
        text + "  ",
        text + " EUR" if cells.name in ("price", "total") else swapped,
        pl.lit("N/A"),
    )
    made = text
    for k, new in enumerate(ways, 1):
        made = pl.when(pl.col("way") == k).then(new).otherwise(made)
    return pl.DataFrame({"text": cells, "way": way}).select(made.alias(cells.name)).to_series()


def timed(treatment: Treatment, frame: pl.DataFrame, size: int) -> dict[str, float]:
    """Wall seconds and CPU seconds per row of mending the frame, `size` rows at once; the slowest batch."""
    rows = pl.int_range(len(frame), eager=True).alias("row")
    walls, applied = [], 0
    cpu = time.process_time()
    for start in range(0, len(frame), size):
        batch = Batch(TableRef("events"), frame[start : start + size], rows[start : start + size])
        began = time.perf_counter()
        applied += len(treatment.mend(batch).applied)
        walls.append(time.perf_counter() - began)
    return {
        "rows_at_once": size,
        "rows_per_second": round(len(frame) / sum(walls)),
        "median_ms": round(1e3 * float(np.median(walls)), 1),
        "slowest_ms": round(1e3 * max(walls), 1),
        "cpu_us_per_row": round(1e6 * (time.process_time() - cpu) / len(frame), 1),
        "applied": applied,
    }


def main() -> None:
    """Print one line a batch size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--train", type=int, default=20_000)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--keep", type=Path, help="use the treatment in this folder, or leave it there")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where = given.keep or Path(folder) / "events.treatment"
        if not where.exists():
            began = time.perf_counter()
            train(events(given.train, 1), out=where, home=Path(folder) / "home")
            print(f"trained on {given.train:,} rows in {time.perf_counter() - began:.1f} s")
        began = time.perf_counter()
        treatment = load_treatment(where)
        print(f"loaded {sum(f.stat().st_size for f in where.iterdir()):,} bytes in {time.perf_counter() - began:.2f} s")
    fresh = events(given.rows, 2)
    treatment.mend(Batch.of(fresh.head(1_000)))  # imports and what is worked out on first use
    for size in (1, 100, 1_000, 5_000, 20_000, 100_000):
        part = fresh.head(min(given.rows, max(20 * size, 5_000)) if size > 1 else 20)
        print(timed(treatment, part, size), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"peak {peak} MiB, polars {pl.__version__}, Python {platform.python_version()}")


if __name__ == "__main__":
    main()
