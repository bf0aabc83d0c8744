"""A model of one table's counts: what to expect on a day, and whether what came is odd."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import polars as pl

from kintsu.core.errors import UsageError
from kintsu.monitor.forecast.band import confidence, reach
from kintsu.monitor.forecast.engines import ENGINES, Forecaster, forecaster
from kintsu.monitor.forecast.holidays import check_country
from kintsu.monitor.forecast.series import Series, moment, regular
from kintsu.monitor.forecast.special import special
from kintsu.monitor.forecast.structure import Structure, fit_structure, noise

__all__ = ["METHODS", "VolumeForecast", "VolumeModel"]

METHODS: Final = ("auto", *ENGINES)
SHARE: Final = 0.005
"""Share of ordinary days that may lie outside the range."""
REFIT: Final = 7
"""Slots after which the effects are chosen anew."""
LEARNING: Final = 4
"""Counts below which there is no range."""


@dataclass(frozen=True)
class VolumeForecast:
    """What was to be expected, and what to make of what came.

    Where days without any row are usual among days with many, `expected_range` is that of the days with rows, and a
    count of zero is no anomaly either.

    `expected_range` holds the smallest and largest ordinary count, both included; None while nothing is known.
    `severity` is the share of the expected rows that is missing, or the share of those that came which is surplus, in
    [0, 1]; 0 inside the range. `confidence` is the probability that the count is a fault. `state` is "learning" until
    there are four counts, then "short" until eight weeks (or 30 slots of another length), then "ready".
    """

    at: date | datetime
    expected_range: tuple[int, int] | None
    expected: float | None
    is_anomaly: bool
    severity: float
    confidence: float
    message: str
    state: str
    count: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of this forecast."""
        return {
            "at": self.at.isoformat(),
            "count": self.count,
            "expected_range": list(self.expected_range) if self.expected_range else None,
            "expected": None if self.expected is None else round(self.expected, 2),
            "is_anomaly": self.is_anomaly,
            "severity": round(self.severity, 4),
            "confidence": round(self.confidence, 4),
            "state": self.state,
            "message": self.message,
        }


