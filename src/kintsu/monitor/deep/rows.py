"""Rows as short codes: a number by its place among past ones, a text by its value or else by its pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["MOST_ROWS", "RowCodes", "code_rows", "pick_rows"]

Codes = npt.NDArray[np.int64]

EMPTY: Final = 0
OTHER: Final = 1  # a value or pattern that is rare or was never seen
N_BINS: Final = 8  # of numbers
MOST_VALUES: Final = 20  # values or patterns of a column that are told apart
COMMON: Final = 0.005  # least share of the cells of one of them
CLOSED: Final = 0.8  # share of cells that the common values have to hold, else patterns are told apart
MOST_COLUMNS: Final = 40
MOST_ROWS: Final = 300  # of a batch that are looked at
SHAPES: Final = ((r"\p{Lu}+", "A"), (r"\p{Ll}+", "a"), (r"\p{N}+", "9"))


@dataclass(frozen=True)
class RowCodes:
    """How the cells of each column become a code from 0 to `sizes`: by edges, by value, or by pattern."""

    kinds: dict[str, str]
    edges: dict[str, list[float]]
    values: dict[str, list[str]]

    @property
    def names(self) -> list[str]:
        return list(self.kinds)

    @property
    def sizes(self) -> list[int]:
        """Codes of each column."""
        numbers = {name: len(edges) + 3 for name, edges in self.edges.items()}
        return [numbers[n] if n in numbers else len(self.values[n]) + 2 for n in self.kinds]

    def encode(self, frame: pl.DataFrame) -> Codes:
        """Shape (rows, columns). Columns that the frame lacks are empty."""
        return np.column_stack([self._column(name, frame) for name in self.kinds]).astype(np.int64)

    def _column(self, name: str, frame: pl.DataFrame) -> Codes:
        if name not in frame.columns:
            return np.full(frame.height, EMPTY)
        if self.kinds[name] == "number":
            x = _numbers(frame[name])
            return np.where(np.isfinite(x), np.searchsorted(self.edges[name], x, side="right") + 2, EMPTY)
        text = _texts(frame[name], by_pattern=self.kinds[name] == "pattern")
        old, new = self.values[name], np.arange(len(self.values[name])) + 2
        known = text.replace_strict(old, new, default=OTHER, return_dtype=pl.Int64) if old else text.is_not_null() * 1
        return np.where(text.is_null().to_numpy(), EMPTY, known.to_numpy())

    def to_dict(self) -> dict[str, Any]:
        """A JSON object, by which `RowCodes(**...)` is made again."""
        return {"kinds": self.kinds, "edges": self.edges, "values": self.values}


def code_rows(history: Sequence[pl.DataFrame]) -> RowCodes:
    """Learn the codes of the columns that the last batch has. Times and keys say nothing and are left out."""
    kinds: dict[str, str] = {}
    edges: dict[str, list[float]] = {}
    values: dict[str, list[str]] = {}
    for name, dtype in history[-1].schema.items():
        parts = [f[name] for f in history if name in f.columns and f.schema[name].is_numeric() == dtype.is_numeric()]
        if dtype.is_temporal() or len(kinds) == MOST_COLUMNS:
            continue
        if dtype.is_numeric():
            x = np.concatenate([_numbers(p) for p in parts])
            x = x[np.isfinite(x)]
            if len(x):
                kinds[name] = "number"
                edges[name] = np.unique(np.quantile(x, np.arange(1, N_BINS) / N_BINS)).tolist()
            continue
        for kind in ("value", "pattern"):
            text = pl.concat([_texts(p, by_pattern=kind == "pattern") for p in parts]).drop_nulls()
            common, share = _common(text)
            if common and (share >= CLOSED or kind == "pattern"):
                kinds[name], values[name] = kind, common
                break
    return RowCodes(kinds, edges, values)


def _common(text: pl.Series) -> tuple[list[str], float]:
    counted = text.value_counts(name="n").sort("n", text.name, descending=[True, False])
    counted = counted.filter(pl.col("n") >= COMMON * len(text)).head(MOST_VALUES)
    return counted[text.name].to_list(), float(counted["n"].sum()) / max(len(text), 1)


def _numbers(cells: pl.Series) -> npt.NDArray[np.float64]:
    dtype = cells.dtype
    if dtype.is_nested() or dtype.is_temporal() or dtype in (pl.Binary, pl.Object):
        return np.full(len(cells), np.nan)
    return cells.cast(pl.Float64, strict=False).to_numpy()


def _texts(cells: pl.Series, *, by_pattern: bool) -> pl.Series:
    dtype = cells.dtype
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        return pl.Series("v", [None if v is None else repr(v) for v in cells.to_list()], dtype=pl.String)
    text = cells.cast(pl.String, strict=False).rename("v")
    for run, letter in SHAPES if by_pattern else ():
        text = text.str.replace_all(run, letter)
    return text


def pick_rows(codes: Codes, rng: np.random.Generator) -> Codes:
    """At most `MOST_ROWS` rows, the same whatever their order."""
    codes = codes[np.lexsort(codes.T[::-1])] if codes.size else codes
    return codes[rng.permutation(len(codes))[:MOST_ROWS]]
