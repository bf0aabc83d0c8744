"""A stream and a file get the same changes from one treatment, cell by cell, however the stream is cut."""

import json

import polars as pl
import pytest
from confluent_kafka import Producer
from streaming import QUICK

import kintsu as kt
from kintsu.core.events import CHANGES, HEALED, WHY
from kintsu.io.json_events import JsonEvents
from kintsu.io.queues import MemorySink, QueueSource
from kintsu.io.store.history import History
from kintsu.io.store.streams import StreamStore
from kintsu.run.generate import generate
from kintsu.run.watch_alerts import StreamJudge
from kintsu.run.watch_flow import Flow, Pace
from kintsu.run.watch_workers import watch_together

CELLS = ["row", "column", "old", "new"]


def written(row):
    """A record with numbers where the text is one, as a producer would send it."""
    parts = []
    for name, cell in row.items():
        try:
            is_number = json.loads(cell) is not None and not isinstance(json.loads(cell), str | bool)
        except (TypeError, ValueError):
            is_number = False
        parts.append(f"{json.dumps(name)}: {cell if is_number else json.dumps(cell, ensure_ascii=False)}")
    return ("{" + ", ".join(parts) + "}").encode()


def healed_in_file(folder, lines, treatment):
    """(row, column) -> new, as a file of these lines is healed."""
    (folder / "events.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    kt.heal(folder / "events.jsonl", treatment=treatment, changes=folder / "changes.csv", out=folder / "healed.jsonl")
    changes = pl.read_csv(folder / "changes.csv", infer_schema=False)
    cells = changes.select("row", "column", pl.col("new").fill_null(""))
    return {(int(row), column): new for row, column, new in cells.iter_rows()}


@pytest.fixture(scope="module")
def mended(treatment_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("law")
    lines = [written(row) for row in generate("orders", 400, seed=2, errors=0.03).dirty.iter_rows(named=True)]
    return folder, lines, healed_in_file(folder, lines, treatment_folder)


@pytest.mark.parametrize("batch", [1000, 170])
def test_a_stream_and_a_file_get_the_same_changes(mended, treatment_folder, tmp_path, batch):
    folder, lines, in_file = mended
    source = QueueSource("orders", "1")
    source.push(lines)
    store, sink = StreamStore(History(tmp_path)), MemorySink()
    treatment = kt.load_treatment(treatment_folder)
    pace = Pace(batch, 0.0, until_idle_s=0.0, breaker=1.0)
    Flow("law", source, sink, treatment, JsonEvents(), store, StreamJudge(), pace).run()
    healed = (folder / "healed.jsonl").read_bytes().splitlines()
    in_stream, aside = {}, set()
    for output in sink.outputs.values():
        headers = dict(output.headers)
        for each in json.loads(headers.get(CHANGES, b"[]")):
            in_stream[output.event.place, each["column"]] = each["new"] or ""
        if output.to != HEALED:
            assert output.value == lines[output.event.place] and headers[WHY]
            aside.add(output.event.place)
    assert in_stream and in_stream == {at: new for at, new in in_file.items() if at[0] not in aside}
    decoded = JsonEvents().decode([output.value for output in sink.outputs.values()], treatment.columns).cells
    from_file = JsonEvents().decode(healed, treatment.columns).cells
    kept = [place for place in range(len(lines)) if place not in aside]
    assert decoded[kept].equals(from_file[kept]) and len(kept) > 300


@pytest.mark.slow
def test_a_topic_and_a_file_get_the_same_changes(kafka, treatment_folder, tmp_path):
    """100,000 events, two workers, a real broker."""
    rows = generate("orders", 100_000, seed=3, errors=0.03).dirty.head(100_000)
    lines = [written(row) for row in rows.iter_rows(named=True)]
    in_file = healed_in_file(tmp_path, lines, treatment_folder)
    kafka.make("orders", 4)
    producer = Producer({"bootstrap.servers": kafka.address, "log_level": 0})
    for place, line in enumerate(lines):
        producer.produce("orders", line, str(place))
        if place % 10_000 == 0:
            producer.flush()
    assert producer.flush(60) == 0
    pace = Pace(batch=7_000, until_idle_s=5.0, breaker=1.0)
    options = {"bootstrap": kafka.address, "topic": "orders", "kafka": QUICK, "home": tmp_path / "home"}
    done = watch_together(2, **options, treatment=treatment_folder, pace=pace)
    aside = {int(message.key()): message for message in kafka.get("orders.quarantine", done.tally.quarantined)}
    events = {int(message.key()): message for message in kafka.get("orders.healed", len(lines) - len(aside))} | aside
    in_topic = {
        (place, each["column"]): each["new"] or ""
        for place, message in events.items()
        for each in json.loads(dict(message.headers()).get(CHANGES, b"[]"))
    }
    assert set(events) == set(range(len(lines))) and len(aside) < len(lines) / 2
    assert len(in_topic) > 1_000 and in_topic == {at: new for at, new in in_file.items() if at[0] not in aside}
    assert all(aside[place].value() == lines[place] for place in aside)