@dataclass(frozen=True)
class VolumeModel:
    """Counts of one table, fitted. `fit` makes a model, `extend` that of a longer history, `judge` asks it.

    `method` is "auto" (our own, needs no extra), "weekday" (mean of the same weekday of the last eight weeks), "mstl",
    "autoets", "autoarima" (statsforecast) or "prophet". All share the clock, the calendar, the treatment of odd days
    and the range. `country` names the calendar of public holidays; without it the one that explains the history is
    taken, if any does and the package `holidays` is installed.
    """

    series: Series
    like: pl.Series
    """Empty, of the type of the dates."""
    method: str
    country: str | None
    structure: Structure | None
    engine: Forecaster | None
    chosen_at: int
    """Last slot of the history in which the effects were chosen."""

    @classmethod
    def fit(cls, history: Any, *, method: str = "auto", country: str | None = None, before: Any = None) -> VolumeModel:
        """Fit the history [date, count], a frame or what polars makes one of; only the part before `before` if
        given."""
        if method not in METHODS:
            raise UsageError(f"unknown method {method!r}, expected one of {', '.join(METHODS)}")
        country = check_country(country) if country else None
        series, like = regular(history, before)
        return cls._fit(series, like, method, country, None)

    @classmethod
    def _fit(
        cls, series: Series, like: pl.Series, method: str, country: str | None, old: VolumeModel | None
    ) -> VolumeModel:
        if series.n_seen < LEARNING:
            return cls(series, like, method, country, None, None, 0)
        last = int(series.slots[-1])
        if old is not None and old.structure is not None:
            structure = fit_structure(series, country, old.structure)
            # Fits of the other engines are dear: they look further ahead until the next choice.
            kept = structure if method == "auto" else old.engine
            return cls(series, like, method, country, structure, kept, old.chosen_at)
        structure = fit_structure(series, country)
        return cls(series, like, method, country, structure, forecaster(method, structure), last)

    def extend(self, history: Any, *, before: Any = None) -> VolumeModel:
        """The model of a longer history of the same table. Effects are chosen anew every seven slots only."""
        series, like = regular(history, before)
        same = (
            self.structure is not None
            and series.n_seen > 0
            and series.clock == self.series.clock
            and 0 <= series.slots[-1] - self.chosen_at < max(REFIT, series.clock.period)
        )
        return self._fit(series, like, self.method, self.country, self if same else None)

    def judge(self, at: Any, count: float | None = None) -> VolumeForecast:
        """The range of a slot after the history and, with its count, the verdict.

        Raises
        ------
        UsageError
            `at` is no date, or lies in the history: a day is not judged by itself.
        """
        day = moment(at, self.like)
        slot, shown = int(self.series.clock.slot(day)[0]), day[0]
        if self.series.clock.unit != "short":
            shown = shown.date() if isinstance(shown, datetime) else shown
        if count is not None and not (np.isfinite(count) and count >= 0):
            raise UsageError(f"the count is {count!r}, expected zero or more")
        if self.structure is None or self.engine is None:
            told = f"learning: {self.series.n_seen} counts before {shown}, a range needs {LEARNING}"
            return VolumeForecast(shown, None, None, False, 0.0, 0.0, told, "learning", count)
        if slot <= self.series.slots[-1]:
            raise UsageError(f"{shown} lies in the history of this model; fit it with the rows before that")
        middle, sd = (float(part[-1]) for part in self.engine.forecast(self.engine.series.until(slot)))
        day_of = special(self.structure, slot)
        sd = float(np.sqrt(sd**2 + day_of.doubt**2))
        below, above = reach(self.engine.errors, SHARE)
        width = np.sqrt(sd**2 + float(noise(np.expm1(min(max(middle, 0.0), 40.0)))))
        low, high = middle + day_of.low - below * width, middle + day_of.high + above * width
        bounds = (max(int(np.ceil(_rows(low) - 0.5)), 0), int(np.floor(_rows(high) + 0.5)))
        state, expected = self._state(), max(_rows(middle), 0.0)
        ordinary = count is None or bounds[0] <= count <= bounds[1] or (count == 0 and self.structure.may_be_empty)
        odd = not ordinary
        sure, severe = 0.0, 0.0
        if count is not None and (odd or count > 0):
            offset = np.log1p(count) - middle
            beyond = min(offset - day_of.low, 0.0) + max(offset - day_of.high, 0.0)
            sure = confidence(beyond / width, width, below if beyond < 0 else above)
            severe = 1 - min(count, expected) / max(count, expected, 1e-9) if odd else 0.0
        message = _message(count, bounds, expected, odd, shown, day_of.reasons)
        if self.structure.may_be_empty:
            message += ". None at all is usual, too"
        return VolumeForecast(shown, bounds, expected, bool(odd), float(severe), float(sure), message, state, count)

    def _state(self) -> str:
        n = self.series.n_seen
        enough = 8 * self.series.clock.period if self.series.clock.unit == "day" else 30
        return "short" if n < enough else "ready"


def _rows(logarithm: float) -> float:
    return float(np.expm1(min(logarithm, 40.0)))


def _message(
    count: float | None,
    bounds: tuple[int, int],
    expected: float,
    odd: bool,
    at: date,
    reasons: tuple[str, ...],
) -> str:
    """One sentence, two where the day is special."""
    day = f"{at:%a %Y-%m-%d %H:%M}" if isinstance(at, datetime) else f"{at:%a %Y-%m-%d}"
    told = f"{bounds[0]:,} to {bounds[1]:,} expected"
    if count is None:
        text = f"{day}: {told}"
    else:
        text = f"{day}: {count:,.0f} came, {told}"
    if odd and count is not None:
        text += f", {_compared(count, expected)}"
    return ". ".join([text, *reasons])


def _compared(count: float, expected: float) -> str:
    times = count / max(expected, 1)
    if times >= 2:
        return f"{times:,.1f} times the usual"
    return f"{abs(count - expected) / max(expected, 1):.0%} {'fewer' if count < expected else 'more'} than usual"
