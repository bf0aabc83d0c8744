"""`kintsu.Client` at a real service with a real worker, and at one that fails on purpose."""

from __future__ import annotations

import socket
import threading
import time
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import get_type_hints

import polars as pl
import pytest
from typing_extensions import is_typeddict

import kintsu as kt
from kintsu.apps.api.app import create_app
from kintsu.apps.api.settings import ServeSettings
from kintsu.apps.client import answers
from kintsu.core.errors import OutputError, ServiceProblem
from kintsu.io.service.keys import Keys
from kintsu.io.store.history import History
from kintsu.run import watching
from kintsu.run.batches import MonitorSettings

CITIES = ["Lyon", "Paris", "Nice"] * 19 + ["Pariss", "Lyonn", "Nic"]


@pytest.fixture(scope="module")
def service(tmp_path_factory, served):
    """(address, folder, key of a role) of `kintsu serve --sign-in` with one worker."""
    folder = tmp_path_factory.mktemp("service")
    home = folder / "home"
    pl.DataFrame({"id": range(60), "city": CITIES}).write_csv(folder / "orders.csv")
    for day in range(8):
        at = date(2026, 11, 1) + timedelta(days=day)
        pl.DataFrame({"amount": [i % 7 for i in range(300 if day < 7 else 20)]}).write_csv(folder / f"days-{at}.csv")
    watching.add("days", MonitorSettings(source=str(folder / "days-*.csv"), every="1d"), home=home)
    watching.backfill("days", home=home)

    def key(role):
        return Keys(History(home, "local")).create(role, role, by="test")[1]

    with served(home, "--sign-in") as address:
        yield address, folder, key


@pytest.fixture
def client(service):
    address, _, key = service
    with kt.Client(address, key("engineer")) as opened:
        assert opened.me()["role"] == "engineer"
        yield opened


def test_a_file_is_mended_asked_about_and_given_back(client, service, tmp_path):
    source, out = service[1] / "orders.csv", tmp_path / "mended.csv"
    job = client.heal(source, out=out, auto=0.5, never_touch=("id",), timeout_s=120)
    assert job["state"] == "done" and job["result"]["applied"] > 0 and out.read_bytes() != source.read_bytes()
    run = str(job["run"])
    changes = list(client.changes(run))
    assert len(changes) == client.run(run)["edits"] and {"row": 57, "old": "Pariss"}.items() <= changes[0].items()
    assert list(client.changes(run, row=57)) == changes[:1] and next(client.findings(run))["row"] >= 57
    assert any(each["run"] == run for each in client.runs(kind="heal"))
    assert any(each["name"] == "orders.csv" for each in client.tables())
    with pytest.raises(OutputError, match="exists"):
        client.download(run, out)
    assert client.undo(run)["restored"] == "bytes"
    assert client.download(run, out, force=True).read_bytes() == source.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["mended.csv"]


def test_a_question_is_answered_and_taken_back(client, service):
    job = client.heal(service[1] / "orders.csv", auto=1.0, timeout_s=120)
    run = str(job["run"])
    first, *_ = client.questions(run)
    said = client.answer(run, first["question"], first["options"][0]["option"])
    assert said["applied"] == first["cells"] and first not in client.questions(run)
    client.undo(said["change"])
    assert first["question"] in [each["question"] for each in client.questions(run)]
    right = client.correct(run, [(3, "city", "Lille")])
    assert right["run"] == run and client.undo(right["change"])["edits"] == right["applied"] >= 1


def test_a_job_that_is_handed_in_twice_is_one_job(client, service):
    sent = client.upload(service[1] / "orders.csv")
    first, second = (client.submit("profile", sent, key="once") for _ in range(2))
    assert first["id"] == second["id"] and client.wait(first, timeout_s=120)["result"]["rows"] == 60
    assert first["id"] in [each["id"] for each in client.jobs(kind="profile")]


