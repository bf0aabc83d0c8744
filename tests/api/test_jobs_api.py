"""Jobs over HTTP: handed in once, done by a worker, seen and stopped by their tenant alone."""

import gzip
import html
import io
import json
import threading
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest

import kintsu as kt
from kintsu.apps.api.settings import ServeSettings
from kintsu.apps.office import Office
from kintsu.apps.worker import Worker
from kintsu.run import watching
from kintsu.run.batches import MonitorSettings
from kintsu.run.store import purge

CITIES = ["Lyon", "Paris", "Nice"] * 19 + ["Pariss", "Lyonn", "Nice"]
PRICES = [f"{10 + n % 7}.50" for n in range(58)] + ["11.50 EUR", "N/A"]
BODY = (
    "id,city,price\n" + "".join(f"{n},{city},{price}\n" for n, (city, price) in enumerate(zip(CITIES, PRICES)))
).encode()
HEAL = {"auto": 0.5}


@pytest.fixture
def work(tmp_path):
    """Does what is due, in this process, as a worker would; what its queue lost too."""

    workers = []

    def all_of_it(**settings):
        worker = Worker(Office(ServeSettings(tmp_path / "home", **settings)))
        workers.append(worker)
        for job in worker.work.due(datetime.now(UTC) + timedelta(seconds=1)):
            worker.do(job.id)
        return worker

    yield all_of_it
    for each in workers:
        each.queue.close()


def upload(client, body=BODY, name="orders.csv", **more):
    return client.post("/api/v1/uploads", params={"name": name}, content=body, **more).json()["id"]


def submit(client, kind="heal", options=None, source=None, **more):
    told = {"kind": kind, "options": options or {}} | ({"source": source} if source else {})
    return client.post("/api/v1/jobs", json=told, **more)


def test_upload_heal_answer_undo_and_download_give_the_upload(connect, work):
    client = connect()
    sent = upload(client)
    answer = submit(client, options=HEAL, source={"upload": sent})
    assert answer.status_code == 202 and answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
    work()
    job = client.get(answer.headers["location"]).json()
    assert (job["state"], job["progress"], job["problem"]) == ("done", 1.0, None) and job["result"]["applied"] > 0
    assert not any(str(value).startswith("/") for value in job["result"].values())
    run = f"/api/v1/runs/{job['run']}"
    mended = client.get(f"{run}/output")
    assert mended.content != BODY and "attachment" in mended.headers["content-disposition"]
    first = client.get(f"{run}/questions").json()["items"][0]
    said = client.post(f"{run}/questions/{first['question']}", json={"option": first["options"][0]["option"]})
    assert said.status_code == 200 and client.post(f"{run}/undo").status_code == 200
    answers = [line["run"] for line in client.get("/api/v1/runs?kind=answer").json()["items"]]
    assert answers == [said.json()["change"]]
    assert client.get(f"{run}/output").content == BODY == client.get(f"/api/v1/uploads/{sent}/file").content
    told = client.get(f"{run}/report")
    assert told.headers["content-security-policy"].startswith("sandbox; default-src 'none'") and "<html" in told.text
    assert client.delete(f"/api/v1/uploads/{sent}").status_code == 204
    assert client.get(f"{run}/output").status_code == 404


def test_every_kind_is_done(connect, work, tmp_path):
    client = connect()
    source = {"upload": upload(client)}
    made = {
        kind: submit(client, kind, options, source).json()["id"]
        for kind, options in (("check", {}), ("profile", {}), ("crash_test", {}), ("train", {"name": "orders"}))
    }
    work()
    replayed = submit(client, "heal", {"treatment": "orders"}, source).json()["id"]
    work()
    for kind, job in {**made, "replay": replayed}.items():
        told = client.get(f"/api/v1/jobs/{job}").json()
        assert told["state"] == "done" and told["result"], (kind, told["problem"])
    assert 'kintsu_jobs{state="done"} 5.0' in client.get("/metrics").text


