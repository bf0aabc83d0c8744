"""What publish leaves on the disk and in the history."""

import os
from pathlib import Path

import polars as pl
import pytest
from tiny import drops, sets, write

from kintsu.core.errors import OutputError, StaleRepair, UsageError
from kintsu.io.store.blobs import file_hash
from kintsu.io.store.records import Draft
from kintsu.io.store.store import Store
from kintsu.run.publish import check_output, notice, publish

RECORDS = [["1", "x", None], ["2", "y", "q"], ["3", "z", "q"]]


@pytest.fixture
def place(tmp_path):
    table = write(tmp_path / "in.tiny", RECORDS)
    return tmp_path, Store(tmp_path / ".kintsu"), table


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".kintsu")


def test_only_the_listed_cells_differ(place):
    folder, store, table = place
    done = publish(store, Draft(), table, sets(table, (1, "b", "Y"), (0, "c", "n")), folder / "out.tiny")
    assert (folder / "out.tiny").read_bytes() == b"a,b,c\n1,x,n\n2,Y,q\n3,z,q\n"
    assert done.run.made == file_hash(folder / "out.tiny")
    assert done.changes["old_raw"].to_list() == [b"", b"y"]
    assert store.run(done.run.id) == done.run.but(line=1)
    assert store.changes(done.run).equals(done.changes)
    assert [entry.kind for entry in store.entries()] == ["prepared", "done"]
    assert store.verify().entries == 2
    assert left(folder) == ["in.tiny", "out.tiny"]


def test_no_edits_give_the_same_bytes(place):
    folder, store, table = place
    publish(store, Draft(), table, sets(table), folder / "out.tiny")
    assert (folder / "out.tiny").read_bytes() == table.path.read_bytes()


def test_an_output_that_exists_is_kept_unless_forced(place):
    folder, store, table = place
    out = folder / "out.tiny"
    out.write_text("precious")
    with pytest.raises(OutputError, match="--force"):
        publish(store, Draft(), table, sets(table, (0, "b", "Y")), out)
    assert out.read_text() == "precious"
    publish(store, Draft(), table, sets(table, (0, "b", "Y")), out, force=True)
    assert out.read_text() != "precious"


def test_an_output_that_appears_meanwhile_is_not_overwritten(place):
    folder, store, table = place
    out = folder / "out.tiny"
    with pytest.raises(OutputError, match="appeared"):
        publish(store, Draft(), table, sets(table), out, write_sidecars=lambda _: out.write_text("precious"))
    assert out.read_text() == "precious"
    assert left(folder) == ["in.tiny", "out.tiny"]
    assert [run.status for run in store.runs()] == ["failed"]
    store.verify()


def test_the_input_is_never_the_output(place):
    folder, store, table = place
    (folder / "link.tiny").symlink_to(table.path)
    for out in (table.path, folder / "link.tiny"):
        with pytest.raises(UsageError, match="--in-place"):
            publish(store, Draft(), table, sets(table), out, force=True)


def test_in_place_replaces_the_input_and_keeps_its_mode(place):
    _folder, store, table = place
    table.path.chmod(0o640)
    publish(store, Draft(), table, sets(table, (0, "b", "Y")), None, in_place=True)
    assert table.path.read_bytes() == b"a,b,c\n1,Y,\n2,y,q\n3,z,q\n"
    assert table.path.stat().st_mode & 0o777 == 0o640


def test_an_input_that_changed_while_it_was_mended_is_refused(place):
    folder, store, table = place
    with pytest.raises(StaleRepair, match="changed by someone"):
        publish(
            store,
            Draft(),
            table,
            sets(table),
            folder / "out.tiny",
            write_sidecars=lambda _: table.path.write_text("a,b,c\n"),
        )
    assert left(folder) == ["in.tiny"]


def test_a_stale_cell_leaves_nothing(place):
    folder, store, table = place
    with pytest.raises(StaleRepair):
        publish(store, Draft(), table, sets(table, (0, "b", "Y")).with_columns(old=pl.lit("?")), folder / "out.tiny")
    assert left(folder) == ["in.tiny"] and store.runs() == []


def test_an_edit_of_a_dropped_record_is_left_out(place):
    folder, store, table = place
    edits = pl.concat([sets(table, (1, "b", "Y")), drops(1)], how="diagonal")
    done = publish(store, Draft(), table, edits, folder / "out.tiny")
    assert done.changes["edit"].to_list() == ["drop"]
    assert (folder / "out.tiny").read_bytes() == b"a,b,c\n1,x,\n3,z,q\n"


def test_bad_outputs_are_refused_early(place):
    folder, store, table = place
    (folder / "folder").mkdir()
    for out, told in (("folder", "folder"), ("none/out.tiny", "does not exist")):
        with pytest.raises(OutputError, match=told):
            check_output(store, table, folder / out)


def test_originals_of_inexact_formats_are_kept_up_to_the_cap(place):
    folder, store, table = place
    table.exact = False
    assert "copy of in.tiny" in notice(table) and "not the same bytes" in notice(table, cap=3)
    kept = publish(store, Draft(), table, sets(table), folder / "out.tiny").run
    assert kept.original == table.ref.version and store.blobs.get(kept.original) == table.path.read_bytes()
    assert publish(store, Draft(), table, sets(table), folder / "out2.tiny", cap=3).run.original is None


def test_temporary_files_of_dead_processes_are_removed(place):
    folder, store, table = place
    dead = folder / f".out.tiny.kintsu-{2**22 + 1}-{'ab' * 8}.tmp"
    dead.write_text("half")
    alive = folder / f".out.tiny.kintsu-{os.getppid()}-{'ab' * 8}.tmp"
    alive.write_text("half")
    publish(store, Draft(), table, sets(table), folder / "out.tiny")
    assert not dead.exists() and alive.exists()


def test_several_changes_of_one_database_file_chain(place):
    _folder, store, table = place
    first = publish(store, Draft(), table, sets(table, (0, "b", "Y")), None, in_place=True).run
    again = type(table)(table.path)
    second = publish(store, Draft(), again, sets(again, (0, "b", "Z")), None, in_place=True).run
    assert (first.parent, second.parent) == (None, first.id)
