"""Watch the batches of a table: learn what is normal, judge the next one."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import UsageError
from kintsu.monitor.baseline import Baseline
from kintsu.monitor.classify.model import IssueModel
from kintsu.monitor.judge import BatchJudgement, judge, learn_batches
from kintsu.monitor.measure import BatchMetrics, measure
from kintsu.run.typed import typed_frame

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
    issue_model
        A model that `train_issue_model` made, or its path: it names the issues, and decides no alarm. Without it the
        one that comes with Kintsu does.
    sensitivity
        Above 1 smaller deviations alarm, below 1 only larger ones.
    sensitive
        Columns of which values of text are remembered as hashes only, and never told.

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

    def __init__(
        self,
        *,
        window: int = 60,
        read: ReadOptions | None = None,
        issue_model: IssueModel | Path | str | None = None,
        sensitivity: float = 1.0,
        sensitive: Sequence[str] = (),
    ) -> None:
        if window < 2:
            raise UsageError(f"window is the number of batches to remember, at least 2, not {window}")
        self._history: deque[BatchMetrics] = deque(maxlen=window)
        if not sensitivity > 0:
            raise UsageError(f"sensitivity is a number above 0, not {sensitivity}")
        self._read = read
        self._model = issue_model if isinstance(issue_model, IssueModel | None) else IssueModel.load(Path(issue_model))
        self._sensitivity = sensitivity
        self._sensitive = tuple(sensitive)
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
        now = self._measured(batch, due, arrived)
        return judge(self.prepare(), now, sensitivity=self._sensitivity, model=self._model)

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
        return measure(typed_frame(batch, self._read), due=due, arrived=arrived, sensitive=self._sensitive)
