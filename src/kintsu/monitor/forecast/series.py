"""A history of counts on an even clock: one slot a day, an hour, a week or a month, empty where nothing came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import polars as pl

from kintsu.core.errors import UsageError

__all__ = ["Clock", "Series", "regular"]

DAY_S: Final = 86_400
LONG_GAP: Final = 5
"""Weeks without a count before the empty slots are dropped: what the level did there is unknown, and it need not be
kept."""
EVEN_S: Final = (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 43_200)
ISO: Final = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
LONGEST: Final = {"day": 1_200, "week": 520, "month": 240, "short": 3_024}
"""Slots that are kept, newest first: three years of days, ten of weeks, eighteen weeks of hours."""


@dataclass(frozen=True)
class Clock:
    """How time is cut into slots. `unit` is day, week, month or short; `step_s` is the length of a slot in seconds.

    Hours and shorter slots are counted in universal time, so that a day of daylight saving has 23 or 25 of them, and
    read on the local clock. Longer ones are counted in local days.
    """

    unit: str
    step_s: int
    anchor: int = 0
    zone: str | None = None
    weekdays: tuple[bool, ...] = (True,) * 7

    def slot(self, times: pl.Series) -> np.ndarray:
        """The number of the slot of each time."""
        if self.unit == "short":
            return _seconds(times) // self.step_s
        days = _local_days(times)
        if self.unit == "month":
            return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return (days - self.anchor) // (self.step_s // DAY_S)

    def stamps(self, slots: np.ndarray) -> np.ndarray:
        """Where each slot begins on the local clock, as datetime64[s]."""
        if self.unit == "month":
            return slots.astype("datetime64[M]").astype("datetime64[s]")
        if self.unit != "short":
            return ((slots * (self.step_s // DAY_S) + self.anchor) * DAY_S).astype("datetime64[s]")
        local = (slots * self.step_s).astype("datetime64[s]").astype("datetime64[us]")
        if self.zone is None:
            return local.astype("datetime64[s]")
        shifted = pl.Series(local).dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone)
        return shifted.dt.replace_time_zone(None).to_numpy().astype("datetime64[s]")

    @property
    def period(self) -> int:
        """Slots after which the pattern repeats: a week of days, a day of shorter slots; 1 where there is none."""
        if self.unit == "short":
            return max(DAY_S // self.step_s, 1)
        return sum(self.weekdays) if self.step_s == DAY_S and self.unit == "day" else 1

    def is_open(self, slots: np.ndarray) -> np.ndarray:
        """Which slots fall on a weekday that ever had rows."""
        if self.unit != "day" or all(self.weekdays):
            return np.ones(len(slots), bool)
        return np.array(self.weekdays)[(self.stamps(slots).astype("datetime64[D]").astype(np.int64) + 3) % 7]


@dataclass(frozen=True)
class Series:
    """Counts by slot, oldest first. A slot without rows in the history is NaN: nothing is known of it."""

    clock: Clock
    slots: np.ndarray
    counts: np.ndarray

    @property
    def n_seen(self) -> int:
        """Slots with a count."""
        return int(np.isfinite(self.counts).sum())

    def until(self, slot: int) -> np.ndarray:
        """The slots after the last one up to `slot`, which is always among them."""
        ahead = np.arange(min(self.slots[-1] + 1 if len(self.slots) else slot, slot), slot + 1)
        ahead = ahead[self.clock.is_open(ahead) | (ahead == slot)]
        return _shorten(ahead, max(self.clock.period, 1))


def regular(history: Any, at: Any = None) -> tuple[Series, pl.Series]:
    """The history before `at` on an even clock, and an empty column of the type of its dates.

    Two rows of one date are two deliveries of one slot: they are added up. Rows of the slot of `at` and later ones are
    left out, so nothing is judged by itself; rows without a date or a count are skipped. The order of rows is of no
    account.

    Raises
    ------
    UsageError
        There are no two columns of dates and counts, or a count is negative.
    """
    frame = _frame(history)
    like, clock = frame["date"].clear(), _clock(frame["date"])
    frame = frame.with_columns(pl.Series("slot", clock.slot(frame["date"])))
    if at is not None and frame.height:
        frame = frame.filter(pl.col("slot") < int(clock.slot(moment(at, frame["date"]))[0]))
    held = frame.group_by("slot").agg(pl.col("count").sum()).sort("slot")
    longest = LONGEST[clock.unit]
    if not held.height:
        return Series(clock, np.empty(0, np.int64), np.empty(0)), like
    slots = np.arange(held["slot"][0], held["slot"][-1] + 1)
    counts = np.full(len(slots), np.nan)
    counts[held["slot"].to_numpy() - slots[0]] = held["count"].to_numpy()
    kept = clock.is_open(slots)
    slots, counts = slots[kept], counts[kept]
    kept = _without_gaps(counts, clock.period)
    return Series(clock, slots[kept][-longest:], counts[kept][-longest:]), like


def moment(at: Any, dates: pl.Series) -> pl.Series:
    """`at` as a series of the same kind as the dates of the history."""
    if isinstance(at, str):
        at = _parsed(pl.Series([at]))[0]
    if isinstance(at, np.datetime64):
        at = at.astype("datetime64[us]").item()
    if not isinstance(at, date):
        raise UsageError(f"`at` is {at!r}, expected a date or a datetime")
    zone = getattr(dates.dtype, "time_zone", None)
    if not isinstance(at, datetime):
        at = datetime(at.year, at.month, at.day)
        return (
            pl.Series([at]).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
            if zone
            else pl.Series([at])
        )
    given = pl.Series([at])
    if zone and at.tzinfo is None:
        return given.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    if at.tzinfo is not None:
        return given.dt.convert_time_zone(zone) if zone else given.dt.replace_time_zone(None)
    return given


def _frame(history: Any) -> pl.DataFrame:
    frame = history if isinstance(history, pl.DataFrame) else pl.DataFrame(history)
    names = ["date", "count"] if {"date", "count"} <= set(frame.columns) else frame.columns[:2]
    if len(names) < 2:
        raise UsageError(f"the history has the columns {frame.columns}, expected a date and a count")
    frame = frame.select(pl.col(names[0]).alias("date"), pl.col(names[1]).alias("count"))
    if frame["date"].dtype == pl.String:
        frame = frame.with_columns(_parsed(frame["date"]))
    if frame["date"].dtype == pl.Null:
        frame = frame.with_columns(pl.col("date").cast(pl.Date))
    if not frame["date"].dtype.is_temporal():
        raise UsageError(f"the column {names[0]!r} holds {frame['date'].dtype}, expected dates or datetimes")
    if not frame["count"].dtype.is_numeric() and frame["count"].dtype != pl.Null:
        raise UsageError(f"the column {names[1]!r} holds {frame['count'].dtype}, expected counts")
    frame = frame.with_columns(pl.col("count").cast(pl.Float64))
    frame = frame.filter(pl.col("date").is_not_null() & pl.col("count").is_finite())
    if (frame["count"] < 0).any():
        low = frame.filter(pl.col("count") < 0).row(0)
        raise UsageError(f"the count of {low[0]} is {low[1]:g}, expected zero or more")
    return frame


def _parsed(text: pl.Series) -> pl.Series:
    """Dates written as text, ISO 8601."""
    text = text.str.strip_chars()
    for pattern in ISO:
        kind = pl.Datetime("us") if "%H" in pattern else pl.Date
        read = text.str.strptime(kind, pattern, strict=False)
        if read.null_count() == text.null_count():
            return read
    wrong = text.filter(text.str.strptime(pl.Date, ISO[0], strict=False).is_null() & text.is_not_null())[0]
    raise UsageError(f"{wrong!r} is not a date, expected one such as 2026-03-31 or 2026-03-31 14:00")


def _clock(dates: pl.Series) -> Clock:
    """The clock that a history keeps, from the usual distance of its neighbours."""
    zone = getattr(dates.dtype, "time_zone", None)
    if dates.dtype != pl.Date and dates.len() > 1:
        apart = np.diff(np.unique(_seconds(dates)))
        step = int(np.median(apart)) if len(apart) else DAY_S
        if step < DAY_S * 5 // 6:
            return Clock("short", _even(step), zone=zone)
    days = np.unique(_local_days(dates))
    if len(days) < 2:
        return Clock("day", DAY_S)
    apart = np.diff(days)
    step = int(np.median(apart))
    if 28 <= step <= 31:
        return Clock("month", 30 * DAY_S)
    if step > 1:
        return Clock("week" if step == 7 else "day", step * DAY_S, anchor=int(days[-1]) % step)
    seen = np.bincount((days + 3) % 7, minlength=7)
    # A weekday that is missing in three weeks and more is a day off, fewer may be gaps.
    off = (seen == 0) & (len(days) >= 3 * (seen > 0).sum())
    return Clock("day", DAY_S, weekdays=tuple((~off).tolist()))


def _even(step: int) -> int:
    """The nearest length that divides a day, so that slots keep their time of day."""
    return min(EVEN_S, key=lambda length: abs(np.log(length / max(step, 1))))


def _seconds(times: pl.Series) -> np.ndarray:
    return (
        times.cast(pl.Datetime("us", getattr(times.dtype, "time_zone", None))).dt.epoch("s").to_numpy().astype(np.int64)
    )


def _local_days(times: pl.Series) -> np.ndarray:
    local = times.dt.replace_time_zone(None) if getattr(times.dtype, "time_zone", None) else times
    return local.cast(pl.Date).to_physical().to_numpy().astype(np.int64)


def _without_gaps(counts: np.ndarray, period: int) -> np.ndarray:
    """Which slots to keep: of a long gap whole periods go, so that the pattern stays in step."""
    seen = np.flatnonzero(np.isfinite(counts))
    kept = np.ones(len(counts), bool)
    gaps = np.diff(seen) - 1
    for i in np.flatnonzero(gaps > LONG_GAP * max(period, 7)):
        kept[seen[i] + 1 : seen[i] + 1 + gaps[i] // period * period] = False
    return kept


def _shorten(ahead: np.ndarray, period: int) -> np.ndarray:
    kept = LONG_GAP * max(period, 7)
    surplus = max(len(ahead) - kept, 0) // period * period
    return ahead[surplus:]
