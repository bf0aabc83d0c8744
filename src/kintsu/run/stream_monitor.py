"""Watch a stream: micro-batches of any size in, one alert for every window of rows that is not as it should be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import MergeError, UsageError
from kintsu.monitor.stream.rates import LOG_FLOOR, PART, SHARE_FLOOR, Rate, adwin, count_parts
from kintsu.monitor.stream.reference import BLOCK, Fed, StreamReference, feed, learn_stream, log10_p
from kintsu.monitor.stream.tell import tell_window
from kintsu.monitor.stream.window import Window
from kintsu.profile.packing import pack, unpack
from kintsu.run.typed import typed_frame

__all__ = ["StreamAlert", "StreamCause", "StreamMonitor"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FORMAT: Final = 1
LOG10_P: Final = -5.0  # of a window: one false alarm in 100,000 windows, if cells were as independent as they seem
STATISTICS: Final = ("distribution", "null", "new")
ARRIVED: Final = "\0arrived"  # column of the moment at which each row came, in microseconds
LEAST_LAG_S: Final = 1.0  # lateness is told by its logarithm from one second on


@dataclass(frozen=True)
class StreamCause:
    """One reason of an alert.

    `statistic` is "distribution", "null", "new", or a rate: "null rate", "new rate", "lateness", "pace".
    """

    column: str | None
    statistic: str
    expected: float
    found: float
    log10_p: float  # -inf for rates: their test gives no probability
    message: str


@dataclass(frozen=True)
class StreamAlert:
    """What is not as it should be in one window of a stream.

    Attributes
    ----------
    rows
        First row of the window and the row after its last, counted from the first one fed.
    delay
        Rows between the last window without an alert and this alert: what changed did so at most so long ago.
    causes
        The most unlikely first.
    """

    rows: tuple[int, int]
    delay: int
    causes: tuple[StreamCause, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Suspects, most suspect first."""
        return tuple(dict.fromkeys(cause.column for cause in self.causes if cause.column))

    @property
    def message(self) -> str:
        """One sentence: what came and what was expected."""
        return f"rows {self.rows[0]:,} to {self.rows[1] - 1:,}: {self.causes[0].message}"


