"""The WebSocket of a real server: who may listen, what is heard, and that nothing is missed by coming back."""

import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import httpx2
import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as dial

from kintsu.apps.api.app import create_app
from kintsu.apps.api.settings import ServeSettings
from kintsu.io.service.keys import Keys
from kintsu.io.store.events import Events
from kintsu.io.store.history import History


@pytest.fixture
def events(tmp_path):
    return lambda tenant="local": Events(History(tmp_path / "home", tenant))


@pytest.fixture
def listen(tmp_path):
    """Opens a WebSocket at a server of our own and says hello."""
    servers = []

    @contextmanager
    def socket(hello="{}", *, sign_in=False, **options):
        app = create_app(ServeSettings(tmp_path / "home", sign_in=sign_in))
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        servers.append((server, thread))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with dial(f"ws://localhost:{port}/ws/quality", **options) as opened:
            opened.send(hello if isinstance(hello, str) else json.dumps(hello))
            yield opened

    yield socket
    for server, thread in servers:
        server.should_exit = True
        thread.join()


def heard(socket):
    return json.loads(socket.recv(timeout=60))


def test_what_happened_after_the_cursor_comes_first_then_what_happens(listen, events):
    feed = events()
    first = [feed.add("job", {"n": n}).id for n in range(3)]
    with listen({"cursor": first[0]}) as socket:
        assert heard(socket)["kind"] == "listening"
        assert [heard(socket)["body"]["n"] for _ in range(2)] == [1, 2]
        feed.add("job", {"n": 3})
        assert heard(socket)["body"] == {"n": 3}


def test_without_a_cursor_only_what_happens_is_heard(listen, events):
    feed = events()
    before = feed.add("job", {"n": 0}).id
    with listen() as socket:
        assert heard(socket)["id"] == before
        feed.add("job", {"n": 1})
        assert heard(socket)["body"] == {"n": 1}


def test_a_tenant_hears_its_own_events_only(listen, events, key):
    events("acme").add("job", {"n": "of acme"})
    events("other").add("job", {"n": "of other"})
    with listen({"authorization": key("acme", "viewer")["Authorization"], "cursor": 0}, sign_in=True) as socket:
        assert heard(socket)["kind"] == "listening"
        assert heard(socket)["body"] == {"n": "of acme"}
        events("other").add("job", {"n": "again"})
        events("acme").add("job", {"n": "last"})
        assert heard(socket)["body"] == {"n": "last"}


@pytest.mark.parametrize(
    "hello",
    [
        "{}",
        '{"authorization": "Bearer kintsu_x"}',
        "[]",
        '{"cursor": "0"}',
        "not json",
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_whoever_does_not_sign_in_hears_nothing(listen, hello):
    with listen(hello, sign_in=True) as socket, pytest.raises(ConnectionClosed) as caught:
        heard(socket)
    assert caught.value.rcvd.code == 1008


@pytest.mark.parametrize("hello", ["[]", '{"cursor": "0"}', "not json"])
def test_whoever_begins_wrongly_is_told_what_to_say(listen, hello):
    with listen(hello) as socket, pytest.raises(ConnectionClosed) as caught:
        heard(socket)
    assert caught.value.rcvd.reason == 'say {"authorization": "Bearer KEY", "cursor": 0}'


def test_a_page_of_another_site_hears_nothing(listen):
    with pytest.raises(InvalidStatus), listen(origin="http://evil.example"):
        pass


def test_whoever_lost_the_key_hears_no_more(listen, events, tmp_path, monkeypatch):
    monkeypatch.setattr("kintsu.apps.api.routes.live.LOOK_S", 0.02)
    keys = Keys(History(tmp_path / "home", "acme"))
    made, text = keys.create("watcher", "viewer", by="test")
    with listen({"authorization": f"Bearer {text}"}, sign_in=True) as socket:
        assert heard(socket)["kind"] == "listening"
        events("acme").add("job", {"n": 1})
        assert heard(socket)["body"] == {"n": 1}
        keys.revoke(made.id)
        with pytest.raises(ConnectionClosed) as caught:
            heard(socket)
    assert caught.value.rcvd.code == 1008


def test_nobody_waits_while_somebody_signs_in_or_sends_a_file(served, tmp_path):
    """A database lets one write at a time: whoever waits for it must not keep the service from all others."""
    home = tmp_path / "home"
    _, text = Keys(History(home)).create("me", "admin", by="test")
    signed = {"Authorization": f"Bearer {text}"}
    with served(home, "--sign-in", "--workers", "0") as address:

        def dialled():
            with dial(f"{address.replace('http', 'ws')}/ws/quality") as socket:
                socket.send(json.dumps({"authorization": f"Bearer {text}"}))
                return heard(socket)["kind"]

        def sent():
            return httpx2.post(f"{address}/api/v1/uploads?name=a.csv", content=b"a\n1\n", headers=signed).status_code

        with ThreadPoolExecutor(1) as pool, closing(sqlite3.connect(home / "kintsu.db", timeout=10)) as other:
            for ask, answer in ((dialled, "listening"), (sent, 201)):
                other.isolation_level = None
                other.execute("BEGIN IMMEDIATE")
                waiting = pool.submit(ask)
                for _ in range(20):
                    assert httpx2.get(f"{address}/healthz", timeout=5).status_code == 200
                    time.sleep(0.02)
                assert not waiting.done()
                other.execute("COMMIT")
                assert waiting.result(30) == answer
