"""Rows of several tables as numbers that trees can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.monitor.drift.counts import CATEGORY, KEY, TEXT

__all__ = ["features"]

Floats = npt.NDArray[np.float64]

MOST_VALUES: Final = 200  # categories with a code of their own


def features(tables: list[pl.DataFrame], kinds: Mapping[str, str]) -> tuple[list[str], list[Floats]]:
    """The columns that rows are judged by, and the rows of each table.

    Numbers and times stay numbers, categories are numbered by how frequent they are in all tables together, free text
    counts by its length. Keys are left out.
    """
    names = [name for name, kind in kinds.items() if kind != KEY]
    columns = [_column([t[name] for t in tables], kinds[name]) for name in names]
    ends = np.cumsum([t.height for t in tables])[:-1]
    x = np.column_stack(columns) if columns else np.empty((sum(t.height for t in tables), 0))
    return names, np.split(x, ends)


def _column(parts: list[pl.Series], kind: str) -> Floats:
    if kind not in (CATEGORY, TEXT):
        x = pl.concat([p.to_physical().cast(pl.Float64) for p in parts]).to_numpy()
        return np.where(np.isfinite(x), x, np.nan)
    text = pl.concat([_text(p) for p in parts]).rename("v")
    if kind == TEXT:
        return text.str.len_chars().cast(pl.Float64).to_numpy()
    listed = text.drop_nulls().value_counts(name="n").sort("n", "v", descending=[True, False])["v"]
    codes = np.minimum(np.arange(len(listed)), MOST_VALUES).astype(float)
    return text.replace_strict(listed, codes, default=None, return_dtype=pl.Float64).to_numpy()


def _text(cells: pl.Series) -> pl.Series:
    if cells.dtype.is_nested() or cells.dtype in (pl.Binary, pl.Object):
        return pl.Series("v", [None if v is None else repr(v) for v in cells.to_list()], dtype=pl.String)
    return cells.cast(pl.String, strict=False).rename("v")