class StreamMonitor:
    """Watches a stream in memory, in windows of 500 rows, however it is cut into micro-batches.

    Parameters
    ----------
    reference
        A stretch of the stream that was right, in the order in which it came: a frame, a path or anything else that
        `kt.profile` takes. Its columns are watched. At least 200 rows; from 2,000 on it also tells how much
        neighbouring rows are alike.
    rates
        Watch slow changes of the shares of empty and of new cells too, and with `time` of lateness and pace.
        Needs river: `pip install 'kintsu[stream]'`.
    time
        The column that tells when a row happened.
    read
        How to read files.

    Examples
    --------
    >>> import polars as pl, kintsu as kt
    >>> right = pl.DataFrame({"status": ["open", "paid", "sent", "paid"] * 500})
    >>> monitor = kt.StreamMonitor(right)
    >>> monitor.add(right[:600])
    []
    >>> monitor.add(pl.DataFrame({"status": ["open"] * 400}))[0].message
    "rows 500 to 999: 85.0 % of cells of `status` are 'open'; 25.0 % was expected"
    """

    def __init__(
        self, reference: Any, *, rates: bool = False, time: str | None = None, read: ReadOptions | None = None
    ) -> None:
        self._read = read
        frame = typed_frame(reference, read)
        if time is not None and (time not in frame.columns or not frame.schema[time].is_temporal()):
            raise UsageError(
                f"time={time!r} has to name a column of times of the reference: {', '.join(frame.columns)}"
            )
        self._start(learn_stream(frame), is_rated=rates, time=time)

    def _start(self, reference: StreamReference, *, is_rated: bool, time: str | None) -> None:
        if is_rated:
            adwin()  # raises now where river is missing
        self._reference, self._is_rated, self._time = reference, is_rated, time
        self._names = list(reference.bins)
        self._waiting: list[pl.DataFrame] = []
        self._n_waiting = 0
        self._open, self._closed = Window(), Window()
        self._n_alerts = 0
        self._loud_rows = 0  # rows of windows with an alert since the last one without
        self._last: dict[str, float] = {}
        self._rates: dict[str, Rate] = {}
        # of each 50 rows of the open window: empty, new, other cells by column; then rows with a time, lag and time
        self._parts = np.zeros((0, len(self._names) + 1, 3), dtype=np.int64)
        self._clock_before = (0, 0)  # rows with a time, and their time, of the part before

    @property
    def n_rows(self) -> int:
        """Rows fed so far."""
        return self._closed.rows + self._open.rows + self._n_waiting

    @property
    def n_alerts(self) -> int:
        """Windows with an alert so far."""
        return self._n_alerts

    def add(self, batch: Any, *, arrived: datetime | None = None) -> list[StreamAlert]:
        """Feed a micro-batch of any size; the alerts of the windows that are full with it.

        Parameters
        ----------
        batch
            A frame, a path or anything else that `kt.profile` takes. Columns that it lacks count as empty.
        arrived
            When it came: with `time` and `rates` the lateness of its rows is watched.
        """
        frame = typed_frame(batch, self._read)
        rows, names = frame.height, frame.columns
        if names != self._names:
            held = set(names)
            frame = frame.select(name for name in self._names if name in held)
        if not frame.width:
            frame = pl.DataFrame({self._names[0]: [None] * rows}, schema={self._names[0]: pl.String})
        if self._is_rated and self._time is not None:
            frame = frame.with_columns(pl.lit(_microseconds(arrived), dtype=pl.Int64).alias(ARRIVED))
        if not rows:
            return []
        if self._waiting and self._waiting[-1].schema != frame.schema:
            self._fold()
        self._waiting.append(frame)
        self._n_waiting += rows
        return self._fold() if self._open.rows + self._n_waiting >= BLOCK else []

    def counts(self) -> pl.DataFrame:
        """Cells of the stream so far: column, bin, share expected, cells.

        Bin 0 holds empty cells, 1 cells that the reference does not hold.
        """
        self._fold()
        total = self._closed.merge(self._open)
        parts = [
            pl.DataFrame(
                {
                    "column": [name] * bins.n_codes,
                    "bin": np.arange(bins.n_codes),
                    "expected": np.array(self._reference.expected[name].cells) / self._reference.expected[name].n,
                    "cells": total.counts.get(name, np.zeros(bins.n_codes, dtype=np.int64)),
                }
            )
            for name, bins in self._reference.bins.items()
        ]
        return pl.concat(parts)

    def merge(self, other: StreamMonitor) -> StreamMonitor:
        """A monitor that has seen the rows of both, as of two partitions of one stream.

        Counts add up exactly, in any order of merging. Rates start anew, since rows of two partitions have no order.

        Raises
        ------
        MergeError
            The two have other references or options.
        """
        mine, theirs = (json.dumps(m._settings(), sort_keys=True) for m in (self, other))
        if mine != theirs:
            raise MergeError("two stream monitors merge only if they have the same reference, `rates` and `time`")
        self._fold(), other._fold()
        merged = StreamMonitor.__new__(StreamMonitor)
        merged._read = self._read
        merged._start(self._reference, is_rated=self._is_rated, time=self._time)
        merged._open = self._open.merge(other._open)
        merged._closed = self._closed.merge(other._closed)
        merged._n_alerts = self._n_alerts + other._n_alerts
        merged._loud_rows = max(self._loud_rows, other._loud_rows)
        return merged

    def to_bytes(self) -> bytes:
        """Everything that it knows, in a format with a version."""
        self._fold()
        facts = self._settings() | {
            "rows": [self._open.rows, self._closed.rows],
            "n_alerts": self._n_alerts,
            "loud_rows": self._loud_rows,
            "last": self._last,
            "floors": {key: rate.floor for key, rate in self._rates.items()},
            "clock_before": self._clock_before,
        }
        held = {"open": self._open, "closed": self._closed}
        arrays = {f"{part} {name}": x for part, window in held.items() for name, x in window.counts.items()}
        arrays |= {f"rate {key}": np.array(rate.values) for key, rate in self._rates.items()}
        return pack("stream", FORMAT, facts, arrays | {"parts": self._parts.ravel()})

    @classmethod
    def from_bytes(cls, data: bytes, *, read: ReadOptions | None = None) -> StreamMonitor:
        """The monitor that `to_bytes` wrote; it goes on where that one stood."""
        facts, arrays = unpack(data, "stream", FORMAT)
        monitor = cls.__new__(cls)
        monitor._read = read
        monitor._start(StreamReference.from_dict(facts["reference"]), is_rated=facts["rates on"], time=facts["time"])
        parts = []
        for part, rows in zip(("open", "closed"), facts["rows"], strict=True):
            start = f"{part} "
            parts.append(Window(rows, {k.removeprefix(start): x for k, x in arrays.items() if k.startswith(start)}))
        monitor._open, monitor._closed = parts
        monitor._n_alerts, monitor._loud_rows, monitor._last = facts["n_alerts"], facts["loud_rows"], facts["last"]
        monitor._rates = {key: Rate(floor, arrays[f"rate {key}"].tolist()) for key, floor in facts["floors"].items()}
        monitor._parts = arrays["parts"].reshape(-1, *monitor._parts.shape[1:])
        monitor._clock_before = tuple(facts["clock_before"])
        return monitor

    def _settings(self) -> dict[str, Any]:
        return {"reference": self._reference.to_dict(), "rates on": self._is_rated, "time": self._time}

    def _fold(self) -> list[StreamAlert]:
        """Count the rows that wait, and judge the windows that are full."""
        if not self._waiting:
            return []
        frame = pl.concat(self._waiting, rechunk=False) if len(self._waiting) > 1 else self._waiting[0]
        self._waiting, self._n_waiting = [], 0
        fed = feed(self._reference, self._open, self._last, frame)
        parts = self._counted(fed, frame) if self._is_rated else self._parts
        self._open, self._last = fed.open, dict(fed.last)
        return self._judged(fed, parts) if fed.n_closed else []

    def _judged(self, fed: Fed, parts: Ints) -> list[StreamAlert]:
        names = self._names
        p = log10_p(self._reference, fed.counts) + np.log10(len(names) * len(STATISTICS))
        first = self._closed.rows
        alerts = []
        loud = (p < LOG10_P).any((1, 2))
        for i in range(fed.n_closed):
            causes = self._causes(fed, p[i], i, names) if loud[i] else []
            if self._is_rated:
                causes += self._rate_causes(parts[i * BLOCK // PART : (i + 1) * BLOCK // PART])
            self._loud_rows = self._loud_rows + BLOCK if causes else 0
            if causes:
                rows = (first + i * BLOCK, first + (i + 1) * BLOCK)
                alerts.append(StreamAlert(rows, self._loud_rows, tuple(causes)))
        closed = Window(fed.n_closed * BLOCK, {name: held.sum(0) for name, held in fed.counts.items()})
        self._closed = self._closed.merge(closed)
        self._n_alerts += len(alerts)
        return alerts

    def _causes(self, fed: Fed, p: npt.NDArray[np.float64], i: int, names: list[str]) -> list[StreamCause]:
        found = sorted((float(p[c, t]), c, t) for c, t in np.argwhere(p < LOG10_P).tolist())
        causes = []
        for log10, c, t in found:
            name = names[c]
            bins, expected = self._reference.bins[name], self._reference.expected[name]
            what, due, share = tell_window(bins, expected, fed.counts[name][i], t)
            message = f"{100 * share:.1f} % of {what}; {100 * due:.1f} % was expected"
            causes.append(StreamCause(name, STATISTICS[t], float(due), float(share), log10, message))
        return causes

    def _counted(self, fed: Fed, frame: pl.DataFrame) -> Ints:
        """Cells of each part of the open window and of `frame`; what is left of the last window stays open."""
        at = (self._open.rows + np.arange(frame.height)) // PART
        columns = [count_parts(fed.codes[name], at) for name in self._names]
        parts = np.stack([*columns, self._clocks(frame, at)], axis=1)
        parts[: len(self._parts)] += self._parts
        self._parts = parts[fed.n_closed * (BLOCK // PART) :]
        return parts

    def _clocks(self, frame: pl.DataFrame, at: Ints) -> Ints:
        """Rows with a time, their summed lag and time in microseconds, of each part; whole numbers add up exactly."""
        clocks = np.zeros((int(at[-1]) + 1, 3), dtype=np.int64)
        if self._time is not None and self._time in frame.columns and frame.schema[self._time].is_temporal():
            time = frame[self._time].cast(pl.Datetime("us")).to_physical()
            lag = (frame[ARRIVED] - time).fill_null(0)
            np.add.at(clocks, at, np.column_stack([time.is_not_null(), lag, time.fill_null(0)]).astype(np.int64))
        return clocks

    def _rate_causes(self, parts: Ints) -> list[StreamCause]:
        """Rates of one window, each held against its own past."""
        causes = []
        for c, (name, bins) in enumerate(self._reference.bins.items()):
            null, new, other = parts[:, c].T
            shares = {"null rate": (null, null + new + other, "empty")}
            if bins.kind == "text":
                shares["new rate"] = (new, new + other, "values that were not there before")
            for statistic, (part, whole, words) in shares.items():
                values = part[whole > 0] / whole[whole > 0]
                what = f"the share of cells of `{name}` that are {words} went from {{:.2%}} to {{:.2%}}"
                causes += self._rated(statistic, name, values, SHARE_FLOOR, what)
        return causes + self._clock_causes(parts[:, -1])

    def _clock_causes(self, clocks: Ints) -> list[StreamCause]:
        clocks = clocks[clocks[:, 0] > 0]
        if self._time is None or not len(clocks):
            return []
        lag_s = clocks[:, 1] / clocks[:, 0] / 1e6
        late = np.log(np.maximum(lag_s[lag_s != 0], 0.0) + LEAST_LAG_S)
        causes = self._rated("lateness", self._time, late, LOG_FLOOR, "rows came {1:,.4g} s late, not {0:,.4g} s")
        n, time_us = np.vstack([[self._clock_before], clocks[:, [0, 2]]]).T
        self._clock_before = (int(n[-1]), int(time_us[-1]))
        passed_s = np.diff(time_us[n > 0] / n[n > 0]) / 1e6
        pace = np.log(PART / passed_s[passed_s > 0])
        return causes + self._rated("pace", self._time, pace, LOG_FLOOR, "{1:,.4g} rows came a second, not {0:,.4g}")

    def _rated(self, statistic: str, column: str, values: Floats, floor: float, words: str) -> list[StreamCause]:
        """Feed a rate; its cause where it has changed."""
        key = f"{statistic} {column}"
        if key not in self._rates:
            self._rates[key] = Rate(floor)
        changed = self._rates[key].add(values.tolist())
        if changed is None:
            return []
        due, found = changed if statistic.endswith("rate") else np.exp(changed).tolist()
        return [StreamCause(column, statistic, due, found, -np.inf, words.format(due, found))]


def _microseconds(moment: datetime | None) -> int | None:
    """Since 1970; a moment without a zone is taken as universal time."""
    if moment is None:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1e6)
