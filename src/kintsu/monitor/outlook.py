"""When an objective will be missed: paths into the next weeks, drawn from how its measure has moved so far."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from kintsu.monitor.objectives import Objective
from kintsu.monitor.windows import as_date, day_number, is_weekday, n_days, window

__all__ = ["Outlook", "Units", "look_ahead"]

Floats = npt.NDArray[np.float64]

HORIZON: Final = 90  # days
MOST_STEPS: Final = 400
PATHS: Final = 1_000
RECENT: Final = 60  # units from which the course is learnt: older ones tell of another time
FEWEST: Final = 14  # measured units below which no course is seen
SEASON: Final = 21  # units from which weekdays are compared
HELPS: Final = 0.8  # weekdays count where they take a fifth off the errors
MEDIAN: Final = 1.25  # a median errs by so much more than a mean
LEVEL: Final = 0.99  # a trend counts where this interval excludes none: neighbours are alike, so it is too narrow


@dataclass(frozen=True)
class Units:
    """What an objective counts, oldest first.

    `days` since 1970; `missed` is 1, 0 or NaN (nothing to judge); `value` its measure, NaN where there is none;
    `is_gap` where nothing came although something should have.
    """

    days: npt.NDArray[np.int64]
    missed: Floats
    value: Floats
    is_gap: npt.NDArray[np.bool_]

    @property
    def per_day(self) -> float:
        """Units a day, of late."""
        recent = self.days[-RECENT:]
        return len(recent) / (recent[-1] - recent[0] + 1) if len(recent) else 0.0


@dataclass(frozen=True)
class Outlook:
    """When the budget will be used up.

    Attributes
    ----------
    day
        The one by which half of the paths have; None where fewer have within `horizon_days`.
    earliest, latest
        The days by which a tenth and nine tenths of them have: eight of ten lie between.
    probability
        Share of the paths that have within the horizon; None without enough history.
    next_low, next_high
        Four in five of the next values of the measure lie between.
    """

    day: date | None = None
    earliest: date | None = None
    latest: date | None = None
    probability: float | None = None
    next_low: float | None = None
    next_high: float | None = None
    horizon_days: int = HORIZON
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        days = {name: getattr(self, name) for name in ("day", "earliest", "latest")}
        return asdict(self) | {name: None if day is None else day.isoformat() for name, day in days.items()}


def look_ahead(objective: Objective, units: Units, today: date, *, is_breached: bool, seed: int) -> Outlook:
    """When the objective will be breached.

    A straight trend (Theil and Sen's, where it is clear), the weekday (where it helps) and errors drawn from the past
    ones, each carrying a part of the one before; gaps come as often as of late. The misses of each path are counted
    over the same windows as the past ones.
    """
    measured = np.isfinite(units.value)
    if is_breached:
        return Outlook(message="breached already")
    if measured.sum() < FEWEST:
        return Outlook(message=f"not enough history: {measured.sum()} of {FEWEST} values seen")
    rng = np.random.default_rng(seed)
    days = _coming(objective, units, today)
    paths = _paths(_scaled(objective, units.value[measured]), units.days[measured], days, rng)
    low, high = _bounds(objective)
    misses = (paths < low) | (paths > high) | (rng.random(paths.shape) < units.is_gap[-RECENT:].mean())
    breached = _breached(objective, units, days, misses)
    first = np.where(breached.any(1), breached.argmax(1), len(days))
    at = np.append(days.astype(float), np.inf)[np.sort(first)]
    tenth, half, most = (at[int(share * (PATHS - 1))] for share in (0.1, 0.5, 0.9))
    probability = float(breached.any(1).mean())
    middle, earliest, latest = (as_date(day) if np.isfinite(day) else None for day in (half, tenth, most))
    next_low, next_high = (_natural(objective, x) for x in np.quantile(paths[:, 0], [0.1, 0.9]))
    message = _message(middle, earliest, latest, probability)
    return Outlook(middle, earliest, latest, probability, next_low, next_high, message=message)


def _coming(objective: Objective, units: Units, today: date) -> npt.NDArray[np.int64]:
    """The days of the units to come."""
    start = max(int(units.days[-1]) + 1, day_number(today))
    if objective.unit == "batches":
        steps = min(int(np.ceil(HORIZON * units.per_day)), MOST_STEPS)
        return start + (np.arange(max(steps, 1)) / units.per_day).astype(np.int64)
    days = np.arange(start, start + HORIZON)
    return days[is_weekday(days)] if objective.unit == "weekdays" else days


def _paths(y: Floats, days: npt.NDArray[np.int64], coming: npt.NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Values to come, shape (PATHS, units)."""
    from scipy import signal, special, stats  # slow to import, and only this needs them

    y, days = y[-RECENT:], days[-RECENT:]
    start = days[-1]
    slope, low, high = 0.0, 0.0, 0.0
    if days[0] < start:
        found = stats.theilslopes(y, (days - start).astype(float), alpha=LEVEL)
        slope, low, high = found.slope, found.low_slope, found.high_slope
    if low <= 0 <= high:
        slope = low = high = 0.0
    flat = y - slope * (days - start)
    season = _season(flat - np.median(flat), days)
    flat = flat - season[(days + 3) % 7]
    level = np.median(flat)
    errors = flat - level
    carry = _carry(errors)
    fresh = errors[1:] - carry * errors[:-1]
    drawn = _drawn(fresh, (PATHS, len(coming)), rng)
    started = np.full((PATHS, 1), carry * errors[-1])
    walked, _ = signal.lfilter([1.0], [1.0, -carry], drawn, axis=1, zi=started)
    slopes = rng.normal(slope, (high - low) / (2 * special.ndtri(0.5 + LEVEL / 2)), (PATHS, 1))
    doubt = MEDIAN * errors.std() * np.sqrt((1 + carry) / (1 - carry) / len(errors))
    levels = rng.normal(level, doubt, (PATHS, 1))
    return np.asarray(levels + slopes * (coming - start) + season[(coming + 3) % 7] + walked)


def _drawn(errors: Floats, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Errors as the past ones, smoothed so that a few weeks do not bound what may come (Silverman's width, 1986, 3.31).

    The smoothed errors vary as the past ones do.
    """
    below, above = np.quantile(errors, [0.25, 0.75])
    deviation = errors.std()
    width = 0.9 * min(deviation, (above - below) / 1.34) * len(errors) ** -0.2
    if width == 0:
        return np.asarray(rng.choice(errors, shape))
    middle = errors.mean()
    smoothed = rng.choice(errors, shape) - middle + rng.normal(0, width, shape)
    return np.asarray(middle + smoothed / np.sqrt(1 + (width / deviation) ** 2))


def _season(errors: Floats, days: npt.NDArray[np.int64]) -> Floats:
    """What each weekday, 0 to 6, adds; zeros where that explains little."""
    none = np.zeros(7)
    if len(errors) < SEASON:
        return none
    weekday = (days + 3) % 7
    effect = np.array([np.median(errors[weekday == day]) if (weekday == day).sum() > 2 else 0.0 for day in range(7)])
    return effect if np.abs(errors - effect[weekday]).sum() < HELPS * np.abs(errors).sum() else none


def _carry(errors: Floats) -> float:
    """The part of an error that the next one repeats, in [0, .9]; 0 where that may be chance."""
    if np.ptp(errors) == 0:
        return 0.0
    found = float(np.dot(errors[1:], errors[:-1]) / np.dot(errors, errors))
    return min(found, 0.9) if found > 2 / np.sqrt(len(errors)) else 0.0


def _breached(
    objective: Objective, units: Units, days: npt.NDArray[np.int64], misses: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Whether the window that holds each coming unit has used up its budget by then, shape (PATHS, units)."""
    past = np.broadcast_to(np.nan_to_num(units.missed), (len(misses), len(units.missed)))
    total = np.concatenate([np.zeros((len(misses), 1)), np.cumsum(np.hstack([past, misses]), 1)], 1)
    every = np.concatenate([units.days, days])
    of_day = {day: as_date(day) for day in np.unique(days).tolist()}
    starts = {day: day_number(window(objective, date)[0]) for day, date in of_day.items()}
    share = 1 - objective.percent / 100
    pace = units.per_day if objective.unit == "batches" else 1.0
    budget = {day: share * pace * n_days(objective, date, int(units.days[0])) for day, date in of_day.items()}
    begins = np.searchsorted(every, [starts[day] for day in days.tolist()])
    spent = total[:, len(units.days) + 1 :] - total[:, begins]
    return np.asarray(spent > np.array([budget[day] for day in days.tolist()]) + 1e-9)


def _scaled(objective: Objective, x: Floats) -> Floats:
    """Rows by their logarithm: they change by shares."""
    return np.log1p(x) if objective.measure == "rows" else x


def _natural(objective: Objective, x: float) -> float:
    return float(np.expm1(x) if objective.measure == "rows" else x)


def _bounds(objective: Objective) -> tuple[float, float]:
    """Where a miss begins, on the scale of the paths; a hair further out where the bound itself keeps the promise."""
    if objective.measure == "arrives":
        return -np.inf, objective.within_h or 0.0
    low = -np.inf if objective.least is None else objective.least
    high = np.inf if objective.most is None else objective.most
    if objective.measure == "rows":
        low, high = (float(np.log1p(max(x, -0.5))) for x in (low, high))
    hair = (1e-12 if not objective.is_strict else -1e-12) * max(abs(x) for x in (low, high, 1.0) if np.isfinite(x))
    return low - hair, high + hair


def _message(middle: date | None, earliest: date | None, latest: date | None, probability: float) -> str:
    if middle is None:
        return f"with a probability of {100 * probability:.0f} % it will be breached within {HORIZON} days"
    until = f"and {latest}" if latest else "and later"
    return f"it will be breached about {middle} (four in five: between {earliest} {until})"
