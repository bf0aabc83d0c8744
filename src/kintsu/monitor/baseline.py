"""What is normal for a table's batches, and how unlikely a batch is against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from kintsu.monitor.measure import QUANTILES, BatchMetrics
from kintsu.monitor.readings import Key, Readings, read
from kintsu.monitor.series import Forecast, forecast
from kintsu.monitor.statistics import MINUS_LOG10_P, ONE_SIDED, family
from kintsu.monitor.traits import Traits, traits

__all__ = ["Baseline", "Surprise", "learn"]

Floats = npt.NDArray[np.float64]

FLOOR: Final = 0.02  # no level is forecast better than this: hundredths of a column's spread, of the rows
FAR_FLOOR: Final = 0.1  # nor a distance better than by a tenth
TAIL: Final = 2.7  # an error as large as the largest one so far is at most this many deviations
RARE: Final = 10  # expected cells below which a share is judged as a rare event
LEAST_P: Final = 1e-300
UNSEEN: Final = {
    "fresh": 0.05,
    "odd": 0.05,
}  # cells that a closed list is taken to have missed so far; else half a cell
WORTH_TELLING: Final = 0.5  # probability below which a deviation is told at all


@dataclass(frozen=True)
class Surprise:
    """A statistic that is not as expected.

    Attributes
    ----------
    strength
        -log10 of the probability that any statistic of its family is so far off by chance, over the family's
        threshold: from 1 on it alarms.
    z
        How far off it is, in deviations of its forecast.
    expected, found, width
        On the statistic's own scale (see `traits`): shares, log rows, spreads of the column. `width` is one deviation.
    """

    column: str  # "" for the whole batch
    statistic: str
    strength: float
    z: float
    expected: float
    found: float
    width: float

    @property
    def family(self) -> str:
        return family(self.statistic)

    @property
    def is_loud(self) -> bool:
        return self.strength > 1


@dataclass(frozen=True, eq=False)
class Baseline:
    """What is normal: the traits of the columns, and a forecast of every statistic."""

    known: Traits
    level_keys: list[Key]
    levels: Forecast
    level_variance: Floats  # that one cell gives
    count_keys: list[Key]
    shares: Forecast
    share: Floats  # over the whole history
    cells: Floats  # over the whole history
    overdispersion: Floats  # variance of a share over that of independent cells, at least 1

    def on(self, day: datetime | None) -> Baseline:
        """The baseline for a batch of this day: the day before it may be missing from the history."""
        weekday = None if day is None else day.weekday()
        return replace(self, levels=self.levels.on(weekday), shares=self.shares.on(weekday))

    @property
    def expected_rows(self) -> float:
        return float(np.exp(self.levels.expected[self.level_keys.index(("", "rows"))]) - 1)

    def surprises(self, batch: BatchMetrics) -> list[Surprise]:
        """The statistics that are off, the most surprising first."""
        readings = read([batch], self.known)
        size = Counter(family(statistic) for _, statistic in (*readings.levels.keys, *readings.counts.keys))
        found = [*self._levels(readings, batch, size), *self._shares(readings, size)]
        return sorted(found, key=lambda s: (-s.strength, s.column, s.statistic))

    def _levels(self, readings: Readings, batch: BatchMetrics, size: Mapping[str, int]) -> list[Surprise]:
        x = readings.levels.of(self.level_keys)[0, :, 0]
        filled = {name: max(column.filled, 1) for name, column in batch.columns.items()}
        cells = np.array([filled.get(name, 1) for name, _ in self.level_keys], dtype=float)
        n = self.known.n_batches
        chance = np.sqrt(self.level_variance / cells * (1 + 1 / n))
        floor = np.array([FAR_FLOOR if s in ("distance", "moved") else FLOOR for _, s in self.level_keys])
        width = np.maximum.reduce([np.nan_to_num(self.levels.deviation), chance, self.levels.worst / TAIL, floor])
        z = (x - self.levels.expected) / width
        return _told(self.level_keys, _log10_p(z, n), z, self.levels.expected, x, width, size)

    def _shares(self, readings: Readings, size: Mapping[str, int]) -> list[Surprise]:
        k, m = readings.counts.of(self.count_keys)[0].T
        p, over = self.share, self.overdispersion
        chance = np.sqrt(p * (1 - p) * over * (1 / m + 1 / self.cells))
        width = np.maximum.reduce([np.nan_to_num(self.shares.deviation), chance, self.shares.worst / TAIL])
        width = np.maximum(width, 1e-9)
        z = (k / m - self.shares.expected) / width
        log10_p = _log10_p(z, self.known.n_batches)
        # a rare event: the predictive distribution of a Poisson rate with a gamma posterior is a negative binomial
        before, now = self.cells / over, m / over
        at_least = special.betainc(np.maximum(k / over, 1e-9), p * before, now / (before + now))
        rare = (p * now < RARE) & (k > 0)
        up = np.log10(np.maximum(at_least, LEAST_P))
        log10_p = np.where(rare, np.where(k / m > p, up, 0.0), log10_p)
        return _told(self.count_keys, log10_p, z, self.shares.expected, k / m, width, size)


def _log10_p(z: Floats, n: int) -> Floats:
    """Two-sided, by Student's t: the deviation is known from n batches only."""
    with np.errstate(divide="ignore"):  # beyond what a float can hold it is -inf
        one_sided = np.log(special.stdtr(max(n - 2, 1), -np.abs(z)))
    return np.asarray((one_sided + np.log(2)) / np.log(10))


