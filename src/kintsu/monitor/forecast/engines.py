"""Other forecasters behind the same calendar: the same-weekday rule, statsforecast (MSTL, ETS, ARIMA), Prophet."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from kintsu.core.errors import MissingExtra
from kintsu.monitor.forecast.design import columns
from kintsu.monitor.forecast.series import Series
from kintsu.monitor.forecast.structure import Structure, noise

__all__ = ["ENGINES", "Forecaster", "forecaster"]

ENGINES: Final = ("weekday", "mstl", "autoets", "autoarima", "prophet")
LASTING: Final = {"level", "weekday", "hour", "week_hour", "season", "trend"}
"""Effects that an engine finds by itself; the others (holidays, month ends, steps) are taken out for it and put
back."""
WEEKS: Final = 8
ORIGINS: Final = 4


class Forecaster(Protocol):
    """What a model needs: forecasts of log(1 + count), and past errors in units of their deviation."""

    @property
    def errors(self) -> np.ndarray:
        """One-step errors, oldest first."""

    @property
    def series(self) -> Series:
        """The history that it was fitted on."""

    def forecast(self, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Expected value and deviation, without the noise of counting, of the slots that follow the history."""


def forecaster(method: str, structure: Structure) -> Forecaster:
    """The forecaster of this name, fitted.

    Raises
    ------
    MissingExtra
        Its package is not installed.
    """
    if method == "auto":
        return structure
    plain, present = _plain(structure)
    period = structure.memory.period
    if method == "weekday":
        told, ahead = _same_place(plain, period), _same_place_ahead(plain, period)
    elif method == "prophet":
        told, ahead = _prophet(structure, plain)
    else:
        told, ahead = _statsforecast(method, plain, period)
    return Adapted(structure, present, ahead, *_errors(structure, plain - told))


@dataclass(frozen=True)
class Adapted:
    """A forecaster of the series without holidays, month ends and steps, which are added to what it tells."""

    structure: Structure
    present: float
    ahead: Any
    """Function from slots after the history to expected values."""
    errors: np.ndarray
    sd: float

    @property
    def series(self) -> Series:
        """See `Forecaster`."""
        return self.structure.series

    def forecast(self, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Forecaster`."""
        base = np.asarray(self.ahead(slots)) + _lent(self.structure, slots) - self.present
        return base, np.full(len(slots), self.sd)


def _lent(structure: Structure, slots: np.ndarray) -> np.ndarray:
    """What the effects that an engine does not know add at `slots`."""
    lent = [j for j, (kind, _) in enumerate(structure.effects) if kind not in LASTING]
    rows = columns(structure.series, [structure.effects[j] for j in lent], slots)
    return np.asarray(rows @ structure.weights[lent])


def _plain(structure: Structure) -> tuple[np.ndarray, float]:
    """The series without those effects, at the level of today, and the sum of the steps that lead to it."""
    steps = [float(w) for (kind, _), w in zip(structure.effects, structure.weights) if kind == "step"]
    present = float(sum(steps))
    return structure.clean - _lent(structure, structure.series.slots) + present, present


def _errors(structure: Structure, error: np.ndarray) -> tuple[np.ndarray, float]:
    usual = np.isfinite(structure.series.counts) & np.isfinite(error)
    usual &= ~np.isin(structure.series.slots, list(structure.odd))
    variance = noise(np.expm1(np.clip(structure.clean, 0, 30)))[usual]
    error = error[usual]
    total = float(np.quantile(np.abs(error), 0.6827)) if len(error) else 0.3
    sd = max(np.sqrt(max(total**2 - float(np.median(variance)), 0)) if len(error) else total, 0.01)
    return error / np.sqrt(sd**2 + variance), sd


def _same_place(y: np.ndarray, period: int) -> np.ndarray:
    """The mean of the same slot of the last eight periods, for each slot from the second period on."""
    past = np.full((WEEKS, len(y)), np.nan)
    for k in range(1, WEEKS + 1):
        past[k - 1, k * period :] = y[: max(len(y) - k * period, 0)]
    known = np.isfinite(past)
    return np.where(known.any(axis=0), np.nansum(past, axis=0) / np.maximum(known.sum(axis=0), 1), np.nan)


def _same_place_ahead(y: np.ndarray, period: int) -> Any:
    def ahead(slots: np.ndarray) -> np.ndarray:
        n = len(slots)
        if len(y) < period:
            return np.full(n, y.mean())
        last = y[-(len(y) // period) * period :].reshape(-1, period)[-WEEKS:].mean(axis=0)
        return np.resize(last, n)

    return ahead


def _statsforecast(method: str, y: np.ndarray, period: int) -> tuple[np.ndarray, Any]:
    try:
        from statsforecast import models
    except ImportError:
        raise MissingExtra("statsforecast", "forecast") from None
    seasonal = period if len(y) >= 2 * period + 2 else 1

    def made() -> Any:
        if method == "mstl" and seasonal > 1:
            return models.MSTL(season_length=seasonal, trend_forecaster=models.AutoETS(model="ZZN"))
        if method == "autoarima":
            return models.AutoARIMA(season_length=seasonal)
        return models.AutoETS(season_length=seasonal)

    def fitted(part: np.ndarray) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return made().fit(part.astype(np.float64))

    if len(y) < 4:  # no model of statsforecast takes fewer
        return np.full(len(y), y.mean()), lambda slots: np.full(len(slots), y.mean())
    model = fitted(y)
    told = np.asarray(model.predict_in_sample()["fitted"], float)
    if method == "mstl" and len(y) >= 10 * period:
        told = y - (y - told) * _optimism(fitted, y, told, period)
    return told, lambda slots: np.asarray(model.predict(h=len(slots))["mean"], float)


def _optimism(fitted: Any, y: np.ndarray, told: np.ndarray, period: int) -> float:
    """How much larger errors of true forecasts are than those in sample: the seasons of MSTL know the days after."""
    origins = [len(y) - k * period for k in range(1, ORIGINS + 1)]
    true = [y[o : o + period] - np.asarray(fitted(y[:o]).predict(h=period)["mean"]) for o in origins]
    return max(float(np.std(np.concatenate(true)) / max(np.std((y - told)[origins[-1] :]), 1e-9)), 1.0)


def _prophet(structure: Structure, y: np.ndarray) -> tuple[np.ndarray, Any]:
    try:
        import pandas as pd
        from prophet import Prophet
    except ImportError:
        raise MissingExtra("prophet", "prophet") from None
    clock = structure.series.clock
    logging.getLogger("cmdstanpy").setLevel(logging.WARNING)

    def frame(slots: np.ndarray) -> Any:
        return pd.DataFrame({"ds": clock.stamps(slots)})

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Prophet(uncertainty_samples=0).fit(frame(structure.series.slots).assign(y=y))
        told = model.predict(frame(structure.series.slots))["yhat"].to_numpy()
    return told, lambda slots: model.predict(frame(slots))["yhat"].to_numpy()
