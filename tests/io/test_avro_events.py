"""Events of Avro: read and written by the schemas of a registry."""

import io
import json
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import fastavro
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.errors import InputError
from kintsu.core.events import QUARANTINE
from kintsu.io.kafka.avro import AvroEvents
from kintsu.io.queues import MemorySink, QueueSource
from kintsu.io.store.history import History
from kintsu.io.store.streams import StreamStore
from kintsu.run.watch_alerts import StreamJudge
from kintsu.run.watch_flow import Flow, Pace

FIELDS = [
    {"name": "id", "type": "long"},
    {"name": "city", "type": ["null", "string"]},
    {"name": "amount", "type": ["double", "string"]},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
    {"name": "open", "type": "boolean"},
    {"name": "raw", "type": "bytes"},
    {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["a", "b"]}},
    {"name": "tags", "type": {"type": "array", "items": "string"}},
]
SCHEMA = {"type": "record", "name": "Order", "fields": FIELDS}
NAMES = [each["name"] for each in FIELDS]
RECORD = {
    "id": 7,
    "city": "Pari",
    "amount": 1.5,
    "at": datetime(2026, 11, 21, 10, tzinfo=UTC),
    "day": date(2026, 11, 21),
    "price": Decimal("12.30"),
    "open": True,
    "raw": b"\x00\xff",
    "kind": "a",
    "tags": ["é"],
}


def written(record, number=3):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), record)
    return b"\x00" + number.to_bytes(4, "big") + out.getvalue()


def read(value):
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), fastavro.parse_schema(SCHEMA), None)


@pytest.fixture(scope="module")
def registry():
    """A server that answers as a schema registry does for one schema, 3."""
    asked = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            is_known = self.path.startswith("/schemas/ids/3")
            body = {"schema": json.dumps(SCHEMA)} if is_known else {"error_code": 40403, "message": "Schema not found"}
            data = json.dumps(body).encode()
            self.send_response(200 if is_known else 404)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def events(registry):
    return AvroEvents(registry[0])


def test_cells_are_text_and_a_schema_is_asked_for_once(registry):
    url, asked = registry
    asked.clear()
    decoded = AvroEvents(url).decode([written(RECORD), written(RECORD | {"city": None})], [*NAMES, "none"])
    assert decoded.cells.row(0) == (
        *("7", "Pari", "1.5", "2026-11-21T10:00:00+00:00", "2026-11-21", "12.30", "true", "AP8=", "a", '["é"]'),
        None,
    )
    assert decoded.cells["city"].to_list() == ["Pari", None] and len(asked) == 1
    assert decoded.kinds["amount", "number"] == 2 and decoded.kinds["tags", "nested"] == 2


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"", "first byte"),
        (b'{"a": 1}', "first byte"),
        (written(RECORD, number=4), "no schema 4"),
        (written(RECORD)[:-2], "not a record"),
        (written(RECORD) + b"x", "left over"),
    ],
)
def test_what_is_no_record_is_told(events, value, why):
    decoded = events.decode([written(RECORD), value], ["id"])
    assert decoded.rows == [0] and decoded.bad[0][0] == 1 and why in decoded.bad[0][1]


CHANGES = {
    "id": "8",
    "city": None,
    "amount": "2.25",
    "at": "2026-11-21T11:00:00+00:00",
    "day": "2026-11-22",
    "price": "9.99",
    "open": "false",
    "raw": "AA==",
    "kind": "b",
}


@given(st.sets(st.sampled_from(sorted(CHANGES))))
def test_only_mended_fields_change_and_they_keep_their_type(events, names):
    value = written(RECORD)
    before = events.decode([value], NAMES).cells
    mended = events.mended(value, [(name, before[name][0], CHANGES[name]) for name in sorted(names)], set())
    assert mended[:5] == value[:5]
    after = events.decode([mended], NAMES).cells
    for name in NAMES:
        assert after[name][0] == (CHANGES[name] if name in names else before[name][0])
        assert CHANGES.get(name, "") is None or type(read(mended)[name]) is type(RECORD[name])
    assert names or mended == value


@pytest.mark.parametrize(
    ("column", "new", "why"),
    [
        ("id", "x", "takes no 'x'"),
        ("id", None, "cannot be empty"),
        ("kind", "c", "takes no"),
        ("other", "1", "no field"),
    ],
)
def test_a_value_that_the_schema_does_not_take_is_refused(events, column, new, why):
    with pytest.raises(ValueError, match=why):
        events.mended(written(RECORD), [(column, None, new)], set())


def test_a_registry_that_is_away_is_told():
    away = AvroEvents("http://127.0.0.1:1", {"max.retries": 0, "retries.wait.ms": 1})
    with pytest.raises(InputError, match=r"registry at http://127.0.0.1:1 does not answer"):
        away.decode([written(RECORD)], ["id"])


class Spelling:
    """A treatment that spells cities right, and wants an id that is a word."""

    id, columns = "t", ("id", "city")

    def mend(self, batch):
        rows = pl.DataFrame({"row": batch.row, "old": batch.frame["city"], "id": batch.frame["id"]})
        facts = {"column": "city", "new": "Paris", "edit": "set", "confidence": 0.99, "recipe": "r-1"}
        found = rows.filter(pl.col("old") == "Pari").with_columns(**{k: pl.lit(v) for k, v in facts.items()})
        wrong = rows.filter(pl.col("id") == "8").with_columns(column=pl.lit("id"), old="id", new=pl.lit("eight"))
        wrong = wrong.with_columns(**{k: pl.lit(v) for k, v in facts.items() if k not in ("column", "new")})
        unmendable = pl.DataFrame(schema={"row": pl.Int64, "why": pl.String})
        return SimpleNamespace(applied=pl.concat([found, wrong.select(found.columns)]), unmendable=unmendable)


def test_a_stream_of_avro_is_mended(events, tmp_path):
    source, sink = QueueSource("orders", "1"), MemorySink()
    values = [written(RECORD), written(RECORD | {"city": "Lyon"}), written(RECORD | {"id": 8}), b"{}"]
    source.push(values)
    store = StreamStore(History(tmp_path))
    Flow("avro", source, sink, Spelling(), events, store, StreamJudge(), Pace(until_idle_s=0.0, breaker=1.0)).run()
    mended, passed, wrong, unreadable = sink.outputs.values()
    assert read(mended.value) == RECORD | {"city": "Paris"} and passed.value == values[1]
    assert (wrong.to, wrong.value) == (unreadable.to, values[2]) == (QUARANTINE, values[2])
    assert b"takes no 'eight'" in dict(wrong.headers)["kintsu-why"]
