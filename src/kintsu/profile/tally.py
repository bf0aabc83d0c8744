"""The distinct values of one column of a batch with their counts: what every summary is fed from, computed once.

A column with few values is reduced to them by one group-by; all further work then costs next to nothing. A column
that is nearly unique is handed on cell by cell (weights of one), since a group-by would only cost. Summaries give the
same answer either way.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Column, as_text
from kintsu.core.hashing import mix

__all__ = ["HASH_NAME", "Floats", "Ints", "Tally", "as_tally", "is_temporal", "own", "runs", "tally"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
UInts = npt.NDArray[np.uint64]

HASH_NAME = f"polars-{pl.__version__}"
"""Which hash the sketches rest on: polars promises the same one only within a version, so states of two versions do
not merge."""


def is_temporal(dtype: pl.DataType) -> bool:
    """Dates, datetimes, times and durations."""
    return dtype.is_temporal()


def runs(sorted_values: npt.NDArray[Any], n: Ints | None) -> tuple[npt.NDArray[Any], Ints]:
    """Distinct values of a sorted array and the sum of the weights `n` (None: one each) of each."""
    if not len(sorted_values):
        return sorted_values, np.zeros(0, np.int64)
    starts = np.flatnonzero(np.concatenate(([True], sorted_values[1:] != sorted_values[:-1])))
    if n is None:
        counts = np.diff(np.append(starts, len(sorted_values)))
    else:
        counts = np.add.reduceat(n, starts)
    return sorted_values[starts], counts.astype(np.int64, copy=False)


def own(series: pl.Series) -> pl.Series:
    """The same series in memory of its own.

    Gathering text shares the buffers of the whole batch, so that keeping six values would keep the batch (polars
    2.1; a concatenation writes new buffers).
    """
    if series.dtype != pl.String or not len(series):
        return series
    return pl.select(pl.concat_str(series.alias("v"), pl.lit(""))).to_series().alias(series.name)


class Tally:
    """Non-missing values of some cells, with weights.

    `values` has the column's own type, no nulls and no blank text; a value may occur more than once. `n` holds the
    number of cells behind each value (None: one each). `blank` holds the texts of white space that were left out.
    """

    def __init__(
        self,
        values: pl.Series,
        n: Ints | None,
        *,
        rows: int,
        nulls: int,
        blanks: int = 0,
        decimal_comma: bool = False,
        blank: tuple[pl.Series, Ints | None] | None = None,
    ) -> None:
        self.values, self.n = values, n
        self.rows, self.nulls, self.blanks = rows, nulls, blanks
        self.decimal_comma = decimal_comma
        self.blank = blank

    def __len__(self) -> int:
        return len(self.values)

    @property
    def dtype(self) -> pl.DataType:
        return self.values.dtype

    @property
    def filled(self) -> int:
        """Cells that are not missing."""
        return self.rows - self.nulls - self.blanks

    @property
    def weights(self) -> Ints:
        return np.ones(len(self.values), np.int64) if self.n is None else self.n

    def pick(self, index: npt.NDArray[Any]) -> pl.Series:
        """Text of the values at these positions, in memory of its own."""
        return own(as_text(self.values.gather(index.astype(np.uint32))))

    @cached_property
    def hashes(self) -> UInts:
        """64-bit hash of each value, through a full finaliser: weak ones wreck a sketch on consecutive integers."""
        if not len(self.values):
            return np.zeros(0, np.uint64)
        held = as_text(self.values) if self.values.dtype.is_nested() else self.values
        return np.asarray(mix(held.hash(seed=0).to_numpy()))

    @cached_property
    def distinct(self) -> tuple[UInts, Ints]:
        """Sorted distinct hashes and the cells of each."""
        if self.n is None:
            return runs(np.sort(self.hashes), None)
        order = np.argsort(self.hashes)
        return runs(self.hashes[order], self.n[order])

    @cached_property
    def number(self) -> pl.Series:
        """Float64 of each value, null where it is no plain number; dates as days, times as seconds since the epoch."""
        dtype = self.values.dtype
        if is_temporal(dtype):
            return _epoch(self.values)
        return Column(self.values, decimal_comma=self.decimal_comma).number

    @cached_property
    def finite(self) -> tuple[Floats, Ints]:
        """Sorted distinct finite numbers and the cells of each."""
        number, n = self.number, self.n
        if number.null_count():
            held = number.is_not_null().to_numpy()
            n = None if n is None else n[held]
        x = number.drop_nulls().to_numpy() + 0.0  # also turns -0.0 into 0.0
        good = np.isfinite(x)
        if not good.all():
            x, n = x[good], None if n is None else n[good]
        if n is None:
            return runs(np.sort(x), None)
        order = np.argsort(x)
        return runs(x[order], n[order])


def _epoch(values: pl.Series) -> pl.Series:
    """Seconds since the epoch (or midnight); dates too, so that they compare with datetimes."""
    dtype = values.dtype
    if dtype == pl.Date:
        return values.cast(pl.Int32).cast(pl.Float64) * 86_400.0
    if dtype == pl.Time:
        return values.cast(pl.Int64).cast(pl.Float64) / 1e9
    unit = {"ms": 1e3, "us": 1e6, "ns": 1e9}[dtype.time_unit]  # type: ignore[attr-defined]
    return values.cast(pl.Int64).cast(pl.Float64) / unit


def _blank(values: pl.Series) -> pl.Series | None:
    """True where text is only white space; None where there is none. Looks closely at rare suspects only."""
    suspect = (values < "!") | (values > "\x7f")  # white space sorts below "!" or is not ASCII
    if not suspect.any():
        return None
    blank = (values.filter(suspect).str.strip_chars() == "").to_numpy()
    if not blank.any():
        return None
    mask = np.zeros(len(values), bool)
    mask[np.flatnonzero(suspect.to_numpy())[blank]] = True
    return pl.Series(mask)


def tally(column: Column, *, group: bool = True) -> Tally:
    """Reduce a column to its values and counts; without `group` cell by cell."""
    series = column.series
    rows, nulls = len(series), series.null_count()
    if series.dtype in (pl.Null, pl.Object):
        return Tally(pl.Series(series.name, [], dtype=pl.String), None, rows=rows, nulls=rows)
    if series.dtype.is_nested() or series.dtype == pl.Binary or series.dtype == pl.Categorical or _is_enum(series):
        series = as_text(series)
    values = series.drop_nulls() if nulls else series
    n: Ints | None = None
    if group and len(values):
        counted = values.alias("value").value_counts(name="n", sort=False)
        values, n = own(counted["value"]), counted["n"].cast(pl.Int64).to_numpy()
    blanks, left = 0, None
    if values.dtype == pl.String and (blank := _blank(values)) is not None:
        mask = blank.to_numpy()
        blanks = int(mask.sum()) if n is None else int(n[mask].sum())
        left = own(values.filter(blank)), None if n is None else n[mask]
        values, n = values.filter(~blank), None if n is None else n[~mask]
    return Tally(
        values.alias(series.name),
        n,
        rows=rows,
        nulls=nulls,
        blanks=blanks,
        decimal_comma=column.decimal_comma,
        blank=left,
    )


def _is_enum(series: pl.Series) -> bool:
    return isinstance(series.dtype, pl.Enum)


def as_tally(column: Column | Tally) -> Tally:
    """A tally as it is, a column reduced to one."""
    return column if isinstance(column, Tally) else tally(column)
