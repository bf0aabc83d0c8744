"""Who may do what: roles, keys, tenants, and what a service for one user lets in."""

from datetime import UTC, datetime, timedelta

import pytest

READS = [
    "/api/v1/runs/{run}",
    "/api/v1/runs/{run}/changes",
    "/api/v1/runs/{run}/findings",
    "/api/v1/runs/{run}/questions",
    "/api/v1/tables/orders/course",
    "/api/v1/uploads/{upload}",
]
WRITES = [
    ("POST", "/api/v1/runs/{run}/undo", None),
    ("POST", "/api/v1/runs/{run}/questions/q-1", {"option": "accept"}),
    ("POST", "/api/v1/runs/{run}/corrections", {"cells": [{"row": 1, "column": "city", "value": "Paris"}]}),
    ("DELETE", "/api/v1/uploads/{upload}", None),
    ("DELETE", "/api/v1/keys/{key}", None),
]


def test_without_sign_in_there_is_one_user(connect):
    assert connect().get("/api/v1/me").json() | {"version": ""} == {
        "tenant": "local", "name": "local", "role": "admin", "version": "",
    }  # fmt: skip


def test_with_sign_in_nobody_comes_in_without_a_key(connect, key):
    client = connect(sign_in=True)
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer kintsu_000000000000_" + "a" * 43}):
        answer = client.get("/api/v1/me", headers=headers)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/healthz").status_code == 200
    assert client.get("/api/v1/me", headers=key("acme", "viewer")).json()["tenant"] == "acme"


def test_a_key_that_is_over_or_revoked_is_refused(connect, key):
    client = connect(sign_in=True)
    past = datetime.now(UTC) - timedelta(seconds=1)
    assert client.get("/api/v1/me", headers=key(expires_at=past)).status_code == 401
    admin, other = key(), key(role="viewer")
    for each in client.get("/api/v1/keys", headers=admin).json()["items"]:
        if each["role"] == "viewer":
            assert client.delete(f"/api/v1/keys/{each['id']}", headers=admin).status_code == 204
    assert client.get("/api/v1/me", headers=other).status_code == 401


def test_the_text_of_a_key_is_shown_once_and_kept_nowhere(connect, tmp_path):
    client = connect()
    made = client.post("/api/v1/keys", json={"name": "nightly", "role": "viewer"}).json()
    assert made["key"] not in client.get("/api/v1/keys").text
    secret = made["key"].rpartition("_")[2].encode()
    assert secret not in b"".join(path.read_bytes() for path in (tmp_path / "home").glob("kintsu.db*"))


@pytest.mark.parametrize(
    ("role", "refused"),
    [("viewer", {"undo", "upload", "key"}), ("steward", {"upload", "key"}), ("engineer", {"key"}), ("admin", set())],
)
def test_each_role_may_do_what_it_says(connect, key, role, refused):
    client, headers = connect(sign_in=True), key("acme", role)
    tried = {
        "undo": client.post("/api/v1/runs/r-0/undo", headers=headers),
        "upload": client.post("/api/v1/uploads?name=a.csv", content=b"a\n1\n", headers=headers),
        "key": client.post("/api/v1/keys", json={"name": "x", "role": "viewer"}, headers=headers),
    }
    assert {name for name, answer in tried.items() if answer.status_code == 403} == refused
    assert client.get("/api/v1/runs", headers=headers).status_code == 200


def test_nothing_of_another_tenant_can_be_read_or_changed(connect, key, healed):
    client, mine, other = connect(sign_in=True), key("acme"), key("other")
    run = healed("acme")
    upload = client.post("/api/v1/uploads?name=a.csv", content=b"a\n1\n", headers=mine).json()["id"]
    made = client.post("/api/v1/keys", json={"name": "x", "role": "viewer"}, headers=mine).json()["about"]["id"]
    known = {"run": run, "upload": upload, "key": made}
    for path in READS:
        assert client.get(path.format(**known), headers=mine).status_code == 200, path
        assert client.get(path.format(**known), headers=other).status_code == 404, path
    for path in ("tables", "runs", "uploads", "audit", "incidents", "models"):
        told = client.get(f"/api/v1/{path}", headers=other).text
        assert not any(word in told for word in (*known.values(), "acme", "orders")), path
    for method, path, body in WRITES:
        answer = client.request(method, path.format(**known), json=body, headers=other)
        assert answer.status_code == 404, path
    assert client.get(f"/api/v1/runs/{run}", headers=mine).json()["status"] == "done"
    assert client.get(f"/api/v1/uploads/{upload}", headers=mine).status_code == 200


