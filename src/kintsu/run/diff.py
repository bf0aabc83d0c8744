"""Cells that differ between two tables, compared by position of the row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from kintsu.core.contracts import ReadOptions, Table
from kintsu.core.errors import UsageError
from kintsu.io.open import open_table

__all__ = ["DIFFERENCES", "Difference", "diff", "differing"]

DIFFERENCES = {"row": pl.Int64, "column": pl.String, "old": pl.String, "new": pl.String}


@dataclass(frozen=True)
class Difference:
    """What differs. `cells` has a line per cell, in order of rows and then of columns; rows beyond the shorter of the
    two tables and columns that only one of them has are told apart and not compared."""

    cells: pl.DataFrame
    rows: tuple[int, int]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not (len(self.cells) or self.only_old or self.only_new or self.rows[0] != self.rows[1])

    def to_dict(self, limit: int | None = None) -> dict[str, Any]:
        """Plain JSON-able values, at most `limit` cells."""
        cells = self.cells if limit is None else self.cells.head(limit)
        return {
            "rows": list(self.rows),
            "only_old": list(self.only_old),
            "only_new": list(self.only_new),
            "differing": len(self.cells),
            "columns": dict(self.cells["column"].value_counts(sort=True).iter_rows()),
            "cells": cells.to_dicts(),
        }


def diff(old: Any, new: Any, *, read: ReadOptions | None = None) -> Difference:
    """Compare two sources cell by cell, as text: "1.0" and "1" differ, and so do null and "".

    Raises
    ------
    UsageError
        They have no column in common.
    """
    return differing(open_table(old, read), open_table(new, read))


def differing(old: Table, new: Table) -> Difference:
    """The same for tables that are open."""
    common = [name for name in old.columns if name in set(new.columns)]
    if not common:
        raise UsageError(f"no column in common: {', '.join(old.columns[:9])} and {', '.join(new.columns[:9])}")
    parts = [_cells(a, b, common) for a, b in _aligned(_texts(old, common), _texts(new, common))]
    cells = pl.concat(parts) if parts else pl.DataFrame(schema=DIFFERENCES)
    only_old = tuple(name for name in old.columns if name not in common)
    only_new = tuple(name for name in new.columns if name not in common)
    return Difference(cells, (old.rows, new.rows), only_old, only_new)


def _texts(table: Table, names: list[str]) -> Iterator[pl.DataFrame]:
    return (batch.texts(names) for batch in table.batches(columns=names))


def _aligned(
    left: Iterator[pl.DataFrame], right: Iterator[pl.DataFrame]
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Pieces of the same rows, however each side cuts its batches; ends with the shorter side."""
    a, b = next(left, None), next(right, None)
    while a is not None and b is not None:
        height = min(len(a), len(b))
        if height:
            yield a.head(height), b.head(height)
        a = a.slice(height) if len(a) > height else next(left, None)
        b = b.slice(height) if len(b) > height else next(right, None)


def _cells(old: pl.DataFrame, new: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    found = []
    for order, name in enumerate(names):
        hit = ~old[name].eq_missing(new[name])
        if hit.any():
            found.append(
                pl.DataFrame(
                    {"row": old["__row"].filter(hit), "old": old[name].filter(hit), "new": new[name].filter(hit)}
                ).with_columns(column=pl.lit(name), order=pl.lit(order))
            )
    if not found:
        return pl.DataFrame(schema=DIFFERENCES)
    return pl.concat(found).sort("row", "order").select(pl.col(name).cast(dtype) for name, dtype in DIFFERENCES.items())
