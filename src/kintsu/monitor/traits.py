"""What the history tells of each column, and the statistics of a batch that are read with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from kintsu.monitor.calendar import calendar_part, expected_parts
from kintsu.monitor.measure import NUMBER, QUANTILES, RANKS, TEXT, TIME, BatchMetrics, ColumnMetrics
from kintsu.monitor.relations import Relations, relate

__all__ = ["Readings", "Traits", "read", "traits"]

Floats = npt.NDArray[np.float64]
Key = tuple[str, str]  # column ("" for the whole batch), statistic

COMMON: Final = 30  # values of a column whose shares are watched one by one
FEW_NUMBERS: Final = 12  # distinct numbers in the whole history up to which they are watched like categories
NEAR: Final = 7  # batches before, to which the distribution is compared beside the whole history
MINUTE: Final = 1 / 60  # hours


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


@dataclass(frozen=True)
class Readings:
    """The statistics of one batch: levels with the variance that one cell gives, and cells out of how many."""

    levels: Mapping[Key, tuple[float, float]]
    counts: Mapping[Key, tuple[float, float]]


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
    held = [batch.columns[name] for batch in history if name in batch.columns]
    counted = Counter(c.kind for c in held if c.filled) or Counter([held[-1].kind])
    kinds = tuple(kind for kind, _ in counted.most_common())
    held = [c for c in held if c.filled and c.kind == kinds[0]]
    if not held:
        return ColumnTraits(kinds)
    usual = [batch.columns.get(name) for batch in history]
    usual = [c if c is not None and c.filled and c.kind == kinds[0] else None for c in usual]
    if kinds[0] == TEXT:
        common = _common(held, 2 * float(np.mean([c.distinct for c in held])) + 10)
        return ColumnTraits(
            kinds,
            first_value=_first(name, history, "values"),
            first_pattern=_first(name, history, "patterns"),
            common=common,
            shares=_stack(usual, len(common), lambda c: _shares(c, common)),
        )
    if kinds[0] == TIME:
        return ColumnTraits(kinds)
    part = calendar_part(name, history)
    if part is not None:
        constant = _first(name, history, "values")
        return ColumnTraits(kinds, calendar=part, first_value=constant if len(constant) == 1 else {})
    common = _common(held, FEW_NUMBERS)
    pooled = np.concatenate([c.quantiles for c in held if c.quantiles is not None])
    low, centre, high = (float(q) for q in np.quantile(pooled, [0.05, 0.5, 0.95]))
    edges = np.unique(np.quantile(pooled, np.linspace(0, 1, 21)))
    width = max((high - low) / 3.3, float(pooled.std()) / 10, 1e-9 * abs(centre))  # 3.3: of a normal distribution
    return ColumnTraits(
        kinds,
        centre=centre,
        width=width or 1.0,
        common=common,
        shares=_stack(usual, len(common), lambda c: _shares(c, common)),
        edges=edges,
        cumulative=_stack(usual, len(edges), lambda c: _cumulative(c, edges)),
    )


def _stack(columns: list[ColumnMetrics | None], width: int, row: Callable[[ColumnMetrics], Floats]) -> Floats:
    """A row for each batch, NaN where it lacks the column."""
    empty = np.full(width, np.nan)
    return np.array([empty if c is None else row(c) for c in columns], dtype=np.float64).reshape(len(columns), width)


def _first(name: str, history: Sequence[BatchMetrics], which: str) -> dict[str, int]:
    first: dict[str, int] = {}
    for i in reversed(range(len(history))):
        if name in history[i].columns:
            first |= dict.fromkeys(getattr(history[i].columns[name], which), i)
    return first


def _common(held: list[ColumnMetrics], most: float) -> tuple[str, ...]:
    """The most frequent values of a column that draws from a closed list of at most `most`."""
    total: Counter[str] = Counter()
    for column in held:
        total.update(column.values)
    return tuple(value for value, _ in total.most_common(COMMON)) if 0 < len(total) <= most else ()


def _shares(column: ColumnMetrics, values: tuple[str, ...]) -> Floats:
    return np.array([column.values.get(value, 0) for value in values], dtype=float) / column.filled


def _cumulative(column: ColumnMetrics, edges: Floats) -> Floats:
    """Shares of cells at most each edge, halfway through the steps that repeated numbers make."""
    q = column.quantiles
    assert q is not None  # every column of numbers with a filled cell has them
    return np.asarray((np.interp(edges, q, RANKS) + np.searchsorted(q, edges, side="right") / len(q)) / 2)


def read(batch: BatchMetrics, known: Traits, place: int | None = None) -> Readings:
    """The statistics of a batch.

    `place` is its own place in the history that `known` comes from: it is then left out of what it is compared with.
    """
    levels: dict[Key, tuple[float, float]] = {("", "rows"): (float(np.log(batch.rows + 1)), 0.0)}
    if batch.due is not None and batch.arrived is not None:
        lateness_h = (batch.arrived - batch.due).total_seconds() / 3600
        levels["", "late"] = (float(np.log(max(lateness_h, 0.0) + MINUTE)), 0.0)
    counts: dict[Key, tuple[float, float]] = {("", "duplicate"): (batch.duplicates, max(batch.rows, 1))}
    for name, column in known.columns.items():
        now = batch.columns.get(name)
        if now is None or (now.filled and now.kind != column.kind):
            continue
        counts[name, "null"] = (now.nulls, max(now.rows, 1))
        if not now.filled:
            continue
        if column.calendar is not None:
            fitting = expected_parts(batch, column.calendar) | column.first_value.keys()
            counts[name, "calendar"] = (sum(n for value, n in now.values.items() if value in fitting), now.filled)
            continue
        counts |= {(name, key): pair for key, pair in _counts(now, column, known.n_batches, place).items()}
        levels |= {(name, key): pair for key, pair in _levels(now, column, place).items()}
    if known.relations is not None:
        rests = known.relations.levels(batch.rows_of(known.relations.names), place=place)
        levels |= {(name, key): pair for (name, key), pair in rests.items() if name in batch.columns}
    return Readings(levels, counts)


def _counts(
    now: ColumnMetrics, column: ColumnTraits, n_batches: int, place: int | None
) -> dict[str, tuple[float, float]]:
    counts: dict[str, tuple[float, float]] = {}
    for key, cells in now.shares.items():
        if key != "distinct" or column.kind != NUMBER:  # numbers repeat by rounding: the share of distinct ones roams
            counts[key] = (cells, now.filled)
    at = n_batches if place is None else place
    if at >= n_batches // 3:  # nearly everything is new in the first batches
        for key, held, first in (
            ("fresh", now.values, column.first_value),
            ("odd", now.patterns, column.first_pattern),
        ):
            if held and first:
                counts[key] = (sum(n for v, n in held.items() if first.get(v, n_batches) >= at), sum(held.values()))
    for value in column.common:
        counts[f"={value}"] = (now.values.get(value, 0), now.filled)
    return counts


def _levels(now: ColumnMetrics, column: ColumnTraits, place: int | None) -> dict[str, tuple[float, float]]:
    levels: dict[str, tuple[float, float]] = {}
    if column.kind != TEXT or not column.common:  # the shares of common values say more than the lengths of them all
        for key, (value, variance) in now.levels.items():
            scaled, cell_variance = _scaled(key, value, variance, column)
            levels[key] = (scaled, cell_variance * now.filled)
    if column.common:
        levels["moved"] = (_distance(_shares(now, column.common), column.shares, now.filled, place, np.sum), 0.0)
    if len(column.edges):
        own = _cumulative(now, column.edges)
        levels["distance"] = (_distance(own, column.cumulative, now.filled, place, np.max), 0.0)
    return levels


def _scaled(statistic: str, value: float, variance: float, column: ColumnTraits) -> tuple[float, float]:
    """A level in spreads of its column; what may lie far away counts by its logarithm."""
    if statistic == "mean" or statistic in QUANTILES:
        return (value - column.centre) / column.width, variance / column.width**2
    if statistic in ("low", "high"):
        return float(np.arcsinh((value - column.centre) / column.width)), variance
    if statistic == "spread":
        return float(np.log(value / column.width + 0.05)), variance
    if statistic in ("shortest", "longest"):
        return float(np.log(value + 1)), variance
    if statistic == "length_spread":
        return float(np.log(value + 0.05)), variance
    return value, variance


def _distance(own: Floats, batches: Floats, cells: int, place: int | None, norm: Callable[[Floats], Floats]) -> float:
    """Log distance to the mean of the other batches, or of those just before, whichever is nearer."""
    others, near = batches, batches[-NEAR:]
    if place is not None:
        others = np.delete(batches, place, 0)
        near = others[max(0, place - NEAR) : max(place, NEAR // 2)]
    chance = max(0.01, 0.5 / cells**0.5)  # two batches of one distribution are about so far apart
    chance = 2 * chance if norm is np.sum else chance
    distances = [
        float(norm(np.abs(own - held.mean(0))))
        for held in (part[~np.isnan(part).any(1)] for part in (others, near))
        if len(held)
    ]
    return float(np.log(min(distances, default=0.0) + chance))
