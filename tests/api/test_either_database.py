"""The service over a file and over PostgreSQL: the flow of a mend, on several machines where they share a database;
and what a tenant sees of another."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from starlette.testclient import TestClient

from kintsu.apps.api.app import create_app
from kintsu.apps.api.settings import ServeSettings
from kintsu.apps.office import Office
from kintsu.apps.worker import Worker
from kintsu.io.service.keys import Keys
from kintsu.io.store import schema
from kintsu.io.store.history import History
from kintsu.io.store.home import remember
from kintsu.io.store.models import About, ModelStore
from kintsu.io.store.streams import StreamStore
from kintsu.run import watching
from kintsu.run.batches import MonitorSettings

CITIES = ["Lyon", "Paris", "Nice"] * 19 + ["Pariss", "Lyonn", "Nice"]
PRICES = [f"{10 + i % 7}.50" for i in range(58)] + ["11.50 EUR", "N/A"]
BODY = (
    "id,city,price\n" + "".join(f"{n},{city},{price}\n" for n, (city, price) in enumerate(zip(CITIES, PRICES)))
).encode()
API = "/api/v1"


@pytest.fixture(params=["sqlite", "postgresql"])
def home_of(request, tmp_path):
    """The home of the service on a machine: one folder, or one for each machine that shares a PostgreSQL."""
    if request.param == "sqlite":
        return lambda machine: tmp_path / "home"
    url = request.getfixturevalue("postgresql_url")
    return lambda machine: remember(tmp_path / machine / "home", url)


@pytest.fixture
def client_on(home_of):
    with ExitStack() as stack:

        def client(machine, **settings):
            app = create_app(ServeSettings(home_of(machine), **settings))
            return stack.enter_context(TestClient(app, base_url="http://localhost", raise_server_exceptions=False))

        yield client


@pytest.fixture
def work_on(home_of):
    """Does on a machine what is due, as a worker there would."""
    workers = []

    def all_of_it(machine):
        workers.append(Worker(Office(ServeSettings(home_of(machine)))))
        for job in workers[-1].work.due(datetime.now(UTC) + timedelta(seconds=1)):
            workers[-1].do(job.id)

    yield all_of_it
    for each in workers:
        each.queue.close()


@pytest.fixture
def key(home_of):
    def headers(tenant, role="admin"):
        _, text = Keys(History(home_of("front"), tenant)).create(f"{role} of {tenant}", role, by="test")
        return {"Authorization": f"Bearer {text}"}

    return headers


def done(client, work, job, **more):
    """What became of a job that is handed in."""
    answer = client.post(f"{API}/jobs", json=job, **more)
    assert answer.status_code == 202, answer.text
    work("back")
    told = client.get(f"{API}/jobs/{answer.json()['id']}", **more).json()
    assert told["state"] == "done", told
    return told


def test_a_mend_is_done_asked_about_undone_and_downloaded_on_any_machine(client_on, work_on, key):
    front, other = client_on("front", sign_in=True), client_on("other", sign_in=True)
    me = {"headers": key("acme")}
    sent = front.post(f"{API}/uploads?name=orders.csv", content=BODY, **me).json()["id"]
    train = {"kind": "train", "source": {"upload": sent}, "options": {"name": "orders", "crash_test": False}}
    done(front, work_on, train, **me)
    replay = {"kind": "heal", "source": {"upload": sent}, "options": {"treatment": "orders"}}
    done(other, work_on, replay, **me)
    heal = {"kind": "heal", "source": {"upload": sent}, "options": {"auto": 0.5}}
    run = f"{API}/runs/{done(front, work_on, heal, **me)['run']}"
    for client in (front, other):
        assert client.get(run, **me).json()["status"] == "done"
        assert client.get(f"{run}/changes", **me).json()["items"]
        assert client.get(f"{run}/output", **me).content not in (b"", BODY)
        assert "<html" in client.get(f"{run}/report", **me).text
        assert client.get(f"{API}/tables/orders/profile", **me).json()["rows"] == 60
    mended = front.get(f"{run}/output", **me).content
    asked = other.get(f"{run}/questions", **me).json()["items"][0]
    option = {"option": asked["options"][-1]["option"]}
    said = other.post(f"{run}/questions/{asked['question']}", json=option, **me)
    assert said.status_code == 200, said.text
    answered = other.get(f"{run}/output", **me).content
    assert answered == front.get(f"{run}/output", **me).content
    assert front.post(f"{API}/runs/{said.json()['change']}/undo", **me).status_code == 200
    assert other.get(f"{run}/output", **me).content == mended
    undone = other.post(f"{run}/undo", **me)
    assert undone.status_code == 200 and undone.json()["restored"] == "bytes"
    assert front.get(f"{run}/output", **me).content == BODY == other.get(f"{API}/uploads/{sent}/file", **me).content
    assert other.delete(f"{API}/uploads/{sent}", **me).status_code == 204
    assert front.get(f"{API}/uploads/{sent}/file", **me).status_code == 404


def test_an_application_that_was_stopped_can_be_started_again(home_of):
    app = create_app(ServeSettings(home_of("front")))
    for _ in range(2):
        with TestClient(app, base_url="http://localhost") as client:
            assert client.post(f"{API}/jobs", json={"kind": "monitor_run"}).status_code == 202


def test_a_database_that_is_away_is_told_as_such_and_not_where_it_is(tmp_path, postgresql, postgresql_url, caplog):
    """By the operations and by what stands around them: the sign-in, answers that are kept, keys of requests."""
    name, home = postgresql_url.rpartition("/")[2], remember(tmp_path / "home", postgresql_url)
    signed = {"Authorization": f"Bearer {Keys(History(home)).create('me', 'admin', by='test')[1]}"}

    def allow(is_allowed):
        with psycopg.connect(postgresql, autocommit=True) as server:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {is_allowed}")
            server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    for me, settings in (({}, {}), (signed, {"sign_in": True})):
        app = create_app(ServeSettings(home, **settings))
        with TestClient(app, base_url="http://localhost", raise_server_exceptions=False, headers=me) as client:
            assert client.get(f"{API}/runs").status_code == client.get(f"{API}/jobs").status_code == 200
            allow(False)
            asked = [client.get(f"{API}/{path}") for path in ("runs", "jobs", "runs/r-1/report", "tables?limit=3")]
            asked.append(client.post(f"{API}/jobs", json={"kind": "monitor_run"}, headers={"Idempotency-Key": "k"}))
            allow(True)
            assert [answer.status_code for answer in asked] == [503] * len(asked)
            assert not any(name in answer.text or "127.0.0.1" in answer.text for answer in asked)
            assert asked[0].headers["retry-after"] == "1" and name in caplog.text
            assert client.post(f"{API}/jobs", json={"kind": "monitor_run"}).status_code == 202
            assert client.get(f"{API}/runs").status_code == 200


BODIES = {
    f"{API}/tables/{{table}}/score": {"rows": [{"id": 1, "city": "Lyon", "price": "10.50"}]},
    f"{API}/runs/{{run}}/questions/{{question}}": {"option": "accept"},
    f"{API}/runs/{{run}}/corrections": {"cells": [{"row": 1, "column": "city", "value": "Paris"}]},
    f"{API}/ingest/{{table}}": [{"id": 1, "city": "Lyon", "price": "10.50"}],
    f"{API}/monitors/{{table}}/batches/{{batch}}": {"is_right": True},
    f"{API}/models/{{name}}/promote": {"version": 1},
}


def everything_of(client, home, work, me):
    """An id of each kind that a tenant may have, by the name of the parameter."""
    sent = client.post(f"{API}/uploads?name=orders.csv", content=BODY, **me).json()["id"]
    train = {"kind": "train", "source": {"upload": sent}, "options": {"name": "orders", "crash_test": False}}
    done(client, work, train, **me)
    healed = done(client, work, {"kind": "heal", "source": {"upload": sent}, "options": {"auto": 0.5}}, **me)
    asked = client.get(f"{API}/runs/{healed['run']}/questions", **me).json()["items"][0]["question"]
    (home / "days").mkdir()
    for day in range(1, 10):
        (home / "days" / f"2026-03-{day:02}.csv").write_bytes(BODY)
    watching.add("orders", MonitorSettings(str(home / "days" / "*.csv")), home=home)
    watching.backfill("orders", home=home, now=datetime(2026, 3, 20, tzinfo=UTC))
    ModelStore(History(home)).register("issues", b"model", About(), by="me")
    StreamStore(History(home)).stream("orders", {})
    now = {"opened_us": 1, "seen_us": 1, "tenant": "local", "state": "open", "body": "{}"}
    with schema.writing(History(home).engine) as connection:
        monitor = connection.execute(schema.monitors.select()).first().id
        connection.execute(schema.incidents.insert(), {"monitor": monitor, "id": "i-1", **now})
        stream = connection.execute(schema.streams.select()).one().id
    key = client.post(f"{API}/keys", json={"name": "x", "role": "viewer"}, **me).json()["about"]["id"]
    return {
        "run": healed["run"], "question": asked, "upload": sent, "job": healed["id"], "part": "scores", "key": key,
        "table": "orders", "batch": "2026-03-09.csv", "incident": "i-1", "name": "issues", "stream_id": str(stream),
    }  # fmt: skip


def test_no_endpoint_that_takes_an_id_knows_those_of_another_tenant(client_on, work_on, key, home_of):
    client, mine, other = client_on("front", sign_in=True), {"headers": key("acme")}, {"headers": key("other")}
    ids = everything_of(client, home_of("front") / "tenants" / "acme", work_on, mine)
    client.get(f"{API}/runs", **other)  # the other has a store of their own by now
    History(home_of("front") / "tenants" / "other").tables()
    paths = client.app.openapi()["paths"]
    for path in (path for path in paths if "{" not in path and "get" in paths[path] and "openapi" not in path):
        told = client.get(path, **other).text
        assert ids["run"] not in told and ids["upload"] not in told and ids["job"] not in told and "acme" not in told
    tried, seen = 0, set()
    for path, operations in paths.items():
        for method in operations if "{" in path else ():
            asked = {"json": BODIES[path]} if path in BODIES and method == "post" else {}
            answer = client.request(method, path.format(**ids), **asked, **other)
            assert answer.status_code == 404, (method, path, answer.status_code, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            if method == "get" and client.get(path.format(**ids), **mine).status_code == 200:
                seen.add(path)
            tried += 1
    assert tried >= 30 and len(seen) >= 15, (tried, seen)
