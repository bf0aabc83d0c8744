"""Which bin each cell of a column falls into: quantiles of the reference, its values, or its steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["BEYOND", "FIRST", "NULL", "Binning", "fit_bins", "plain"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

N_BINS: Final = 16  # of numbers; a shift of half a deviation stands out of 500 cells as well as with 64
NULL: Final = 0  # code of empty cells: null, NaN, infinite, or unreadable as what the column holds
BEYOND: Final = 1  # code of what the reference does not hold: new values, numbers outside its range
FIRST: Final = 2  # first code of ordinary bins
MOST_VALUES: Final = 30  # values of text with a bin of their own; the others that were seen share some
SHARED: Final = 50  # bins that others share if they were all cells: of ten cells a block
OWN_SHARE: Final = 0.01  # of the cells, from which a value has a bin of its own: five cells of a block
OPEN: Final = 2_000  # distinct texts beyond which a column is judged by lengths: it is a key or free text
OPEN_SHARE: Final = 0.2  # share of cells seen once only beyond which it is one too
RUNS: Final = 0.9  # rank correlation with the row number beyond which a column runs on, as ids and clocks do
LOOKED_AT: Final = 10_000  # rows from which that is told


@dataclass(frozen=True, eq=False)
class Binning:
    """How the cells of one column become codes: `NULL`, `BEYOND`, then ordinary bins.

    Attributes
    ----------
    kind
        "number", "time" (microseconds since 1970 or since midnight), "text" by its values or "length" of text.
    is_running
        Whether steps from the row before are binned, not the numbers themselves.
    edges
        Lower ends of all ordinary bins but the first, of numbers.
    low, high
        Range of the reference.
    values, codes
        Texts of the reference with their codes.
    once
        Texts that it holds once.
    """

    name: str
    kind: str
    is_running: bool = False
    edges: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    values: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    once: int = 0

    @property
    def n_codes(self) -> int:
        """Codes that there are, the two special ones included."""
        return max(self.codes, default=FIRST) + 1 if self.kind == "text" else FIRST + len(self.edges) + 1

    def expression(self, dtype: pl.DataType) -> pl.Expr:
        """What `encode` reads of a column of this type (see `plain`): codes of text, else numbers."""
        cells = pl.col(self.name)
        if self.kind == "text":
            return cells.cast(pl.String, strict=False).replace_strict(
                self._old, self._new, default=BEYOND, return_dtype=pl.Int64
            )
        return as_numbers(cells, dtype, self.kind)

    @cached_property
    def _old(self) -> pl.Series:
        return pl.Series([None, "", *self.values], dtype=pl.String)

    @cached_property
    def _new(self) -> pl.Series:
        return pl.Series([NULL, NULL, *self.codes], dtype=pl.Int64)

    def encode(self, cells: pl.Series, before: float = np.nan) -> tuple[Codes, float]:
        """Code of each cell (-1 for a step without a row before), and the last number of a running column.

        `cells` are those of `expression`, `before` is the last number of the cells before these.
        """
        if self.kind == "text":
            return cells.to_numpy(), before
        x = cells.to_numpy()
        if not self.is_running:
            return self._placed(x), before
        steps, last = _steps(x, before)
        codes = self._placed(steps)
        codes[np.isfinite(x) & np.isnan(steps)] = -1
        return codes, last

    def _placed(self, x: Floats) -> Codes:
        codes = np.searchsorted(self.edges, x, side="right") + FIRST
        codes[(x < self.low) | (x > self.high)] = BEYOND
        codes[~np.isfinite(x)] = NULL
        return codes

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; `Binning.from_dict` reads it."""
        held = {key: getattr(self, key) for key in self.__dataclass_fields__}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in held.items()}

    @classmethod
    def from_dict(cls, held: dict[str, Any]) -> Binning:
        read: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in held.items()}
        return cls(**read)


