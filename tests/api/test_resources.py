"""Objectives, recipes, rules, streams, issues, profiles and alerts: each tells what the function behind the command
tells, of one tenant."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from test_jobs_api import HEAL, submit, upload
from test_jobs_api import work as work

import kintsu as kt
from kintsu.io.json_events import JsonEvents
from kintsu.io.queues import MemorySink, QueueSource
from kintsu.io.store.history import History
from kintsu.io.store.streams import StreamStore
from kintsu.run import watching
from kintsu.run.batches import MonitorSettings
from kintsu.run.store import purge
from kintsu.run.watch_alerts import StreamJudge
from kintsu.run.watch_flow import Flow, Pace

ROWS = 120
FIRST = date(2026, 1, 5)


def people(rows=ROWS):
    """A zip determines its city, an age is between 20 and 60; one city is misspelt."""
    zips = [("69001", "Lyon"), ("75001", "Paris"), ("06000", "Nice"), ("13001", "Marseille")]
    cities = ["Pariss" if n == 57 else zips[n % 4][1] for n in range(rows)]
    ages, codes = [20 + n * 7 % 41 for n in range(rows)], [zips[n % 4][0] for n in range(rows)]
    return pl.DataFrame({"id": range(rows), "zip": codes, "city": cities, "age": ages})


@pytest.fixture
def mended(connect, work):
    """A table that a job of the service healed; the client and the run."""

    def heal(**settings):
        client = connect(**settings)
        sent = upload(client, people().write_csv().encode(), "people.csv")
        job = submit(client, options=HEAL, source={"upload": sent}).json()["id"]
        work(**settings)
        return client, client.get(f"/api/v1/jobs/{job}").json()["run"]

    return heal


def test_a_table_tells_its_profile_rules_and_issues(mended):
    client, run = mended()
    told = client.get("/api/v1/tables/people/profile").json()
    assert (told["run"], told["kind"], told["rows"]) == (run, "heal", ROWS)
    age = {each["column"]: each for each in told["items"]}["age"]
    assert age["histogram"] and age["more"]["min"] == 20 and age["distinct"] == 41
    rules = client.get("/api/v1/tables/people/rules").json()["items"]
    assert ("fd", ["zip"]) in [(each["kind"], each["columns"]) for each in rules]
    assert {each["source"] for each in rules} == {"discovered"}
    assert client.get("/api/v1/tables/people/rules", params={"source": "person"}).json()["items"] == []
    issues = client.get("/api/v1/tables/people/issues").json()["items"]
    assert issues == client.get(f"/api/v1/runs/{run}/issues").json()["items"]
    assert [each["cost"] for each in issues] == sorted((each["cost"] for each in issues), reverse=True)
    city = next(each for each in issues if each["column"] == "city")
    assert city["cells"] == city["mended"] == 1 and city["examples"][0]["row"] == 57
    recipes = client.get(f"/api/v1/runs/{run}/recipes").json()["items"]
    assert sum(each["edits"] for each in recipes) == client.get(f"/api/v1/runs/{run}").json()["edits"]


def test_a_check_keeps_its_profile_too(connect, work):
    client = connect()
    sent = upload(client, people().write_csv().encode(), "people.csv")
    job = submit(client, "check", source={"upload": sent}).json()
    work()
    told = client.get("/api/v1/tables/people/profile").json()
    assert (told["run"], told["kind"]) == (job["run"], "check")
    assert client.get("/api/v1/tables/people/issues").json()["items"] == []  # of heals alone
    assert client.get("/api/v1/tables/nothing/profile").status_code == 404


def test_what_an_answer_taught_is_listed_until_it_is_taken_back(connect, tmp_path):
    cities = ["Lyon", "Paris", "Nice"] * 19 + ["Pariss", "Lyonn", "Nic"]
    path = tmp_path / "home" / "files" / "made" / "orders.csv"
    path.parent.mkdir(parents=True)
    pl.DataFrame({"id": range(60), "city": cities}).write_csv(path)
    run = kt.heal(path, home=tmp_path / "home", auto=1.0).run
    client = connect()
    assert client.get("/api/v1/recipes").json()["items"] == []
    first = client.get(f"/api/v1/runs/{run}/questions").json()["items"][0]
    client.post(f"/api/v1/runs/{run}/questions/{first['question']}", json={"option": "accept"})
    (told, *_) = client.get("/api/v1/recipes").json()["items"]
    assert (told["heal"], told["table"], told["column"]) == (run, "orders.csv", "city")
    assert client.get("/api/v1/recipes", params={"table": "other.csv"}).json()["items"] == []
    undo = client.post(f"/api/v1/runs/{told['answer']}/undo").json()["change"]
    assert client.get("/api/v1/recipes").json()["items"] == []
    client.post(f"/api/v1/runs/{undo}/undo")
    assert told["recipe"] in client.get("/api/v1/recipes").text


def test_right_values_of_cells_are_taken_and_taken_back(connect, tmp_path):
    path = tmp_path / "home" / "files" / "made" / "orders.csv"
    path.parent.mkdir(parents=True)
    pl.DataFrame({"id": range(60), "city": ["Lyon", "Paris", "Nice"] * 20}).write_csv(path)
    done, client = kt.heal(path, home=tmp_path / "home", auto=1.0), connect()
    url, out = f"/api/v1/runs/{done.run}/corrections", path.with_name("orders.healed.csv")

    def cell(row, **values):
        return client.post(url, json={"cells": [{"row": row, "column": "city", "value": "Lille"} | values]})

    before = out.read_bytes()
    told = cell(7).json()
    assert told["run"] == done.run and told["applied"] >= 1
    (change, *_) = client.get(f"/api/v1/runs/{told['change']}/changes", params={"row": 7}).json()["items"]
    assert (change["old"], change["new"], change["healer"]) == ("Paris", "Lille", "person")
    assert pl.read_csv(out)["city"][7] == "Lille"
    assert client.get(f"/api/v1/runs/{done.run}").json()["answers"] == 1
    assert client.post(f"/api/v1/runs/{told['change']}/undo").json()["restored"] == "bytes"
    of_table = client.get("/api/v1/runs", params={"table": "orders.csv"}).json()["items"]
    assert [each["kind"] for each in of_table] == ["undo", "answer", "heal"]
    assert out.read_bytes() == before
    assert cell(1, value="Paris").json()["applied"] == 0  # it was right
    hidden, none = cell(1, value="•••"), client.post(url, json={"cells": []})
    for wrong in (cell(60), cell(-1), cell(1, column="town"), hidden, none):
        assert wrong.status_code == 422 and wrong.headers["content-type"] == "application/problem+json", wrong.text
    assert out.read_bytes() == before


def test_a_run_whose_values_were_removed_asks_nothing(connect, healed, tmp_path):
    run, client = healed(), connect()
    url = f"/api/v1/runs/{run}/questions"
    assert client.get(url).json()["items"]
    purge(home=tmp_path / "home", run=run)
    told = client.get(url)
    assert (told.status_code, told.json()["items"]) == (200, [])


def watched(home, folder):
    """A watched table with an objective that is breached, and a batch that alarmed."""
    folder.mkdir()

    def deliver(day, missing=0.0):
        rng = np.random.default_rng(day)
        emails = [None if k < missing * 200 else f"u{k}@example.org" for k in range(200)]
        frame = pl.DataFrame({"price": rng.lognormal(3, 0.5, 200).round(2), "email": emails})
        frame.write_csv(folder / f"orders-{FIRST + timedelta(days=day)}.csv")

    for day in range(20):
        deliver(day)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    watching.add("orders", MonitorSettings(str(folder / "*.csv")), home=home)
    watching.backfill("orders", home=home, now=now)
    deliver(20, missing=0.5)
    watching.run(home=home, now=now)


def test_objectives_and_alerts_of_watched_tables(connect, tmp_path):
    file = tmp_path / "kintsu.yaml"
    file.write_text("objectives:\n  orders: ['completeness of email >= .98, every batch over 365 days']\n")
    watched(tmp_path / "home", tmp_path / "orders")
    client = connect(file=file)
    (told,) = client.get("/api/v1/objectives").json()["items"]
    assert (told["table"], told["state"], told["n_missed"], told["n_counted"]) == ("orders", "breached", 1, 21)
    assert told["allowed"] - told["n_missed"] == pytest.approx(told["left"]) and "breached" in told["message"]
    assert client.get("/api/v1/objectives", params={"table": "other"}).status_code in (200, 422)
    (alert,) = client.get("/api/v1/alerts").json()["items"]
    assert (alert["kind"], alert["table"], alert["issue"], alert["columns"][0]) == (
        "batch",
        "orders",
        "missing",
        "email",
    )


def stream_of(home, name="kintsu/orders", n=6000):
    """A stream whose emails are gone from the 5,500th event on."""
    from streaming_api import Plain, event

    source = QueueSource("orders", "first", capacity=1_000_000)
    source.push([event(i) for i in range(n)] + [event(n + i, email=None) for i in range(1000)])
    store = StreamStore(History(home))
    pace = Pace(batch=500, wait_s=0.01, until_idle_s=0.0)
    worker = Flow(name, source, MemorySink(), Plain(), JsonEvents(), store, StreamJudge(), pace)
    worker.run()
    return worker


def test_a_stream_tells_rates_examples_and_alerts(connect, tmp_path):
    total = stream_of(tmp_path / "home").total
    client = connect()
    (item,) = client.get("/api/v1/streams").json()["items"]
    assert (item["name"], item["treatment"], item["sources"]) == ("kintsu/orders", "t-plain", ["orders first"])
    counts = {name: getattr(total, name) for name in ("events", "passed", "healed", "quarantined", "held", "changes")}
    assert item["totals"] == counts and item["per_second"]["events"] > 0
    told = client.get(f"/api/v1/streams/{item['id']}").json()
    assert sum(window["events"] for window in told["windows"]) == 7000
    assert (item["lag"], told["windows"][-1]["lag"]) == (0, 0) and item["lag_at"]
    assert told["parts"] == [{"source": "orders first", "part": 0, "place": 7000, "end": 7000, "lag": 0}]
    metrics = client.get("/metrics").text
    assert 'kintsu_stream_lag{part="0",source="orders",stream="kintsu/orders"} 0.0' in metrics
    assert {each["column"] for each in told["examples"]} == {"city"} and told["examples"][0]["new"] == "Paris"
    assert ("email", "null_flood") in {(each["column"], each["kind"]) for each in told["alerts"]}
    alerts = client.get("/api/v1/alerts", params={"limit": 1}).json()
    assert alerts["items"][0]["kind"] == "stream" and alerts["items"][0]["state"] == "begins"
    assert client.get("/api/v1/streams/99").status_code == 404


def test_alerts_come_in_pages_without_gap_or_repeat(connect, tmp_path):
    watched(tmp_path / "home", tmp_path / "orders")
    stream_of(tmp_path / "home")
    client, whole, after = connect(), [], None
    everything = client.get("/api/v1/alerts", params={"limit": 500}).json()["items"]
    while True:
        told = client.get("/api/v1/alerts", params={"limit": 1, **({"after": after} if after else {})}).json()
        whole += told["items"]
        after = told["next"]
        if after is None:
            break
    assert whole == everything and {each["kind"] for each in whole} == {"batch", "stream"}


def test_nothing_of_another_tenant_is_told(connect, key, tmp_path):
    home = tmp_path / "home" / "tenants" / "acme"
    watched(home, tmp_path / "orders")
    stream_of(home)
    client, other, mine = connect(sign_in=True), key("other", "admin"), key("acme", "viewer")
    for path in ("objectives", "recipes", "alerts", "streams"):
        answer = client.get(f"/api/v1/{path}", headers=other)
        assert answer.status_code == 200 and answer.json()["items"] == [], path
    assert client.get("/api/v1/streams/1", headers=mine).status_code == 200
    assert "kintsu_stream_lag{" in client.get("/metrics", headers=mine).text
    assert "kintsu_stream_lag{" not in client.get("/metrics", headers=other).text
    for path in ("streams/1", "tables/orders/profile", "tables/orders/rules", "tables/orders/issues"):
        assert client.get(f"/api/v1/{path}", headers=other).status_code == 404, path
