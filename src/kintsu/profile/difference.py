"""What differs between two profiles: columns, shares, distributions, patterns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kintsu.profile.table import Profile

__all__ = ["ColumnDifference", "column_difference", "jensen_shannon", "kolmogorov_smirnov", "psi", "psi_noise"]

Floats = npt.NDArray[np.float64]


def _shares(counts: Floats, floor: float) -> Floats:
    share = np.maximum(counts / np.maximum(counts.sum(-1, keepdims=True), 1.0), floor)
    return np.asarray(share / share.sum(-1, keepdims=True))


def psi(reference: Floats, current: Floats, *, floor: float = 1e-4) -> Floats:
    """Population stability index of histograms over the same bins (the last axis): 0 equal, above .25 called a shift.

    `floor` is the share given to an empty bin, so that the logarithm is defined.

    >>> round(float(psi(np.array([50.0, 50.0]), np.array([50.0, 50.0]))), 6)
    0.0
    """
    a, b = _shares(reference, floor), _shares(current, floor)
    return np.asarray(((b - a) * np.log(b / a)).sum(-1))


def psi_noise(bins: int, n: float, m: float) -> float:
    """What PSI is expected to be for two samples of n and m cells from one distribution: (bins - 1)(1/n + 1/m)."""
    return (bins - 1) * (1 / max(n, 1.0) + 1 / max(m, 1.0))


def jensen_shannon(reference: Floats, current: Floats) -> Floats:
    """Jensen-Shannon distance of histograms with base 2: 0 equal, 1 nothing in common."""
    a, b = (counts / np.maximum(counts.sum(-1, keepdims=True), 1.0) for counts in (reference, current))
    middle = (a + b) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(p > 0, p * np.log2(p / middle), 0.0).sum(-1) for p in (a, b)]
    return np.asarray(np.sqrt(np.maximum(0.0, (terms[0] + terms[1]) / 2)))


def kolmogorov_smirnov(reference: Floats, current: Floats) -> Floats:
    """Largest difference of the cumulative shares of histograms over the same ordered bins, in [0, 1]."""
    a, b = (np.cumsum(c, -1) / np.maximum(c.sum(-1, keepdims=True), 1.0) for c in (reference, current))
    return np.asarray(np.abs(a - b).max(-1, initial=0.0))


@dataclass(frozen=True)
class ColumnDifference:
    """How a column differs. Measures are None where there is nothing to compare.

    `psi_noise` is the PSI that two tables of these sizes would show by chance alone.
    """

    column: str
    nulls: tuple[float, float]  # shares
    distinct: tuple[int, int]
    psi: float | None = None
    psi_noise: float | None = None
    js: float | None = None
    ks: float | None = None
    mean: tuple[float | None, float | None] = (None, None)
    patterns_new: list[str] = field(default_factory=list)
    patterns_gone: list[str] = field(default_factory=list)
    values_new: list[str] = field(default_factory=list)
    values_gone: list[str] = field(default_factory=list)


def column_difference(name: str, a: Profile, b: Profile) -> ColumnDifference:
    """The difference of a column that both tables have; numbers by quantile bins of `a`, text by its top values."""
    before, after = a.columns[name], b.columns[name]
    ordered = before.is_numeric and after.is_numeric
    x, y = _bins(name, a, b) if ordered else _top(name, a, b)
    measured: dict[str, float] = {}
    if x.sum() and y.sum():
        measured = {
            "psi": float(psi(x, y)),
            "psi_noise": psi_noise(len(x), float(x.sum()), float(y.sum())),
            "js": float(jensen_shannon(x, y)),
        }
        if ordered:
            measured["ks"] = _ks(name, a, b)
    shape = [_patterns(dict(p.patterns), p.filled) for p in (before, after)]
    values = [{v for v, _ in p.top} if p.distinct <= 100 else set() for p in (before, after)]
    known = before.distinct <= 20 and after.distinct <= 20  # else a value may be there without being listed
    return ColumnDifference(
        column=name,
        nulls=(before.nulls / max(before.rows, 1), after.nulls / max(after.rows, 1)),
        distinct=(before.distinct, after.distinct),
        mean=(before.mean, after.mean),
        patterns_new=sorted(shape[1] - {p for p, _ in before.patterns}),
        patterns_gone=sorted(shape[0] - {p for p, _ in after.patterns}),
        values_new=sorted(values[1] - values[0]) if known else [],
        values_gone=sorted(values[0] - values[1]) if known else [],
        **measured,
    )


def _patterns(patterns: Mapping[str, int], filled: int) -> set[str]:
    """Patterns that hold at least 1 % of the filled cells: rarer ones come and go by chance."""
    return {p for p, cells in patterns.items() if cells >= 0.01 * filled}


def _bins(name: str, a: Profile, b: Profile) -> tuple[Floats, Floats]:
    """Counts in the ten quantile bins of `a`."""
    qa, qb = a.states[name]["quantiles"], b.states[name]["quantiles"]
    edges = np.unique(qa.at(np.linspace(0, 1, 11)[1:-1]))
    counts = []
    for q in (qa, qb):
        ranks = np.concatenate(([0.0], q.rank(edges), [1.0])) if q.n else np.zeros(len(edges) + 2)
        counts.append(np.diff(ranks) * q.n)
    return counts[0], counts[1]


def _ks(name: str, a: Profile, b: Profile) -> float:
    qa, qb = a.states[name]["quantiles"], b.states[name]["quantiles"]
    at = np.unique(np.concatenate([q.at(np.linspace(0, 1, 501)) for q in (qa, qb)]))
    return float(np.abs(qa.rank(at) - qb.rank(at)).max())


def _top(name: str, a: Profile, b: Profile) -> tuple[Floats, Floats]:
    """Counts of the 20 most frequent values of either, and of all others together."""
    counted = [dict(p.states[name]["top"].items(4_096)) for p in (a, b)]
    listed = sorted({v for p in (a, b) for v, _ in p.states[name]["top"].items(20)})
    held = []
    for profile, counts in zip((a, b), counted, strict=True):
        named = [float(counts.get(value, 0)) for value in listed]
        held.append(np.array([*named, max(0.0, profile.columns[name].filled - sum(named))]))
    return held[0], held[1]
