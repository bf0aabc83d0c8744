"""Pushed events: what was answered with 202 comes out once, whatever is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx2 as httpx
import polars as pl
import pytest

import kintsu as kt

CITIES = ("Lyon", "Paris", "Nice")


def event(n, **changed):
    return {"id": f"o{n}", "city": CITIES[n % 3], "price": f"{10 + n % 7}.50"} | changed


@pytest.fixture(scope="module")
def treatment(tmp_path_factory):
    """What a table taught: a city that is misspelt is spelt right."""
    folder = tmp_path_factory.mktemp("treatment")
    rows = [event(n, city="Pariss" if n in (10, 40, 70) else CITIES[n % 3]) for n in range(300)]
    pl.DataFrame(rows).write_csv(folder / "orders.csv")
    made = kt.train(
        folder / "orders.csv", out=folder / "orders.treatment", auto=0.5, crash_test=False, home=folder / "h"
    )
    return made.folder


def healed(folder):
    return [json.loads(line) for path in sorted(folder.glob("*.ndjson")) for line in path.read_bytes().splitlines()]


def until(true, seconds=20):
    """Wait on something that another thread or process does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        threading.Event().wait(0.02)


def test_events_are_accepted_once_and_mended(connect, treatment, tmp_path):
    client = connect(treatments=(("orders", treatment),))
    sent = [event(n, city="Pariss") if n == 1 else event(n) for n in range(5)]
    first = client.post("/api/v1/ingest/orders", json=sent)
    assert first.status_code == 202 and (first.json()["accepted"], first.json()["repeated"]) == (5, 0)
    lines = "\n".join(json.dumps(each) for each in [*(event(n) for n in range(5, 7)), {"id": "o4x"}])
    more = {"content": lines + "\n{broken", "headers": {"Content-Type": "application/x-ndjson"}}
    assert client.post("/api/v1/ingest/orders", **more).json()["accepted"] == 4
    again = client.post("/api/v1/ingest/orders", json=sent[:2]).json()
    assert (again["accepted"], again["repeats"], again["ids"]) == (0, [0, 1], first.json()["ids"][:2])
    out = tmp_path / "home" / "ingested" / "orders"
    until(lambda: len(healed(out)) + len(healed(out / "quarantine")) == 9)
    assert [each["id"] for each in healed(out)][:5] == [f"o{n}" for n in range(5)]
    assert healed(out)[1]["city"] == "Paris"
    assert {each["event"] for each in healed(out / "quarantine")} >= {"{broken"}
    until(lambda: client.get("/api/v1/streams").json()["items"][0]["totals"].get("events") == 9)
    (stream,) = client.get("/api/v1/streams").json()["items"]
    assert stream["table"] == "orders" and stream["totals"]["healed"] >= 1
    until(lambda: client.get("/api/v1/streams").json()["items"][0]["lag"] == 0)
    assert 'kintsu_stream_lag{part="0",source="orders",stream="push/orders"} 0.0' in client.get("/metrics").text


def test_what_cannot_be_taken_is_told(connect, treatment):
    client = connect(treatments=(("orders", treatment),), max_waiting=3)
    post = client.post
    assert post("/api/v1/ingest/people", json=[{}]).status_code == 404
    assert post("/api/v1/ingest/orders", content=b"a,b").status_code == 415
    assert post("/api/v1/ingest/orders", json={"id": 1}).status_code == 422
    assert post("/api/v1/ingest/orders?id_field=id", json=[{}]).status_code == 422
    full = post("/api/v1/ingest/orders", json=[event(n) for n in range(4)])
    assert full.status_code == 429 and full.headers["retry-after"] == "1"


def test_events_stay_with_their_tenant(connect, treatment, key, tmp_path):
    client = connect(sign_in=True, treatments=(("acme/orders", treatment),))
    assert client.post("/api/v1/ingest/orders", json=[event(1)], headers=key("other", "admin")).status_code == 404
    assert client.post("/api/v1/ingest/orders", json=[event(1)], headers=key("acme", "viewer")).status_code == 403
    assert client.post("/api/v1/ingest/orders", json=[event(1)], headers=key("acme", "engineer")).status_code == 202
    until(lambda: healed(tmp_path / "home" / "tenants" / "acme" / "ingested" / "orders"))
    assert not (tmp_path / "home" / "ingested").exists()


@pytest.mark.rough
def test_a_service_that_is_killed_loses_nothing_that_it_accepted(treatment, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    accepted = []
    options = ["--home", str(tmp_path / "home"), "--workers", "0", "--treatment", f"orders={treatment}"]
    command = [sys.executable, "-m", "kintsu", "serve", "--port", str(port), *options]
    base, sent, stop = f"http://127.0.0.1:{port}", 0, threading.Event()

    def start():
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        until(lambda: is_up(base))
        return process

    def push():
        """One request after the other, each until it is answered: a client that tries again."""
        nonlocal sent
        with httpx.Client(timeout=5) as client:
            while not stop.is_set():
                batch = [event(n) for n in range(sent, sent + 20)]
                try:
                    answer = client.post(f"{base}/api/v1/ingest/orders?id_field=id", json=batch)
                except httpx.TransportError:
                    stop.wait(0.05)
                    continue
                if answer.status_code == 202:
                    accepted.extend(each["id"] for each in batch)
                    sent += 20

    process, pusher = start(), threading.Thread(target=push)
    out = tmp_path / "home" / "ingested" / "orders"
    try:
        pusher.start()
        for n in range(2):
            before = len(accepted)
            until(lambda least=before: len(accepted) > least + 100 and (out.exists() and any(out.glob("*.ndjson"))))
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
            if n == 1:
                stop.set()
                pusher.join()
            process = start()
        until(lambda: len(healed(out)) >= len(set(accepted)), 30)
    finally:
        stop.set()
        process.kill()
        process.wait(10)
    got = [each["id"] for each in healed(out)]
    assert len(got) == len(set(got)) and set(got) >= set(accepted) and len(accepted) >= 200


def is_up(base):
    try:
        return httpx.get(f"{base}/healthz").status_code == 200
    except httpx.TransportError:
        return False