def test_a_job_that_fails_says_why(client, service, tmp_path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    with pytest.raises(ServiceProblem, match="is no file of a table"):
        client.heal(tmp_path / "picture.png", timeout_s=120)
    with pytest.raises(kt.KintsuError, match="cannot read"):
        client.upload(tmp_path / "nothing.csv")


def test_watched_tables_and_their_trouble(client):
    told = client.monitor("days")
    assert told["n_batches"] == 8 and len(client.course("days", "rows")["rows"]) == 8
    batch = told["waiting"][0]
    assert client.batch("days", batch)
    assert [each["table"] for each in client.incidents()] == []  # a backfill opens none
    decided = client.decide("days", batch, is_right=False)
    assert decided["batch"] == batch and client.monitor("days")["waiting"] == []


def test_a_refusal_has_the_words_and_the_number_of_the_problem(client, service):
    with pytest.raises(ServiceProblem, match="no such run") as missing:
        client.run("r-0")
    assert (
        missing.value.status == 404
        and str(missing.value.kind).startswith("urn:kintsu:problem")
        and missing.value.request
    )
    with (
        kt.Client(service[0], service[2]("viewer")) as viewer,
        pytest.raises(ServiceProblem, match="steward") as refused,
    ):
        viewer.undo("r-0")
    assert refused.value.status == 403
    with pytest.raises(ServiceProblem) as wrong:
        client.submit("heal", client.upload(service[1] / "orders.csv"), auto=7)
    assert wrong.value.status == 422 and "auto" in wrong.value.errors[0]["where"]


class Flaky(BaseHTTPRequestHandler):
    """Answers 503, 429 and then what was asked for; tells what it was asked."""

    asked: list[str]

    def _answer(self):
        self.asked.append(self.command)
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status = [503, 429][len(self.asked) - 1] if len(self.asked) < 3 else 200
        body = b'{"items": [], "next": null}' if status == 200 else b'{"detail": "later"}'
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, *_):
        pass


@pytest.fixture
def flaky():
    handler = type("Handler", (Flaky,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler.asked
        server.shutdown()
        thread.join()


def test_what_is_safe_is_tried_again_and_nothing_else(flaky):
    address, asked = flaky
    with kt.Client(address) as client:
        assert list(client.runs()) == [] and asked == ["GET"] * 3
        asked.clear()
        client.submit("monitor_run")  # it has a key: the service knows it again
        assert asked == ["POST"] * 3
        asked.clear()
        with pytest.raises(ServiceProblem, match="later") as once:
            client.undo("r-1")
        assert asked == ["POST"] and once.value.status == 503
    asked.clear()
    with kt.Client(address, tries=2) as client, pytest.raises(ServiceProblem):
        list(client.runs())
    assert len(asked) == 2


def test_a_service_that_is_not_there_is_told_so():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.monotonic()
    with (
        kt.Client(f"http://127.0.0.1:{port}", tries=2) as client,
        pytest.raises(ServiceProblem, match="does not answer"),
    ):
        client.me()
    assert time.monotonic() - began < 30


MODELS = {name: f"{name}Item" for name in ("Run", "Table", "Question", "Upload")}
MODELS |= {"Job": "JobDetail", "Monitor": "MonitorStatus"}
TYPES = [name for name in answers.__all__ if is_typeddict(getattr(answers, name)) and name != "Change"]


@pytest.mark.parametrize("name", TYPES)
def test_the_types_are_those_of_the_document(name, tmp_path):
    schemas = create_app(ServeSettings(tmp_path)).openapi()["components"]["schemas"]
    told = schemas[MODELS.get(name, name)]["properties"]
    assert set(get_type_hints(getattr(answers, name))) <= set(told)


def test_a_change_has_the_columns_of_the_changes_file():
    from kintsu.run.sidecar import CHANGE_COLUMNS

    assert set(get_type_hints(answers.Change)) == set(CHANGE_COLUMNS)
