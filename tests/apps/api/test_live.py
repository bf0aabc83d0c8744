"""The WebSocket: who may listen, what is heard, and that nothing is missed by coming back."""

import pytest
from starlette.websockets import WebSocketDisconnect

from kintsu.io.service.events import Events
from kintsu.io.store.history import History


@pytest.fixture
def events(tmp_path):
    return lambda tenant="local": Events(History(tmp_path / "home", tenant))


def test_what_happened_after_the_cursor_comes_first_then_what_happens(connect, events):
    client, feed = connect(), events()
    first = [feed.add("job", {"n": n}).id for n in range(3)]
    with client.websocket_connect("/ws/quality", headers={"host": "localhost"}) as socket:
        socket.send_json({"cursor": first[0]})
        assert socket.receive_json()["kind"] == "listening"
        assert [socket.receive_json()["body"]["n"] for _ in range(2)] == [1, 2]
        feed.add("job", {"n": 3})
        assert socket.receive_json()["body"] == {"n": 3}


def test_without_a_cursor_only_what_happens_is_heard(connect, events):
    client, feed = connect(), events()
    before = feed.add("job", {"n": 0}).id
    with client.websocket_connect("/ws/quality", headers={"host": "localhost"}) as socket:
        socket.send_json({})
        assert socket.receive_json()["id"] == before
        feed.add("job", {"n": 1})
        assert socket.receive_json()["body"] == {"n": 1}


def test_a_tenant_hears_its_own_events_only(connect, events, key):
    client = connect(sign_in=True)
    events("acme").add("job", {"n": "of acme"})
    events("other").add("job", {"n": "of other"})
    with client.websocket_connect("/ws/quality", headers={"host": "localhost"}) as socket:
        socket.send_json({"authorization": key("acme", "viewer")["Authorization"], "cursor": 0})
        assert socket.receive_json()["kind"] == "listening"
        assert socket.receive_json()["body"] == {"n": "of acme"}
        events("other").add("job", {"n": "again"})
        events("acme").add("job", {"n": "last"})
        assert socket.receive_json()["body"] == {"n": "last"}


@pytest.mark.parametrize("hello", ["{}", '{"authorization": "Bearer kintsu_x"}', "[]", '{"cursor": "0"}', "not json"])
def test_whoever_does_not_sign_in_hears_nothing(connect, hello):
    with connect(sign_in=True).websocket_connect("/ws/quality", headers={"host": "localhost"}) as socket:
        socket.send_text(hello)
        with pytest.raises(WebSocketDisconnect) as caught:
            socket.receive_json()
    assert caught.value.code == 1008


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"host": "evil.example"}])
def test_a_page_of_another_site_hears_nothing(connect, headers):
    with (
        pytest.raises(WebSocketDisconnect),
        connect().websocket_connect("/ws/quality", headers={"host": "localhost"} | headers),
    ):
        pass
