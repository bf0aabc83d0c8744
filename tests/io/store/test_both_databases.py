"""The history over a file and over PostgreSQL: the same tests, and what several machines have of a shared one."""

import hashlib
import multiprocessing
import os
import stat
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kintsu.core.errors import LedgerBroken, OutputError, StaleRepair, UnknownRun, UsageError
from kintsu.io.store import schema
from kintsu.io.store.blobs import CHUNK, FolderBlobs
from kintsu.io.store.home import find_home, folder_of, remember, server_of, tenant_home
from kintsu.io.store.records import Run
from kintsu.io.store.shelf import Shelf
from kintsu.io.store.store import Store
from kintsu.io.store.table_blobs import TableBlobs


def a_run(name="r-1", **values):
    facts = {"kind": "heal", "table": "t", "started": "", "input": "in", "base": "b", "output": "out", "made": "m"}
    facts |= {"connector": "tiny", "facts": {}, "exact": True, "rows": 1, "columns": ("a",)}
    return Run(name, **{**facts, "n_set": 1, "n_drop": 0, "n_add": 0, "changes": "", **values})


@pytest.fixture
def store(store_home):
    return Store(store_home)


@pytest.fixture
def shared(tmp_path, postgresql_url):
    """A home on one machine, and one on another, of the same PostgreSQL."""
    return Store(remember(tmp_path / "here", postgresql_url)), Store(remember(tmp_path / "there", postgresql_url))


def test_a_run_goes_from_prepared_to_done_and_the_log_verifies(store):
    store.prepare(a_run(changes=store.put_frame(pl.DataFrame({"a": [1, None]}))))
    assert store.is_written(store.run("r-1")) and store.recover() == []
    with pytest.raises(OutputError, match="right now"):
        store.prepare(a_run("r-2"))
    store.finish(store.run("r-1"), "done")
    assert store.run("last").status == "done" and store.latest(("id", "rows", "none"), limit=5) == [
        {"id": "r-1", "rows": 1, "none": None, "status": "done", "line": 1}
    ]
    assert store.frame(store.run("r-1").changes).rows() == [(1,), (None,)]
    told = store.verify()
    assert (told.entries, told.blobs, told.gone) == (2, 1, 0)
    assert find_home(store.home) == store.home


def test_an_edited_line_and_an_edited_blob_show(store):
    digest = store.blobs.put(b"abc")
    store.prepare(a_run(changes=digest))
    with schema.writing(store.engine) as connection:
        connection.execute(schema.entries.update().values(at="2000"))
    with pytest.raises(LedgerBroken, match="line 1 of the history was edited"):
        store.verify()
    store.finish(store.run("r-1"), "failed")


def test_a_tenant_has_a_history_of_its_own(store):
    ids = {}
    for tenant in ("local", "acme", "a" * 63, "other-1"):
        mine = Store(tenant_home(store.home, tenant))
        mine.prepare(a_run(f"r-{tenant[:9]}", output=tenant))
        mine.finish(mine.run(f"r-{tenant[:9]}"), "done")
        ids[tenant] = mine.blobs.put(tenant.encode())
    for tenant in ids:
        mine = Store(tenant_home(store.home, tenant))
        assert [run.id for run in mine.runs()] == [f"r-{tenant[:9]}"] and mine.verify().entries == 2
        assert [digest for digest, _ in mine.blobs] == [ids[tenant]]
        with pytest.raises(UnknownRun):
            mine.run("r-local" if tenant != "local" else "r-acme")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300), times=st.sampled_from([1, 1, 1, 30_000]))
def test_a_blob_in_a_database_is_what_was_put(store, data, times):
    blobs = TableBlobs(lambda: store.engine, "law")
    whole = data * times
    digest = blobs.put(whole)
    assert digest == hashlib.sha256(whole).hexdigest() and blobs.put(whole) == digest
    assert blobs.has(digest) and blobs.check(digest) and blobs.get(digest) == whole
    source = store.home.parent / "source"
    source.write_bytes(whole)
    assert blobs.put_file(source) == digest and (digest, len(whole)) in list(blobs)
    blobs.restore(digest, source)
    assert source.read_bytes() == whole
    assert not TableBlobs(lambda: store.engine, "other").has(digest)
    assert blobs.remove(digest) == len(whole) and not blobs.has(digest) and blobs.remove(digest) == 0


