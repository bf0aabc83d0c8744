"""Logs and spans tell who asked what and how it ended, and nothing that is secret."""

import io
import json
import logging
import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.testclient import TestClient

from kintsu.apps.api.app import create_app
from kintsu.apps.api.logs import to_stream
from kintsu.apps.api.settings import ServeSettings

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def lines():
    """What is logged meanwhile, line by line."""
    stream = io.StringIO()
    handler = to_stream("json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)
    logging.getLogger("kintsu").setLevel(logging.NOTSET)


def test_each_request_is_a_line_without_secrets(connect, key, healed, lines):
    run, client, mine = healed("acme"), connect(sign_in=True), key("acme", "steward")
    answer = client.get(f"/api/v1/runs/{run}/changes?column=city", headers=mine)
    client.get("/api/v1/runs?limit=0", headers=mine)
    client.get("/api/v1/runs", headers={"Authorization": "Bearer kintsu_000000000000_" + "a" * 43})
    told = [line for line in lines() if line["message"] == "request"]
    assert [(line["route"], line["status"]) for line in told] == [
        ("/api/v1/runs/{run}/changes", 200), ("/api/v1/runs", 422), ("/api/v1/runs", 401),
    ]  # fmt: skip
    first = told[0]
    assert (first["tenant"], first["who"], first["method"]) == ("acme", "steward of acme", "GET")
    assert first["request"] == answer.headers["x-request-id"] and first["ms"] > 0 and first["level"] == "info"
    assert "tenant" not in told[2]
    text = json.dumps(lines())
    secret = mine["Authorization"].split("_", 2)[2]
    assert not any(word in text for word in (secret, "a" * 43, "Pariss", "column=city", run))


def test_of_an_error_no_words_are_logged(lines):
    try:
        raise ValueError("the cell 4111-1111 is bad")
    except ValueError:
        logging.getLogger("kintsu.api").exception("it failed", extra={"job": "j-1"})
    (told,) = lines()
    assert (told["error"], told["job"], told["level"]) == ("ValueError", "j-1", "error")
    assert "4111" not in json.dumps(told) and "test_watched_service.py" in told["at_lines"][0]


def test_each_request_is_a_span_that_continues_the_callers(tmp_path):
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    app = create_app(ServeSettings(tmp_path / "home"), spans=provider)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        client.get("/api/v1/runs?table=secret", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
        client.get("/api/v1/runs/none")
    first, second = kept.get_finished_spans()
    assert first.name == "GET /api/v1/runs" and f"{first.context.trace_id:032x}" == TRACE
    assert first.attributes["http.response.status_code"] == 200 and first.attributes["kintsu.tenant"] == "local"
    assert second.attributes["http.route"] == "/api/v1/runs/{run}" and second.status.status_code != StatusCode.ERROR
    assert "secret" not in first.to_json() and "none" not in json.dumps(dict(second.attributes))


def test_nothing_is_needed_for_it(tmp_path):
    code = (
        "import asyncio, sys\n"
        "from kintsu.apps.api.spans import Spans\n"
        "sys.modules['opentelemetry'] = None\n"
        "async def app(scope, receive, send): print(scope['type'])\n"
        "asyncio.run(Spans(app)({'type': 'http'}, None, None))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "http\n", done.stderr


def test_an_exporter_that_is_missing_is_told(tmp_path):
    code = (
        "import os, sys; sys.modules['opentelemetry.exporter'] = None\n"
        "os.environ['OTEL_EXPORTER_OTLP_ENDPOINT'] = 'http://127.0.0.1:4318'\n"
        "from kintsu.apps.api.spans import export_spans\n"
        "export_spans()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "kintsu[otel]" in done.stderr