def test_watched_tables_are_judged_by_a_job(connect, work, tmp_path):
    client = connect()
    (tmp_path / "orders").mkdir()
    for day in range(1, 4):
        (tmp_path / "orders" / f"orders-2026-11-0{day}.csv").write_bytes(BODY)
    watching.add("orders", MonitorSettings(source=str(tmp_path / "orders" / "*.csv")), home=tmp_path / "home")
    made = submit(client, "monitor_run", {"tables": ["orders"]}).json()["id"]
    lost = submit(client, "monitor_run", {"tables": ["ordres"]}).json()["id"]
    work()
    assert client.get(f"/api/v1/jobs/{made}").json()["result"]["judged"] == 3
    failed = client.get(f"/api/v1/jobs/{lost}").json()
    assert (failed["state"], failed["tries"]) == ("failed", 1) and "orders" in failed["problem"]["message"]


def test_the_same_key_hands_in_one_job(connect):
    client = connect()
    source, headers = {"upload": upload(client)}, {"Idempotency-Key": "night-1"}
    first, again = (submit(client, options=HEAL, source=source, headers=headers) for _ in range(2))
    assert first.json() == again.json() and again.status_code == 202
    assert submit(client, options={"auto": 0.6}, source=source, headers=headers).status_code == 422
    assert len(client.get("/api/v1/jobs").json()["items"]) == 1


def test_a_job_that_waits_is_cancelled_at_once(connect, work):
    client = connect()
    job = submit(client, source={"upload": upload(client)}).json()["id"]
    assert client.post(f"/api/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    work()
    told = client.get(f"/api/v1/jobs/{job}").json()
    assert told["state"] == "cancelled" and client.get(f"/api/v1/runs/{told['run']}").status_code == 404
    assert [each["id"] for each in client.get("/api/v1/jobs?state=cancelled").json()["items"]] == [job]


def test_a_job_that_runs_is_stopped_and_changes_nothing(connect, tmp_path):
    client = connect()
    job = submit(client, source={"upload": upload(client, (BODY.split(b"\n", 1)[1] * 4000))}).json()["id"]
    worker = Worker(Office(ServeSettings(tmp_path / "home")))
    thread = threading.Thread(target=worker.do, args=(job,))
    thread.start()
    while client.get(f"/api/v1/jobs/{job}").json()["state"] == "queued":
        threading.Event().wait(0.01)
    client.post(f"/api/v1/jobs/{job}/cancel")
    thread.join(120)
    told = client.get(f"/api/v1/jobs/{job}").json()
    assert told["state"] == "cancelled" and not list((tmp_path / "home" / "files").rglob("*.healed.csv"))


def test_a_job_for_later_waits(connect, work):
    client = connect()
    told = {"kind": "profile", "source": {"upload": upload(client)}, "run_at": "2090-01-01T00:00:00Z"}
    job = client.post("/api/v1/jobs", json=told).json()
    assert job["due_at"] == "2090-01-01T00:00:00.000Z" and not work().work.due(datetime.now(UTC))


def test_a_worker_that_stops_gives_its_job_back(connect, tmp_path):
    client = connect()
    job = submit(client, source={"upload": upload(client)}).json()["id"]
    worker = Worker(Office(ServeSettings(tmp_path / "home")))
    worker.stopping.set()
    worker.do(job)
    told = client.get(f"/api/v1/jobs/{job}").json()
    assert (told["state"], told["tries"], told["problem"]) == ("queued", 0, None)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "{home}/kintsu.db", "{root}/../secret.csv", "{root}/link.csv", "{root}", "{root}/*.csv",
             "http://127.0.0.1:1/a.csv", "sqlite:///{home}/kintsu.db", "postgresql://h/d", "-", "\x00"]
)  # fmt: skip
def test_only_files_in_allowed_folders_can_be_named(connect, tmp_path, path):
    root = tmp_path / "data"
    root.mkdir()
    (tmp_path / "secret.csv").write_bytes(BODY)
    (root / "link.csv").symlink_to(tmp_path / "secret.csv")
    client = connect(roots=(root.resolve(),))
    named = path.format(home=tmp_path / "home", root=root)
    assert submit(client, source={"path": named}).status_code == 422, named


