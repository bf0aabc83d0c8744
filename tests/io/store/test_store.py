"""Blobs, names and processes: what the store is built from."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.errors import LedgerBroken, OutputError, UnknownRun, UsageError
from kintsu.io.store.atomic import explained, rename, temporary
from kintsu.io.store.blobs import FolderBlobs, file_hash
from kintsu.io.store.home import find_home, has_store, home_for
from kintsu.io.store.process import is_alive, mark
from kintsu.io.store.records import Run, new_id
from kintsu.io.store.store import Store


def a_run(name="r-1", **values):
    facts = {"kind": "heal", "table": "t", "started": "", "input": "in", "base": "b", "output": "out", "made": "m"}
    facts |= {"connector": "tiny", "facts": {}, "exact": True, "rows": 1, "columns": ("a",)}
    return Run(name, **{**facts, "n_set": 1, "n_drop": 0, "n_add": 0, "changes": "", **values})


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=2000))
def test_a_blob_is_what_was_put(tmp_path_factory, data):
    blobs = FolderBlobs(tmp_path_factory.mktemp("blobs"))
    digest = blobs.put(data)
    assert blobs.put(data) == digest and blobs.get(digest) == data
    source = blobs.folder / "source"
    source.write_bytes(data)
    assert blobs.put_file(source) == digest == file_hash(source)
    assert [name for name, _ in blobs] == [digest]


def test_an_edited_blob_is_refused(tmp_path):
    blobs = FolderBlobs(tmp_path)
    digest = blobs.put(b"abc")
    blobs.path(digest).write_bytes(b"abd")
    with pytest.raises(LedgerBroken, match="was edited"):
        blobs.get(digest)


def test_a_stored_original_does_not_follow_edits_of_its_source(tmp_path):
    source = tmp_path / "in"
    source.write_bytes(b"abc")
    blobs = FolderBlobs(tmp_path / "blobs")
    digest = blobs.put_file(source)
    with source.open("r+b") as file:
        file.write(b"x")
    assert blobs.get(digest) == b"abc"


def test_a_name_that_is_taken_is_not_overwritten(tmp_path):
    (tmp_path / "old").write_text("old")
    with temporary(tmp_path / "old") as fresh:
        fresh.write_text("new")
        with pytest.raises(FileExistsError):
            rename(fresh, tmp_path / "old", replace=False)
        rename(fresh, tmp_path / "other", replace=False)
    assert (tmp_path / "old").read_text() == "old" and (tmp_path / "other").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_very_long_name_still_has_room_for_a_temporary_one(tmp_path):
    with temporary(tmp_path / ("é" * 120 + ".csv")) as fresh:
        fresh.write_text("")


def test_errors_of_the_system_become_one_line(tmp_path):
    with pytest.raises(OutputError, match="does not exist: create it first"), explained(tmp_path / "x"):
        (tmp_path / "no" / "x").write_text("")


def test_a_dead_process_is_known_to_be_dead():
    assert is_alive(mark())
    assert not is_alive(mark()[:-1] + ("0" if mark()[-1] != "0" else "1"))  # same id, earlier process
    child = subprocess.run(
        [sys.executable, "-c", "from kintsu.io.store.process import mark; print(mark())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert not is_alive(child)
    assert not is_alive(f"elsewhere:{os.getpid()}::00000000") and not is_alive("")


def test_the_home_is_the_variable_else_beside_the_data(tmp_path, monkeypatch):
    monkeypatch.delenv("KINTSU_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert home_for(tmp_path / "a" / "in.csv") == tmp_path / "a" / ".kintsu"
    assert home_for(None) == tmp_path / ".kintsu"
    with pytest.raises(UnknownRun, match="--home"):
        find_home()
    Store(tmp_path / ".kintsu").note("", "purged", {"blobs": {}})
    assert find_home() == tmp_path / ".kintsu"
    monkeypatch.setenv("KINTSU_HOME", str(tmp_path / "else"))
    assert home_for(tmp_path / "in.csv") == tmp_path / "else"
    with pytest.raises(UnknownRun):
        find_home()
    assert find_home(tmp_path / ".kintsu") == tmp_path / ".kintsu"


def test_ids_sort_by_time():
    times = [datetime(2026, 1, 2, 3, 4, second, tzinfo=UTC) for second in (5, 6)]
    assert [new_id("u", at=at, token="ab") for at in times] == ["u-20260102-030405-ab", "u-20260102-030406-ab"]
    assert len({new_id() for _ in range(100)}) == 100


def test_a_run_comes_back_as_it_was_announced(store_home):
    store = Store(store_home if has_store(store_home) else store_home / "a # ? % folder" / ".kintsu")
    run = a_run(facts={"delimiter": ";"}, selection={"row": 3}, sensitive=("a",), also={"x": "undone"})
    store.prepare(run)
    assert store.run("r-") == run.but(line=1)
    with pytest.raises(OutputError, match="being written by r-1"):
        store.prepare(a_run("r-2"))
    store.finish(run, "failed", reason="why")
    store.finish(run, "done")  # settled before: the first word counts
    store.prepare(a_run("r-2"))
    assert [each.status for each in store.runs()] == ["failed", "prepared"]
    with pytest.raises(UsageError, match="fits several runs"):
        store.run("r-")
    with pytest.raises(UnknownRun):
        store.run("nothing")
    with pytest.raises(UnknownRun):
        store.run("%")
    store.finish(store.run("r-2"), "failed")


def test_a_run_of_a_dead_process_is_settled(tmp_path):
    store = Store(tmp_path / ".kintsu")
    out = tmp_path / "out"
    out.write_text("whole")
    dead = mark()[:-8] + "00000000"
    store.prepare(a_run("r-1", output=str(out), made=file_hash(out), process=dead))
    store.prepare(a_run("r-2", output=str(tmp_path / "none"), process=dead))
    store.prepare(a_run("r-3", output="elsewhere"))
    assert store.left_behind(str(out))
    assert store.recover() == ["r-1", "r-2"]
    assert [run.status for run in store.runs()] == ["done", "failed", "prepared"]
    assert store.left_behind(str(out))
    out.write_text("edited")
    assert not store.left_behind(str(out))


def test_frames_come_back(store_home):
    store = Store(store_home)
    frame = pl.DataFrame({"a": ["x", None], "raw": [b"\0", None]})
    assert store.frame(store.put_frame(frame)).equals(frame)
    with pytest.raises(LedgerBroken, match="missing"):
        store.frame("0" * 64)


def test_the_store_is_imported_without_sqlalchemy():
    code = "import sys, kintsu.io.store.store, kintsu.run.publish, kintsu.run.undo; print('sqlalchemy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "False\n"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        Store(Path(tmp_path / "file" / ".kintsu")).runs()
