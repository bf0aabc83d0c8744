"""Connections to a store are kept, are few, and follow the file that has the name."""

import multiprocessing
import shutil
import socket
import time
from pathlib import Path

import pytest

from kintsu.core.errors import StoreUnusable
from kintsu.io.store import database, schema
from kintsu.io.store.database import KEPT, KEPT_FILES
from kintsu.io.store.history import History


def held(place: Path) -> int:
    """Handles that this process has on files in a folder."""
    links = [each for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return sum(str(each.readlink()).startswith(str(place)) for each in links)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not list handles")
def test_many_stores_hold_few_files_open(tmp_path):
    for n in range(3 * KEPT_FILES):
        History(tmp_path / str(n)).tables()
    assert 0 < held(tmp_path) <= KEPT_FILES * KEPT * 3
    assert held(tmp_path / "0") == 0 and [each.name for each in (tmp_path / "0").iterdir()] == ["kintsu.db"]
    database.forget()
    assert held(tmp_path) == 0


def test_calls_one_after_the_other_share_a_connection(tmp_path):
    history = History(tmp_path)
    for _ in range(5):
        history.watch("t", {}, replace=True)
        assert [each.name for each in History(tmp_path).tables()] == ["t"]
    assert history.engine.pool.checkedin() == 1  # type: ignore[attr-defined]


def test_a_store_that_takes_the_place_of_another_is_the_one_that_is_read(tmp_path):
    History(tmp_path / "a").watch("first", {})
    History(tmp_path / "b").watch("second", {})
    database.forget()
    History(tmp_path / "a").tables()
    shutil.rmtree(tmp_path / "a")
    shutil.move(tmp_path / "b", tmp_path / "a")
    assert [each.name for each in History(tmp_path / "a").tables()] == ["second"]


def _add(place: Path, name: str) -> None:
    History(place).watch(name, {})


def test_a_fork_opens_connections_of_its_own(store_place):
    _add(store_place, "parent")
    child = multiprocessing.get_context("fork").Process(target=_add, args=(store_place, "child"))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    _add(store_place, "after")
    assert [each.name for each in History(store_place).tables()] == ["after", "child", "parent"]
    schema.connect(store_place if isinstance(store_place, str) else store_place / "kintsu.db").dispose()


def test_a_server_that_was_restarted_is_found_again(postgresql_url, monkeypatch):
    import psycopg

    monkeypatch.setattr(database, "UNASKED_S", 0.0)
    History(postgresql_url).watch("t", {})
    with psycopg.connect(postgresql_url, autocommit=True) as server:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        assert server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}").fetchall()
    assert [each.name for each in History(postgresql_url).tables()] == ["t"]


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setitem(database.PATIENCE, "connect_timeout", 2)
    with socket.create_server(("127.0.0.1", 0)) as mute:  # the system takes connections for it
        place = f"postgresql://127.0.0.1:{mute.getsockname()[1]}/kintsu"
        began = time.monotonic()
        with pytest.raises(StoreUnusable, match="timeout"):
            History(place).tables()
        assert time.monotonic() - began < 30
        with pytest.raises(StoreUnusable, match="timeout"):
            History(f"{place}?connect_timeout=2&keepalives_idle=60").tables()


def test_a_connection_notices_that_its_server_is_gone(postgresql_url):
    with schema.reading(History(postgresql_url).engine) as connection:
        told = connection.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr]
    assert {"keepalives_idle": "15", "tcp_user_timeout": "30000", "connect_timeout": "10"}.items() <= told.items()
