"""The graph tells what REST tells, of one tenant, and refuses what would cost too much."""

import logging
import sqlite3
from contextlib import closing

import pytest
from graphql import get_introspection_query

from kintsu.apps.api.logs import JsonLines


def ask(client, query, headers=None, **variables):
    return client.post("/api/v1/graphql", json={"query": query, "variables": variables}, headers=headers).json()


def test_it_tells_what_rest_tells(connect, healed):
    run, client = healed(), connect()
    told = ask(
        client,
        "query ($id: String!) { tables { items { name score runs { run } } } "
        'run(id: $id) { status set changes(column: "city") findings(first: 1) recipes } }',
        id=run,
    )["data"]
    assert told["tables"]["items"][0]["runs"] == [{"run": run}]
    rest = client.get(f"/api/v1/runs/{run}/changes", params={"column": "city"}).json()["items"]
    assert told["run"]["changes"] == rest and told["run"]["status"] == "done" and len(told["run"]["findings"]) == 1
    assert told["run"]["set"] == client.get(f"/api/v1/runs/{run}").json()["edits"]


def test_nothing_of_another_tenant_is_told(connect, healed, key):
    run, client = healed("acme"), connect(sign_in=True)
    query = "query ($id: String!) { run(id: $id) { run } }"
    assert ask(client, query, key("acme", "viewer"), id=run)["data"]["run"] == {"run": run}
    other = ask(client, query, key("other", "admin"), id=run)
    assert other["data"] is None and "no such run" in other["errors"][0]["message"]
    assert ask(client, "{ runs { items { run } } }", key("other", "admin"))["data"]["runs"]["items"] == []
    assert client.post("/api/v1/graphql", json={"query": "{ me }"}).status_code == 401


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("{ tables(first: 100) { items { runs(first: 100) { changes } } } }", "would cost"),
        ("query ($n: Int!) { tables(first: $n) { items { runs(first: $n) { findings } } } }", "would cost"),
        ("{ " + " ".join(f"a{i}: me" for i in range(20)) + " }", "aliases"),
        ("{ " + "me " * 3000 + " }", "tokens"),
        ("{ tables(first: 0) { next } }", "from 1 to 100"),
        ("{ tables(after: \"x\") { next } }", "the page before"),
        ("fragment A on Runs { items { ...B } } fragment B on Run { run changes } "
         "{ runs(first: 100) { ...A } }", "would cost"),
        ("{ run(id: \"x\") { a: changes b: changes } c: tables(first: -2000000) { items { runs { run } } } "
         "d: runs(first: 100) { items { changes } } }", "would cost"),
        ("{ ...a0 } " + " ".join(f"fragment a{i} on Query {{ ...a{i + 1} ...a{i + 1} }}" for i in range(150))
         + " fragment a150 on Query { me }", "written out"),
        ("{ nothing }", "Cannot query field"),
        ("{", "Syntax Error"),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }", "would cost"),
    ],
)  # fmt: skip
def test_what_would_read_too_much_is_refused(connect, query, why):
    told = ask(connect(), query, n=100)
    assert told["data"] is None and why in told["errors"][0]["message"]


def test_what_can_be_asked_can_be_asked(connect):

    told = ask(connect(), get_introspection_query())
    assert {"Table", "Run"} <= {each["name"] for each in told["data"]["__schema"]["types"]}


def test_no_query_and_no_words_of_errors_are_logged(connect, caplog, tmp_path):
    client = connect()
    for query in (
        '{ run(id: "my-secret") { run } }',
        '{ nothing(id: "my-secret") }',
        '{ tables(after: "my-secret") { next } }',
    ):
        assert ask(client, query)["errors"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    store = tmp_path / "home" / "kintsu.db"
    with closing(sqlite3.connect(store)) as other:
        other.execute("ALTER TABLE runs RENAME TO elsewhere")
    (error,) = ask(client, '{ runs(table: "my-secret") { next } }')["errors"]
    assert str(tmp_path) not in error["message"] and "its log tells more" in error["message"]
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.name == "kintsu.api" and record.exc_info and "my-secret" not in JsonLines().format(record)