def test_a_file_in_an_allowed_folder_is_mended_elsewhere(connect, work, tmp_path):
    root = (tmp_path / "data").resolve()
    root.mkdir()
    (root / "orders.csv").write_bytes(BODY)
    client = connect(roots=(root,))
    job = submit(client, options=HEAL, source={"path": str(root / "orders.csv")}).json()
    work(roots=(root,))
    assert client.get(f"/api/v1/jobs/{job['id']}").json()["state"] == "done"
    assert [path.name for path in root.iterdir()] == ["orders.csv"]
    assert client.get(f"/api/v1/runs/{job['run']}/output").status_code == 200


def zipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)  # the same bytes in every process that collects these tests


def zipped_sheet() -> bytes:
    book = io.BytesIO()
    sheet = openpyxl.Workbook()
    for n in range(3000):
        sheet.active.append([n])
    sheet.save(book)
    return book.getvalue()


@pytest.mark.parametrize(
    ("name", "body", "limit", "words"),
    [
        ("a.csv", b"a\n" + b"1\n" * 101, {"max_rows": 100}, "101 rows"),
        (
            "a.csv",
            b",".join(b"c%d" % n for n in range(20)) + b"\n" + b"1," * 19 + b"1\n",
            {"max_columns": 19},
            "20 col",
        ),
        ("a.csv.gz", zipped(b"a\n" + b"1\n" * 100_000), {"max_unpacked_bytes": 50_000}, "unpacks"),
        ("a.csv", zipped(b"a\n" + b"1\n" * 100_000), {"max_unpacked_bytes": 50_000}, "unpacks"),
        ("a.xlsx", zipped_sheet(), {"max_unpacked_bytes": 50_000}, "unpacks"),
        ("a.csv.gz", zipped(b"a\n1\n")[:-4], {}, "damaged"),
        ("a.duckdb", b"x", {}, "no file of a table"),
        ("a.csv", b"SQLite format 3\x00" + bytes(100), {}, "no file of a table"),
    ],
    ids=["rows", "columns", "gzip", "hidden gzip", "sheet", "cut off", "database", "hidden database"],
)
def test_what_is_too_large_or_no_table_is_refused(connect, work, name, body, limit, words):
    client = connect(**limit)
    job = submit(client, source={"upload": upload(client, body, name)}).json()["id"]
    work(**limit)
    told = client.get(f"/api/v1/jobs/{job}").json()
    assert (told["state"], told["tries"]) == ("failed", 1) and words in told["problem"]["message"]


def test_a_file_that_is_sent_again_is_the_same_table_to_whoever_looks(connect, work):
    client = connect()
    for _ in range(2):
        submit(client, source={"upload": upload(client)})
    work()
    tables = client.get("/api/v1/tables").json()["items"]
    assert len(tables) == 2 and {(each["name"], each["source"]) for each in tables} == {("orders.csv", "orders.csv")}


def test_a_file_that_is_no_table_is_named_as_whoever_sent_it_knows_it(connect, work, tmp_path):
    client = connect()
    job = submit(client, source={"upload": upload(client, bytes(range(256)) * 20, "orders.csv")}).json()["id"]
    work()
    problem = client.get(f"/api/v1/jobs/{job}").json()["problem"]
    assert problem["type"] == "InputError" and problem["message"].startswith("orders.csv is not text")


def test_jobs_are_seen_and_stopped_by_their_tenant_alone(connect, key, work):
    client, mine, other = connect(sign_in=True), key("acme"), key("other")
    sent = upload(client, headers=mine)
    job = submit(client, options=HEAL, source={"upload": sent}, headers=mine).json()
    work()
    assert submit(client, source={"upload": sent}, headers=other).status_code == 404
    assert client.get("/api/v1/jobs", headers=other).json()["items"] == []
    for path in (f"jobs/{job['id']}", f"runs/{job['run']}/output", f"runs/{job['run']}/report", f"uploads/{sent}/file"):
        assert client.get(f"/api/v1/{path}", headers=mine).status_code == 200, path
        assert client.get(f"/api/v1/{path}", headers=other).status_code == 404, path
    assert client.post(f"/api/v1/jobs/{job['id']}/cancel", headers=other).status_code == 404