def test_a_folder_comes_back_from_a_database(store, tmp_path):
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "a" / "b").write_bytes(b"x" * (CHUNK + 1))
    blobs = TableBlobs(lambda: store.engine)
    blobs.restore(blobs.put_folder(tmp_path / "in"), tmp_path / "out", is_folder=True)
    assert (tmp_path / "out" / "a" / "b").read_bytes() == b"x" * (CHUNK + 1)


def test_an_edited_or_missing_blob_of_a_database_is_refused(store):
    blobs = TableBlobs(lambda: store.engine)
    digest = blobs.put(b"abc")
    with schema.writing(store.engine) as connection:
        connection.execute(schema.pieces.update().values(body=b"abd"))
    assert not blobs.check(digest)
    with pytest.raises(LedgerBroken, match="was edited"):
        blobs.get(digest)
    with pytest.raises(LedgerBroken, match="missing"):
        blobs.get("0" * 64)


def test_a_file_that_changes_while_it_is_kept_is_not_kept(store, tmp_path):
    class Changing(TableBlobs):
        def _put(self, digest, size, file):
            super()._put("0" * 64, size, file)

    (tmp_path / "f").write_bytes(b"abc")
    blobs = Changing(lambda: store.engine)
    with pytest.raises(StaleRepair):
        blobs.put_file(tmp_path / "f")
    assert list(blobs) == []


# several machines


def test_machines_that_share_a_database_see_each_others_runs(shared):
    here, there = shared
    here.prepare(a_run(changes=here.put_frame(pl.DataFrame({"a": [1]}))))
    assert there.is_written(there.run("r-1")) and there.recover() == []
    with pytest.raises(OutputError, match="right now"):
        there.prepare(a_run("r-2"))
    here.finish(here.run("r-1"), "done")
    assert not there.is_written(there.run("r-1"))
    assert there.frame(there.run("r-1").changes).rows() == [(1,)] and there.verify().entries == 2


def _write_and_die(home: Path) -> None:
    Store(home).prepare(a_run("r-9", process="elsewhere:1::00000000", started="2999-01-01T00:00:00.000Z"))
    os._exit(9)


def test_a_machine_that_died_blocks_nobody_and_its_run_is_its_own_to_settle(shared):
    here, there = shared
    child = multiprocessing.get_context("spawn").Process(target=_write_and_die, args=(here.home,))
    child.start()
    child.join(60)
    run = there.run("r-9")
    for _ in range(200):  # the server sees a moment later that whoever wrote is gone
        if not there.is_written(run):
            break
        time.sleep(0.05)
    assert child.exitcode == 9 and run.status == "prepared" and not there.is_written(run)
    assert there.recover() == []  # its file lies on the other machine, which may come back
    there.prepare(a_run("r-2"))
    there.finish(there.run("r-2"), "done")
    there.settle(run)
    assert here.run("r-9").status == "failed"


def _append(home: Path, name: str, n: int) -> None:
    store = Store(home)
    for i in range(n):
        store.note(name, "noted", {"i": i})


def test_the_log_of_several_writers_is_one_chain(shared):
    here, there = shared
    places = ((here.home, "a"), (there.home, "b"), (tenant_home(here.home, "acme"), "c"))
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_append, args=(home, name, 25)) for home, name in places]
    for each in writers:
        each.start()
    for each in writers:
        each.join(120)
        assert each.exitcode == 0
    assert here.verify().entries == 50 and Store(places[2][0]).verify().entries == 25
    for name in ("a", "b"):
        assert [entry.payload["i"] for entry in there.entries(name)] == list(range(25))


def test_values_may_lie_in_a_folder_that_machines_share(tmp_path, postgresql_url):
    stores = [Store(remember(tmp_path / name, postgresql_url, blobs=tmp_path / "nas")) for name in ("here", "there")]
    digest = stores[0].blobs.put(b"abc")
    assert stores[1].blobs.get(digest) == b"abc" and (tmp_path / "nas" / "store" / digest[:2] / digest).is_file()
    tenant = Store(tenant_home(stores[0].home, "acme"))
    assert not tenant.blobs.has(digest) and tenant.blobs.put(b"abc") == digest
    with schema.reading(stores[0].engine) as connection:
        assert connection.execute(schema.blobs.select()).first() is None


# what a home remembers

SECRET = "postgresql://kintsu:top-secret@db.example/kintsu"


