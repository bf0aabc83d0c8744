"""A client that `openapi-python-client` makes of the document works.

`pytest -m slow tests/api/test_generated_client.py` runs it, and so does `.ci/run`. The generator needs an older typer
than we do, so that it gets an environment of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kintsu.io.service.keys import Keys
from kintsu.io.store.history import History

CITIES = ["Lyon", "Paris", "Nice"] * 19 + ["Pariss", "Lyonn", "Nic"]
CALLS = """
import io, sys, time
from made import AuthenticatedClient
from made.api.jobs import jobs_detail, jobs_submit
from made.api.runs import runs_changes, runs_output, runs_take_back
from made.api.system import system_me
from made.api.uploads import uploads_upload
from made.models import FromUpload, HealJob, HealOptions, Problem
from made.types import File

address, key, table = sys.argv[1:]
body = open(table, "rb").read()
with AuthenticatedClient(address, key) as client:
    assert system_me.sync(client=client).role == "engineer"
    sent = uploads_upload.sync(client=client, body=File(io.BytesIO(body)), name="orders.csv")
    job = HealJob(kind="heal", source=FromUpload(sent.id), options=HealOptions(auto=0.5))
    job = jobs_submit.sync(client=client, body=job, idempotency_key="once")
    end = time.monotonic() + 120
    while job.state not in ("done", "failed") and time.monotonic() < end:
        time.sleep(0.1)
        job = jobs_detail.sync(job.id, client=client)
    assert job.state == "done", job
    changes = runs_changes.sync(job.run, client=client, limit=500)
    assert len(changes.items) == job.result["applied"] > 0, job
    assert changes.items[0]["old"] == "Pariss", changes
    assert runs_take_back.sync(job.run, client=client).restored == "bytes"
    assert runs_output.sync(job.run, client=client).payload.read() == body
    missing = runs_changes.sync("r-0", client=client)
    assert isinstance(missing, Problem) and missing.status == 404, missing
"""


@pytest.mark.slow
def test_a_generated_client_mends_a_file(served, tmp_path):
    home, table = tmp_path / "home", tmp_path / "orders.csv"
    table.write_text("id,city\n" + "".join(f"{n},{city}\n" for n, city in enumerate(CITIES)))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    programs = tmp_path / "venv" / "bin"
    subprocess.run([programs / "pip", "install", "--quiet", "openapi-python-client>=0.29"], check=True)
    key = Keys(History(home, "local")).create("generated", "engineer", by="test")[1]
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(tmp_path)}
    # the generator has no form of its own for JSON lines, one of the two bodies that /ingest takes
    (tmp_path / "lines.yml").write_text("content_type_overrides: {application/x-ndjson: application/octet-stream}")
    with served(home, "--sign-in") as address:
        words = [programs / "openapi-python-client", "generate", "--url", f"{address}/api/v1/openapi.json"]
        words += ["--output-path", tmp_path / "made", "--meta", "none", "--config", tmp_path / "lines.yml"]
        told = subprocess.run(words, check=True, env=environment, capture_output=True, text=True)
        assert "WARNING" not in told.stdout + told.stderr and "Skipping" not in told.stdout, told.stdout
        subprocess.run([programs / "python", "-c", CALLS, address, key, table], check=True, env=environment)
