"""Which columns are empty together."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from kintsu.core.batch import Batch

__all__ = ["missing_together", "missing_with"]

_COLUMNS: Final = 200  # columns with gaps that are looked at together, those with most gaps first
_PATTERNS: Final = 20


def _masks(batch: Batch) -> pl.DataFrame:
    """True where a cell is missing, for the columns that have gaps, most gaps first."""
    columns = [column.is_missing.alias(column.name) for column in batch]
    gapped = [mask for mask in columns if mask.any()]
    return pl.DataFrame(sorted(gapped, key=lambda mask: (-int(mask.sum()), mask.name))[:_COLUMNS])


def missing_together(batch: Batch) -> list[tuple[tuple[str, ...], int]]:
    """(columns that are empty, rows in which exactly these are), most frequent first; at most 20."""
    masks = _masks(batch)
    if not masks.width:
        return []
    names = masks.columns
    counted = masks.group_by(names).agg(pl.len().alias("__rows")).sort("__rows", descending=True, maintain_order=True)
    counted = counted.sort(["__rows", *names], descending=[True, *[False] * len(names)]).head(_PATTERNS)
    return [(tuple(n for n, gone in zip(names, row, strict=False) if gone), row[-1]) for row in counted.iter_rows()]


def missing_with(batch: Batch, *, least: float = 0.3) -> list[tuple[str, str, float]]:
    """(column, column, correlation of their gaps), strongest first; those of at least `least` in size, at most 50."""
    masks = _masks(batch)
    names = [name for name in masks.columns if not masks[name].all()]
    if len(names) < 2:
        return []
    table = np.corrcoef(masks.select(names).to_numpy().astype(np.float64), rowvar=False)
    left, right = np.triu_indices(len(names), 1)
    strength = table[left, right]
    order = np.argsort(-np.abs(strength), kind="stable")[:50]
    return [(names[left[i]], names[right[i]], round(float(strength[i]), 4)) for i in order if abs(strength[i]) >= least]
