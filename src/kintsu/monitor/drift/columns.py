"""Whether a column drifted: every measure beside what chance gives at this size, and one p-value a column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from kintsu.monitor.drift.counts import KEY, Counted
from kintsu.monitor.drift.measures import l_infinity, likelihood_ratio, pearson, wasserstein
from kintsu.profile.difference import jensen_shannon, kolmogorov_smirnov, psi

__all__ = ["MEASURES", "MIN_BATCHES", "ColumnDrift", "Size", "column_drift", "holm"]

Floats = npt.NDArray[np.float64]

MEASURES: Final = ("psi", "jensen_shannon", "wasserstein", "kolmogorov_smirnov", "l_infinity", "chi2")
DRAWS: Final = 500  # of both tables from one distribution
MIN_BATCHES: Final = 5  # of a history from which they are compared with each other
DOUBT: Final = 0.01  # p-value of batches that differ by chance only, below which they are taken to differ more


@dataclass(frozen=True)
class Size:
    """One measure: its size, what chance gives at these numbers of cells, how much more it is, and how likely."""

    measure: str
    size: float
    chance: float
    p: float

    @property
    def excess(self) -> float:
        """What is left of the size without chance, at least 0."""
        return max(self.size - self.chance, 0.0)


@dataclass(frozen=True)
class ColumnDrift:
    """How one column differs. `p` is None where nothing can be said: a key, or no cells on one side."""

    column: str
    kind: str
    nulls: tuple[float, float]  # shares
    sizes: tuple[Size, ...]
    p: float | None


def column_drift(counted: Counted, rng: np.random.Generator) -> ColumnDrift:
    """Judge a column of one or several tables of reference and the current one."""
    reference, current = counted.counts[:-1], counted.counts[-1]
    rows, nulls = counted.rows, counted.nulls
    shares = (float(nulls[:-1].sum() / max(rows[:-1].sum(), 1.0)), float(nulls[-1] / max(rows[-1], 1.0)))
    tests = []
    if rows[:-1].sum() and rows[-1]:
        tests.append(_p(np.column_stack([nulls, rows - nulls]), None))
    sizes: tuple[Size, ...] = ()
    if reference.sum() and current.sum() and counted.kind != KEY:
        sizes = _sizes(counted, rng)
        by_chance = next(s.p for s in sizes if s.measure == "chi2")
        tests.append(_p(_pooled(counted.counts), by_chance))
    if counted.kind == KEY:
        return ColumnDrift(counted.column, counted.kind, shares, (), tests[0] if tests else None)
    p = min(1.0, min(tests) * len(tests)) if tests else None
    return ColumnDrift(counted.column, counted.kind, shares, sizes, p)


def _pooled(counts: Floats) -> Floats:
    """Bins with few cells together: they would make the law of chi2 a poor one."""
    current = counts[-1].sum()
    due = counts.sum(0) / max(counts.sum(), 1.0) * current
    small = due < min(5.0, current / 2)
    return np.column_stack([counts[:, ~small], counts[:, small].sum(1)]) if small.any() else counts


def _sizes(counted: Counted, rng: np.random.Generator) -> tuple[Size, ...]:
    reference, current = counted.counts[:-1].sum(0), counted.counts[-1]
    drawn = _drawn(counted.counts, rng)
    out = []
    for name, measure in _measures(counted).items():
        size = float(measure(reference, current))
        chance = measure(*drawn)
        p = (1 + int((chance >= size - 1e-12).sum())) / (1 + len(chance))
        out.append(Size(name, size, float(chance.mean()), p))
    return tuple(out)


def _measures(counted: Counted) -> dict[str, Callable[[Floats, Floats], Floats]]:
    alike = {"psi": psi, "jensen_shannon": jensen_shannon, "chi2": pearson}
    if not counted.is_ordered:
        return {**alike, "l_infinity": l_infinity}

    def moved(a: Floats, b: Floats) -> Floats:
        return wasserstein(a, b, counted.at)

    return {**alike, "wasserstein": moved, "kolmogorov_smirnov": kolmogorov_smirnov}


def _drawn(counts: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Pairs of a reference and a current table that differ by chance only, each of shape (draws, bins).

    Of a history, the current one is drawn from one of its batches, and the reference from the others: how much batches
    differ from each other is chance too.
    """
    n, m = int(counts[:-1].sum()), int(counts[-1].sum())
    if len(counts) - 1 < MIN_BATCHES:
        share = counts.sum(0) / counts.sum()
        return rng.multinomial(n, share, DRAWS).astype(float), rng.multinomial(m, share, DRAWS).astype(float)
    batches = counts[:-1][counts[:-1].sum(1) > 0]
    which = rng.integers(0, len(batches), DRAWS)
    others = batches.sum(0) - batches[which]
    shares = others / np.maximum(others.sum(1, keepdims=True), 1.0)
    left = shares if len(batches) > 1 else batches[which] / batches[which].sum(1, keepdims=True)
    own = batches[which] / batches[which].sum(1, keepdims=True)
    return rng.multinomial(n, left).astype(float), rng.multinomial(m, own).astype(float)


def _p(counts: Floats, by_chance: float | None) -> float:
    """p-value of the last row of counts against the others, by the chi2 of likelihood ratios.

    Deeper than resampling can tell, which rules where it can (`by_chance`). Where the batches of a history differ from
    each other by more than chance, the current one has to differ by more than they do.
    """
    counts = counts[:, counts.sum(0) > 0]
    k = counts.shape[1] - 1
    if k < 1:
        return 1.0
    total = counts[:-1].sum(0)
    statistic = float(likelihood_ratio(counts[-1], total))
    p = float(special.chdtrc(k, statistic))
    if len(counts) - 1 >= MIN_BATCHES:
        batches = counts[:-1][counts[:-1].sum(1) > 0]
        past = likelihood_ratio(batches, total - batches)
        mean = float(past.mean()) / k
        if special.chdtrc(k * len(past), float(past.sum())) < DOUBT:
            return float(special.fdtrc(k, k * len(past), statistic / (mean * k)))
        return p
    return p if by_chance is None or by_chance <= 5 / DRAWS else max(p, by_chance)


def holm(p: list[float | None]) -> list[float | None]:
    """p-values that hold for all tests together: below a level, at most that share of tables has one by chance.

    References
    ----------
    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.

    Examples
    --------
    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    known = sorted((value, i) for i, value in enumerate(p) if value is not None)
    out: list[float | None] = [None] * len(p)
    least = 0.0
    for place, (value, i) in enumerate(known):
        least = max(least, min(value * (len(known) - place), 1.0))
        out[i] = least
    return out
