"""All summaries of one column, and the accumulator that feeds them batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from kintsu.core.batch import Column, as_text
from kintsu.core.errors import MergeError
from kintsu.core.registry import load_all
from kintsu.profile.tally import Tally, own, tally

__all__ = ["ColumnAccumulator", "ColumnState", "ValueTable"]

_PENDING = 65_536  # values waiting before they are grouped again
_FEW = 32_768  # distinct values up to which a column is reduced to its values first; a group-by only costs beyond
VALUES_CAP = 1_000_000  # distinct values of a column that are kept exactly, at the least
VALUES_BYTES = 256 * 2**20  # bytes of one column's values that are kept


@cache
def _classes() -> Mapping[str, Any]:
    """The registered summaries. Plug-ins: hence Any."""
    return load_all("summaries")


@dataclass(frozen=True)
class ColumnState:
    """What is known of a column: its type in the frame, and every registered summary. A monoid, as they are."""

    name: str
    dtype: str
    summaries: Mapping[str, Any]
    decimal_comma: bool = False

    @staticmethod
    def empty(name: str, dtype: str, *, decimal_comma: bool = False) -> ColumnState:
        return ColumnState(name, dtype, {key: cls() for key, cls in _classes().items()}, decimal_comma)

    def __getitem__(self, summary: str) -> Any:
        return self.summaries[summary]

    def add(self, cells: Tally) -> ColumnState:
        """With more cells."""
        added = {key: summary.add(cells) for key, summary in self.summaries.items()}
        return ColumnState(self.name, self.dtype, added, self.decimal_comma)

    def merge(self, other: ColumnState) -> ColumnState:
        """With the cells of another part of the same table; types may differ ("Int64|String")."""
        if self.name != other.name:
            raise MergeError(f"cannot merge column {self.name!r} with column {other.name!r}")
        both = {key: summary.merge(other.summaries[key]) for key, summary in self.summaries.items()}
        dtypes = sorted({*self.dtype.split("|"), *other.dtype.split("|")})
        return ColumnState(self.name, "|".join(dtypes), both, self.decimal_comma)


class ValueTable:
    """The distinct values of a column over all rows with their counts, while they stay below a cap.

    Parts are kept as they come and grouped when somebody asks, since most columns are never asked for.
    """

    def __init__(self) -> None:
        self.parts: list[tuple[pl.Series, Any]] = []
        self.is_exact = True

    def add(self, cells: Tally) -> None:
        if not self.is_exact:
            return
        self.parts.append((cells.values, cells.n))
        if cells.blank is not None:
            self.parts.append(cells.blank)
        if sum(len(values) for values, _ in self.parts) > 2 * VALUES_CAP:
            self.parts = [_sum(self.parts)]
            if len(self.parts[0][0]) > VALUES_CAP:
                self.drop()
        if sum(values.estimated_size() for values, _ in self.parts) > VALUES_BYTES:
            self.parts = [_sum(self.parts)]
            if self.parts[0][0].estimated_size() > VALUES_BYTES // 2:
                self.drop()

    def drop(self) -> None:
        """Too many values to keep."""
        self.parts, self.is_exact = [], False

    def frame(self) -> pl.DataFrame:
        """`value` String, `n` Int64, sorted by value; blank texts are not among them."""
        if not self.parts:
            return pl.DataFrame(schema={"value": pl.String, "n": pl.Int64})
        values, n = _sum(self.parts)
        self.parts = [(values, n)]
        return pl.DataFrame({"value": as_text(values), "n": pl.Series(n, dtype=pl.Int64)}).sort("value")


def _sum(parts: list[tuple[pl.Series, Any]]) -> tuple[pl.Series, Any]:
    """Distinct values of all parts with the sums of their counts."""
    values = pl.concat([v.alias("value") for v, _ in parts])
    n = np.concatenate([np.ones(len(v), np.int64) if w is None else w for v, w in parts])
    grouped = pl.DataFrame({"value": values, "n": n}).group_by("value").agg(pl.col("n").sum())
    return own(grouped["value"]), grouped["n"].to_numpy()


class ColumnAccumulator:
    """Feeds one column's summaries: few values are first reduced to their counts, and only then summarised."""

    def __init__(
        self, name: str, dtype: pl.DataType, *, decimal_comma: bool = False, keep_values: bool = False
    ) -> None:
        self._state = ColumnState.empty(name, str(dtype), decimal_comma=decimal_comma)
        self._pending: list[Tally] = []
        self._group = True
        self.values = ValueTable() if keep_values else None

    def add(self, column: Column) -> None:
        cells = tally(column, group=self._group)
        if self.values is not None:
            self.values.add(cells)
        if self._group and len(cells) <= _FEW:
            self._wait(cells)
        else:
            self._state = self._state.add(cells)
            self._group = len(cells.distinct[0]) <= _FEW

    def _wait(self, cells: Tally) -> None:
        self._pending.append(cells)
        if sum(len(p) for p in self._pending) > _PENDING:
            self._pending = [_together(self._pending)]
            if len(self._pending[0]) > _FEW:
                self._flush()

    def _flush(self) -> None:
        if self._pending:
            self._state = self._state.add(_together(self._pending))
            self._pending = []

    def state(self) -> ColumnState:
        """The summaries of all cells so far."""
        self._flush()
        return self._state


def _together(parts: list[Tally]) -> Tally:
    if len(parts) == 1:
        return parts[0]
    values, n = _sum([(p.values, p.n) for p in parts])
    return Tally(
        values.alias(parts[0].values.name),
        n,
        rows=sum(p.rows for p in parts),
        nulls=sum(p.nulls for p in parts),
        blanks=sum(p.blanks for p in parts),
        decimal_comma=parts[0].decimal_comma,
    )
