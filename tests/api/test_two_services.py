"""Two services, each with a worker, over one PostgreSQL: what is done at one holds at the other, and none loses what
another has in hand when it is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
from websockets.sync.client import connect as dial

from kintsu.apps.api.settings import ServeSettings
from kintsu.apps.office import Office
from kintsu.io.store.home import remember

CITIES = ["Lyon", "Paris", "Nice"] * 30 + ["Pariss", "Lyonn", "Nice"]
BODY = ("id,city\n" + "".join(f"{n},{city}\n" for n, city in enumerate(CITIES))).encode()
WAIT_S = 60


class Service:
    """`kintsu serve` with a worker, in a session of its own."""

    def __init__(self, home):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "kintsu", "serve", "--home", str(home), "--port", str(self.port)]
        self.office = Office(ServeSettings(home))
        self.process = subprocess.Popen([*command, "--lease", "2"], stderr=subprocess.DEVNULL)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1", timeout=WAIT_S)

    def wait(self):
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                return self.http.get("/me").raise_for_status()
            except httpx.TransportError:
                assert time.monotonic() < deadline and self.process.poll() is None, "the service did not come up"
                threading.Event().wait(0.05)

    def workers(self):
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in told.split()]

    def kill(self):
        """The whole machine at once."""
        for pid in (self.process.pid, *self.workers()):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)

    def close(self):
        self.http.close()
        self.process.terminate()
        self.process.wait(30)

    def post(self, path, **options):
        return self.http.post(path, **options)

    def submit(self, upload, kind="profile", key=None, **options):
        told = {"kind": kind, "source": {"upload": upload}, "options": options}
        return self.post("/jobs", json=told, headers={} if key is None else {"Idempotency-Key": key})

    def done(self, job):
        """The job, once it has ended."""
        deadline = time.monotonic() + WAIT_S
        while (told := self.http.get(f"/jobs/{job}").json())["state"] in ("queued", "running"):
            assert time.monotonic() < deadline, told
            threading.Event().wait(0.05)
        return told

    @contextmanager
    def listening(self):
        with dial(f"ws://127.0.0.1:{self.port}/ws/quality") as opened:
            opened.send("{}")
            assert json.loads(opened.recv(timeout=WAIT_S))["kind"] == "listening"
            yield lambda: json.loads(opened.recv(timeout=WAIT_S))


@pytest.fixture
def services(tmp_path, postgresql_url):
    made = [Service(remember(tmp_path / name, postgresql_url)) for name in ("one", "two")]
    try:
        for each in made:
            each.wait()
        yield made
    finally:
        for each in made:
            each.close()


def heard(listen, is_so):
    """What is heard until it is so."""
    told = []
    while not (told and is_so(told[-1])):
        told.append(listen())
    return told


@pytest.mark.slow
def test_two_services_are_one_and_one_outlives_the_other(services):
    here, there = services
    upload = here.post("/uploads", params={"name": "orders.csv"}, content=BODY).json()["id"]
    with there.listening() as listen:  # what is handed in here is heard there, whoever does it
        job = here.submit(upload, "heal", auto=0.5, crash_test=False).json()["id"]
        told = heard(listen, lambda event: event["kind"] == "job" and event["body"]["state"] == "done")
    assert {event["body"]["state"] for event in told if event["kind"] == "job"} == {"queued", "running", "done"}
    run = there.done(job)["run"]
    assert there.http.get(f"/runs/{run}/output").content == here.http.get(f"/runs/{run}/output").content != BODY

    # an undo at one is seen at the other, also where that has answered before; with the same key it is done once
    before = there.http.get(f"/runs/{run}").json()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda each: undone(each, run), services))
    assert {answer.status_code for answer in answers} == {200} and answers[0].json() == answers[1].json()
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 1
    after = [each.http.get(f"/runs/{run}").json()["status"] for each in services]
    assert before["status"] == "done" and after == ["undone", "undone"]
    assert len(there.http.get("/runs", params={"kind": "undo"}).json()["items"]) == 1

    # one key at both: one job
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda n: submitted(services[n % 2], upload, "twice"), range(8)))
    assert len({answer["id"] for answer in told}) == 1
    kinds = [each["kind"] for each in here.http.get("/jobs").json()["items"]]
    assert sorted(kinds) == ["heal", "profile"]
    outlives(here, there, upload)


def undone(service, run):
    return again(lambda: service.post(f"/runs/{run}/undo", headers={"Idempotency-Key": "undo-once"}))


def submitted(service, upload, key):
    answer = again(lambda: service.submit(upload, key=key))
    assert answer.status_code == 202, answer.text
    return answer.json()


def again(ask):
    """Ask as a client does: 409 says that the first request with this key is being answered."""
    deadline = time.monotonic() + WAIT_S
    while (answer := ask()).status_code == 409 and "Retry-After" in answer.headers:
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
    return answer


def outlives(here, there, upload):
    """Kill a service and its worker, which has a job in hand: all that was handed in to both is done."""
    jobs = [each.submit(upload, "check").json()["id"] for each in (here, there) * 5]
    deadline = time.monotonic() + WAIT_S
    mine = there.office.jobs("local")
    while not any(doing(mine.find(job), there) for job in jobs):
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
    there.kill()
    told = [here.done(job) for job in jobs]
    assert [(each["state"], each["problem"]) for each in told] == [("done", None)] * 10
    assert sorted(each["tries"] for each in told) == [1] * 9 + [2]  # the one that it had in hand


def doing(job, service):
    return job.state == "running" and job.worker is not None and int(job.worker.split(":")[1]) in service.workers()