def fit_bins(cells: pl.Series) -> Binning:
    """Bins of a plain column, by the cells of the reference in the order in which they came."""
    kind = _kind(cells.dtype)
    if kind != "text":
        return _of_numbers(cells, kind)
    counted = (
        cells.to_frame()
        .select(value=pl.first().cast(pl.String))
        .filter(pl.col("value") != "")
        .group_by("value")
        .agg(n=pl.len())
        .sort("n", "value", descending=[True, False])
    )
    n = int(counted["n"].sum())
    if n == 0:
        return Binning(cells.name, "text")
    once = int((counted["n"] == 1).sum())
    if counted.height > OPEN or once > OPEN_SHARE * n:
        return _of_numbers(cells, "length")
    n_own = min(int((counted["n"] >= OWN_SHARE * n).sum()), MOST_VALUES)
    # the others share bins of about ten cells a block or more: a flood of one of them shows in its bin
    n_shared = min(max(round(float(counted["n"][n_own:].sum()) / n * SHARED), 1), N_BINS)
    place = np.arange(counted.height)
    codes = FIRST + np.where(place < n_own, place, n_own + (place - n_own) % n_shared)
    return Binning(cells.name, "text", values=tuple(counted["value"]), codes=tuple(codes.tolist()), once=once)


def _of_numbers(cells: pl.Series, kind: str) -> Binning:
    name = cells.name
    x = cells.to_frame().select(as_numbers(pl.col(name), cells.dtype, kind)).to_series().to_numpy()
    is_running = kind != "length" and _runs_on(x[np.isfinite(x)])
    if is_running:
        x, _ = _steps(x, np.nan)
    x = x[np.isfinite(x)]
    if not len(x):
        return Binning(name, kind)
    edges = np.unique(np.quantile(x, np.arange(1, N_BINS) / N_BINS, method="higher"))
    low, high = float(x.min()), float(x.max())
    return Binning(name, kind, is_running, tuple(edges[edges > low].tolist()), low, high)


def _runs_on(x: Floats) -> bool:
    if len(x) < 3:
        return False
    x = x[:: -(-len(x) // LOOKED_AT)]
    rank = np.argsort(np.argsort(x, kind="stable"), kind="stable")
    return bool(abs(np.corrcoef(rank, np.arange(len(x)))[0, 1]) > RUNS and x.min() < x.max())


def _steps(x: Floats, before: float) -> tuple[Floats, float]:
    """Steps from the last finite number before each, NaN where there is none; and the last finite number of all."""
    place = np.where(np.isfinite(x), np.arange(1, len(x) + 1), 0)
    place = np.concatenate(([0], np.maximum.accumulate(place)))
    held = np.concatenate(([before], x))
    return x - held[place[:-1]], float(held[place[-1]])


def as_numbers(cells: pl.Expr, dtype: pl.DataType, kind: str) -> pl.Expr:
    """Cells as floats, null where empty or unreadable as the kind."""
    if kind == "length":
        lengths = cells.cast(pl.String, strict=False).str.len_chars().cast(pl.Float64)
        return pl.when(lengths > 0).then(lengths)
    if _kind(dtype) != kind and "time" in (kind, _kind(dtype)):
        return pl.repeat(None, pl.len(), dtype=pl.Float64)
    if kind == "number":
        return _number(cells)
    if dtype == pl.Time:
        return cells.to_physical().cast(pl.Float64) / 1_000  # nanoseconds
    return (
        cells.cast(pl.Duration("us") if isinstance(dtype, pl.Duration) else pl.Datetime("us"))
        .to_physical()
        .cast(pl.Float64)
    )


def _number(cells: pl.Expr) -> pl.Expr:
    return cells.cast(pl.Float64, strict=False)


def _kind(dtype: pl.DataType) -> str:
    return "time" if dtype.is_temporal() else "number" if dtype.is_numeric() else "text"


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Nested values, bytes and objects as text: of these only the text is watched."""
    odd = [c for c in frame if c.dtype.is_nested() or c.dtype in (pl.Binary, pl.Object)]
    texts = [pl.Series(c.name, [None if v is None else repr(v) for v in c.to_list()], dtype=pl.String) for c in odd]
    return frame.with_columns(texts) if texts else frame
