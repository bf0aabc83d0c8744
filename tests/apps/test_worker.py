"""Real workers: killed in the middle of a heal, stopped, and left alone by the service that started them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import kintsu as kt
from kintsu.apps.api.settings import ServeSettings
from kintsu.apps.cli.serve import _bound
from kintsu.apps.office import Office
from kintsu.apps.worker import Worker
from kintsu.core.errors import OutputError
from kintsu.io.service.jobs import DONE, QUEUED, RUNNING
from kintsu.io.service.queue import Queue
from kintsu.io.store.home import remember
from kintsu.io.store.shelf import Shelf
from kintsu.io.store.store import Store
from kintsu.run.jobs import perform

pytestmark = pytest.mark.rough
CITIES = ["Lyon", "Paris", "Nice"] * 2000 + ["Pariss", "Lyonn", "Nice"]
BODY = ("id,city\n" + "".join(f"{n},{city}\n" for n, city in enumerate(CITIES))).encode()
WAIT_S = 90


@pytest.fixture
def office(tmp_path, request):
    """Of a service over a file, or over what the test says."""
    if getattr(request, "param", "sqlite") == "postgresql":
        remember(tmp_path / "home", request.getfixturevalue("postgresql_url"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "orders.csv").write_bytes(BODY)
    return Office(ServeSettings(tmp_path / "home", roots=((tmp_path / "data").resolve(),)))


@pytest.fixture
def job(office):
    """A heal that was handed in."""
    arguments = {"source": {"path": str(office.settings.roots[0] / "orders.csv")}, "options": {"auto": 0.5}}
    made = office.jobs("local").submit("heal", arguments, by="test", now=datetime.now(UTC))[0].id
    queue = Queue(office.settings.home)
    queue.put(made)
    queue.close()
    return made


@contextmanager
def worker(office):
    command = [sys.executable, "-m", "kintsu", "worker", "--home", str(office.settings.home), "--lease", "3"]
    queue = office.settings.queue
    environment = os.environ | ({} if queue is None else {"KINTSU_QUEUE": queue})
    command += ["--root", str(office.settings.roots[0])]
    process = subprocess.Popen(command, start_new_session=True, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def until(office, job, is_so):
    """The job, as soon as it is so."""
    deadline = time.monotonic() + WAIT_S
    while not is_so(found := office.jobs("local").find(job)):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


@pytest.mark.parametrize("office", ["sqlite", "postgresql"], indirect=True)
def test_a_heal_whose_worker_is_killed_is_done_once_by_another(office, job):
    with worker(office) as first:
        begun = until(office, job, lambda each: each.state == RUNNING and each.stage)
        first.kill()
        first.wait(10)
    assert office.jobs("local").find(job).state == RUNNING
    with worker(office):
        done = until(office, job, lambda each: each.state == DONE)
    assert done.tries == 2 and done.run == begun.run and done.result["applied"] > 0
    (run,) = Store(office.home("local")).runs()
    assert (run.id, run.status, run.n_set) == (done.run, "done", done.result["applied"])
    assert len(list(office.uploads("local").folder.rglob("*.healed.csv"))) == 1


def test_a_worker_killed_after_the_change_makes_no_second_one(office, job):
    arguments = office.jobs("local").find(job)
    first = perform(arguments, office.desk("local"), lambda stage, fraction: None)  # and killed before it said so
    with worker(office):
        done = until(office, job, lambda each: each.state == DONE)
    assert done.run == first["run"] == done.result["run"] and len(Store(office.home("local")).runs()) == 1


def test_a_run_that_was_killed_before_its_file_had_a_name_is_made_under_another_id(office, job):
    store = Store(office.home("local"))
    worker, before = Worker(office), office.jobs("local").find(job)
    kt.heal(office.settings.roots[0] / "orders.csv", out=office.settings.home / "x.csv", home=store.home, auto=0.5)
    (other,) = store.runs()
    dead = f"{socket.gethostname()}:{2**22 + 1}:1:dead"
    store.prepare(other.but(id=before.run, output=str(office.settings.home / "never.csv"), process=dead))
    worker.work.take(job, "dead", datetime.now(UTC), timedelta(seconds=-1))
    assert worker.work.orphans(datetime.now(UTC)) == [job]
    worker.do(job)
    after = office.jobs("local").find(job)
    assert (after.state, after.tries) == (DONE, 2) and after.run != before.run
    assert [run.status for run in store.runs()] == ["done", "failed", "done"]


def test_a_worker_that_was_thought_dead_makes_no_second_change(office, job):
    told, desk = office.jobs("local").find(job), office.desk("local")

    def slow(stage, fraction):
        if (stage, fraction) == ("writing", 0.0):  # it hangs here, and another does the job meanwhile
            perform(told, desk, lambda stage, fraction: None)

    with pytest.raises(OutputError, match="exists already"):
        perform(told, desk, slow)
    assert [run.id for run in Store(office.home("local")).runs(status="done")] == [told.run]


def test_a_worker_that_is_told_to_stop_gives_its_job_back(office, job):
    with worker(office) as process:
        until(office, job, lambda each: each.state == RUNNING)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    found = office.jobs("local").find(job)
    assert (found.state, found.tries) == (QUEUED, 0) and not Store(office.home("local")).runs(status="done")


def test_a_service_that_is_told_to_stop_says_so_once_for_its_workers_too(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kintsu", "serve", "--home", str(tmp_path), "--port", str(port), "--workers", "2"]
    service = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert service.stderr is not None
    assert service.stderr.readline() == f"kintsu: listens on http://127.0.0.1:{port} (Ctrl-C stops it)\n"
    again = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert again.returncode == 2 and again.stderr.count("\n") == 1
    assert again.stderr.startswith(f"kintsu: cannot listen on 127.0.0.1, port {port}: Address already in use")
    service.terminate()  # while its workers still begin
    _, told = service.communicate(timeout=WAIT_S)
    assert told == "kintsu: terminated; nothing is half written\n" and service.returncode == 143


def test_a_service_sends_short_answers_at_once():
    async def is_sent_at_once():
        accepted = asyncio.get_running_loop().create_future()
        with _bound("127.0.0.1", 0) as sock:
            address = sock.getsockname()
            server = await asyncio.start_server(lambda _, writer: accepted.set_result(writer), sock=sock)
            _, ours = await asyncio.open_connection(*address)
            theirs = await accepted
            told = theirs.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for writer in (ours, theirs):
                writer.close()
            server.close()
        return bool(told)

    assert asyncio.run(is_sent_at_once())


def test_a_worker_ends_with_whoever_started_it(tmp_path):
    command = [sys.executable, "-m", "kintsu", "worker", "--home", str(tmp_path), "--parent", str(os.getpid() + 1)]
    assert subprocess.run(command, timeout=WAIT_S).returncode in (0, 143)


def test_what_redis_loses_a_worker_finds_in_the_table(office, redis):
    office = Office(replace(office.settings, queue=redis.url))
    queue = Queue(office.settings.home, redis.url)
    arguments = {"source": {"path": str(office.settings.roots[0] / "orders.csv")}, "options": {}}

    def profile():
        return office.jobs("local").submit("profile", arguments, by="test", now=datetime.now(UTC))[0].id

    with worker(office):
        woken = profile()
        queue.put(woken)
        until(office, woken, lambda each: each.state == DONE)
        redis.stop()
        lost = profile()
        with pytest.raises(Exception) as told:
            queue.put(lost)
        assert "secret" not in str(told.value)
        redis.start()
        assert until(office, lost, lambda each: each.state == DONE).tries == 1
    queue.close()


def heal_of_upload(office):
    """A job of the tenant acme over a file that was sent to this machine."""

    async def bytes_of_upload():
        yield BODY

    sent = asyncio.run(office.uploads("acme").add("orders.csv", bytes_of_upload(), by="test", most=2**20))
    arguments = {"source": {"upload": sent.id}, "options": {"auto": 0.5, "crash_test": False}}
    return office.jobs("acme").submit("heal", arguments, by="test", now=datetime.now(UTC))[0].id


@pytest.fixture
def machines(tmp_path, postgresql_url):
    """Two homes of one PostgreSQL."""
    return [Office(ServeSettings(remember(tmp_path / name, postgresql_url))) for name in ("front", "back")]


def test_what_a_killed_worker_wrote_goes_to_the_other_machines_in_the_end(machines, monkeypatch):
    front, back = machines
    job = front.jobs("acme").find(heal_of_upload(front))

    def once_more():
        return perform(job, back.desk("acme"), lambda stage, fraction: None)

    with monkeypatch.context() as killed:
        killed.setattr(Shelf, "keep", lambda shelf, place: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            once_more()
    run = Store(front.home("acme")).run(job.run)
    assert run.status == "done" and not Shelf(front.home("acme")).fetch(Path(run.output)).is_relative_to(
        front.home("acme")
    )
    assert once_more()["run"] == run.id and len(Store(front.home("acme")).runs()) == 1
    here = Shelf(front.home("acme")).fetch(Path(run.output))
    assert here.is_relative_to(front.home("acme")) and here.read_bytes() == Path(run.output).read_bytes()


def test_workers_on_two_machines_need_only_a_database(tmp_path, machines):
    """A PostgreSQL is all that they share: the queue is there, and so are uploads and what is made of them."""
    front, back = machines
    job = heal_of_upload(front)
    queue = Queue(front.settings.home)
    queue.put(job)
    queue.close()
    command = [sys.executable, "-m", "kintsu", "worker", "--home", str(back.settings.home), "--lease", "3"]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        deadline = time.monotonic() + WAIT_S
        while (found := front.jobs("acme").find(job)).state != DONE:
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait(10)
    run = Store(front.home("acme")).run(found.run)
    here = Shelf(front.home("acme")).fetch(Path(run.output))
    assert here.is_relative_to(tmp_path / "front") and here.read_bytes() == Path(run.output).read_bytes() != BODY
