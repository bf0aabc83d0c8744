"""Watch the batches of a table: learn what is normal, judge the next one."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Any

import polars as pl

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import UsageError
from kintsu.io.frames import FrameTable
from kintsu.io.open import open_table
from kintsu.monitor.baseline import Baseline
from kintsu.monitor.judge import BatchJudgement, judge, learn_batches
from kintsu.monitor.measure import BatchMetrics, measure

__all__ = ["Monitor"]


class Monitor:
    """Watches one table in memory: `learn` the batches that are right, `judge` the next.

    A judged batch is not learnt: learn it once it is known to be right. So no batch is in its own baseline, and a batch
    that alarms stays out until somebody accepts it.

    Parameters
    ----------
    window
        Batches that are remembered; the oldest is forgotten first. At least 2.
    read
        How to read files.

    Examples
    --------
    >>> import polars as pl, kintsu as kt
    >>> monitor = kt.Monitor()
    >>> for day in range(10):
    ...     monitor.learn(pl.DataFrame({"x": [day % 3, 1, 2, 3, 4], "city": ["Lyon", "Paris", "Lyon", "Nice", "Nice"]}))
    >>> judged = monitor.judge(pl.DataFrame({"x": [1, 2], "town": ["Lyon", "Nice"]}))
    >>> judged.issue, judged.message
    ('schema', 'column `city` is gone, and `town` holds what it held: it was renamed')
    """

    def __init__(self, *, window: int = 60, read: ReadOptions | None = None) -> None:
        if window < 2:
            raise UsageError(f"window is the number of batches to remember, at least 2, not {window}")
        self._history: deque[BatchMetrics] = deque(maxlen=window)
        self._read = read
        self._baseline: Baseline | None = None
        self._is_fresh = True

    @property
    def n_batches(self) -> int:
        """Batches that are remembered."""
        return len(self._history)

    def learn(self, batch: Any, *, due: datetime | None = None, arrived: datetime | None = None) -> None:
        """Remember a batch as normal.

        Parameters
        ----------
        batch
            A frame, a path or anything else that `kt.profile` takes.
        due, arrived
            End of the period that it covers, and when it was delivered: needed to judge lateness and calendar columns.
        """
        self._history.append(self._measured(batch, due, arrived))
        self._is_fresh = False

    def judge(self, batch: Any, *, due: datetime | None = None, arrived: datetime | None = None) -> BatchJudgement:
        """Judge a batch against the remembered ones; nothing is changed."""
        return judge(self.prepare(), self._measured(batch, due, arrived))

    def prepare(self) -> Baseline | None:
        """Learn from the remembered batches now and not at the next judgement; None without any."""
        if not self._is_fresh:
            self._baseline = learn_batches(list(self._history))
            self._is_fresh = True
        return self._baseline

    def _measured(self, batch: Any, due: datetime | None, arrived: datetime | None) -> BatchMetrics:
        aware = {moment.tzinfo is not None for moment in (due, arrived) if moment is not None}
        if len(aware) > 1:
            raise UsageError("give both `due` and `arrived` with a time zone, or both without")
        return measure(_frame(batch, self._read), due=due, arrived=arrived)


def _frame(batch: Any, read: ReadOptions | None) -> pl.DataFrame:
    """All rows with typed columns. Text files have none: a column is of a type if every filled cell of it is."""
    if isinstance(batch, pl.DataFrame):
        return batch
    table = open_table(batch, read)
    frame = pl.concat([part.frame for part in table.batches()], how="vertical_relaxed")
    if isinstance(table, FrameTable) or any(dtype != pl.String for dtype in frame.dtypes):
        return frame
    return frame.select(_typed(column) for column in frame)


def _typed(text: pl.Series) -> pl.Series:
    filled = text.str.strip_chars().replace("", None)
    if filled.null_count() == len(filled):
        return text
    numbers = filled.cast(pl.Float64, strict=False)
    if numbers.null_count() == filled.null_count():
        return numbers
    try:
        times = filled.str.to_datetime(strict=False, time_unit="us")
    except pl.exceptions.ComputeError:  # the first filled cell looks like no date
        return text
    return times if times.null_count() == filled.null_count() else text
