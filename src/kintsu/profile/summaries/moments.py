"""Four central moments of the finite numbers of a column."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from kintsu.core.batch import Column
from kintsu.profile.packing import pack, unpack
from kintsu.profile.tally import Floats, Ints, Tally, as_tally

__all__ = ["Moments"]


@dataclass(frozen=True)
class Moments:
    """Count, mean and the sums of the second to fourth powers of deviations from the mean.

    Merged pairwise, never from raw power sums, which lose all digits where the mean is large against the spread.
    Numbers above 1e75 in size make the fourth power infinite: it and the third, which may or may not overflow on the
    way there, are then infinite in any order of merging, and `skewness` and `kurtosis` None.

    References
    ----------
    Pébay, Formulas for Robust, One-Pass Parallel Computation of Covariances and Arbitrary-Order Statistical Moments,
    Sandia report SAND2008-6212, 2008.
    """

    name: ClassVar[str] = "moments"
    grade: ClassVar[str] = "close"

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0

    @staticmethod
    def of(x: Floats, n: Ints) -> Moments:
        """Moments of finite numbers `x` with weights `n`."""
        total = int(n.sum())
        if not total:
            return Moments()
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float((x * (n / total)).sum())
            mean = float(np.clip(mean, x[0], x[-1]))  # x is sorted: rounding must not leave its range
            d = x - mean
            mean += float((d * (n / total)).sum())
            d = x - mean
            square = d * d
            return _settled(
                total,
                mean,
                float((square * n).sum()),
                float((square * d * n).sum()),
                float((square * square * n).sum()),
            )

    def add(self, column: Column | Tally) -> Moments:
        return self.merge(Moments.of(*as_tally(column).finite))

    def merge(self, other: Moments) -> Moments:
        if not self.n or not other.n:
            return self if self.n else other
        a, b = self, other
        na, nb = float(a.n), float(b.n)
        n = na + nb
        with np.errstate(over="ignore", invalid="ignore"):
            d = np.float64(b.mean) - np.float64(a.mean)
            d2 = d * d
            m2 = a.m2 + b.m2 + d2 * na * nb / n
            m3 = a.m3 + b.m3 + d * d2 * na * nb * (na - nb) / n**2 + 3 * d * (na * b.m2 - nb * a.m2) / n
            m4 = (
                a.m4
                + b.m4
                + d2 * d2 * na * nb * (na * na - na * nb + nb * nb) / n**3
                + 6 * d2 * (na * na * b.m2 + nb * nb * a.m2) / n**2
                + 4 * d * (na * b.m3 - nb * a.m3) / n
            )
            mean = a.mean * (na / n) + b.mean * (nb / n)
        return _settled(a.n + b.n, float(mean), float(m2), float(m3), float(m4))

    @property
    def std(self) -> float | None:
        """Standard deviation with n - 1; 0 for one number, None for none or where it overflows."""
        if not self.n or not np.isfinite(self.m2):
            return None
        return sqrt(self.m2 / (self.n - 1)) if self.n > 1 else 0.0

    @property
    def skewness(self) -> float | None:
        """Third standardised moment of the population; None where the spread is 0 or a power overflows."""
        with np.errstate(all="ignore"):
            value = np.sqrt(self.n) * self.m3 / np.float64(self.m2) ** 1.5
        return float(value) if np.isfinite(value) else None

    @property
    def kurtosis(self) -> float | None:
        """Fourth standardised moment of the population less 3 (0 for a normal distribution); None as above."""
        with np.errstate(all="ignore"):
            value = self.n * self.m4 / np.float64(self.m2) ** 2 - 3
        return float(value) if np.isfinite(value) else None

    def to_bytes(self) -> bytes:
        return pack(self.name, 1, asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Moments:
        return cls(**unpack(data, cls.name, 1)[0])


def _settled(n: int, mean: float, m2: float, m3: float, m4: float) -> Moments:
    """Moments whose third and fourth power are infinite together."""
    return Moments(n, mean, m2, m3, m4) if np.isfinite(m4) else Moments(n, mean, m2, np.inf, np.inf)
