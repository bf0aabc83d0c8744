"""A stream and a file get the same changes from one treatment, cell by cell, however the stream is cut."""

import json

import polars as pl
import pytest

import kintsu as kt
from kintsu.core.events import CHANGES, HEALED, WHY
from kintsu.io.json_events import JsonEvents
from kintsu.io.queues import MemorySink, QueueSource
from kintsu.io.store.history import History
from kintsu.io.store.streams import StreamStore
from kintsu.run.generate import generate
from kintsu.run.watch_alerts import StreamJudge
from kintsu.run.watch_flow import Flow, Pace

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


@pytest.fixture(scope="module")
def mended(treatment_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("law")
    lines = [written(row) for row in generate("orders", 400, seed=2, errors=0.03).dirty.iter_rows(named=True)]
    (folder / "events.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    kt.heal(
        folder / "events.jsonl",
        treatment=treatment_folder,
        changes=folder / "changes.csv",
        out=folder / "healed.jsonl",
    )
    changes = pl.read_csv(folder / "changes.csv", infer_schema=False)
    told = {
        (int(row), column): new
        for row, column, new in changes.select("row", "column", pl.col("new").fill_null("")).iter_rows()
    }
    return folder, lines, told


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
