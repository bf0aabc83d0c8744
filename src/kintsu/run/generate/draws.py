"""Arrays of random numbers turned into text columns, without a loop over rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

__all__ = ["cents", "chosen", "dates", "digits", "maybe", "skewed"]


def skewed(rng: np.random.Generator, n: int, rows: int) -> np.ndarray:
    """Indices below `n`, the low ones more often: weights fall as 1 / (5 + rank)."""
    weights = 1 / (5 + np.arange(n))
    return np.searchsorted(np.cumsum(weights / weights.sum()), rng.random(rows)).clip(0, n - 1)


def chosen(words: Sequence[str], index: np.ndarray) -> pl.Series:
    """The word at each index."""
    return pl.Series(list(words), dtype=pl.String).gather(pl.Series(index, dtype=pl.UInt32))


def digits(numbers: np.ndarray, width: int) -> pl.Series:
    """Whole numbers as text with at least `width` digits."""
    return pl.Series(numbers, dtype=pl.Int64).cast(pl.String).str.zfill(width)


def dates(days: np.ndarray) -> pl.Series:
    """ISO dates of days since 1970."""
    return pl.Series(days, dtype=pl.Int64).cast(pl.Int32).cast(pl.Date).cast(pl.String)


def cents(amounts: np.ndarray) -> pl.Series:
    """Amounts with two decimals, such as "12.50"."""
    whole = pl.Series(np.round(amounts * 100), dtype=pl.Float64).cast(pl.Int64)
    return pl.select(
        pl.concat_str((whole // 100).cast(pl.String), pl.lit("."), (whole % 100).cast(pl.String).str.zfill(2))
    ).to_series()


def maybe(values: pl.Series, kept: np.ndarray) -> pl.Series:
    """The values where `kept`, else null."""
    return values.set(~pl.Series(kept, dtype=pl.Boolean), None)
