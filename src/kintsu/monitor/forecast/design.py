"""What may move a count, as columns over slots: weekday, hour, season, days of the month, holidays, lasting steps."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

from kintsu.monitor.forecast.holidays import calendar, countries, holiday_names, is_substitute
from kintsu.monitor.forecast.series import DAY_S, Series

__all__ = ["Effect", "columns", "possible", "prior", "standing", "twins"]

Effect: TypeAlias = tuple[str, int | str]
"""(kind, argument): ("weekday", 0), ("month_day", 1), ("month_end", 0) for the last day, ("holiday", "US"), ("step",
slot)."""

YEAR_D: Final = 365.2425
PRIOR: Final = {"level": 50.0, "weekday": 2.0, "hour": 2.0, "week_hour": 0.5, "season": 0.3, "trend": 1.0, "step": 2.0}
"""Deviation, in logarithms, that an effect is given before anything is seen; 1 for those not named. Wide where all
is possible."""


def standing(series: Series) -> list[Effect]:
    """The effects that every model of this series has."""
    clock, n = series.clock, len(series.counts)
    effects: list[Effect] = [("level", 0)]
    days = series.clock.stamps(series.slots).astype("datetime64[D]").astype(int)
    spans = days[-1] - days[0]
    if clock.unit == "day" and clock.step_s == DAY_S:
        effects += [("weekday", k) for k in range(7) if clock.weekdays[k]]
    if clock.unit == "short" and clock.step_s < DAY_S:
        effects += [("hour", k) for k in range(0, 24, max(clock.step_s // 3_600, 1))]
        effects += [("weekday", k) for k in range(7)] if spans >= 14 else []
        effects += [("week_hour", k) for k in range(0, 168, max(clock.step_s // 3_600, 1))] if spans >= 21 else []
    if spans >= 1.5 * YEAR_D and clock.unit != "short":
        effects += [("season", k) for k in (1, -1, 2, -2)]
    if n >= 60:
        effects += [("trend", int(series.slots[0]))]
    return effects


def possible(series: Series) -> list[Effect]:
    """Effects of the calendar that a history of days may show; each must earn its place."""
    if series.clock.unit != "day" or series.clock.step_s != DAY_S or len(series.counts) < 60:
        return []
    found: list[Effect] = [("month_day", k) for k in range(1, 29)]
    found += [("month_end", k) for k in range(4)] + [("business_end", 0), ("business_start", 0), ("quarter_end", 0)]
    return found


def columns(series: Series, effects: list[Effect], slots: np.ndarray) -> np.ndarray:
    """The effects over `slots`, shape (len(slots), len(effects))."""
    stamps = series.clock.stamps(slots)
    days = stamps.astype("datetime64[D]")
    number = days.astype(np.int64)
    weekday = (number + 3) % 7
    hour = (stamps - days).astype(np.int64) // 3_600
    months = days.astype("datetime64[M]")
    month_day = (days - months).astype(int) + 1
    to_end = ((months + 1).astype("datetime64[D]") - days).astype(int) - 1
    angle = 2 * np.pi * number / YEAR_D
    business = weekday < 5
    end_weekday = (number + to_end + 3) % 7
    start_weekday = (number - month_day + 1 + 3) % 7
    out = np.zeros((len(slots), len(effects)))
    for j, (kind, k) in enumerate(effects):
        match kind:
            case "level":
                out[:, j] = 1
            case "weekday":
                out[:, j] = weekday == k
            case "hour":
                out[:, j] = hour == k
            case "week_hour":
                out[:, j] = weekday * 24 + hour == k
            case "season":
                out[:, j] = np.sin(k * angle) if int(k) > 0 else np.cos(k * angle)
            case "trend":
                out[:, j] = (slots - int(k)) / max(len(series.slots), 1)
            case "step":
                out[:, j] = slots >= int(k)
            case "month_day":
                out[:, j] = month_day == k
            case "month_end":
                out[:, j] = to_end == k
            case "quarter_end":
                out[:, j] = (to_end == 0) & (months.astype(int) % 3 == 2)
            case "business_end":
                out[:, j] = business & (to_end == np.maximum(end_weekday - 4, 0))
            case "business_start":
                out[:, j] = business & (month_day - 1 == np.where(start_weekday > 4, 7 - start_weekday, 0))
            case "holiday":
                out[:, j] = _off(str(k), days)
            case "named":
                country, _, name = str(k).partition(":")
                table = holiday_names(country, *_years(days))
                chosen = [day for day, told in table.items() if told == name]
                out[:, j] = np.isin(days, np.array(chosen, "datetime64[D]"))
    return out


def all_countries(days: np.ndarray) -> np.ndarray:
    """Days off by country, shape (len(days), len(countries()))."""
    origin, table = calendar(*_years(days))
    held: np.ndarray = table[(days - origin).astype(int)]
    return held


def _off(country: str, days: np.ndarray) -> np.ndarray:
    return all_countries(days)[:, countries().index(country)]


def _years(days: np.ndarray) -> tuple[int, int]:
    years = days[[0, -1]].astype("datetime64[Y]").astype(int) + 1970
    return int(years.min()), int(years.max())


def names(country: str, days: np.ndarray) -> list[str]:
    """The holidays of a country that fall into `days`, by name."""
    table = holiday_names(country, *_years(days))
    return sorted({name for day, name in table.items() if days[0] <= day <= days[-1] and not is_substitute(name)})


def prior(effects: list[Effect]) -> np.ndarray:
    """The deviation that each effect may have."""
    return np.array([PRIOR.get(kind, 1.0) for kind, _ in effects])


def twins(day: np.datetime64, *, by_weekday: bool = True) -> list[np.datetime64]:
    """The days of the last two years that are this one by date, or by weekday within the month from either end."""
    found = []
    month = day.astype("datetime64[M]")
    for years in (1, 2):
        earlier = month - 12 * years
        same = earlier.astype("datetime64[D]") + (day - month.astype("datetime64[D]"))
        if same.astype("datetime64[M]") == earlier:
            found.append(same)
        for weeks in (52 * years, 52 * years + 1) if by_weekday else ():
            twin = day - 7 * weeks
            alike = any(_place(twin, from_end=end) == _place(day, from_end=end) for end in (False, True))
            if alike and twin.astype("datetime64[M]") == earlier:
                found.append(twin)
    return list(dict.fromkeys(found))


def _place(day: np.datetime64, *, from_end: bool) -> int:
    """Which weekday of its kind in the month this is, from 0."""
    month = day.astype("datetime64[M]")
    if from_end:
        return int(((month + 1).astype("datetime64[D]") - day).astype(int) - 1) // 7
    return int((day - month.astype("datetime64[D]")).astype(int)) // 7
