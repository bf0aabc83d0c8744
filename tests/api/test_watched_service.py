"""Logs and spans tell who asked what and how it ended, and nothing that is secret."""

import io
import json
import logging
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.testclient import TestClient

from kintsu.apps.api.app import create_app
from kintsu.apps.api.logs import to_stream
from kintsu.apps.api.settings import ServeSettings
from kintsu.apps.office import Office
from kintsu.apps.worker import Worker

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


def test_a_job_is_a_line_and_a_span_in_the_trace_of_its_request(tmp_path, lines):
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    settings = ServeSettings(tmp_path / "home")
    parent = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    with TestClient(create_app(settings, spans=provider), base_url="http://localhost") as client:
        upload = client.post("/api/v1/uploads?name=a.csv", content=b"city\nLyon\nSecretville\n").json()["id"]
        wishes = [("profile", {}), ("score", {"treatment": "none"})]
        jobs = [
            client.post(
                "/api/v1/jobs", headers=parent, json={"kind": kind, "source": {"upload": upload}, "options": options}
            ).json()["id"]
            for kind, options in wishes
        ]
    worker = Worker(Office(settings), spans=provider)
    for job in jobs:
        worker.do(job)
    told = [line for line in lines() if line["message"] == "job"]
    assert [(line["job"], line["kind"], line["state"], line["tries"]) for line in told] == [
        (jobs[0], "profile", "done", 1), (jobs[1], "score", "failed", 1),
    ]  # fmt: skip
    assert {line["tenant"] for line in told} == {"local"} and all(line["ms"] > 0 for line in told)
    spans = {span.attributes.get("kintsu.job"): span for span in kept.get_finished_spans()}
    requests = [span for span in kept.get_finished_spans() if span.name == "POST /api/v1/jobs"]
    for job, request in zip(jobs, requests, strict=True):
        assert f"{spans[job].context.trace_id:032x}" == TRACE and spans[job].parent.span_id == request.context.span_id
    assert spans[jobs[0]].name == "job profile" and spans[jobs[0]].attributes["kintsu.state"] == "done"
    assert spans[jobs[1]].status.status_code == StatusCode.ERROR
    assert "Secretville" not in json.dumps(lines()) + "".join(s.to_json() for s in spans.values())


def test_a_job_without_a_trace_begins_its_own(tmp_path):
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    office = Office(ServeSettings(tmp_path / "home"))
    job = office.jobs("local").submit("tidy", {"options": {"files_days": 9}}, by="the clock", now=datetime.now(UTC))[0]
    Worker(office, spans=provider).do(job.id)
    (span,) = kept.get_finished_spans()
    assert job.trace is None and span.parent is None and span.attributes["kintsu.state"] == "done"


def test_nothing_is_needed_for_it(tmp_path):
    code = (
        "import asyncio, sys\n"
        "from kintsu.apps.api.spans import Spans\n"
        "from kintsu.apps.traces import JobSpans, traceparent\n"
        "sys.modules['opentelemetry'] = sys.modules['opentelemetry.trace'] = None\n"
        "async def app(scope, receive, send): print(scope['type'])\n"
        "asyncio.run(Spans(app)({'type': 'http'}, None, None))\n"
        "with JobSpans().of(None) as ended: ended('done')\n"
        "assert traceparent() is None\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "http\n", done.stderr


def test_an_exporter_that_is_missing_is_told(tmp_path):
    code = (
        "import os, sys; sys.modules['opentelemetry.exporter'] = None\n"
        "os.environ['OTEL_EXPORTER_OTLP_ENDPOINT'] = 'http://127.0.0.1:4318'\n"
        "from kintsu.apps.traces import export_spans\n"
        "export_spans()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "kintsu[otel]" in done.stderr
