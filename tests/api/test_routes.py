"""What the operations answer, over a store that a heal has filled."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

import kintsu as kt
from kintsu.io.store.history import History
from kintsu.io.store.incidents import IncidentStore
from kintsu.io.store.models import About, ModelStore
from kintsu.monitor.incidents import JudgedBatch, follow
from kintsu.monitor.judge import BatchJudgement, Cause


def pages(client, path, **parameters):
    """Every item of a list, page by page."""
    items, after = [], None
    while True:
        told = client.get(path, params={**parameters, **({"after": after} if after else {})}).json()
        items += told["items"]
        if (after := told["next"]) is None:
            return items


def test_a_run_is_listed_with_what_it_changed_and_found(connect, healed, tmp_path):
    run, client = healed(), connect()
    assert [item["run"] for item in client.get("/api/v1/runs").json()["items"]] == [run]
    told = client.get(f"/api/v1/runs/{run}").json()
    assert told["status"] == "done" and told["rows"] == 60 and told["set"] == told["edits"] > 0
    changes = pages(client, f"/api/v1/runs/{run}/changes", limit=1)
    assert len(changes) == told["edits"]
    assert {"row": 57, "column": "city", "old": "Pariss", "new": "Paris"}.items() <= changes[0].items()
    only = client.get(f"/api/v1/runs/{run}/changes", params={"column": changes[0]["column"], "row": 57}).json()
    assert only["items"] == [changes[0]] and only["next"] is None
    findings = pages(client, f"/api/v1/runs/{run}/findings", limit=2)
    assert {each["row"] for each in findings} >= {57, 58}
    assert all(each["column"] == "city" for each in pages(client, f"/api/v1/runs/{run}/findings", column="city"))


@pytest.fixture
def troubled(tmp_path):
    """The ids of incidents of two tables: those that are open, the longest known first, and those that ended."""
    history, alarms = History(tmp_path / "home"), []
    for table in ("orders", "items"):
        history.watch(table, {})
    for n in range(12):
        cause = Cause(f"c{n}", "null", 3.0, "it is empty", "0 % to 1 %")
        told = BatchJudgement(True, 3.0, "missing", (cause.column,), (cause,), "judged", 30)
        alarms.append(JudgedBatch("items" if n % 3 else "orders", f"b{n}", told))
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with IncidentStore(history).changing(ended_since=now) as draft:
        found, _ = follow((), alarms, now)  # all at one moment
        over = [replace(i, state="resolved", resolved_at=now) for i in found[::2]]
        draft.incidents = (*found[1::2], *over)
    return sorted(i.id for i in found[1::2]), sorted((i.id for i in over), reverse=True)


@pytest.mark.parametrize("limit", [1, 4, 6, 50])
def test_incidents_come_in_pages(connect, troubled, limit):
    client, (running, over) = connect(), troubled
    path = "/api/v1/incidents"
    assert [each["id"] for each in pages(client, path, limit=limit)] == running
    every = pages(client, path, limit=limit, ended=True)
    assert [each["id"] for each in every] == running + over
    assert pages(client, path, limit=limit, ended=True, table="items") == [i for i in every if i["table"] == "items"]
    assert pages(client, path, limit=limit, ended=True, table="nothing") == []
    told = client.post("/api/v1/graphql", json={"query": f"{{ incidents(first: {limit}) }}"}).json()
    assert [each["id"] for each in told["data"]["incidents"]] == running[:limit]


def test_versions_of_models_come_in_pages(connect, tmp_path):
    registry, client = ModelStore(History(tmp_path / "home")), connect()
    for name in ("issues", "a_b:ä & c", "issues", "volume:2", "issues"):
        registry.register(name, b"model", About(), by="me")
    every = pages(client, "/api/v1/models", limit=2)
    assert every == [each.to_dict() for each in registry.versions()]
    assert pages(client, "/api/v1/models", limit=1) == client.get("/api/v1/models").json()["items"] == every
    assert [each["version"] for each in pages(client, "/api/v1/models", limit=2, name="issues")] == [1, 2, 3]


@pytest.mark.parametrize("after", ["x", "1", "open_1", "gone_1_a", "ended_1_A'", f"open_{10**18}_a", "_issues"])
def test_a_cursor_that_nobody_was_given_is_refused(connect, after):
    client = connect()
    told = [client.get(f"/api/v1/{name}", params={"after": after}).status_code for name in ("incidents", "models")]
    assert told == [422, 422]


def test_undo_takes_back_a_cell_and_then_all(connect, healed, tmp_path):
    run, client = healed(), connect()
    files = tmp_path / "home" / "files" / "made"
    mended = pl.read_csv(files / "orders.healed.csv", infer_schema=False)
    done = client.post(f"/api/v1/runs/{run}/undo", json={"row": 57, "column": "city"}).json()
    assert done["edits"] == 1 and done["restored"] == "part"
    now = pl.read_csv(files / "orders.healed.csv", infer_schema=False)
    assert now["city"][57] == "Pariss" and now["city"][58] == mended["city"][58]
    done = client.post(f"/api/v1/runs/{run}/undo").json()
    assert done["restored"] == "bytes"
    assert (files / "orders.healed.csv").read_bytes() == (files / "orders.csv").read_bytes()
    assert client.post(f"/api/v1/runs/{run}/undo").status_code == 422
    assert client.get(f"/api/v1/runs/{run}/questions").json() == {"items": [], "next": None}
    kinds = [item["kind"] for item in client.get("/api/v1/runs").json()["items"]]
    assert kinds == ["undo", "undo", "heal"]
    assert len(client.get("/api/v1/runs", params={"kind": "heal"}).json()["items"]) == 1


def test_a_question_is_answered_once(connect, tmp_path):
    cities = ["Lyon", "Paris", "Nice"] * 19 + ["Pariss", "Lyonn", "Nic"]
    path = tmp_path / "home" / "files" / "made" / "orders.csv"
    path.parent.mkdir(parents=True)
    pl.DataFrame({"id": range(60), "city": cities}).write_csv(path)
    run = kt.heal(path, home=tmp_path / "home", auto=1.0).run
    client = connect()
    first = client.get(f"/api/v1/runs/{run}/questions").json()["items"][0]
    url = f"/api/v1/runs/{run}/questions/{first['question']}"
    assert client.post(url, json={"option": "nothing"}).status_code == 422
    said = client.post(url, json={"option": "accept"}).json()
    assert said["applied"] == first["cells"] and said["run"] == run
    assert first["question"] not in client.get(f"/api/v1/runs/{run}/questions").text
    client.post(f"/api/v1/runs/{said['change']}/undo")
    assert first["question"] in client.get(f"/api/v1/runs/{run}/questions").text


def test_an_answer_that_is_known_is_not_sent_again(connect, healed):
    run, client = healed(), connect()
    first = client.get(f"/api/v1/runs/{run}")
    again = client.get(f"/api/v1/runs/{run}", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and not again.content
    client.post(f"/api/v1/runs/{run}/undo", json={"row": 57})
    fresh = client.get("/api/v1/runs", headers={"If-None-Match": client.get("/api/v1/tables").headers["etag"]})
    assert fresh.status_code == 200


def test_tables_are_listed_with_their_last_scores(connect, healed):
    healed()
    client = connect()
    (table,) = client.get("/api/v1/tables").json()["items"]
    assert (table["name"], table["kind"], table["state"], table["rows"]) == ("orders.csv", "runs", "heal", 60)
    assert 0 < table["score"] < table["score_after"] <= 100
    told = client.get("/api/v1/tables/orders/course").json()["columns"]
    assert told["score:overall"] == [pytest.approx(table["score"])] and told["kind"] == ["heal"]
    asked = {"fact": ["score:overall", "applied"], "band": True, "days": 1}
    told = client.get("/api/v1/tables/orders/course", params=asked).json()
    assert told["low"] == told["high"] == {"score:overall": [None], "applied": [None]}  # the first of all


@pytest.mark.parametrize("days", [0, 60])
def test_volume_is_judged_by_what_is_sent_or_was_trained(connect, days):
    client, start = connect(), date(2026, 1, 5)
    counts = [{"date": str(start + timedelta(days=i)), "count": 1000 + i % 7 * 10} for i in range(70)]
    asked = {"table_id": "orders", "current_row_count": 10}
    if days:
        trained = client.post(
            "/api/v1/train/volume-anomaly",
            json={"table_id": "orders", "historical_data": counts, "training_days": days},
        ).json()
        assert (trained["days"], trained["version"], trained["alarms"]) == (days, 1, 0)
    else:
        assert client.post("/api/v1/detect/volume", json=asked).status_code == 422
        asked["historical_data"] = counts
    told = client.post("/api/v1/detect/volume", json=asked).json()
    assert told["is_anomaly"] and told["severity"] > 0.9 and told["expected_range"]["low"] > 900
    assert not client.post("/api/v1/detect/volume", json=asked | {"current_row_count": 1000}).json()["is_anomaly"]


def test_what_is_misspelt_is_told(connect):
    client = connect()
    answer = client.get("/api/v1/runs", params={"tabel": "orders"})
    assert answer.status_code == 422 and "did you mean 'table'" in answer.json()["detail"]
    answer = client.post("/api/v1/detect/volume", json={"table_id": "x"})
    assert answer.json()["errors"] == [{"where": "body.current_row_count", "message": "Field required"}]
    answer = client.post("/api/v1/keys", json={"name": "x", "role": "viewer", "tenant": "other"})
    assert answer.json()["errors"] == [{"where": "body.tenant", "message": "Extra inputs are not permitted"}]
    assert client.patch("/api/v1/runs").headers["allow"] == "GET"
    assert client.get("/api/v1/nothing").json()["type"] == "urn:kintsu:problem:not-found"
