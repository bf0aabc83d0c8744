"""The batch monitor as a benchmark of damaged batches wants it: `make_monitor()` with `fit` and `judge`.

Its batches have `frame`, `due` and `arrived`; what comes back has `alarm`, `score`, `columns` and `issue`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import kintsu as kt


class BatchMonitor:
    """`kt.Monitor`, fitted to a whole history at once."""

    def fit(self, history: Sequence[Any]) -> None:
        self._monitor = kt.Monitor(window=max(len(history), 2))
        for batch in history:
            self._monitor.learn(batch.frame, due=batch.due, arrived=batch.arrived)
        self._monitor.prepare()

    def judge(self, batch: Any) -> Any:
        return self._monitor.judge(batch.frame, due=batch.due, arrived=batch.arrived)


def make_monitor() -> BatchMonitor:
    return BatchMonitor()
