"""Drift between two tables: false alarms on equal ones, what is found, CPU time.

    python bench/drift.py [--seeds 40]

Every reference has 5,000 rows and 20 columns: 12 of numbers, 8 of categories.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import polars as pl

import kintsu as kt

Change = Callable[[pl.DataFrame], pl.DataFrame]


def table(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    """Numbers of several shapes, categories of several sizes; `area` follows from `city`, `c` goes with `b`."""
    numbers = {f"x{i}": rng.normal(size=rows) for i in range(8)}
    b = rng.normal(size=rows)
    skewed = {"b": b, "c": 0.9 * b + rng.normal(size=rows) * 0.44, "price": np.round(rng.lognormal(3, 1, rows), 2)}
    city = rng.integers(0, 12, rows)
    words = {f"w{i}": rng.choice(list("abcdef"), rows, p=[0.4, 0.25, 0.15, 0.1, 0.08, 0.02]) for i in range(5)}
    names = {"city": np.char.add("city ", city.astype(str)), "area": np.char.add("area ", (city // 3).astype(str))}
    town = np.char.add("town ", (rng.zipf(1.5, rows) % 900).astype(str))
    return pl.DataFrame(numbers | skewed | {"n": rng.poisson(2, rows)} | words | names | {"town": town})


def part(share: float) -> pl.Expr:
    return pl.int_range(pl.len()) % round(1 / share) == 0


CHANGES: dict[str, tuple[str | None, Change]] = {
    "nothing": (None, lambda f: f),
    "mean by 0.1 sd": ("x0", lambda f: f.with_columns(x0=pl.col("x0") + 0.1)),
    "mean by 0.25 sd": ("x0", lambda f: f.with_columns(x0=pl.col("x0") + 0.25)),
    "sd x 1.2": ("x0", lambda f: f.with_columns(x0=pl.col("x0") * 1.2)),
    "5 % empty": ("x0", lambda f: f.with_columns(x0=pl.when(~part(0.05)).then("x0"))),
    "10 % of w0 become 'f'": ("w0", lambda f: f.with_columns(w0=pl.when(part(0.1)).then(pl.lit("f")).otherwise("w0"))),
    "numbers no longer go together": (None, lambda f: f.with_columns(pl.col("c").shuffle(seed=1))),
    "categories no longer go together": (None, lambda f: f.with_columns(pl.col("area").shuffle(seed=1))),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    seeds = parser.parse_args().seeds
    print("| change | rows | drifted | right columns | rows as a whole | PSI above .2 | CPU s |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for change, (column, apply) in CHANGES.items():
        for rows in (5, 500, 10_000):
            n = seeds if rows < 10_000 else max(seeds // 4, 1)
            called = right = jointly = psi = 0
            began = time.process_time()
            for seed in range(n):
                rng = np.random.default_rng([3, seed])
                result = kt.drift(table(rng, 5_000), apply(table(rng, rows)))
                named = result.columns.filter("is_drifted")["column"].to_list()
                called += result.is_drifted
                right += named == ([] if column is None else [column])
                jointly += result.joint_p is not None and result.joint_p < result.level
                psi += bool((result.columns["psi"] > 0.2).any())
            took = (time.process_time() - began) / n
            shares = " | ".join(f"{k / n:.0%}" for k in (called, right, jointly, psi))
            print(f"| {change} | {rows:,} | {shares} | {took:.2f} |", flush=True)


if __name__ == "__main__":
    main()
