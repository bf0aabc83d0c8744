"""One watched table while its batches are judged in order: each against what was right before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from kintsu.core.errors import KintsuError
from kintsu.io.store.batch_rows import HELD, LEARNT, NORMAL, BatchRow, Watched
from kintsu.io.store.history import History
from kintsu.monitor.alerts import UNREADABLE
from kintsu.monitor.classify.model import IssueModel
from kintsu.monitor.facts import facts
from kintsu.monitor.forecast.model import VolumeForecast, VolumeModel
from kintsu.monitor.incidents import JudgedBatch, Placement
from kintsu.monitor.judge import CERTAIN, BatchJudgement, Cause, judge, learn_batches
from kintsu.monitor.measure import BatchMetrics, measure, salted
from kintsu.monitor.packing import pack, unpack
from kintsu.run.batches import Arrival, MonitorSettings, period
from kintsu.run.learnt_judges import RowsWatch
from kintsu.run.live_model import live_issue_model
from kintsu.run.salt import salt_of

__all__ = ["Judged", "Watch"]

NEW_NORMAL: Final = 3  # batches in a row that alarm, and resemble each other, before a backfill takes them for normal
READY: Final = 30  # counts below which the forecast by the calendar knows less than the baseline
VOLUME_DAYS: Final = 800  # of row counts that the forecast of the volume looks at


@dataclass(frozen=True)
class Judged:
    """What became of one batch. `state` is "learnt" or "held"; `error` tells why it could not be read. `batch` is ""
    where the source itself could not. `incident` is where an alarm belongs; none is opened by a backfill."""

    table: str
    batch: str
    judgement: BatchJudgement | None
    state: str
    error: str | None = None
    incident: Placement | None = None

    @property
    def alarm(self) -> bool:
        return self.error is not None or (self.judgement is not None and self.judgement.alarm)

    def for_incidents(self, now: datetime) -> JudgedBatch:
        """As incidents see it. A source that cannot be read counts as one batch a day."""
        if self.judgement is not None:
            return JudgedBatch(self.table, self.batch, self.judgement)
        cause = Cause(None, UNREADABLE, CERTAIN, self.error or "")
        told = BatchJudgement(True, CERTAIN, UNREADABLE, (), (cause,), "judged", 0)
        return JudgedBatch(self.table, self.batch or f"source on {now:%Y-%m-%d}", told)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        told = {} if self.judgement is None else self.judgement.to_dict()
        incident = None if self.incident is None else self.incident.to_dict()
        about = {"table": self.table, "batch": self.batch, "incident": incident}
        return about | told | {"state": self.state, "error": self.error}


class Watch:
    """One table while its batches are judged in order: the window is kept between them."""

    def __init__(self, history: History, table: Watched) -> None:
        self.history, self.table = history, table
        self.settings = MonitorSettings(**table.settings)
        self.salt = salt_of(history) if self.settings.sensitive else b""
        self.known, self.packed = history.contents(table)
        self.window: deque[BatchMetrics] = deque(maxlen=self.settings.window)
        self.found: dict[str, Arrival] = {}
        self.rows = RowsWatch(self.settings.judges, []) if self.settings.judges else None
        self.held: list[tuple[BatchRow, BatchMetrics]] = []
        self.volumes: dict[datetime, int] = {}
        self.judged: list[Judged] = []
        self.model: IssueModel | None = None  # None: the one that comes with the package
        self.makeshift: str | None = None

    def catch_up(
        self,
        found: Sequence[Arrival],
        *,
        is_past: bool,
        beside: Iterable[Arrival] = (),
        progress: Callable[[str, float], None] | None = None,
    ) -> list[Judged]:
        """Judge what is new among the batches, oldest first. `beside` are others that judges of rows may learn from."""
        self.found = {each.name: each for each in (*beside, *found)}
        fresh = {each.name for each in found if self.known.get(each.name) != each.content and not self._is_packed(each)}
        self.judged = []
        follows = False  # the one just judged is the last before this one: the window holds it
        for arrival in found:
            if arrival.name not in fresh:
                follows = False
                continue
            if progress is not None:
                progress(f"{self.table.name}: {arrival.name}", len(self.judged) / len(fresh))
            if not follows:
                self._start(arrival.at)
            follows = True
            self.judged.append(self._judge(arrival, is_past=is_past))
        return self.judged

    def prepare(self, arrival: Arrival, beside: Iterable[Arrival]) -> None:
        """Take up what is normal before a batch, to `weigh` it; judges of rows learn from the others."""
        self.found = {each.name: each for each in beside}
        self._start(arrival.at)

    def weigh(self, arrival: Arrival) -> tuple[BatchMetrics, BatchJudgement]:
        """Judge the prepared batch, or one in its place, as `catch_up` would; nothing is remembered."""
        return self._weighed(arrival, arrival.arrived)

    def _is_packed(self, arrival: Arrival) -> bool:
        """Whether it is so old that it was judged and packed away: it is not looked at again."""
        return self.packed is not None and arrival.at < self.packed

    def _start(self, before: datetime) -> None:
        self.model, self.makeshift = live_issue_model(self.history, self.table.name)
        held = self.history.sketches(self.table, self.settings.window, before=before)
        self.window = deque(map(self._unpacked, held), maxlen=self.settings.window)
        self.held = []
        course = self.history.course(self.table, [], since=before - timedelta(days=VOLUME_DAYS))
        normal = course.filter((pl.col("at") < before) & pl.col("state").is_in(NORMAL) & pl.col("due").is_not_null())
        if self.settings.judges:
            good = course.filter((pl.col("at") < before) & pl.col("state").is_in(NORMAL))["name"]
            self.rows = RowsWatch(self.settings.judges, [self.found[name] for name in good if name in self.found])
        self.volumes = dict(zip(normal["at"].to_list(), normal["rows"].to_list(), strict=True))

    def _unpacked(self, body: bytes) -> BatchMetrics:
        """What was measured of an earlier batch, hashed as this one is."""
        return salted(unpack(body), self.settings.sensitive, self.salt)

    def _judge(self, arrival: Arrival, *, is_past: bool) -> Judged:
        arrived = None if is_past else arrival.arrived
        try:
            metrics, told = self._weighed(arrival, arrived)
        except KintsuError as error:
            return Judged(self.table.name, arrival.name, None, HELD, str(error))
        row = BatchRow(
            name=arrival.name,
            at=arrival.at,
            rows=metrics.rows,
            facts=facts(metrics),
            state=HELD if told.alarm else LEARNT,
            alarm=told.alarm,
            score=told.score,
            issue=told.issue,
            content=arrival.content,
            due=None if arrival.due is None else arrival.due.isoformat(),
            arrived=None if arrived is None else arrived.isoformat(),
            judgement=told.to_dict() if told.alarm else None,
            sketch=pack(metrics),
            unfollowed=told.alarm and not is_past,
        )
        row = self.history.record(self.table, row, keep=self.settings.window)
        if not told.alarm:
            self._learn(row, metrics)
            self.held = []
        elif is_past:
            self.held.append((row, metrics))
            if self._is_new_normal():
                for each, measured in self.held:
                    self.history.record(self.table, replace(each, state=LEARNT), keep=self.settings.window)
                    self._learn(each, measured)
                self.held = []
                row = replace(row, state=LEARNT)
        return Judged(self.table.name, arrival.name, told, row.state)

    def _weighed(self, arrival: Arrival, arrived: datetime | None) -> tuple[BatchMetrics, BatchJudgement]:
        frame = arrival.load()
        metrics = measure(
            frame,
            due=arrival.due,
            arrived=arrived if arrival.due is not None else None,
            sensitive=self.settings.sensitive,
            salt=self.salt,
        )
        baseline, sensitivity = learn_batches(list(self.window)), self.settings.sensitivity
        volume = self._volume(arrival, metrics)
        told = judge(baseline, metrics, sensitivity=sensitivity, volume=volume, model=self.model)
        told = told if self.rows is None else self.rows.add_to(told, frame)
        return metrics, told if self.makeshift is None else replace(told, notes=(*told.notes, self.makeshift))

    def _learn(self, row: BatchRow, metrics: BatchMetrics) -> None:
        self.window.append(metrics)
        if self.rows is not None:
            self.rows.learn(self.found[row.name])
        if row.due is not None:
            self.volumes[row.at] = row.rows

    def _is_new_normal(self) -> bool:
        """Whether the batches that alarmed last would not alarm after each other."""
        if len(self.held) < NEW_NORMAL:
            return False
        self.held = self.held[-NEW_NORMAL:]
        *before, last = (metrics for _, metrics in self.held)
        baseline = learn_batches([*self.window, *before])
        return not judge(baseline, last, sensitivity=self.settings.sensitivity).alarm

    def _volume(self, arrival: Arrival, metrics: BatchMetrics) -> VolumeForecast | None:
        """The forecast of the rows by the calendar, where there are eight weeks and more of them.

        Fitted anew for each batch: an extended model keeps its effects for a week, so that the range of a day would
        depend on the day from which the table caught up.
        """
        if arrival.due is None or len(self.volumes) < READY:
            return None
        frame = pl.DataFrame({"date": list(self.volumes), "count": list(self.volumes.values())})
        dates = frame.with_columns(pl.col("date").dt.replace_time_zone(None).dt.truncate(self._step()))
        at = arrival.at.replace(tzinfo=None)
        at_slot = pl.Series([at]).dt.truncate(self._step()).item()
        model = VolumeModel.fit(dates, before=at_slot)
        return model.judge(at_slot, metrics.rows)

    def _step(self) -> str:
        return "1d" if period(self.settings.every) >= timedelta(days=1) else "1h"