def test_a_home_remembers_its_database_for_its_owner_alone(tmp_path):
    home = remember(tmp_path / "home", SECRET)
    (path,) = home.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and server_of(home).url == SECRET
    assert remember(home, SECRET.replace("top-secret", "rotated")) == home and "rotated" in server_of(home).url
    with pytest.raises(UsageError, match="remembers") as told:
        remember(home, SECRET.replace("db.example", "other.example"))
    assert "secret" not in str(told.value) and "rotated" not in str(told.value)
    assert find_home(home) == home


def test_a_number_that_is_none_keeps_no_run_out_of_the_list(store):
    for name, score in (("r-1", 99.5), ("r-2", float("nan"))):
        store.prepare(a_run(name, output=name, summary={"score": score}))
        store.finish(store.run(name), "done")
    odd, plain = store.latest(("id", "summary"), limit=5)
    assert (odd["id"], plain["id"], plain["summary"]) == ("r-2", "r-1", {"score": 99.5})
    assert odd["summary"]["score"] != odd["summary"]["score"]


def test_a_file_of_another_machine_is_known_by_the_end_of_its_path(shared):
    here, there = (Shelf(store.home) for store in shared)
    for name in ("made/axb.csv", "b.csv"):
        path = here.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        here.keep(path)
    found = there.fetch(here.home / "made" / "axb.csv")
    assert found == there.home / "made" / "axb.csv" and found.read_text() == "made/axb.csv"
    for other in ("made/a_b.csv", "made/%.csv", "xb.csv"):
        assert there.fetch(Path("/elsewhere") / other) == Path("/elsewhere") / other
    assert there.fetch(Path("/elsewhere/made/b.csv")).read_text() == "b.csv"


@pytest.mark.parametrize("folder", [None, "blobs"])
def test_equal_files_are_not_lost_with_one_another(tmp_path, postgresql_url, monkeypatch, folder):
    """One is dropped on a machine while another, of the same bytes, is being kept on the next."""
    blobs = None if folder is None else tmp_path / folder
    here, there = (Shelf(remember(tmp_path / name, postgresql_url, blobs=blobs)) for name in ("here", "there"))
    for shelf in (here, there):
        (shelf.home / "a.csv").write_text("a\n1\n")
    there.keep(there.home / "a.csv")
    moved = (here.home / "a.csv").rename(here.home / "b.csv")
    dropping = [there.home / "a.csv"]
    for kind in (FolderBlobs, TableBlobs):

        def put_file(blobs, source, put=kind.put_file):
            digest = put(blobs, source)
            while dropping:
                there.drop(dropping.pop())
            return digest

        monkeypatch.setattr(kind, "put_file", put_file)
    here.keep(moved)
    assert not dropping and there.fetch(there.home / "b.csv").read_text() == "a\n1\n"


def test_what_is_put_again_is_young_again(tmp_path):
    source = tmp_path / "a.csv"
    source.write_bytes(b"a\n1\n")
    blobs = FolderBlobs(tmp_path / "blobs")
    digest = blobs.put_file(source)
    for put in (lambda: blobs.put_file(source), lambda: blobs.put(b"a\n1\n")):
        os.utime(blobs.path(digest), (0, 0))
        assert put() == digest and time.time() - blobs.put_at(digest) < 60


def test_a_folder_with_a_history_is_not_given_another(tmp_path):
    Store(tmp_path).prepare(a_run())
    with pytest.raises(UsageError, match="file of its own"):
        remember(tmp_path, SECRET)


def test_the_url_of_a_database_has_a_home_in_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    home = folder_of(SECRET)
    assert home.is_relative_to(tmp_path) and server_of(home).url == SECRET
    monkeypatch.setenv("KINTSU_HOME", SECRET)
    assert find_home() == home == folder_of(SECRET.replace("top-secret", "rotated"))


@settings(max_examples=50)
@given(st.lists(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True), min_size=2, unique=True))
def test_no_two_tenants_share_a_schema(tmp_path_factory, tenants):
    home = remember(tmp_path_factory.mktemp("home"), SECRET)
    servers = [server_of(tenant_home(home, tenant)) for tenant in tenants]
    names = {server.schema if server is not None else None for server in servers}
    assert len(names) == len(tenants) and all(name is None or len(name) <= 63 for name in names)


@pytest.mark.parametrize(
    "url", ["postgresql://u:top-secret@/[", "mysql://u:top-secret@h/d", "postgresql://u:top-secret@127.0.0.1:1/d"]
)
def test_no_error_tells_the_password(tmp_path, url):
    with pytest.raises((UsageError, OutputError)) as told:
        Store(remember(tmp_path / "home", url)).runs()
    assert "top-secret" not in f"{told.value} {told.value.__cause__}"
