"""Quantiles and the histogram of the finite numbers of a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from kintsu.core.batch import Column
from kintsu.core.errors import MergeError
from kintsu.profile.packing import pack, unpack
from kintsu.profile.tally import Floats, Ints, Tally, as_tally, runs

__all__ = ["Quantiles"]

_SIGN = np.int64(-(2**63))


def _keys(x: Floats) -> Ints:
    """Integers in the order of the floats: the bits, with those of negative numbers turned round."""
    bits = (x + 0.0).view(np.int64)
    return np.where(bits < 0, ~bits ^ _SIGN, bits)


def _floats(keys: Ints) -> Floats:
    return np.where(keys < 0, ~(keys ^ _SIGN), keys).view(np.float64)


@dataclass(frozen=True, eq=False)
class Quantiles:
    """A histogram whose bins are runs of neighbouring floats, as fine as `bins` occupied bins allow.

    While there are at most `bins` distinct numbers every bin holds one of them and quantiles are exact. Then the last
    bit of the floats is dropped, and the next, until they fit: how many depends on the set of numbers only, so the
    state is the same in any order and any split of the rows. The rank error of a quantile is at most half the share
    of the bin that holds it (`rank_error`); bins narrow towards zero as floats do, so skewed columns keep their tail
    in proportion.

    References
    ----------
    The fixed log-histogram of the HdrHistogram family; dropping bits to a size is the uniform collapse of Epicoco et
    al., UDDSketch, arXiv:2004.08604, 2020, on the bits of the float in place of a logarithm.
    """

    name: ClassVar[str] = "quantiles"
    grade: ClassVar[str] = "exact"  # of merging; the quantiles are bounded

    bins: int = 16_384
    shift: int = 0  # low bits dropped
    keys: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # sorted, in units of 2 ** shift
    counts: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    def _coarser(self, shift: int) -> Quantiles:
        if shift == self.shift:
            return self
        keys, counts = runs(self.keys >> np.int64(shift - self.shift), self.counts)
        return Quantiles(self.bins, shift, keys, counts)

    def _fitted(self) -> Quantiles:
        """The finest state of at most `bins` bins: the fewest bits dropped, found by bisection."""
        if len(self.keys) <= self.bins:
            return self
        low, high = self.shift, 63
        while high - low > 1:
            middle = (low + high) // 2
            keys = self.keys >> np.int64(middle - self.shift)
            fits = 1 + np.count_nonzero(keys[1:] != keys[:-1]) <= self.bins
            low, high = (low, middle) if fits else (middle, high)
        return self._coarser(high)

    def add(self, column: Column | Tally) -> Quantiles:
        x, n = as_tally(column).finite
        keys, counts = runs(_keys(x) >> np.int64(self.shift), n)
        return self.merge(Quantiles(self.bins, self.shift, keys, counts))

    def merge(self, other: Quantiles) -> Quantiles:
        if self.bins != other.bins:
            raise MergeError(f"cannot merge quantiles of {self.bins} bins with {other.bins} bins")
        shift = max(self.shift, other.shift)
        a, b = self._coarser(shift), other._coarser(shift)
        if not len(a.keys) or not len(b.keys):
            return (a if len(a.keys) else b)._fitted()
        keys = np.concatenate((a.keys, b.keys))
        order = np.argsort(keys, kind="stable")
        return Quantiles(self.bins, shift, *runs(keys[order], np.concatenate((a.counts, b.counts))[order]))._fitted()

    def edges(self) -> tuple[Floats, Floats]:
        """Smallest and largest number that fall into each bin."""
        low = self.keys << np.int64(self.shift)
        high = low | np.int64((1 << self.shift) - 1)
        most = np.finfo(np.float64).max  # the bin of the largest floats would reach into infinity
        return np.nan_to_num(_floats(low), nan=-most, neginf=-most), np.nan_to_num(_floats(high), nan=most, posinf=most)

    @property
    def rank_error(self) -> float:
        """Largest possible error of a quantile's rank, as a share of all numbers; 0 while quantiles are exact."""
        return 0.0 if not self.shift or not self.n else float(self.counts.max()) / self.n / 2

    def at(self, levels: Sequence[float] | Floats) -> Floats:
        """Quantiles at levels in [0, 1], linear within a bin; NaN for the empty summary.

        While exact they are the values at rank ``level * (n - 1)``, rounded half to even, as no value is invented.
        """
        if not self.n:
            return np.full(len(levels), np.nan)
        low, high = self.edges()
        rank = np.asarray(levels, dtype=float) * (self.n - 1)
        if not self.shift:
            rank = np.round(rank)
        after = np.cumsum(self.counts)
        index = np.minimum(np.searchsorted(after, rank, side="right"), len(after) - 1)
        inside = (rank - (after[index] - self.counts[index]) + 0.5) / self.counts[index]
        with np.errstate(over="ignore", invalid="ignore"):
            value = low[index] * (1 - inside) + high[index] * inside
        return np.where(low[index] == high[index], low[index], np.clip(value, low[index], high[index]))

    def rank(self, values: Floats) -> Floats:
        """Share of numbers at or below each value (half of the bin that holds it, where bins are wide)."""
        if not self.n:
            return np.full(len(values), np.nan)
        low, high = self.edges()
        after = np.concatenate(([0], np.cumsum(self.counts)))
        whole = np.searchsorted(high, values, side="right")  # bins that end at or below the value
        share = after[whole].astype(float)
        inside = np.minimum(whole, len(low) - 1)
        partly = (whole < len(low)) & (low[inside] <= values)
        return np.asarray((share + np.where(partly, self.counts[inside] / 2, 0.0)) / self.n)

    def histogram(self, bins: int = 40) -> list[tuple[float, float, int]]:
        """(from, to, cells) of equal widths between the .5 % and 99.5 % quantiles; the outer two hold the tails too."""
        if not self.n:
            return []
        start, end = (float(v) for v in self.at([0.005, 0.995]))
        middle = self._middles()
        if start == end:
            return [(start, end, self.n)]
        with np.errstate(over="ignore", invalid="ignore"):
            edges = np.linspace(start, end, bins + 1)
        if not np.isfinite(edges).all():
            return [(start, end, self.n)]
        place = np.clip(np.searchsorted(edges, middle, side="right") - 1, 0, bins - 1)
        held = np.bincount(place, weights=self.counts, minlength=bins)
        return [(float(edges[i]), float(edges[i + 1]), int(held[i])) for i in range(bins)]

    def _middles(self) -> Floats:
        low, high = self.edges()
        return low / 2 + high / 2

    def to_bytes(self) -> bytes:
        facts: dict[str, Any] = {"bins": self.bins, "shift": self.shift}
        return pack(self.name, 1, facts, {"keys": self.keys, "counts": self.counts})

    @classmethod
    def from_bytes(cls, data: bytes) -> Quantiles:
        facts, arrays = unpack(data, cls.name, 1)
        return cls(facts["bins"], facts["shift"], arrays["keys"], arrays["counts"])
