"""A planted secret is nowhere for a viewer: every operation that reads is asked, over REST, as a graph and over the
WebSocket; whoever may see it does."""

import json
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from streaming_api import Plain, event
from test_jobs_api import submit, upload
from test_jobs_api import work as work

from kintsu.io.json_events import JsonEvents
from kintsu.io.queues import MemorySink, QueueSource
from kintsu.io.store.history import History
from kintsu.io.store.streams import StreamStore
from kintsu.run import watching
from kintsu.run.batches import MonitorSettings
from kintsu.run.watch_alerts import StreamJudge
from kintsu.run.watch_flow import Flow, Pace

SECRET = "Zanzibarsson"  # a value of the column that is sensitive, in every place where values are kept
SPELT = SECRET.replace("ss", "s")
WORDS = (SECRET, SPELT, "Paris", "Pari")
NAMES = ["Adler", "Brandt", SECRET]
POLICY = "privacy: {columns: ['sur*', city], shown_to: engineer, downloads_to: engineer}\n"


def people(n, bad=(11, 41)):
    surnames = [SPELT if k in bad else NAMES[k % 3] for k in range(n)]
    return pl.DataFrame({"id": range(n), "surname": surnames, "age": [20 + k * 7 % 41 for k in range(n)]})


def planted(client, work, tmp_path, headers, file):
    """A heal, a check, a plan, a profile, a treatment, scores, a watched table and a stream, all with the secret."""
    home = tmp_path / "home" / "tenants" / "acme"
    sent = upload(client, people(120).write_csv().encode(), "people.csv", headers=headers)
    source = {"upload": sent}
    for kind, options in (
        *(("heal", {"auto": 0.5, "crash_test": False}), ("heal", {"auto": 1.0, "crash_test": False})),
        *(("heal", {"auto": 0.5, "dry_run": True, "crash_test": False}), ("check", {}), ("profile", {})),
        *(("crash_test", {}), ("train", {"name": "people", "auto": 0.5, "crash_test": False})),
    ):
        submit(client, kind, options, source, headers=headers)
    work(file=file)
    submit(client, "score", {"treatment": "people"}, source, headers=headers)
    work(file=file)
    folder = tmp_path / "people"
    folder.mkdir()
    first = date(2026, 1, 5)

    def deliver(day, surnames):
        rng = np.random.default_rng(day)
        frame = pl.DataFrame({"surname": rng.choice(surnames, 200), "price": rng.lognormal(3, 0.5, 200).round(2)})
        frame.write_csv(folder / f"people-{first + timedelta(days=day)}.csv")

    for day in range(20):
        deliver(day, NAMES[:2])
    now = datetime(2026, 3, 1, tzinfo=UTC)
    watching.add("people", MonitorSettings(str(folder / "*.csv")), home=home)
    watching.backfill("people", home=home, now=now)
    deliver(20, [SECRET])
    judged = watching.run(home=home, now=now)
    assert judged[0].alarm and SECRET in json.dumps(judged[0].to_dict(), default=str)
    stream(home)
    return judged[0].batch


def stream(home):
    """Events whose city, a sensitive column too, is mended."""
    source = QueueSource("people", "first", capacity=100_000)
    source.push([event(n) for n in range(1000)])
    pace, store = Pace(batch=500, wait_s=0.01, until_idle_s=0.0), StreamStore(History(home))
    Flow("push/people", source, MemorySink(), Plain(), JsonEvents(), store, StreamJudge(), pace).run()


@pytest.fixture
def told(connect, key, work, tmp_path):
    """A service with a policy and a secret, and a way to ask everything: address -> answer."""
    file = tmp_path / "kintsu.yaml"
    file.write_text(POLICY)
    client, admin = connect(sign_in=True, file=file), key("acme")
    batch = planted(client, work, tmp_path, admin, file)

    def every(role):
        headers, answers = key("acme", role), {}
        get = lambda path: client.get(path, headers=headers)  # noqa: E731
        items = {
            name: [item.get(which) for item in get(f"/api/v1/{name}?limit=500").json()["items"]]
            for name, which in (("runs", "run"), ("jobs", "id"), ("uploads", "id"), ("streams", "id"))
        }
        values = {"run": items["runs"], "job": items["jobs"], "upload": items["uploads"], "stream_id": items["streams"]}
        values |= {"table": ["people"], "batch": [batch], "part": ["scores", "proposals"], "name": ["issues"]}
        for path, told in client.get("/api/v1/openapi.json", headers=headers).json()["paths"].items():
            if "get" not in told or not path.startswith("/api/v1/"):
                continue
            addresses = [path]
            for name in [each["name"] for each in told["get"].get("parameters", []) if each["in"] == "path"]:
                addresses = [each.replace(f"{{{name}}}", str(value)) for each in addresses for value in values[name]]
            for address in addresses:
                answers[address] = get(address)
        for fact in ("low:surname", "mean:surname", "completeness:surname"):
            answers[fact] = get(f"/api/v1/monitors/people/course?fact={fact}&band=true")
        parts = "changes(first: 5) findings(first: 5) recipes(first: 5) questions(first: 5) { text options }"
        query = f"{{ tables {{ items {{ name issue }} }} runs(first: 5) {{ items {{ summary {parts} }} }} incidents }}"
        answers["graph"] = client.post("/api/v1/graphql", json={"query": query}, headers=headers)
        rows = {"rows": [{"id": 1, "surname": SPELT, "age": 30}]}
        answers["score"] = client.post("/api/v1/tables/people/score", json=rows, headers=headers)
        with suppress(CancelledError), client.websocket_connect("ws://localhost/ws/quality") as socket:
            socket.send_json({"authorization": headers["Authorization"], "cursor": 0})
            answers["events"] = [socket.receive_json() for _ in range(8)]
        return answers

    return every


def text_of(answer):
    return json.dumps(answer, ensure_ascii=False) if isinstance(answer, list) else answer.text


def test_a_viewer_sees_the_secret_nowhere(told):
    answers = told("viewer")
    assert len(answers) > 60 and sum(getattr(each, "status_code", 200) == 200 for each in answers.values()) > 45
    assert [address for address, each in answers.items() if any(word in text_of(each) for word in WORDS)] == []
    refused = {address for address, each in answers.items() if getattr(each, "status_code", 200) == 403}
    assert {address.rpartition("/")[2] for address in refused} >= {"output", "file", "scores.csv", "audit", "keys"}


def test_an_engineer_sees_it_where_values_are(told):
    answers = told("engineer")
    shows = [address for address, each in answers.items() if any(word in text_of(each) for word in WORDS)]
    assert {address.rpartition("/")[2] for address in shows} >= {"changes", "file", "output"}
    for part in ("/streams/", "/batches/"):
        mine = {address: each.status_code for address, each in answers.items() if part in address}
        assert mine and set(mine) & set(shows), mine