def test_who_may_look_may_not_hand_in(connect, key):
    client, viewer = connect(sign_in=True), key("acme", "viewer")
    assert submit(client, "monitor_run", headers=viewer).status_code == 403
    assert client.post("/api/v1/jobs/j-1/cancel", headers=viewer).status_code == 403
    assert client.get("/api/v1/jobs", headers=viewer).status_code == 200
    assert submit(client, "monitor_run", headers=key("acme", "engineer")).status_code == 202


def test_options_are_those_that_are_told(connect):
    client = connect()
    source = {"upload": upload(client)}
    for options in ({"out": "/tmp/x.csv"}, {"rules": "/etc/passwd"}, {"home": "/tmp"}, {"treatment": "../x"}):
        assert submit(client, options=options, source=source).status_code == 422, options


def test_the_output_of_a_run_made_elsewhere_is_not_served(connect, tmp_path):
    (tmp_path / "orders.csv").write_bytes(BODY)
    run = kt.heal(tmp_path / "orders.csv", home=tmp_path / "home", auto=0.5).run
    client = connect()
    assert client.get(f"/api/v1/runs/{run}").status_code == 200
    assert client.get(f"/api/v1/runs/{run}/output").status_code == 404


def test_the_report_and_its_json_tell_the_same(connect, work):
    client = connect()
    job = submit(client, options=HEAL, source={"upload": upload(client)}).json()["id"]
    work()
    run = client.get(f"/api/v1/jobs/{job}").json()["run"]
    told = client.get(f"/api/v1/runs/{run}/report.json").json()
    page, detail = client.get(f"/api/v1/runs/{run}/report").text, client.get(f"/api/v1/runs/{run}").json()
    assert told["run"]["run"] == run and sum(each["cells"] for each in told["applied"]) == detail["edits"]
    assert told["scores"]["before"]["overall"] == pytest.approx(detail["summary"]["scores"]["overall"], abs=0.01)
    for part in ("applied", "left"):
        assert told[part], part
        assert all(html.escape(each["column"]) in page for each in told[part])
    assert all(html.escape(str(each["reason"]), quote=False)[:40] in page for each in told["left"])
    assert told["run"]["home"] is None and "/home" not in json.dumps(told) and "--home" not in page
    assert client.get("/api/v1/runs/r-0/report.json").status_code == 404


def test_a_heal_of_the_command_line_has_a_report_and_no_file(connect, tmp_path):
    (tmp_path / "orders.csv").write_bytes(BODY)
    result = kt.heal(tmp_path / "orders.csv", home=tmp_path / "home", auto=0.5)
    undone = kt.undo(result.run, home=tmp_path / "home").change
    client = connect()
    told, detail = (client.get(f"/api/v1/runs/{result.run}{part}").json() for part in ("/report.json", ""))
    assert told["run"]["applied"] == result.run_object()["applied"] and detail["downloads"] == ["report"]
    assert str(tmp_path) not in json.dumps(told)
    assert client.get(f"/api/v1/runs/{undone}/report.json").status_code == 404
    purge(home=tmp_path / "home", run=result.run)
    assert client.get(f"/api/v1/runs/{result.run}").json()["downloads"] == []
    assert client.get(f"/api/v1/runs/{result.run}/report.json").status_code == 404


def test_a_report_from_before_a_column_was_sensitive_is_not_shown(connect, tmp_path):
    (tmp_path / "orders.csv").write_bytes(BODY)
    run = kt.heal(tmp_path / "orders.csv", home=tmp_path / "home", auto=0.5).run
    (tmp_path / "kintsu.yaml").write_text("privacy: {columns: [city], downloads_to: viewer}\n")
    client = connect(file=tmp_path / "kintsu.yaml")
    for part in ("report", "report.json"):
        assert client.get(f"/api/v1/runs/{run}/{part}").status_code == 403
