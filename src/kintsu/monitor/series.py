"""Many statistics over the same batches at once: the forecast of each for the next batch, and how far it has erred.

Every statistic chooses its own forecast by what would have erred least in its past, so that a steady share is held
against its mean, a temperature against yesterday, a running number against its drift and a shop against its weekday.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Forecast", "forecast"]

Floats = npt.NDArray[np.float64]

RECENT: Final = 5  # batches of the short mean
WEIGHT: Final = 0.4  # of the newest batch in the smoothed mean
STEADY: Final = 0.8  # errors of the plain mean count this much: it is the safer one where two are alike
WEEKS: Final = 4  # batches of the same weekday that are averaged
MIN_WEEKDAY: Final = 15  # batches from which weekdays are compared


@dataclass(frozen=True, eq=False)
class Forecast:
    """Of each statistic, shape (statistics,): the value that is expected next, and the errors of such forecasts before.

    NaN where a statistic was never seen.
    """

    expected: Floats
    deviation: Floats  # root mean square error, widened for the error of the mean itself
    worst: Floats  # largest error
    weekly: Floats | None = None  # what is expected on each day of the week, shape (7, statistics)

    def on(self, weekday: int | None) -> Forecast:
        """The forecast for a batch of this day of the week, 0 to 6; that of the day after the last one where None."""
        if self.weekly is None or weekday is None:
            return self
        return replace(self, expected=self.weekly[weekday])


def forecast(x: Floats, weekdays: Sequence[int] | None) -> Forecast:
    """Forecast the next row of `x`, shape (batches, statistics), NaN where a batch lacks a statistic.

    `weekdays` are those of the batches, 0 to 6, where they come by day.
    """
    n = len(x)
    known = np.isfinite(x)
    seen = known.sum(0)
    zeroed = np.where(known, x, 0.0)
    mean = np.cumsum(zeroed, 0) / np.maximum(np.cumsum(known, 0), 1)
    filled = _filled(x, known)
    first = min(max(4, n // 5), n - 1)  # earlier forecasts know too little
    ways = [_rolling(filled), filled, _smoothed(filled), _drifting(filled)]
    by_day = weekdays is not None and n >= MIN_WEEKDAY and len(set(weekdays)) > 1
    if weekdays is not None and by_day:
        ways.append(_weekday(filled, np.array([*weekdays, (weekdays[-1] + 1) % 7])))
    # the mean of a steady statistic is better known than its early forecasts were: leave each batch out instead
    errors = [(x - mean[-1]) * n / max(n - 1, 1), *(_later(x[first:] - way[first - 1 : -1], n) for way in ways)]
    squares = np.array([_mean_square(error) for error in errors])
    judged = np.array([_mean_square(error[first:]) for error in errors])
    judged[0] *= STEADY
    best = np.argmin(np.where(np.isfinite(judged), judged, np.inf), 0)
    at = np.arange(x.shape[1])
    expected = np.array([mean[-1], *(way[-1] for way in ways)])[best, at]
    expected = np.where(seen > 0, expected, np.nan)
    weekly = None
    if weekdays is not None and by_day:
        weekly = np.where(best == len(ways), _by_weekday(filled, np.array(weekdays)), expected)
    largest = np.array([np.where(np.isfinite(error), np.abs(error), 0.0).max(0) for error in errors])
    return Forecast(
        expected=expected,
        deviation=np.sqrt(squares[best, at] * (1 + 1 / n)),
        worst=largest[best, at],
        weekly=weekly,
    )


def _later(errors: Floats, n: int) -> Floats:
    """Errors with empty rows before, to the length of the history."""
    return np.vstack([np.full((n - len(errors), errors.shape[1]), np.nan), errors])


def _mean_square(errors: Floats) -> Floats:
    known = np.isfinite(errors)
    total = np.where(known, errors, 0.0) ** 2
    return np.asarray(np.where(known.any(0), total.sum(0) / np.maximum(known.sum(0), 1), np.nan))


def _filled(x: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Gaps hold the value before them, leading ones the first value, a statistic without any 0."""
    place = np.where(known, np.arange(len(x))[:, None], -1)
    place = np.maximum.accumulate(place, 0)
    leading = np.where(known.any(0), known.argmax(0), 0)
    place = np.where(place < 0, leading, place)
    return np.asarray(np.nan_to_num(x[place, np.arange(x.shape[1])]))


def _rolling(x: Floats) -> Floats:
    total = np.vstack([np.zeros(x.shape[1]), np.cumsum(x, 0)])
    at = np.arange(1, len(x) + 1)
    low = np.maximum(at - RECENT, 0)
    return np.asarray((total[at] - total[low]) / (at - low)[:, None])


def _smoothed(x: Floats) -> Floats:
    out = x.copy()
    for i in range(1, len(out)):
        out[i] = WEIGHT * x[i] + (1 - WEIGHT) * out[i - 1]
    return out


def _drifting(x: Floats) -> Floats:
    """The last value and the mean step so far."""
    steps = (x - x[0]) / np.maximum(np.arange(len(x)), 1)[:, None]
    return np.asarray(x + steps)


def _weekday(x: Floats, weekdays: npt.NDArray[np.int64]) -> Floats:
    """The mean of the last batches of the weekday that comes next, told at each batch; NaN before there is one.

    Where that of the very next batch has never been seen, the last batch is taken.
    """
    out = np.full_like(x, np.nan)
    for i in range(len(x)):
        same = np.flatnonzero(weekdays[: i + 1] == weekdays[i + 1])[-WEEKS:]
        if len(same):
            out[i] = x[same].mean(0)
    if np.isnan(out[-1]).all():
        out[-1] = x[-1]
    return out


def _by_weekday(x: Floats, weekdays: npt.NDArray[np.int64]) -> Floats:
    """The mean of the last batches of each day of the week, shape (7, statistics); the last batch where it has none."""
    last = [np.flatnonzero(weekdays == day)[-WEEKS:] for day in range(7)]
    return np.array([x[same].mean(0) if len(same) else x[-1] for same in last])
