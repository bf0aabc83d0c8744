"""The statistics of batches, told in what the history says of their columns: all batches of a history at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from kintsu.monitor.calendar import expected_parts
from kintsu.monitor.measure import NUMBER, QUANTILES, TEXT, BatchMetrics, ColumnMetrics
from kintsu.monitor.traits import ColumnTraits, Traits, cumulative, shares

__all__ = ["Key", "Readings", "Told", "read"]

Floats = npt.NDArray[np.float64]
Key = tuple[str, str]  # column ("" for the whole batch), statistic

NEAR: Final = 7  # batches before, to which the distribution is compared beside the whole history
MINUTE: Final = 1 / 60  # hours
MISSING: Final = (np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Told:
    """Some statistics of several batches: pairs of shape (batches, keys, 2), NaN where a batch lacks one."""

    keys: list[Key]
    pairs: Floats

    @classmethod
    def together(cls, parts: Sequence[Told], n: int) -> Told:
        """The statistics of all parts, of `n` batches, but for those that no batch has."""
        keys = [key for part in parts for key in part.keys]
        pairs = np.concatenate([np.empty((n, 0, 2)), *(part.pairs for part in parts)], axis=1)
        known = np.isfinite(pairs[..., 0]).any(0)
        return cls([keys[i] for i in np.flatnonzero(known)], pairs[:, known])

    def of(self, keys: Sequence[Key]) -> Floats:
        """The pairs of these keys, in their order."""
        place = {key: i for i, key in enumerate(self.keys)}
        at = np.array([place.get(key, -1) for key in keys], dtype=np.int64)
        padded = np.concatenate([self.pairs, np.full((len(self.pairs), 1, 2), np.nan)], axis=1)
        return np.asarray(padded[:, at])  # -1 is the last one


@dataclass(frozen=True, eq=False)
class Readings:
    """The statistics of several batches: levels with the variance that one cell gives, and cells out of how many."""

    levels: Told
    counts: Told


def read(batches: Sequence[BatchMetrics], known: Traits, *, is_history: bool = False) -> Readings:
    """The statistics of batches.

    With `is_history` they are the ones that `known` comes from: each is left out of what it is compared with.
    """
    levels, counts = [_whole_levels(batches)], [_whole_counts(batches)]
    for name, column in known.columns.items():
        each = [batch.columns.get(name) for batch in batches]
        each = [None if c is None or (c.filled and c.kind != column.kind) else c for c in each]
        counts.append(_pairs(name, ["null"], [None if c is None else [(c.nulls, max(c.rows, 1))] for c in each]))
        held = [c if c is not None and c.filled else None for c in each]
        if column.calendar is not None:
            counts.append(_calendar(name, column, column.calendar, held, batches))
            continue
        counts += _counts(name, column, held, known.n_batches, is_history=is_history)
        levels += _levels(name, column, held, is_history=is_history)
    if known.relations is not None:
        rows = [batch.rows_of(known.relations.names) for batch in batches]
        keys, rests = known.relations.levels(rows, is_history=is_history)
        for i, (name, _) in enumerate(keys):
            rests[[name not in batch.columns for batch in batches], i] = np.nan
        levels.append(Told(keys, rests))
    n = len(batches)
    return Readings(Told.together(levels, n), Told.together(counts, n))


def _pairs(name: str, statistics: Sequence[str], rows: Sequence[Sequence[tuple[float, float]] | None]) -> Told:
    empty = [MISSING] * len(statistics)
    pairs = np.array([empty if row is None else row for row in rows], dtype=np.float64)
    return Told([(name, statistic) for statistic in statistics], pairs.reshape(len(rows), len(statistics), 2))


def _whole_levels(batches: Sequence[BatchMetrics]) -> Told:
    return _pairs("", ["rows", "late"], [[(np.log(batch.rows + 1), 0.0), (_late(batch), 0.0)] for batch in batches])


def _late(batch: BatchMetrics) -> float:
    if batch.due is None or batch.arrived is None:
        return np.nan
    return float(np.log(max((batch.arrived - batch.due).total_seconds() / 3600, 0.0) + MINUTE))


def _whole_counts(batches: Sequence[BatchMetrics]) -> Told:
    return _pairs("", ["duplicate"], [[(batch.duplicates, max(batch.rows, 1))] for batch in batches])


def _calendar(
    name: str, column: ColumnTraits, part: str, held: list[ColumnMetrics | None], batches: Sequence[BatchMetrics]
) -> Told:
    """Cells that repeat the part of the date."""
    rows: list[list[tuple[float, float]] | None] = []
    for c, batch in zip(held, batches, strict=True):
        fitting = expected_parts(batch, part) | column.first_value.keys()
        rows.append(None if c is None else [(sum(n for v, n in c.values.items() if v in fitting), c.filled)])
    return _pairs(name, ["calendar"], rows)


def _counts(
    name: str, column: ColumnTraits, held: list[ColumnMetrics | None], n_batches: int, *, is_history: bool
) -> list[Told]:
    statistics = list(dict.fromkeys(s for c in held if c is not None for s in c.shares))
    if column.kind == NUMBER:  # numbers repeat by rounding: the share of distinct ones roams
        statistics = [statistic for statistic in statistics if statistic != "distinct"]
    parts = [
        _pairs(
            name,
            statistics,
            [None if c is None else [(c.shares.get(s, np.nan), c.filled) for s in statistics] for c in held],
        )
    ]
    new: list[list[tuple[float, float]]] = []
    for i, c in enumerate(held):
        at = i if is_history else n_batches
        row = [MISSING, MISSING]
        if c is not None and at >= n_batches // 3:  # nearly everything is new in the first batches
            row = [_fresh(c.values, column.first_value, at), _fresh(c.patterns, column.first_pattern, at)]
        new.append(row)
    parts.append(_pairs(name, ["fresh", "odd"], new))
    if column.common:
        own = column.shares if is_history else shares(held, column.common)
        filled = np.array([[np.nan if c is None else float(c.filled)] for c in held])
        cells = np.stack([np.rint(own * filled), np.broadcast_to(filled, own.shape)], axis=2)
        parts.append(Told([(name, f"={value}") for value in column.common], cells))
    return parts


def _fresh(held: Mapping[str, int], first: Mapping[str, int], at: int) -> tuple[float, float]:
    """Cells whose value was first seen in batch `at`, or never, out of those whose values are known."""
    if not held or not first:
        return MISSING
    return sum(n for value, n in held.items() if first.get(value, at) >= at), sum(held.values())


def _levels(name: str, column: ColumnTraits, held: list[ColumnMetrics | None], *, is_history: bool) -> list[Told]:
    filled = np.array([np.nan if c is None else c.filled for c in held], dtype=np.float64)
    parts = []
    if column.kind != TEXT or not column.common:  # the shares of common values say more than the lengths of them all
        statistics = list(dict.fromkeys(s for c in held if c is not None for s in c.levels))
        rows = [None if c is None else [c.levels.get(s, MISSING) for s in statistics] for c in held]
        told = _pairs(name, statistics, rows)
        for i, statistic in enumerate(statistics):
            value, variance = _scaled(statistic, told.pairs[:, i, 0], told.pairs[:, i, 1], column)
            told.pairs[:, i, 0], told.pairs[:, i, 1] = value, variance * filled
        parts.append(told)
    if column.common:
        own = column.shares if is_history else shares(held, column.common)
        parts.append(_distance(name, "moved", own, column.shares, filled, np.sum, is_history=is_history))
    if len(column.edges):
        own = column.cumulative if is_history else cumulative(held, column.edges)
        parts.append(_distance(name, "distance", own, column.cumulative, filled, np.max, is_history=is_history))
    return parts


def _scaled(statistic: str, value: Floats, variance: Floats, column: ColumnTraits) -> tuple[Floats, Floats]:
    """A level in spreads of its column; what may lie far away counts by its logarithm."""
    if statistic == "mean" or statistic in QUANTILES:
        return (value - column.centre) / column.width, variance / column.width**2
    if statistic in ("low", "high"):
        return np.arcsinh((value - column.centre) / column.width), variance
    if statistic == "spread":
        return np.log(value / column.width + 0.05), variance
    if statistic in ("shortest", "longest"):
        return np.log(value + 1), variance
    if statistic == "length_spread":
        return np.log(value + 0.05), variance
    return value, variance


def _distance(
    name: str,
    statistic: str,
    own: Floats,
    history: Floats,
    filled: Floats,
    norm: Callable[..., Floats],
    *,
    is_history: bool,
) -> Told:
    """Log distance to the mean of the other batches, or of those just before, whichever is nearer."""
    known = np.asarray(~np.isnan(history).any(1))
    held = np.where(known[:, None], history, 0.0)
    far = np.full(len(own), np.inf)
    for weights in _others(len(own), len(history), is_history=is_history):
        n = weights @ known
        mean = (weights @ held) / np.maximum(n, 1)[:, None]
        far = np.fmin(far, np.where(n > 0, norm(np.abs(own - mean), 1), np.inf))
    chance = np.maximum(0.01, 0.5 / np.sqrt(filled))  # two batches of one distribution are about so far apart
    chance = 2 * chance if statistic == "moved" else chance
    told = np.log(np.where(np.isinf(far), 0.0, far) + chance)
    told = np.where(np.isnan(own).any(1), np.nan, told)
    return Told([(name, statistic)], np.stack([told, np.zeros(len(told))], axis=1)[:, None, :])


def _others(n: int, n_history: int, *, is_history: bool) -> tuple[Floats, Floats]:
    """Weights of the batches that each one is compared to: all others, and the last ones before it."""
    if not is_history:
        near = np.arange(n_history) >= n_history - NEAR
        return np.ones((n, n_history)), np.broadcast_to(near.astype(float), (n, n_history))
    place, other = np.arange(n)[:, None], np.arange(n)
    later = other - (other > place)  # its place among the others
    near = (later >= place - NEAR) & (later < np.maximum(place, NEAR // 2)) & (other != place)
    return (other != place).astype(float), near.astype(float)
