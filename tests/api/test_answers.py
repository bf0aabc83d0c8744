"""Answers are remembered while nothing is written, for whoever may have them, and packed for whoever unpacks them."""

import gzip
import signal
import threading
import time
import tracemalloc
from contextlib import ExitStack

import polars as pl
import pytest
from starlette.testclient import TestClient
from test_jobs_api import upload

import kintsu as kt
from kintsu.apps.api.app import create_app
from kintsu.apps.api.kept import BESIDE, MOST_BYTES, Answer, Kept
from kintsu.apps.api.settings import ServeSettings
from kintsu.io.store.home import remember

RUNS = "/api/v1/runs"


def heal(home, name):
    home.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"id": range(60), "city": ["Lyon", "Paris", "Nice"] * 19 + ["Pariss", "Lyonn", "Nice"]}).write_csv(
        home / name
    )
    return kt.heal(home / name, home=home, auto=0.5).run


def listed(client, **more):
    return [each["run"] for each in client.get(RUNS, **more).json()["items"]]


def test_what_was_written_is_told_at_once_whoever_wrote_it(connect, tmp_path):
    client, home = connect(), tmp_path / "home"
    assert listed(client) == listed(client) == []
    first = heal(home, "a.csv")
    assert listed(client) == listed(client) == [first]
    undone = client.post(f"{RUNS}/{first}/undo").json()["change"]
    assert listed(client) == [undone, first] and client.get(f"{RUNS}/{first}").json()["status"] == "undone"
    second = heal(home, "b.csv")
    assert listed(client) == [second, undone, first] and listed(client, params={"kind": "heal"}) == [second, first]
    assert listed(client, params={"limit": 1}) == [second]


def test_nobody_gets_the_answer_of_somebody_else(connect, key, tmp_path):
    file = tmp_path / "kintsu.yaml"
    file.write_text("privacy: {columns: [city], shown_to: engineer}\n")
    run = heal(tmp_path / "home" / "tenants" / "acme", "a.csv")
    client, url = connect(sign_in=True, file=file), f"{RUNS}/{run}/changes"
    sees, sees_not = key("acme", "engineer"), key("acme", "viewer")
    for _ in range(2):
        assert "Pariss" in client.get(url, headers=sees).text
        assert "Pariss" not in client.get(url, headers=sees_not).text
        assert client.get(url, headers=key("other", "admin")).status_code == 404
        assert client.get(url).status_code == 401
    for each in client.get("/api/v1/keys", headers=key("acme")).json()["items"]:
        client.delete(f"/api/v1/keys/{each['id']}", headers=key("acme"))
    assert client.get(url, headers=sees).status_code == 401  # a key that is over opens nothing that is remembered


def test_a_remembered_answer_counts_as_a_request(connect):
    client = connect(requests_per_minute=3)
    assert [client.get(RUNS).status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize("form", ["gzip", "identity"])
def test_long_answers_are_packed_for_whoever_unpacks_them(connect, form):
    client = connect()
    for n in range(20):
        upload(client, f"a\n{n}\n".encode(), f"table-{n}.csv")
    for path in ("/api/v1/uploads", "/api/v1/openapi.json"):
        with client.stream("GET", path, headers={"Accept-Encoding": form}) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.headers.get("content-encoding") == ("gzip" if form == "gzip" else None)
        body = gzip.decompress(raw) if form == "gzip" else raw
        assert len(raw) == int(answer.headers["content-length"]) and body.startswith(b"{")
        tag = answer.headers["etag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert "content-encoding" not in client.get("/api/v1/me").headers


def test_memory_is_bounded():
    kept = Kept()
    for n in range(600):
        kept.put(("acme", "viewer", f"/{n}", b""), Answer(1, 0.0, [], b"x" * 2**17, "tag"))
    assert kept.n_bytes <= MOST_BYTES and len(kept.answers) == MOST_BYTES // (2**18 + BESIDE + 4)
    assert kept.get(("acme", "viewer", "/599", b""), 2) is None and len(kept.answers) < MOST_BYTES // 2**18


def test_empty_pages_take_the_room_that_they_take():
    """There is one for each cursor that somebody makes up."""
    kept, n = Kept(), 2_000
    tracemalloc.start()
    for place in range(n):
        headers = [(name.encode(), f"{place}".encode()) for name in ("content-type", "x-request-id", "vary")]
        made = Answer(f"{place}", 0.0, headers, b'{"items":[],"next":null}', f"{place:024}")
        kept.put(("acme", "viewer", f"/api/v1/runs/{place}", f"after={place}".encode()), made)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < kept.n_bytes < 10 * taken


def test_many_who_ask_at_once_get_one_answer(connect, tmp_path):
    heal(tmp_path / "home", "a.csv")
    client, answers = connect(), []
    threads = [threading.Thread(target=lambda: answers.append(client.get(RUNS).content)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(answers) == 8 and len(set(answers)) == 1


def test_services_over_one_postgresql_share_answers_and_counts_in_a_redis(tmp_path, postgresql_url, redis):
    from redis import Redis

    homes = [remember(tmp_path / machine, postgresql_url) for machine in ("here", "there")]
    run, cache = heal(homes[0], "a.csv"), Redis.from_url(redis.url)
    with ExitStack() as stack:
        here, there = (
            stack.enter_context(
                TestClient(create_app(ServeSettings(home, cache=redis.url, requests_per_minute=7)), "http://localhost")
            )
            for home in homes
        )
        told = here.get(RUNS)
        assert [each["run"] for each in told.json()["items"]] == [run]
        (name,) = cache.keys("kintsu:answer:*")
        assert 0 < cache.pttl(name) <= 10_000
        again = there.get(RUNS)
        assert (again.text, again.headers["etag"]) == (told.text, told.headers["etag"])
        assert cache.keys("kintsu:answer:*") == [name], "the other service read the store, though nothing changed"
        undone = here.post(f"{RUNS}/{run}/undo").json()["change"]
        assert listed(there) == listed(here) == [undone, run]
        assert there.get(RUNS, params={"limit": 1}).json()["items"][0]["run"] == undone
        assert here.get(RUNS).status_code == 200 and there.get(RUNS).status_code == 429  # seven of both together
        redis.process.send_signal(signal.SIGSTOP)  # it takes connections, and says nothing
        began = time.monotonic()
        assert listed(there) == [undone, run] and time.monotonic() - began < 3
        redis.stop()
        assert listed(there) == listed(here) == [undone, run]


@pytest.mark.parametrize("url", ["nowhere", "ftp://host/0"])
def test_a_cache_is_a_redis(tmp_path, url):
    with pytest.raises(kt.KintsuError, match="redis://"):
        create_app(ServeSettings(tmp_path, cache=url))
