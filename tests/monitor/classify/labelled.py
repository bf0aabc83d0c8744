"""A few labelled cases of a made-up table, and a model trained on them: small, but of every issue."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from kintsu.monitor.classify.cases import Cases, cases_of, concat
from kintsu.monitor.classify.model import IssueModel
from kintsu.monitor.classify.train import Parameters, fit

SMALL = Parameters(n_rounds=15, n_forest=15, n_folds=2, min_leaf=4)


def table(seed: int, rows: int = 900) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    width = rng.lognormal(2, 0.4, rows)
    return pl.DataFrame(
        {
            "width": np.round(width, 2),
            "height": np.round(width * 1.5 + rng.normal(0, 0.2, rows), 2),
            "pieces": rng.integers(1, 40, rows),
            "colour": rng.choice(["red", "dark blue", "Green", "white"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "code": [f"{a}-{b:05d}" for a, b in zip(rng.choice(["AX", "BY"], rows), rng.integers(0, 99999, rows))],
            "note": pl.Series([None if x < 0.2 else f"ref {x:.6f}" for x in rng.random(rows)], dtype=pl.String),
        }
    )


@cache
def small_cases() -> Cases:
    parts = [cases_of(f"table {seed}", table(seed), seed, rounds=3) for seed in range(3)]
    return concat(part for part in parts if part is not None)


@cache
def small_model() -> IssueModel:
    return fit(small_cases(), SMALL, {"tables": {"made up": {"rows": 900}}})[0]
