"""Which columns go together, on a sample of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch, Column
from kintsu.profile.column import ColumnProfile

__all__ = ["associations", "cramers_v"]

_COLUMNS: Final = 40  # of each sort: 80 columns are 3,160 pairs
_LEVELS: Final = 30  # values of a category at most
_BINS: Final = 8  # equal-count bins of a number

Codes = npt.NDArray[np.int64]


def cramers_v(x: Codes, y: Codes) -> float:
    """Cramér's V of two columns of codes (-1 is missing), with Bergsma's correction for bias; 0 where undefined.

    References
    ----------
    Bergsma, A bias-correction for Cramér's V and Tschuprow's T, J. Korean Stat. Soc. 42, 2013.

    >>> cramers_v(np.array([0, 0, 1, 1] * 50), np.array([0, 0, 1, 1] * 50))
    1.0
    """
    both = (x >= 0) & (y >= 0)
    x, y = x[both], y[both]
    if len(x) < 20:
        return 0.0
    rows, columns = int(x.max()) + 1, int(y.max()) + 1
    table = np.bincount(x * columns + y, minlength=rows * columns).reshape(rows, columns).astype(float)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    r, k = table.shape
    n = table.sum()
    if min(r, k) < 2:
        return 0.0
    expected = np.outer(table.sum(1), table.sum(0)) / n
    phi2 = float(((table - expected) ** 2 / expected).sum()) / n
    phi2 = max(0.0, phi2 - (r - 1) * (k - 1) / (n - 1))
    r_, k_ = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    return round(min(1.0, float(np.sqrt(phi2 / max(min(r_, k_) - 1, 1e-9)))), 4)


def associations(
    batch: Batch, profiles: Mapping[str, ColumnProfile], *, least: float = 0.3, most: int = 50
) -> list[tuple[str, str, str, float]]:
    """(column, column, measure, strength), strongest first.

    Two numbers are compared by Spearman's rank correlation, anything else by Cramér's V (numbers in eight bins of
    equal counts). At most 40 numeric and 40 categorical columns are looked at, the fullest first.
    """
    fullest = sorted(profiles.values(), key=lambda p: (p.nulls / max(p.rows, 1), p.name))
    numbers = [p.name for p in fullest if p.is_numeric and p.distinct > 2 and p.semantic_type != "key"][:_COLUMNS]
    words = [p.name for p in fullest if not p.is_numeric and 1 < p.distinct <= _LEVELS][:_COLUMNS]
    found = [(a, b, "spearman", r) for a, b, r in _spearman(batch, numbers)]
    codes = {name: _binned(batch[name]) for name in numbers} | {name: _coded(batch[name]) for name in words}
    for i, a in enumerate(words):
        for b in [*numbers, *words[i + 1 :]]:
            found.append((a, b, "cramers_v", cramers_v(codes[a], codes[b])))
    kept = [item for item in found if abs(item[3]) >= least]
    return sorted(kept, key=lambda item: (-abs(item[3]), item[0], item[1]))[:most]


def _spearman(batch: Batch, names: list[str]) -> list[tuple[str, str, float]]:
    """Rank correlation of every pair, gaps put at the mean rank of their column."""
    if len(names) < 2 or len(batch) < 20:
        return []
    ranks = np.column_stack([_ranks(batch[name].number) for name in names])
    with np.errstate(invalid="ignore", divide="ignore"):
        table = np.nan_to_num(np.atleast_2d(np.corrcoef(ranks, rowvar=False)))
    left, right = np.triu_indices(len(names), 1)
    return [(names[i], names[j], round(float(table[i, j]), 4)) for i, j in zip(left, right, strict=True)]


def _ranks(number: pl.Series) -> npt.NDArray[np.float64]:
    rank = number.fill_nan(None).rank("average").cast(pl.Float64)
    middle = rank.mean()
    return rank.fill_null(float(middle) if isinstance(middle, float) else 0.0).to_numpy()


def _binned(column: Column) -> Codes:
    number = column.number.fill_nan(None)
    share = (number.rank("average") - 0.5) / max(len(number) - number.null_count(), 1)
    return (share * _BINS).floor().clip(0, _BINS - 1).cast(pl.Int64).fill_null(-1).to_numpy()


def _coded(column: Column) -> Codes:
    text = column.text.set(column.is_missing, None)
    return text.rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
