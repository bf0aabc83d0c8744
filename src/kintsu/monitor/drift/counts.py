"""Two columns counted over the same bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["CATEGORY", "KEY", "NUMBER", "TEXT", "TIME", "Counted", "count"]

Floats = npt.NDArray[np.float64]

NUMBER: Final = "number"
TIME: Final = "time"
CATEGORY: Final = "category"
TEXT: Final = "text"  # free text: judged by its lengths
KEY: Final = "key"  # every cell another value, or a clock that runs on: new values are no drift

N_BINS: Final = 20  # of numbers, between quantiles of both tables together
MOST_VALUES: Final = 50  # values with a bin of their own; all others share one
OPEN: Final = 0.5  # distinct values for each cell of the larger table from which text is free text
ENOUGH: Final = 50  # cells from which all of them being distinct makes a key


@dataclass(frozen=True, eq=False)
class Counted:
    """Cells of each bin of several tables.

    Attributes
    ----------
    counts
        Filled cells, shape (tables, bins), the current table last.
    at
        Place of each bin of numbers, in standard deviations of all cells; else empty.
    nulls, rows
        Of each table, shape (tables,).
    """

    column: str
    kind: str
    counts: Floats
    at: Floats
    nulls: Floats
    rows: Floats

    @property
    def is_ordered(self) -> bool:
        return len(self.at) > 0


def count(name: str, tables: list[pl.Series]) -> Counted:
    """Count a column of several tables over bins that all of them make together; null, NaN and infinite are empty."""
    rows = np.array([len(t) for t in tables], dtype=float)
    kinds = {_kind(t.dtype) for t in tables if t.null_count() < len(t)} or {CATEGORY}
    kind = kinds.pop() if len(kinds) == 1 else CATEGORY  # of several types: the cells are compared as text
    if kind == CATEGORY:
        texts = [_texts(t) for t in tables]
        counts, kind = _of_texts(texts)
        if kind == TEXT:
            lengths = [t.str.len_chars().cast(pl.Float64).to_numpy() for t in texts]
            counts, at = _of_numbers(lengths)
        else:
            at = np.empty(0)
        filled = np.array([len(t) for t in texts], dtype=float)
    else:
        numbers = [_numbers(t) for t in tables]
        counts, at = _of_numbers(numbers)
        filled = np.array([len(x) for x in numbers], dtype=float)
        kind = KEY if _is_key(numbers, kind) else kind
    return Counted(name, kind, counts, at, rows - filled, rows)


def _kind(dtype: pl.DataType) -> str:
    return TIME if dtype.is_temporal() else NUMBER if dtype.is_numeric() else CATEGORY


def _numbers(cells: pl.Series) -> Floats:
    if cells.dtype == pl.Date or isinstance(cells.dtype, pl.Datetime):
        cells = cells.cast(pl.Datetime("us"))
    x = cells.to_physical().cast(pl.Float64).drop_nulls().to_numpy()
    return np.asarray(x[np.isfinite(x)])


def _texts(cells: pl.Series) -> pl.Series:
    if cells.dtype.is_nested() or cells.dtype in (pl.Binary, pl.Object):
        cells = pl.Series(cells.name, [None if v is None else repr(v) for v in cells.to_list()], dtype=pl.String)
    text = cells.cast(pl.String, strict=False).drop_nulls()
    return text.filter(text.str.strip_chars() != "")


def _of_numbers(tables: list[Floats]) -> tuple[Floats, Floats]:
    pooled = np.concatenate(tables)
    if not len(pooled):
        return np.zeros((len(tables), 1)), np.zeros(1)
    edges = np.unique(np.quantile(pooled, np.arange(1, N_BINS) / N_BINS, method="higher"))
    edges = edges[edges > pooled.min()]
    place = [np.searchsorted(edges, x, side="right") for x in tables]
    counts = np.array([np.bincount(p, minlength=len(edges) + 1) for p in place], dtype=float)
    low, high = np.quantile(pooled, [0.001, 0.999])  # the place of a bin is not that of a single far cell in it
    held = np.bincount(np.concatenate(place), weights=np.clip(pooled, low, high), minlength=len(edges) + 1)
    at = held / np.maximum(counts.sum(0), 1.0)
    spread = float(np.clip(pooled, low, high).std())
    return counts, at / (spread or 1.0)


def _of_texts(tables: list[pl.Series]) -> tuple[Floats, str]:
    parts = [pl.DataFrame({"v": t, "t": np.full(len(t), i)}) for i, t in enumerate(tables)]
    counted = pl.concat(parts).group_by("v", "t").agg(n=pl.len())
    total = counted.group_by("v").agg(pl.col("n").sum()).sort("n", "v", descending=[True, False])
    cells = max((len(t) for t in tables), default=0)
    if cells >= ENOUGH and total.height > OPEN * sum(len(t) for t in tables):
        return np.zeros((len(tables), 1)), TEXT
    listed = total.head(MOST_VALUES).select("v", place=pl.int_range(pl.len()))
    others = min(total.height, MOST_VALUES)
    held = counted.join(listed, on="v", how="left").with_columns(pl.col("place").fill_null(others))
    n_bins = others + (total.height > MOST_VALUES) or 1
    counts = np.zeros((len(tables), n_bins))
    np.add.at(counts, (held["t"].to_numpy(), held["place"].to_numpy()), held["n"].to_numpy())
    return counts, CATEGORY


def _is_key(tables: list[Floats], kind: str) -> bool:
    """Whole numbers or times that hardly ever repeat, and of which the current ones are all others than before."""
    before, now = np.concatenate(tables[:-1]), tables[-1]
    if min(len(before), len(now)) < ENOUGH:
        return False
    if kind == NUMBER and not (np.mod(before, 1) == 0).all():
        return False
    is_distinct = all(len(np.unique(x)) > 0.98 * len(x) for x in (before, now))
    is_beyond = now.min() > before.max() or now.max() < before.min()
    return (is_distinct and kind == NUMBER) or (is_beyond and kind == TIME)
