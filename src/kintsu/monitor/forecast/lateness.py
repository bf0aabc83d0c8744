"""Whether a delivery is later than its history lets expect: minutes after it was due, on the log scale, by weekday."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from kintsu.core.errors import UsageError
from kintsu.monitor.forecast.model import VolumeModel

__all__ = ["Lateness", "judge_lateness"]

MINUTE_S: Final = 60
MONTH_MIN: Final = 30 * 24 * 60
"""Where so little is known that a month would be ordinary, a month is said."""


@dataclass(frozen=True)
class Lateness:
    """When a delivery was to be expected, and what to make of when it came.

    `expected_by` is the latest ordinary moment, `lag_min` the minutes after it was due (0 when early). `severity` is
    the share of the delay that is unusual, in [0, 1], `confidence` the probability that something is wrong.
    """

    due: datetime
    expected_by: datetime | None
    lag_min: float | None
    is_late: bool
    severity: float
    confidence: float
    message: str
    state: str


def judge_lateness(
    history: Any, due: datetime, arrived: datetime | None = None, *, method: str = "auto", country: str | None = None
) -> Lateness:
    """Judge one delivery by the earlier ones, a frame [due, arrived] of datetimes.

    `arrived` is when it came or, while it has not, the time now; without it only the latest ordinary moment is told.
    Being early is never odd. Of two deliveries with one due time the later counts. Deliveries that were due at or
    after `due` are left out, and so are those that have not arrived.

    Raises
    ------
    UsageError
        The history has no two columns of datetimes, or only one of its sides has a time zone.
    """
    frame = history if isinstance(history, pl.DataFrame) else pl.DataFrame(history)
    names = ["due", "arrived"] if {"due", "arrived"} <= set(frame.columns) else frame.columns[:2]
    if len(names) < 2 or not all(isinstance(frame[name].dtype, pl.Datetime) for name in names):
        raise UsageError(f"the history holds {dict(frame.schema)}, expected two columns of datetimes: due, arrived")
    zones = {getattr(frame[name].dtype, "time_zone", None) is None for name in names}
    zones |= {moment.tzinfo is None for moment in (due, arrived) if moment is not None}
    if len(zones) > 1:
        raise UsageError("some of the times have a time zone and some have none, expected all or none")
    minutes = (pl.col(names[1]) - pl.col(names[0])).dt.total_seconds() / MINUTE_S
    lags = frame.select(pl.col(names[0]).alias("date"), minutes.clip(0).alias("count"))
    # The time of day would make a clock of hours out of a daily delivery that is due at changing times.
    model = VolumeModel.fit(
        lags.group_by("date").agg(pl.col("count").max()), method=method, country=country, before=due
    )
    lag = None if arrived is None else max((arrived - due).total_seconds() / MINUTE_S, 0.0)
    told = model.judge(due, lag)
    if told.expected_range is None:
        return Lateness(due, None, lag, False, 0.0, 0.0, told.message, told.state)
    usual, latest = told.expected or 0.0, min(told.expected_range[1], MONTH_MIN)
    by = due + timedelta(minutes=latest)
    is_late = lag is not None and told.is_anomaly and lag > latest
    message = f"{due:%a %Y-%m-%d %H:%M}: expected by {by:%H:%M}" + (
        f" on {by:%Y-%m-%d}" if by.date() != due.date() else ""
    )
    if lag is not None:
        message += f", {lag:,.0f} minutes after it was due" + (f" instead of about {usual:,.0f}" if is_late else "")
    after = lag is not None and lag > usual
    return Lateness(
        due, by, lag, is_late, told.severity if is_late else 0.0, told.confidence if after else 0.0, message, told.state
    )  # fmt: skip
