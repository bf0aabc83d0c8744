"""Columns of numbers that repeat a part of the batch's date: year, month, day, weekday, week, quarter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from kintsu.monitor.measure import NUMBER, BatchMetrics

__all__ = ["calendar_part", "expected_parts"]

PARTS: Final[dict[str, Callable[[datetime], int]]] = {
    "year": lambda day: day.year,
    "month": lambda day: day.month,
    "day": lambda day: day.day,
    "weekday": lambda day: day.isoweekday(),
    "week": lambda day: day.isocalendar().week,
    "quarter": lambda day: (day.month + 2) // 3,
}
BESIDE: Final = (-1, 0, 1)  # days: a batch cut by UTC holds rows of two local days
MIN_BATCHES: Final = 3


def expected_parts(batch: BatchMetrics, part: str) -> set[str]:
    """What a column that repeats `part` of the date may hold in this batch."""
    if batch.day is None:
        return set()
    return {str(PARTS[part](batch.day + timedelta(days=days))) for days in BESIDE}


def calendar_part(name: str, history: Sequence[BatchMetrics]) -> str | None:
    """The part of the date that a column repeats in every batch, or None.

    A column that is constant so far may be both: it is taken for the part that fits, and its own value stays allowed.
    """
    held = [b for b in history if b.due is not None and name in b.columns and b.columns[name].filled]
    if len(held) < MIN_BATCHES:
        return None
    for batch in held:
        column = batch.columns[name]
        if column.kind != NUMBER or not 0 < len(column.values) <= len(BESIDE):
            return None
    for part in PARTS:
        if all(batch.columns[name].values.keys() <= expected_parts(batch, part) for batch in held):
            return part
    return None