def _told(
    keys: list[Key], log10_p: Floats, z: Floats, expected: Floats, found: Floats, width: Floats, size: Mapping[str, int]
) -> list[Surprise]:
    out = []
    log10_p = np.maximum(log10_p, np.log10(LEAST_P))
    for i in np.flatnonzero(np.isfinite(found) & np.isfinite(expected) & (log10_p < np.log10(WORTH_TELLING))):
        column, statistic = keys[i]
        one_sided = statistic in ONE_SIDED
        if one_sided and z[i] < 0:
            continue
        kin = family(statistic)
        by_chance = float(log10_p[i]) - np.log10(2) * one_sided + np.log10(size[kin])
        strength = float(-by_chance / MINUS_LOG10_P[kin])
        out.append(
            Surprise(column, statistic, strength, float(z[i]), float(expected[i]), float(found[i]), float(width[i]))
        )
    return out


def learn(history: Sequence[BatchMetrics]) -> Baseline:
    """Learn what is normal from past batches, oldest first; at least one."""
    known = traits(history)
    readings = read(history, known, is_history=True)
    days = [batch.day for batch in history]
    weekdays = [day.weekday() for day in days if day is not None]
    by_day = weekdays if len(weekdays) == len(days) else None
    level_keys, levels = readings.levels.keys, readings.levels.pairs
    expected = forecast(levels[..., 0], by_day)
    still = _still_quantiles(history)
    stuck = np.array([key in still for key in level_keys], dtype=bool)
    count_keys, counts = readings.counts.keys, readings.counts.pairs
    share, cells, over = _pooled(counts, count_keys)
    return Baseline(
        known=known,
        level_keys=level_keys,
        levels=replace(
            expected,
            expected=np.where(stuck, np.nan, expected.expected),
            weekly=None if expected.weekly is None else np.where(stuck, np.nan, expected.weekly),
        ),
        level_variance=_median(levels[..., 1]),
        count_keys=count_keys,
        shares=forecast(_share(counts), by_day),
        share=share,
        cells=cells,
        overdispersion=over,
    )


def _still_quantiles(history: Sequence[BatchMetrics]) -> set[Key]:
    """Quantiles that have sat on one value in every batch: many cells have it, and how many they are tells more."""
    held: dict[str, list[Floats]] = {}
    for batch in history:
        for name, column in batch.columns.items():
            if column.quantiles is not None:
                held.setdefault(name, []).append(column.quantiles)
    still: set[Key] = set()
    for name, rows in held.items():
        spread = np.ptp(np.array(rows), 0)
        for statistic, rank in QUANTILES.items():
            at = rank * (len(spread) - 1)
            if spread[int(at)] == 0 and spread[int(np.ceil(at))] == 0:
                still.add((name, statistic))
    return still


def _share(counts: Floats) -> Floats:
    return np.asarray(counts[..., 0] / counts[..., 1])


def _median(x: Floats) -> Floats:
    """Median over batches, 0 where there is none."""
    ordered = np.sort(x, 0)  # NaN last
    n = np.isfinite(x).sum(0)
    middle = np.maximum(n - 1, 0) // 2
    return np.asarray(np.nan_to_num(ordered[middle, np.arange(x.shape[1])]))


def _pooled(counts: Floats, keys: list[Key]) -> tuple[Floats, Floats, Floats]:
    """Share, cells and overdispersion of each count over the whole history."""
    k, m = np.nan_to_num(counts[..., 0]), np.nan_to_num(counts[..., 1])
    prior = np.array([UNSEEN.get(statistic, 0.5) for _, statistic in keys])
    cells = np.maximum(m.sum(0), 1.0)
    share = (k.sum(0) + prior) / (cells + 2 * prior)
    known = m > 0
    off = np.where(known, (k - m * share) ** 2 / np.maximum(m * share * (1 - share), 1e-12), 0.0)
    over = np.maximum(off.sum(0) / np.maximum(known.sum(0) - 1, 1), 1.0)
    for name in {column for column, statistic in keys if statistic.startswith("=")}:
        # cells of a batch that stick together do so for every value of the column
        mine = np.array([column == name and statistic.startswith("=") for column, statistic in keys])
        weight = np.sqrt(k.sum(0)[mine] + 1)
        over[mine] = np.maximum(over[mine], (over[mine] * weight).sum() / weight.sum())
    return share, cells, over
