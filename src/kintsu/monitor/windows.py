"""The windows over which objectives count, in days since 1970."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np

from kintsu.monitor.objectives import Objective

__all__ = ["WEEKEND", "as_date", "day_number", "is_weekday", "n_days", "window"]

EPOCH: Final = date(1970, 1, 1)
WEEKEND: Final = 5


def window(objective: Objective, day: date) -> tuple[date, date]:
    """First and last day of the window that `day` lies in, or ends."""
    if isinstance(objective.window, int):
        return day - timedelta(days=objective.window - 1), day
    if objective.window == "week":
        start = day - timedelta(days=day.weekday())
        return start, start + timedelta(days=6)
    months = 3 if objective.window == "quarter" else 1
    start = date(day.year, (day.month - 1) // months * months + 1, 1)
    after = start.month - 1 + months
    return start, date(start.year + after // 12, after % 12 + 1, 1) - timedelta(days=1)


def n_days(objective: Objective, day: date, first: int) -> int:
    """Days (weekdays) of the window; one of the calendar begins no sooner than the `first` batch came."""
    start, end = window(objective, day)
    begins = day_number(start) if isinstance(objective.window, int) else max(day_number(start), first)
    days = np.arange(begins, day_number(end) + 1)
    return int(is_weekday(days).sum()) if objective.unit == "weekdays" else len(days)


def is_weekday(days: np.ndarray) -> np.ndarray:
    """Monday to Friday."""
    return (days + 3) % 7 < WEEKEND  # 1970 began on a Thursday


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def as_date(number: float) -> date:
    """The day of a number."""
    return EPOCH + timedelta(days=int(number))
