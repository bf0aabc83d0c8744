"""How many events a second does a worker mend, how late do they come out, how soon is trouble told?

    python bench/watch.py --events 1000000 --workers 2 --rate 5000 --seconds 20

A broker (the embedded one of the tests, in memory, on the same machine) gets JSON events of ten fields with 2 % wrong
cells. Throughput: all events are there before the workers (processes, as of `kintsu watch --workers 2`) start; it is
timed in the middle, when all of them run; CPU is theirs and that of the broker. Latency: events come at a steady
rate, each with the time at which it was produced, which is kept; another process reads the mended topic and takes the
difference. Alert delay: from the first event of a flood of empty cells, and of words where numbers were, to the alert
as that process reads it. The treatment is trained on 20,000 other events by `kintsu train`; `--treatment none`
changes nothing, and shows what the loop itself costs.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

import kintsu as kt
from conftest import Kafka, running_kafka
from kintsu.core.frames import DECISIONS, empty
from kintsu.run.generate import generate
from kintsu.run.watch_flow import Pace
from kintsu.run.watch_workers import watch_together

PARTS = 4
FIELDS = (
    *("order_id", "order_date", "status", "customer_id", "customer_email"),
    *("city", "product", "quantity", "unit_price", "total"),
)
NUMBERS = ("quantity", "unit_price", "total")
START, END = 0.3, 0.95  # of the events, between which it is timed: all workers run
GATHER_MS = 20  # of the producer: with 2 the embedded broker takes most of a core, and everything waits for it
QUICK = {"session.timeout.ms": 2000, "heartbeat.interval.ms": 500}


class Nothing:
    """A treatment that changes nothing."""

    columns, id = FIELDS, "none"

    def mend(self, batch: Any) -> Any:
        unmendable = pl.DataFrame(schema={"row": pl.Int64, "why": pl.String})
        return SimpleNamespace(applied=empty(DECISIONS), unmendable=unmendable)


def made(rows: int, seed: int) -> pl.DataFrame:
    """Generated orders, ten of their fields."""
    return generate("orders", rows, seed=seed, errors=0.02).dirty.select(FIELDS)


def events(frame: pl.DataFrame, **instead: str | None) -> list[bytes]:
    """JSON values; numbers of number columns are written as they are spelt."""
    frame = frame.with_columns(**{name: pl.lit(value, pl.String) for name, value in instead.items()})
    plain = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")

    def written(name: str, cell: str | None) -> str:
        is_number = cell is not None and name in NUMBERS and plain.fullmatch(cell)
        return str(cell) if is_number else json.dumps(cell, ensure_ascii=False)

    rows = frame.iter_rows(named=True)
    return [("{" + ", ".join(f'"{k}": {written(k, v)}' for k, v in row.items()) + "}").encode() for row in rows]


def throughput(kafka: Kafka, treatment: Any, n_events: int, workers: int, home: Path) -> dict[str, float]:
    kafka.make("full", PARTS)
    values = events(made(min(n_events, 100_000), seed=5))
    for start in range(0, n_events, len(values)):
        kafka.put("full", values[: n_events - start], headers=None)
    marks: list[tuple[float, float, float, int]] = []

    def mark(tally: Any, lag: int | None) -> None:
        marks.append((time.monotonic(), cpu(*workers_now()), cpu(kafka.process.pid), tally.events))

    pace = Pace(until_idle_s=5)
    options = {"bootstrap": kafka.address, "topic": "full", "treatment": treatment, "kafka": QUICK, "pace": pace}
    watch_together(workers, **options, home=home, progress=mark)
    steady = [each for each in marks if START * n_events <= each[-1] <= END * n_events]
    (t0, c0, b0, n0), (t1, c1, b1, n1) = steady[0], steady[-1]
    return {
        "events": n1 - n0,
        "events a second": (n1 - n0) / (t1 - t0),
        "microseconds of CPU an event": 1e6 * (c1 - c0) / (n1 - n0),
        "of the broker": 1e6 * (b1 - b0) / (n1 - n0),
    }


def workers_now() -> list[int]:
    return [each.pid for each in multiprocessing.active_children() if each.pid is not None]


def cpu(*processes: int) -> float:
    """CPU seconds of processes and all their threads so far (proc(5), fields 14 and 15)."""
    found = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in processes]
    return sum(int(each[11]) + int(each[12]) for each in found) / os.sysconf("SC_CLK_TCK")


def work(workers: int, options: dict[str, Any], stop: Any) -> None:
    ended = threading.Event()
    threading.Thread(target=lambda: (stop.wait(), ended.set()), daemon=True).start()
    watch_together(workers, topic="live", **options, stop=ended)


def reader(address: str, topics: Sequence[str], found: Any, stop: Any) -> None:
    """Delay of each mended event in milliseconds; alerts with the time at which they came."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    settings = {"bootstrap.servers": address, "group.id": "bench", "fetch.wait.max.ms": 100, "log_level": 0}
    consumer = Consumer(settings)
    consumer.assign([TopicPartition(topic, part, OFFSET_BEGINNING) for topic in topics for part in range(PARTS)])
    delays, alerts = [], []
    while not stop.is_set():
        for message in consumer.consume(5000, 0.01):
            now = time.time()
            if message.error() is not None:
                continue
            if message.topic() == "quality-alerts":
                alerts.append((now, json.loads(message.value())))
            else:
                delays.append(1000 * now - message.timestamp()[1])
    found.put((delays, alerts))


