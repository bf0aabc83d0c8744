"""A batch beside what is stored of its watched table: judged as a run would, before it is recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import UsageError
from kintsu.io.store.batch_rows import Watched
from kintsu.io.store.history import History, open_history
from kintsu.monitor.alerts import AlertPolicy
from kintsu.monitor.attain import facts_frame
from kintsu.monitor.judge import BatchJudgement
from kintsu.monitor.measure import BatchMetrics
from kintsu.monitor.objectives import Objective
from kintsu.run.batches import Arrival, MonitorSettings, arrival_of
from kintsu.run.judging import Watch
from kintsu.run.typed import typed_frame
from kintsu.run.watching import learnable, record

__all__ = ["Weighed", "weigh"]


@dataclass(frozen=True, eq=False)
class Weighed:
    """A batch, and what the watched table's past says of it."""

    history: History
    table: Watched
    arrival: Arrival
    metrics: BatchMetrics
    judgement: BatchJudgement

    def facts(self, objective: Objective) -> pl.DataFrame:
        """What `attain` reads: the stored batches and this one, which may be among them already."""
        stored = self.history.course(self.table, [objective.fact]).filter(pl.col("name") != self.arrival.name)
        fact = pl.col(objective.fact).cast(pl.Float64)
        own = facts_frame([replace(self.metrics, due=self.metrics.due or self.arrival.at)])
        mine = own.select("at", fact) if objective.fact in own.columns else own.select("at")
        return pl.concat([stored.select("at", fact), mine], how="diagonal")

    def record(self, now: datetime, policy: AlertPolicy | None) -> None:
        """Keep it as `watching.run` would; nothing happens where it was kept before.

        Raises
        ------
        UsageError
            It is no file, or the table is watched by its periods.
        """
        if self.table.settings.get("date") is not None:
            why = f"{self.table.name!r} is cut into periods: `kintsu monitor run` records them"
            raise UsageError(f"{why}; leave `record` (--record) out")
        if not self.arrival.content:
            raise UsageError("only a file can be recorded: what is judged has to be found again")
        record(self.history, self.table, self.arrival, now=now, policy=policy)


def weigh(
    batch: Any,
    name: str,
    *,
    due: datetime | None,
    arrived: datetime | None,
    now: datetime,
    home: Path | str | None = None,
    read: ReadOptions | None = None,
) -> Weighed:
    """Judge a batch against the stored past of the watched table `name`; nothing is remembered.

    A file is due at the end of the period in its name and came when it was last written, unless it is said otherwise.
    """
    history = open_history(home)
    table = history.watched(name)
    settings = MonitorSettings(**table.settings)
    given = read if read is not None and any(value is not None for value in vars(read).values()) else None
    if isinstance(batch, str | Path) and Path(batch).is_file():
        found = arrival_of(settings, Path(batch), given)
    else:
        found = Arrival("", now, None, now, "", lambda: typed_frame(batch, given or settings.options))
    due = due or found.due
    at = due - timedelta(microseconds=1) if due is not None else found.at
    arrival = replace(found, at=at, due=due, arrived=arrived or found.arrived)
    watch = Watch(history, table)
    watch.prepare(arrival, learnable(settings, now))
    metrics, judgement = watch.weigh(arrival)
    return Weighed(history, table, arrival, replace(metrics, arrived=arrival.arrived), judgement)
