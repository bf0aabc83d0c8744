"""The loop that mends a stream: take a micro-batch, mend it, send it on, and only then count and commit it.

At most one micro-batch is under way: while it is delivered the next one is read and mended.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from kintsu.core.events import Event, EventSink, EventSource, Output, Positions
from kintsu.io.store.streams import Passed, StreamStore
from kintsu.monitor.stream.tally import WindowTally
from kintsu.run.watch_alerts import MISSING, FieldJudge, StreamJudge, Trouble, stages
from kintsu.run.watch_mend import Codec, Mended, Treats, examples, held, mend_events, numeric_fields, outputs, told

__all__ = ["Flow", "Pace", "Progress"]

WINDOW_US: Final = 10_000_000  # of the store's counts
LEAVE_S: Final = 10.0  # for what is under way, when the group takes parts away or the worker ends
LEAST_ROWS: Final = 500  # that the breaker judges by
LEAST_WAIT_S: Final = 0.01
EXAMPLES: Final = 3  # changes of a micro-batch that are shown
METRICS_S: Final = 1.0
LOOK_S: Final = 5.0  # without anything counted: how many events wait is told all the same
SHARE_S: Final = 60.0  # that a group may share out its parts; who got none by then, and is to end when idle, is idle
PATIENCE: Final = timedelta(seconds=10)  # that a worker has to send an alert that it wrote down, as in its group
AGAIN: Final = timedelta(minutes=1)  # after which what has no end is news again


Told = TypeVar("Told")
_Sent = tuple[Mended, list[dict[str, Any]]]
Progress = Callable[[WindowTally, int | None], None]
"""Told what was counted, and how many events of the whole stream wait, where that is known."""


@dataclass(frozen=True)
class Pace:
    """How a stream is cut into micro-batches, and when the loop ends by itself.

    Parameters
    ----------
    batch
        Most events of a micro-batch.
    wait_s
        How long it waits for so many, counted from the micro-batch before: after a long one it takes what is there.
    max_events, until_idle_s
        End after so many events, or after so long without any. A minute in which the group shares out its parts is
        not counted.
    breaker
        Share of cells above which a micro-batch is put aside as a whole.
    hold
        Put whole micro-batches aside while an alert is open.
    """

    batch: int = 50_000
    wait_s: float = 0.1
    max_events: int | None = None
    until_idle_s: float | None = None
    breaker: float = 0.5
    hold: bool = False


@dataclass
class Flow:
    """One worker on a stream. `total` is what it has counted in the store, `lag` what waited then."""

    name: str
    source: EventSource
    sink: EventSink
    treatment: Treats
    codec: Codec
    store: StreamStore
    judge: StreamJudge
    pace: Pace = field(default_factory=Pace)
    stop: threading.Event = field(default_factory=threading.Event)
    progress: Progress = lambda tally, lag: None
    hidden: tuple[str, ...] = ()
    total: WindowTally = field(default_factory=WindowTally)
    lag: int | None = None
    n_taken: int = 0

    def __post_init__(self) -> None:
        self._stream = self.store.stream(self.name, {"treatment": self.treatment.id})
        self._columns = frozenset(self.treatment.columns)
        self._fields = FieldJudge(tuple(self.treatment.columns))
        self._kinds: Counter[tuple[str, str]] = Counter()
        self._recent: deque[tuple[int, int]] = deque()  # cells, and those changed, of the last micro-batches
        self._way: _Sent | None = None  # what was sent last and is not counted yet
        self._incarnations: dict[str, str] = {}
        self._polled_at = time.monotonic()
        self._metrics, self._metrics_at = WindowTally(), time.monotonic()
        self._looked_at = self._resume_at = time.monotonic()
        known = [Trouble(each[0], each[1] or None, each[2]) for each in self.store.troubles(self._stream)]
        known = [each for each in known if not each.is_passing]
        self._fields.resume(each for each in known if each.kind == MISSING)
        self.judge.resume(each for each in known if each.kind != MISSING)
        self.source.on_leaving(lambda: self._settle(LEAVE_S, wait=True))

    def run(self) -> None:
        """Go on until told to stop, or until the pace says so; then settle what is under way."""
        most_s, last = self.pace.until_idle_s, time.monotonic()
        ready = last
        while not (self.stop.is_set() or self._left() <= 0):
            self._resume()
            came, is_ready = self.step(), self.source.is_ready
            now = time.monotonic()
            ready = now if is_ready else ready
            if came or (not is_ready and now - ready < SHARE_S):
                last = now
            elif most_s is not None and now - last >= most_s:
                break
        self._settle(LEAVE_S, wait=True)
        self._tell_metrics()
        self.sink.settled(LEAVE_S)

    def _left(self) -> int:
        """Events that the next micro-batch may have."""
        most = self.pace.max_events
        return self.pace.batch if most is None else min(self.pace.batch, most - self.n_taken)

    def step(self) -> int:
        """Take, mend and send one micro-batch; returns its events."""
        since = time.monotonic() - self._polled_at
        events = self.source.poll(self._left(), max(self.pace.wait_s - since, LEAST_WAIT_S))
        self._polled_at = time.monotonic()
        if not events:
            self._settle(0.0)
            self._look()
            return 0
        self.n_taken += len(events)
        mended, alerts, sent = self._mend(events)
        before = self._arrived(None)
        if self._way is not None:  # told to stop while the sink hangs: what is not sent comes again
            return 0
        self.sink.send(sent)
        for alert in alerts:
            self.sink.tell("alerts", self.name, told(alert))
        self._way = mended, alerts
        if before is not None:
            self._count(before, wait=False)  # now that nobody waits for it
        return len(events)

    def _mend(self, events: list[Event]) -> tuple[Mended, list[dict[str, Any]], list[Output]]:
        mended = mend_events(self.treatment, self.codec, events)
        troubles = [*self._fields.feed(mended), *self.judge.feed(mended)]
        self._kinds.update({about: n for about, n in mended.kinds.items() if about[0] in self._columns})
        reason = self._reason_to_hold(mended)
        if reason:
            mended = held(mended, reason)
        sent, mended = outputs(mended, self.codec, self.treatment.id, numeric_fields(self._kinds))
        action = "hold" if reason else "mend"
        return mended, [record for each in troubles for record in self._news(each, mended, action)], sent

    def _news(self, trouble: Trouble, mended: Mended, action: str) -> list[dict[str, Any]]:
        """The alerts of a trouble, written down before they are sent; none where another worker has told it."""
        now = datetime.now(UTC)
        alerts = stages(self.name, trouble, mended, action, now.isoformat(timespec="milliseconds"))
        key = self._stream, trouble.kind, trouble.column or ""
        if trouble.is_over:
            return alerts if self.store.end(*key, now, alerts) else []
        again = AGAIN if trouble.is_passing else None
        return alerts if self.store.begin(*key, trouble.message, now, again, alerts) else []

    def _resume(self) -> None:
        """Send alerts that a worker wrote down and did not live to send; who has had them knows them by their id."""
        if time.monotonic() < self._resume_at:
            return
        self._resume_at = time.monotonic() + LOOK_S
        under_way = {alert["id"] for alert in self._way[1]} if self._way is not None else set()
        found = self.store.unsent(self._stream, datetime.now(UTC), PATIENCE)
        left = [alert for alert in found if alert["id"] not in under_way]
        for alert in left:
            self.sink.tell("alerts", self.name, told(alert))
        if left and self.sink.settled(LEAVE_S):
            self.store.sent(self._stream, [alert["id"] for alert in left])

    def _reason_to_hold(self, mended: Mended) -> str:
        """Why a whole micro-batch is put aside, "" where it is not."""
        self._recent.append((mended.cells.height * mended.cells.width, mended.done.height))
        while sum(cells for cells, _ in list(self._recent)[1:]) >= LEAST_ROWS * max(mended.cells.width, 1):
            self._recent.popleft()
        cells, changed = (sum(held) for held in zip(*self._recent, strict=True))
        enough = cells >= LEAST_ROWS * max(mended.cells.width, 1)
        if enough and changed > self.pace.breaker * cells:
            return (
                f"held: {100 * changed / cells:.0f} % of all cells would change, more than the "
                f"{100 * self.pace.breaker:.0f} % of --max-share"
            )
        return (
            "held: the stream is not as it should be, see the alerts"
            if self.pace.hold and self.judge.is_alarmed
            else ""
        )

    def _settle(self, patience_s: float, *, wait: bool = False) -> None:
        """Count and commit what is under way, if it arrives in so many seconds."""
        before = self._arrived(patience_s)
        if before is not None:
            self._count(before, wait=wait)

    def _arrived(self, patience_s: float | None) -> _Sent | None:
        """What is under way, once it has arrived; None waits however long that takes.

        While it waits the source is kept alive without taking events: that is the back-pressure. What the source gives
        away meanwhile is settled in there.
        """
        deadline = None if patience_s is None else time.monotonic() + patience_s
        while self._way is not None:
            if self.sink.settled(0.1):
                before, self._way = self._way, None
                return before
            if deadline is not None and time.monotonic() >= deadline:
                return None
            if deadline is None:
                if self.stop.is_set():
                    deadline = time.monotonic() + LEAVE_S
                self.source.idle()
                self._look()
        return None

    def _count(self, sent: _Sent, *, wait: bool) -> None:
        mended, alerts = sent
        first, after = _span(mended)
        now_ms = time.time_ns() // 1_000_000
        shown = examples(mended, EXAMPLES, self.hidden)
        tally = partial(self._tally, mended, now_ms)
        fresh = self._record(Passed(self._marked(first), self._marked(after), tally, shown, alerts), now_ms * 1_000)
        self.source.commit(after, wait=wait)
        self.total, self._metrics = self.total.merge(fresh), self._metrics.merge(fresh)
        if time.monotonic() - self._metrics_at >= METRICS_S:
            self._tell_metrics()
        self.progress(self.total, self.lag)

    def _record(self, passed: Passed, now_us: int) -> WindowTally:
        """Have the store count it, and how much waits."""
        passed = replace(passed, spans=self._marked(self.source.spans()), seen_us=now_us)
        counted = self.store.record(self._stream, now_us // WINDOW_US * WINDOW_US, passed)
        self.lag, self._looked_at = counted.lag, time.monotonic()
        return counted.tally

    def _look(self) -> None:
        """Tell how much waits where nothing was counted for a while."""
        if time.monotonic() - self._looked_at >= LOOK_S:
            self._record(Passed({}, {}, lambda marks: WindowTally()), time.time_ns() // 1_000)
            self.progress(self.total, self.lag)

    def _tally(self, mended: Mended, now_ms: int, marks: Positions) -> WindowTally:
        if marks:
            mended = mended.only(lambda e: e.place >= marks.get((self._mark_of(e.source), e.part), 0))
        return mended.tally(now_ms)

    def _marked(self, told: Mapping[tuple[str, int], Told]) -> dict[tuple[str, int], Told]:
        return {(self._mark_of(source), part): each for (source, part), each in told.items()}

    def _mark_of(self, source: str) -> str:
        """A source as the store's marks know it: a topic that was made anew counts its places anew."""
        if source not in self._incarnations:
            self._incarnations[source] = self.source.incarnation(source)
        return f"{source} {self._incarnations[source]}".rstrip()

    def _tell_metrics(self) -> None:
        """What was counted since the last time, as one record."""
        self._metrics_at = time.monotonic()
        counted, self._metrics = self._metrics, WindowTally()
        if counted.events:
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            worker = f"{os.uname().nodename}-{os.getpid()}"
            id = hashlib.blake2b(f"{self.name} {worker} {at}".encode(), digest_size=8).hexdigest()
            head = {"id": id, "stream": self.name, "worker": worker, "at": at, "treatment": self.treatment.id}
            self.sink.tell("metrics", self.name, told(head | {"lag": self.lag} | counted.to_dict()))

    def close(self) -> None:
        """Leave the source and the sink; what was not settled comes again."""
        self._way = None
        self.source.close()
        self.sink.close()


def _span(mended: Mended) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], int]]:
    """The first place of each part, and the one after its last. Places of a part rise."""
    first: dict[tuple[str, int], int] = {}
    after: dict[tuple[str, int], int] = {}
    for event in mended.events:
        at = event.source, event.part
        if at not in first:
            first[at] = event.place
        after[at] = event.place + 1
    return first, after