def test_reads_leave_no_trail_whatever_method_they_are_sent_by(connect, key):
    client, headers = connect(sign_in=True), key("acme", "admin")
    client.post("/api/v1/graphql", json={"query": "{ me }"}, headers=headers)
    client.post("/api/v1/detect/volume", json={"table_id": "orders", "current_row_count": 3}, headers=headers)
    client.post("/api/v1/tables/orders/score", json={"rows": [{"a": 1}]}, headers=headers)
    for path in ("ingest/score", "monitors/orders/batches/score"):  # a table and a batch may be called so
        client.post(f"/api/v1/{path}", json=[{"a": 1}], headers=headers)
    told = [act["action"] for act in client.get("/api/v1/audit", headers=headers).json()["items"]]
    assert told == ["POST /api/v1/monitors/orders/batches/score", "POST /api/v1/ingest/score"]


def test_writes_leave_a_trail(connect, key):
    client, headers = connect(sign_in=True), key("acme", "admin")
    client.post("/api/v1/keys", json={"name": "x", "role": "viewer"}, headers=headers)
    client.get("/api/v1/keys", headers=headers)
    first, *rest = client.get("/api/v1/audit", headers=headers).json()["items"]
    assert not rest and (first["who"], first["action"], first["status"]) == (
        "admin of acme", "POST /api/v1/keys", 201,
    )  # fmt: skip


def test_a_page_of_another_site_cannot_reach_the_service(connect):
    client = connect()
    assert client.get("/api/v1/me", headers={"Host": "evil.example"}).status_code == 400
    answer = client.post("/api/v1/uploads?name=a.csv", content=b"a\n1\n", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    same = client.post("/api/v1/uploads?name=a.csv", content=b"a\n1\n", headers={"Origin": "http://localhost"})
    assert same.status_code == 201 and "default-src 'self'" in same.headers["content-security-policy"]


def test_too_many_requests_are_told_to_wait(connect):
    client = connect(requests_per_minute=3)
    statuses = [client.get("/api/v1/me").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_what_is_too_large_is_refused_and_not_kept(connect, tmp_path):
    client = connect(max_upload_bytes=1000, max_body_bytes=1000)
    assert client.post("/api/v1/uploads?name=a.csv", content=b"x" * 1001).status_code == 413

    def unsaid():  # no Content-Length
        yield from (b"x" * 400 for _ in range(3))

    assert client.post("/api/v1/uploads?name=a.csv", content=unsaid()).status_code == 413
    assert client.post("/api/v1/keys", content=b"x" * 1001).status_code == 413
    assert client.post("/api/v1/keys", content=unsaid()).status_code == 413
    assert not list((tmp_path / "home" / "files").glob("*"))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/abs.csv", "..", "a/b.csv", "C:\\x.csv", "é ü.csv", "字" * 200 + ".csv"], ids=range(7)
)
def test_an_upload_stays_in_its_folder(connect, tmp_path, name):
    made = connect().post("/api/v1/uploads", params={"name": name}, content=b"a\n1\n").json()
    files = [path for path in (tmp_path / "home" / "files").rglob("*") if path.is_file()]
    assert files == [tmp_path / "home" / "files" / made["id"] / made["name"]]
    assert not name.endswith(".csv") or made["name"].endswith(".csv")
    assert not set("/\\\x00") & set(made["name"]) and made["name"].strip(".")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("graphql", {f"k{n}": 1 for n in range(50_000)}),
        ("tables/orders/score", {"rows": [{f"k{n}": [] for n in range(50_000)}]}),
        ("tables/orders/score", {"rows": [{f"k{n}": n for n in range(50_000)}]}),
        ("tables/orders/score", {"rows": [[]] * 50_000}),
        ("keys", [{}] * 50_000),
    ],
    ids=["fields", "cells", "columns", "rows", "list"],
)
def test_what_is_wrong_many_times_is_told_in_few_words(connect, path, body):
    """An error for each part of a body costs a hundred times what the body does."""
    answer = connect().post(f"/api/v1/{path}", json=body)
    assert answer.status_code == 422 and len(answer.content) < 50_000 and len(answer.json()["errors"]) <= 100


@pytest.mark.parametrize("deep", [99, 500, 900, 5_000])
def test_what_is_nested_too_deeply_is_refused(connect, deep):
    body = f'{{"query": "{{ me }}", "variables": {{"a": {"[" * deep}{"]" * deep}}}}}'
    answer = connect().post("/api/v1/graphql", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == (400 if deep == 5_000 else 422)
