"""From past errors to a range: conformal quantiles, stretched where the history is too short for them."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import special

__all__ = ["confidence", "reach"]

FEWEST: Final = 4
TAIL: Final = 6.0
"""Degrees of freedom of the tail beyond the largest error seen: heavier than normal, as counts are."""
FAULTS: Final = 0.01
"""Share of days on which something is wrong, before the count is looked at."""
FAULT_WIDTH: Final = 8.0
"""Faults are taken to be spread evenly over factors from e^-4 to e^4."""


def reach(errors: np.ndarray, share: float) -> tuple[float, float]:
    """How far below and above its forecast a count may come, in deviations; `share` of ordinary days lie outside.

    A conformal quantile on each side: of n past errors the k-th largest bounds the next one with probability
    1 - k / (n + 1). Where n is too small for that, the largest is stretched by a Student tail.
    """
    n = len(errors)
    if n < FEWEST:
        usual = float(special.stdtrit(FEWEST, 1 - share / 2))
        return usual, usual
    low, high = _side(-errors, share / 2), _side(errors, share / 2)
    # Short histories know one side no better than the other.
    both = _side(np.abs(errors), share)
    weight = min(n / 200, 1)
    return weight * low + (1 - weight) * max(both, low), weight * high + (1 - weight) * max(both, high)


def _side(errors: np.ndarray, share: float) -> float:
    n = len(errors)
    place = share * (n + 1)
    if place >= 1:
        at = n - place
        ordered = np.sort(errors)
        value = float(np.interp(at, np.arange(n), ordered))
    else:
        stretch = special.stdtrit(TAIL, 1 - share) / special.stdtrit(TAIL, 1 - 1 / (n + 1))
        value = float(errors.max() * stretch)
    # A side on which little ever happened is no wall.
    return max(value, 2.0)


def confidence(z: float, sd: float, edge: float) -> float:
    """Probability that a count `z` deviations off, in units of `sd`, is a fault rather than an ordinary day.

    Bayes' rule with one fault in a hundred days, faults of any size alike, and a Student tail for ordinary days whose
    width is set by `edge`, the deviations that one ordinary day in some hundreds exceeds.
    """
    from scipy.stats import t as student  # seldom needed, and slow to import

    scale = max(edge / 3.0, 1e-6)
    ordinary = float(student.pdf(z / scale, TAIL)) / (scale * max(sd, 1e-6))
    fault = FAULTS / FAULT_WIDTH
    return fault / (fault + (1 - FAULTS) * ordinary)
