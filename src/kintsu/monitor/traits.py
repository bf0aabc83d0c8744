"""What the history tells of each column: what its statistics are told in, and what has been seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from kintsu.monitor.calendar import calendar_part
from kintsu.monitor.measure import NUMBER, RANKS, TEXT, TIME, BatchMetrics, ColumnMetrics, quantiles_of
from kintsu.monitor.relations import Relations, relate

__all__ = ["ColumnTraits", "Traits", "cumulative", "shares", "traits"]

Floats = npt.NDArray[np.float64]

COMMON: Final = 30  # values of a column whose shares are watched one by one
FEW_NUMBERS: Final = 12  # distinct numbers in the whole history up to which they are watched like categories


@dataclass(frozen=True, eq=False)
class ColumnTraits:
    """What the history tells of a column.

    Attributes
    ----------
    kinds
        Every kind it has had, the usual one first.
    first_value, first_pattern
        Values and patterns with the batch of the history that held each first.
    centre, width
        Middle and spread of numbers, in which their levels are told; 0 and 1 (hours) for times.
    calendar
        The part of the date that it repeats.
    common, shares
        Values that are watched one by one; their shares in each batch, shape (batches, values).
    edges, cumulative
        Numbers at which cumulative shares are compared; the shares in each batch, shape (batches, edges).
    """

    kinds: tuple[str, ...]
    first_value: Mapping[str, int] = field(default_factory=dict)
    first_pattern: Mapping[str, int] = field(default_factory=dict)
    centre: float = 0.0
    width: float = 1.0
    calendar: str | None = None
    common: tuple[str, ...] = ()
    shares: Floats = field(default_factory=lambda: np.empty((0, 0)))
    edges: Floats = field(default_factory=lambda: np.empty(0))
    cumulative: Floats = field(default_factory=lambda: np.empty((0, 0)))

    @property
    def kind(self) -> str:
        return self.kinds[0]


@dataclass(frozen=True, eq=False)
class Traits:
    """What the history tells of a table's columns."""

    n_batches: int
    columns: Mapping[str, ColumnTraits]
    relations: Relations | None
    contents: Mapping[int, datetime] = field(default_factory=dict)  # hash of the rows -> when the batch was due
    repeats: bool = False  # two batches held the very same rows


def traits(history: Sequence[BatchMetrics]) -> Traits:
    """Learn from past batches, oldest first. The columns are those of the last one."""
    columns = {name: _column(name, history) for name in history[-1].columns}
    kept = set(history[-1].numbers)  # rows are kept of so many columns only
    numbers = [n for n, c in columns.items() if n in kept and c.kind == NUMBER and c.calendar is None and len(c.edges)]
    relations = relate(numbers, [batch.rows_of(numbers) for batch in history])
    dated = [(batch.content, batch.due) for batch in history if batch.rows and batch.due is not None]
    contents = dict(dated)
    return Traits(len(history), columns, relations, contents, repeats=len(contents) < len(dated))


def _column(name: str, history: Sequence[BatchMetrics]) -> ColumnTraits:
    each = [batch.columns.get(name) for batch in history]
    counted = Counter(c.kind for c in each if c is not None and c.filled)
    kinds = tuple(kind for kind, _ in (counted or Counter([history[-1].columns[name].kind])).most_common())
    usual = [c if c is not None and c.filled and c.kind == kinds[0] else None for c in each]
    held = [c for c in usual if c is not None]
    if not held or kinds[0] == TIME:
        return ColumnTraits(kinds)
    if kinds[0] == TEXT:
        common = _common(held, 2 * float(np.mean([c.distinct for c in held])) + 10)
        return ColumnTraits(
            kinds,
            first_value=_first([None if c is None else c.values for c in each]),
            first_pattern=_first([None if c is None else c.patterns for c in each]),
            common=common,
            shares=shares(usual, common),
        )
    part = calendar_part(name, history)
    if part is not None:
        constant = _first([None if c is None else c.values for c in each])
        return ColumnTraits(kinds, calendar=part, first_value=constant if len(constant) == 1 else {})
    common = _common(held, FEW_NUMBERS)
    pooled = np.sort(np.concatenate([c.quantiles for c in held if c.quantiles is not None]))
    low, centre, high = (float(q) for q in quantiles_of(pooled, np.array([0.05, 0.5, 0.95])))
    edges = np.unique(quantiles_of(pooled, np.linspace(0, 1, 21)))
    width = max((high - low) / 3.3, float(pooled.std()) / 10, 1e-9 * abs(centre))  # 3.3: of a normal distribution
    return ColumnTraits(
        kinds,
        centre=centre,
        width=width or 1.0,
        common=common,
        shares=shares(usual, common),
        edges=edges,
        cumulative=cumulative(usual, edges),
    )


def _first(batches: Sequence[Mapping[str, int] | None]) -> dict[str, int]:
    """Each value with the batch that held it first."""
    first: dict[str, int] = {}
    for i, held in enumerate(batches):
        if held:
            first |= dict.fromkeys([value for value in held if value not in first], i)
    return first


def _common(held: Sequence[ColumnMetrics], most: float) -> tuple[str, ...]:
    """The most frequent values of a column that draws from a closed list of at most `most`."""
    total: Counter[str] = Counter()
    for column in held:
        total.update(column.values)
        if len(total) > most:
            return ()
    return tuple(value for value, _ in total.most_common(COMMON))


def shares(batches: Sequence[ColumnMetrics | None], values: Sequence[str]) -> Floats:
    """Share of the filled cells that hold each value, shape (batches, values); NaN where a batch lacks the column."""
    rows = [[np.nan] * len(values) if c is None else [c.values.get(v, 0) / c.filled for v in values] for c in batches]
    return np.array(rows, dtype=np.float64).reshape(len(batches), len(values))


def cumulative(batches: Sequence[ColumnMetrics | None], edges: Floats) -> Floats:
    """Shares of cells at most each edge, halfway through the steps that repeated numbers make; shape (batches, edges).

    NaN where a batch lacks the column.
    """
    out = np.full((len(batches), len(edges)), np.nan)
    held = [i for i, c in enumerate(batches) if c is not None and c.quantiles is not None]
    if not held or not len(edges):
        return out
    q = np.array([c.quantiles for c in batches if c is not None and c.quantiles is not None])
    below = (q[:, None, :] <= edges[:, None]).sum(2)  # quantiles at most each edge
    low = np.clip(below - 1, 0, len(RANKS) - 2)
    at, after = np.take_along_axis(q, low, 1), np.take_along_axis(q, low + 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # beyond the ends, where it is not asked
        between = RANKS[low] + (edges - at) / (after - at) * RANKS[1]
    interpolated = np.where(below == 0, 0.0, np.where(below == len(RANKS), 1.0, between))
    out[held] = (interpolated + below / len(RANKS)) / 2
    return out