def produce(kafka: Kafka, values: Sequence[bytes], rate: int) -> float:
    """Produce at a steady rate; when it began."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka.address, "linger.ms": GATHER_MS, "log_level": 0})
    began, n = time.time(), 0
    while n < len(values):
        due = min(int((time.time() - began) * rate) + 1, len(values))
        while n < due:
            producer.produce("live", values[n], str(n))
            n += 1
        producer.poll(0.002)
    producer.flush()
    return began


def latency(kafka: Kafka, treatment: Any, home: Path, rate: int, seconds: int, workers: int) -> dict[str, float]:
    spawn = multiprocessing.get_context("spawn")
    stop, found = spawn.Event(), spawn.Queue()
    topics = ("live.healed", "live.quarantine", "quality-alerts")
    for topic in ("live", *topics):
        kafka.make(topic, PARTS)
    reference = home / "reference.csv"
    made(20_000, seed=2).write_csv(reference)
    options = {"bootstrap": kafka.address, "treatment": treatment, "kafka": QUICK, "reference": str(reference)}
    work_with = (workers, {**options, "home": str(home / "store")}, stop)
    both = [
        spawn.Process(target=work, args=work_with),
        spawn.Process(target=reader, args=(kafka.address, topics, found, stop)),
    ]
    for process in both:
        process.start()
    frame = made(min(rate * seconds, 100_000), seed=3)
    produce(kafka, events(frame[:2000]), 500)  # until everything is warm
    time.sleep(15)
    n_warm = 2000
    usual = events(frame)
    produce(kafka, usual, rate)
    flood_at = produce(kafka, events(frame[: 2 * rate], customer_email=None), rate)
    produce(kafka, usual[: 2 * rate], rate)
    break_at = produce(kafka, events(frame[: 2 * rate], unit_price="lots"), rate)
    time.sleep(10)
    stop.set()
    delays, alerts = found.get()
    for process in both:
        process.join()
    steady = np.array(delays[n_warm + rate : n_warm + len(usual)])

    def told(kind: str, column: str, since: float) -> float:
        return min((at - since for at, a in alerts if (a["kind"], a["column"]) == (kind, column)), default=np.nan)

    return {
        "events": len(delays),
        "p50 ms": float(np.quantile(steady, 0.5)),
        "p99 ms": float(np.quantile(steady, 0.99)),
        "null flood told after s": told("null_flood", "customer_email", flood_at),
        "type break told after s": told("type_break", "unit_price", break_at),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rate", type=int, default=5_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--treatment", help="a folder, or none; trained here, if it is not given")
    parser.add_argument("--only", choices=("throughput", "latency"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        folder = asked.treatment
        if folder is None:
            folder = str(home / "treatment")
            made(20_000, seed=1).write_csv(home / "train.csv")
            kt.train(home / "train.csv", out=folder)
        chosen = Nothing() if folder == "none" else folder
        if asked.only != "latency":
            with running_kafka(home) as kafka:
                print("throughput", throughput(kafka, chosen, asked.events, asked.workers, home / "full"))
        if asked.only != "throughput":
            with running_kafka(home) as kafka:
                print("latency", latency(kafka, chosen, home, asked.rate, asked.seconds, asked.workers))


if __name__ == "__main__":
    main()
