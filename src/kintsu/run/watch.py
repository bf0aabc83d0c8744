"""Watch a stream: mend every event in flight by a trained treatment."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

from kintsu.core.errors import OutputError, UsageError
from kintsu.core.events import HEALED, QUARANTINE
from kintsu.core.settings import read_settings
from kintsu.io.json_events import JsonEvents
from kintsu.io.kafka.options import client, options_from
from kintsu.io.kafka.sink import KafkaSink
from kintsu.io.kafka.source import KafkaSource
from kintsu.io.kafka.topics import Broker
from kintsu.io.store.history import History
from kintsu.io.store.home import home_for
from kintsu.io.store.streams import StreamStore
from kintsu.monitor.stream.tally import WindowTally
from kintsu.run.typed import text_rows
from kintsu.run.watch_alerts import StreamJudge
from kintsu.run.watch_flow import Flow, Pace, Progress
from kintsu.run.watch_mend import Codec, Treats, mend_cells

__all__ = ["Watched", "of_client", "watch"]

AGAIN: Final = 5  # times in a row that a worker begins anew before it gives up: a database may be away for 30 s
PAUSE_S: Final = 1.0  # before it does; twice as long each time
OF_REGISTRY: Final = "schema.registry."
REFERENCE_ROWS: Final = 50_000  # that windows are judged by


@dataclass(frozen=True)
class Watched:
    """What a worker did before it ended."""

    stream: str
    seconds: float
    tally: WindowTally

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {"stream": self.stream, "seconds": round(self.seconds, 3), **asdict(self.tally)}


def watch(
    *,
    bootstrap: str,
    topic: str,
    treatment: Treats | Path | str,
    healed: str | None = None,
    quarantine: str | None = None,
    metrics: str = "data-quality-metrics",
    alerts: str = "quality-alerts",
    group: str = "kintsu",
    kafka: Path | str | Mapping[str, Any] | None = None,
    registry: str | None = None,
    reference: Any = None,
    home: Path | str | None = None,
    pace: Pace | None = None,
    sensitive: Sequence[str] = (),
    progress: Progress = lambda tally, lag: None,
    stop: threading.Event | None = None,
) -> Watched:
    """Mend the events of a Kafka topic until told to stop; several workers of one group share its partitions.

    Every event goes to `healed` (byte for byte as it came, or with only its mended fields replaced) or, with the
    reason, to `quarantine`. Delivery is at least once: whoever reads drops what has the same header `kintsu-id`; the
    store counts each event once.

    Parameters
    ----------
    treatment
        A trained treatment, or its folder.
    healed, quarantine
        Topics (TOPIC.healed and TOPIC.quarantine, if none are named). These and those of metrics and alerts are made
        where they are missing.
    kafka
        Options of librdkafka: a mapping, or a YAML file in which secrets stand as ${NAME}. Those that begin with
        "schema.registry." are for the registry.
    registry
        URL of a schema registry: values are Avro in its wire format. Without it they are JSON.
    reference
        Rows that were right, by which windows are judged: anything that `kt.profile` takes. Without it the
        first 5,000 events are taken to be right.
    home
        Where counts, marks and alerts are kept: a folder or a PostgreSQL URL. Workers of one group share it.
    progress
        Told, after each micro-batch, what was counted and how many events of the whole stream wait (None: unknown).
    stop
        Ends it, when it is set from another thread.

    Raises
    ------
    InputError
        No broker answers, or the topic is missing.
    """
    treats = _loaded(treatment)
    options = _options(kafka)
    broker = Broker(bootstrap, of_client(options))
    codec = JsonEvents() if registry is None else _avro(registry, options)
    names = {HEALED: healed or f"{topic}.healed", QUARANTINE: quarantine or f"{topic}.quarantine"}
    names |= {"metrics": metrics, "alerts": alerts}
    if topic in names.values():
        raise UsageError(f"what is mended cannot go back to {topic!r}: name another topic")
    n_parts = broker.check(topic)
    parts = broker.make(names.values(), n_parts)
    store = StreamStore(History(home or home_for(None)))
    judge = _judge(treats, reference)
    stream, began = f"{group}/{topic}", time.monotonic()
    total, failures = WindowTally(), 0
    pace, stop = pace or Pace(), stop or threading.Event()
    to = {name: parts[name] for name in names.values()}

    def begin() -> Flow:
        # asked first, since it may be away: who joins a group and leaves at once makes all others of it wait
        store.stream(stream, {"treatment": treats.id})
        with ExitStack() as opened:
            source = opened.enter_context(closing(KafkaSource(broker, topic, group)))
            sink = opened.enter_context(closing(KafkaSink(broker, names, to, n_parts)))
            given = source, sink, treats, codec, store, judge, pace, stop, partial(_both, progress, total)
            made = Flow(stream, *given, tuple(sensitive), n_taken=total.events)
            opened.pop_all()  # from now on they are the flow's to close
        return made

    has_begun = False
    while True:
        flow = None
        try:
            flow, has_begun = begin(), True
            flow.run()
            return Watched(stream, time.monotonic() - began, total.merge(flow.total))
        except (OutputError, client().KafkaException):  # begin anew at the last commit: nothing is lost by it
            failures = 0 if flow is not None and flow.total.events else failures + 1
            if failures == AGAIN or not has_begun:  # what is wrong from the start is told at once
                raise
            stop.wait(PAUSE_S * 2**failures)
        finally:
            if flow is not None:
                flow.close()
        total = total if flow is None else total.merge(flow.total)


def _both(progress: Progress, before: WindowTally, counted: WindowTally, lag: int | None) -> None:
    """Tell what was counted before the worker began anew, and since."""
    progress(before.merge(counted), lag)


def _loaded(treatment: Treats | Path | str) -> Treats:
    if not isinstance(treatment, Path | str):
        return treatment
    from kintsu.run.treatment import load_treatment

    return load_treatment(Path(treatment))


def of_client(kafka: Path | str | Mapping[str, Any] | None) -> dict[str, Any]:
    """The options of librdkafka among those that `watch` takes as `kafka`."""
    return {key: value for key, value in _options(kafka).items() if not key.startswith(OF_REGISTRY)}


def _options(kafka: Path | str | Mapping[str, Any] | None) -> dict[str, Any]:
    if isinstance(kafka, Path | str):
        return options_from(read_settings(kafka), os.environ)
    return dict(kafka or {})


def _avro(registry: str, options: Mapping[str, Any]) -> Codec:
    from kintsu.io.kafka.avro import AvroEvents

    return AvroEvents(
        registry, {key.removeprefix(OF_REGISTRY): held for key, held in options.items() if key.startswith(OF_REGISTRY)}
    )


def _judge(treatment: Treats, reference: Any) -> StreamJudge:
    """What knows how the stream should look: from rows that were right, mended as the stream will be."""
    judge = StreamJudge()
    if reference is not None:
        frame = text_rows(reference).head(REFERENCE_ROWS)
        absent = [pl.lit(None, pl.String).alias(name) for name in treatment.columns if name not in frame.columns]
        cells = frame.with_columns(absent).select(treatment.columns)
        judge.learn(cells, mend_cells(treatment, cells).outcome)
    return judge
