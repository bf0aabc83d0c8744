"""The same request with the same key is done once and answered alike; the store does not tell the answer."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from kintsu.io.service.replies import Replies, Reply, UnderWay
from kintsu.io.store.history import History

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BODY = {"name": "nightly", "role": "viewer"}


def test_what_is_asked_again_is_done_once(connect, healed, tmp_path):
    run, client, key = healed(), connect(), {"Idempotency-Key": "k1"}
    first = client.post(f"/api/v1/runs/{run}/undo", json={"row": 57}, headers=key)
    again = client.post(f"/api/v1/runs/{run}/undo", json={"row": 57}, headers=key)
    assert first.status_code == again.status_code == 200 and first.content == again.content
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert [each["kind"] for each in client.get("/api/v1/runs").json()["items"]] == ["undo", "heal"]
    other = client.post(f"/api/v1/runs/{run}/undo", json={"row": 58}, headers=key)
    assert other.status_code == 422 and "another body" in other.json()["detail"]
    statuses = [each["status"] for each in client.get("/api/v1/audit").json()["items"]]
    assert statuses == [422, 200, 200]  # what was answered again stands in the trail too


def test_each_operation_that_writes_takes_a_key(connect):
    client, key = connect(), {"Idempotency-Key": "k1"}
    sent = [client.post("/api/v1/uploads?name=a.csv", content=b"a\n1\n", headers=key) for _ in range(2)]
    assert sent[0].json() == sent[1].json() and sent[1].headers["location"] == sent[0].headers["location"]
    assert client.post("/api/v1/uploads?name=a.csv", content=b"a\n2\n", headers=key).status_code == 422
    made = [client.post("/api/v1/keys", json=BODY, headers=key).json() for _ in range(2)]
    assert made[0] == made[1] and len(client.get("/api/v1/keys").json()["items"]) == 1
    gone = [client.delete(f"/api/v1/keys/{made[0]['about']['id']}", headers=key).status_code for _ in range(2)]
    assert gone == [204, 204]
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    for path, method in (("/api/v1/jobs/{job}/cancel", "post"), ("/api/v1/uploads/{upload}", "delete")):
        assert "Idempotency-Key" in [each["name"] for each in paths[path][method]["parameters"]]


def test_a_request_that_failed_can_be_tried_again(connect):
    client, key = connect(), {"Idempotency-Key": "k1"}
    assert client.post("/api/v1/keys", json={"name": "x", "role": "king"}, headers=key).status_code == 422
    assert client.post("/api/v1/keys", json=BODY, headers=key).status_code == 201
    assert client.post("/api/v1/keys", json=BODY, headers={"Idempotency-Key": "x" * 256}).status_code == 422


def test_a_key_is_of_one_person_and_tenant(connect, key):
    client = connect(sign_in=True)
    people = [key("acme"), key("other"), key("acme", "admin", expires_at=NOW + timedelta(days=3650))]
    made = [client.post("/api/v1/keys", json=BODY, headers=each | {"Idempotency-Key": "k"}) for each in people[:2]]
    assert made[0].json()["key"] != made[1].json()["key"]
    mine = client.post("/api/v1/keys", json=BODY, headers=people[2] | {"Idempotency-Key": "k"})
    assert mine.status_code == 422 and made[0].json()["key"] not in mine.text  # of the same name, with another key
    viewer = client.post("/api/v1/keys", json=BODY, headers=key("acme", "viewer") | {"Idempotency-Key": "k"})
    assert viewer.status_code == 403


def test_a_body_that_breaks_off_does_nothing(connect, healed):
    """Half of a body may mean something else: an undo without one takes all of a run back."""
    run, client, told = healed(), connect(), []

    async def gone():
        return {"type": "http.disconnect"}

    async def send(message):
        told.append(message)

    names = {"host": "localhost", "idempotency-key": "k1", "content-type": "application/json"}
    place = {"method": "POST", "path": f"/api/v1/runs/{run}/undo", "query_string": b"", "http_version": "1.1"}
    headers = [(name.encode(), value.encode()) for name, value in names.items()]
    asyncio.run(client.app({"type": "http", "headers": headers, **place}, gone, send))
    assert told[0]["status"] == 400
    assert client.get(f"/api/v1/runs/{run}").json()["status"] == "done"
    whole = client.post(place["path"], json={"row": 57}, headers={"Idempotency-Key": "k1"})
    assert whole.status_code == 200 and whole.json()["restored"] == "part"


def test_a_body_that_is_too_long_is_refused_whatever_it_says_of_itself(connect):
    client, key = connect(max_body_bytes=1000), {"Idempotency-Key": "k1"}
    assert client.post("/api/v1/keys", json=BODY, headers=key).status_code == 201
    for name in ("k1", "k2"):  # one that has an answer, one that has none yet
        long = client.post("/api/v1/keys", content=iter([b"{" * 600, b"{" * 600]), headers={"Idempotency-Key": name})
        assert long.status_code == 413 and long.headers["content-type"] == "application/problem+json"


def test_answers_cannot_be_read_in_the_store(connect, tmp_path):
    made = connect().post("/api/v1/keys", json=BODY, headers={"Idempotency-Key": "my-own-key"}).json()["key"]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "home").glob("kintsu.db*"))
    assert made.split("_", 2)[2].encode() not in kept and b"my-own-key" not in kept


def test_two_at_once_are_done_once(connect):
    client, answers = connect(), []
    key = {"Idempotency-Key": "k1"}

    def ask():
        answers.append(client.post("/api/v1/keys", json=BODY, headers=key))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {answer.status_code for answer in answers} <= {201, 409} and 201 in {a.status_code for a in answers}
    assert len(client.get("/api/v1/keys").json()["items"]) == 1


def test_answers_expire_and_lost_requests_are_taken_over(store_place):
    replies = Replies(History(store_place, "acme"))
    assert replies.begin("n", "s", NOW) is None
    with pytest.raises(UnderWay):
        replies.begin("n", "s", NOW)
    assert replies.begin("n", "s", NOW + timedelta(minutes=6)) is None  # its process was killed
    kept = Reply("hash", 201, [("location", "/x")], b"{}")
    replies.finish("n", "s", kept)
    assert replies.begin("n", "s", NOW + timedelta(hours=1)) == kept
    assert Replies(History(store_place, "other")).begin("n", "s", NOW + timedelta(hours=1)) is None
    assert replies.begin("n", "s", NOW + timedelta(days=2)) is None
    replies.forget("n")
    assert replies.begin("n", "s", NOW + timedelta(days=2)) is None
