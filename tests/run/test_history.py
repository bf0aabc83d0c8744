"""Log, show, store, diff, export and sidecars: what people ask the history for."""

import sqlite3
from dataclasses import replace

import polars as pl
import pytest
from tiny import Tiny, TinyTable, drops, sets, write

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import LedgerBroken, UndoConflict, UsageError
from kintsu.io.store.records import COUNTED, Draft
from kintsu.io.store.store import Store
from kintsu.run import store as keeping
from kintsu.run.diff import differing
from kintsu.run.export import export_changes, export_sql
from kintsu.run.log import log, runs, verify
from kintsu.run.publish import publish
from kintsu.run.show import show
from kintsu.run.sidecar import findings_table
from kintsu.run.undo import undo

RECORDS = [["1", "x'y", None], ["2", "y", "q"], ["3", "z", "q"]]


@pytest.fixture
def place(tmp_path, tiny_is_known):
    return tmp_path, write(tmp_path / "in.tiny", RECORDS)


def heal(place, *cells, name="out.tiny", drop=(), **facts):
    folder, table = place
    edits = pl.concat([sets(table, *cells), drops(*drop)], how="diagonal").with_columns(why=pl.lit("since x'y"))
    edits = edits.with_columns(healer=pl.lit("h"), confidence=pl.lit(0.9))
    findings = pl.DataFrame({"row": [0, 0, 1], "column": ["b", "b", None], "kind": ["typo", "typo", "duplicate"]})
    findings = findings.with_columns(
        score=pl.Series([0.9, 0.2, 0.5]), confidence=pl.Series([None, 0.8, None]), detector=pl.Series(["d", "e", "f"])
    ).with_columns(recipe=pl.lit(None, pl.String), why=pl.lit("secret"), value=pl.lit("x"))
    draft = Draft(**facts)
    return publish(Store(folder / ".kintsu"), draft, table, edits, folder / name, findings=findings).run.id


def test_the_log_tells_who_did_what(place):
    folder, _ = place
    run = heal(place, (0, "b", "X"), drop=[2])
    back = undo(run, home=folder / ".kintsu").change
    lines = log(home=folder / ".kintsu")
    assert [(line["n"], line["event"], line["run"]) for line in lines] == [
        (1, "prepared", run),
        (2, "done", run),
        (3, "prepared", back),
        (4, "done", back),
        (5, "undone", run),
    ]
    assert lines[4]["by"] == back and (lines[0]["set"], lines[0]["drop"]) == (1, 1)
    assert [line["status"] for line in runs(home=folder / ".kintsu", table="in.tiny")] == ["undone", "done"]
    assert verify(home=folder / ".kintsu").entries == 5
    assert not any("X" in str(line["hash"]) or "x'y" in str(line) for line in lines)


def test_no_cell_value_reaches_the_ledger(place):
    folder, _ = place
    heal(place, (0, "b", "unmistakable"))
    for path in (folder / ".kintsu").glob("kintsu.db*"):
        assert b"unmistakable" not in path.read_bytes()


def test_show_masks_sensitive_columns(place):
    folder, _ = place
    run = heal(place, (0, "b", "X"), (1, "c", "n"), sensitive=("b",))
    shown = show(run[:12], home=folder / ".kintsu")
    assert shown.changes["new"].to_list() == ["•••", "n"] and shown.changes["old"].to_list() == ["•••", "q"]
    assert "secret" not in str(shown.findings.filter(pl.col("column") == "b").to_dicts())
    assert show("last", home=folder / ".kintsu", column="c").to_dict()["changes"][0]["row"] == 1


@pytest.mark.parametrize("n", [0, 3, COUNTED + 1])
def test_what_a_run_did_by_recipe_is_told_alike_by_its_counts_and_its_change_set(tmp_path, tiny_is_known, n):
    table = write(tmp_path / "in.tiny", [["1", "y", "q"]] * (2 * n + 1))
    edits = pl.concat([sets(table, (0, "b", "X")), sets(table, *((i, "c", "n") for i in range(2 * n)))])
    names = [None, *(f"r-{i % n:02}" for i in range(2 * n))]
    edits = edits.with_columns(recipe=pl.Series(names, dtype=pl.String), healer=pl.lit("h"))
    run = publish(Store(tmp_path / "home"), Draft(), table, edits, tmp_path / "out.tiny").run.id
    counted = show(run, home=tmp_path / "home")
    assert counted.is_as_written == (n <= COUNTED - 1)
    told = replace(counted, run=counted.run.but(by_recipe=None))
    assert told.facts == counted.facts and counted.facts["edits"] == 2 * n + 1
    assert [each["edits"] for each in counted.recipes] == [2] * n + [1]
    assert not show(run, home=tmp_path / "home", column="b").is_as_written


def test_findings_keep_the_best_detector_of_each_kind(place):
    folder, _ = place
    run = heal(place)
    found = show(run, home=folder / ".kintsu").findings
    assert found.columns == ["row", "column", "kind", "score", "confidence", "detector", "recipe", "why"]
    assert found.select("row", "kind", "detector").rows() == [(0, "typo", "e"), (1, "duplicate", "f")]
    assert findings_table(found.clear()).is_empty()


def test_purging_a_column_keeps_the_rest_and_names_the_undos_that_are_gone(place):
    folder, _ = place
    home = folder / ".kintsu"
    run = heal(place, (0, "b", "X"), (1, "c", "n"))
    other = heal(place, (1, "c", "m"), name="other.tiny")
    freed = keeping.purge(home=home, column="b")
    assert freed.undos_gone == (run,) and freed.freed > 0
    assert verify(home=home).gone > 0
    for blob, _size in Store(home).blobs:
        assert b"x'y" not in Store(home).blobs.get(blob)
    with pytest.raises(UsageError, match="purged"):
        undo(run, home=home)
    undo(run, home=home, column="c")
    assert (folder / "out.tiny").read_text() == "a,b,c\n1,X,\n2,y,q\n3,z,q\n"
    undo(other, home=home)
    assert show(run, home=home).purged == 1
    assert keeping.purge(home=home, column="b").undos_gone == ()


def test_purging_a_run_takes_the_values_of_its_undos_too(place):
    folder, _ = place
    home = folder / ".kintsu"
    run = heal(place, (0, "b", "X"))
    back = undo(run, home=home).change
    assert set(keeping.purge(home=home, run=run).undos_gone) == {run, back}
    verify(home=home)
    with pytest.raises(UsageError):
        undo(back, home=home)


def test_values_that_come_in_again_after_a_purge_are_kept(place):
    folder, _ = place
    home = folder / ".kintsu"
    first = heal(place, (0, "b", "X"))
    keeping.purge(home=home, run=first)
    second = heal(place, (0, "b", "X"), name="again.tiny")
    undo(second, home=home)
    assert (folder / "again.tiny").read_bytes() == (folder / "in.tiny").read_bytes()
    with pytest.raises(UsageError):
        undo(first, home=home)
    verify(home=home)


def test_pruning_frees_room_and_keeps_the_newest(place):
    folder, table = place
    home = folder / ".kintsu"
    table.exact = False
    old = heal(place, (0, "b", "X"))
    new = heal(place, (1, "b", "Y"), name="new.tiny")
    before = keeping.sizes(home=home)
    assert before.originals == len(table.path.read_bytes()) and before.unclaimed == 0
    freed = keeping.prune(home=home, keep=1)
    assert freed.undos_gone == (old,) and keeping.sizes(home=home).changes <= before.changes
    verify(home=home)
    undo(new, home=home)
    with pytest.raises(UsageError):
        undo(old, home=home)
    assert keeping.prune(home=home).line is None


def test_differences_are_told_by_position(tmp_path):
    old = write(tmp_path / "a.tiny", RECORDS)
    new = write(tmp_path / "b.tiny", [["1", "x'y", "n"], ["2", "Y", "q"]])
    found = differing(old, new)
    assert found.cells.rows() == [(0, "c", None, "n"), (1, "b", "y", "Y")]
    assert found.rows == (3, 2) and not found.is_empty
    assert differing(old, TinyTable(old.path)).is_empty


def test_sql_updates_do_to_a_database_what_the_run_did_to_the_file(place):
    folder, table = place
    run = heal(place, (0, "b", "O'\"Neil"), (0, "c", "n"), (1, "a", "22"), (1, "b", None), drop=[2])
    n = export_sql(run, folder / "u.sql", keys=("a",), home=folder / ".kintsu")
    db = sqlite3.connect(":memory:")
    db.execute('CREATE TABLE "in" (a, b, c)')
    db.executemany('INSERT INTO "in" VALUES (?, ?, ?)', table.cells())
    db.executescript((folder / "u.sql").read_text())
    assert n == 5
    assert [list(row) for row in db.execute('SELECT * FROM "in" ORDER BY a')] == TinyTable(folder / "out.tiny").cells()
    db.close()
    with pytest.raises(UsageError, match="tell the rows apart"):
        export_sql(run, folder / "u.sql", keys=("c",), home=folder / ".kintsu")


def test_a_change_set_exports_as_csv_and_parquet(place):
    folder, _ = place
    run = heal(place, (0, "c", "n"), drop=[1])
    for name, read in (("c.csv", pl.read_csv), ("c.parquet", pl.read_parquet)):
        assert export_changes(run, folder / name, home=folder / ".kintsu") == 2
        table = read(folder / name)
        assert ",".join(table.columns) == "row,column,edit,old,new,old_null,new_null,confidence,healer,recipe,why"
        assert table.select("row", "column", "edit", "new", "old_null").rows() == [
            (0, "c", "set", "n", True),
            (1, None, "drop", None, True),
        ]


def test_an_undo_conflict_names_the_undo_in_the_way(place):
    folder, _ = place
    home = folder / ".kintsu"
    first = heal(place, (0, "b", "X"))
    table = Tiny().open(folder / "out.tiny", ReadOptions())
    second = publish(Store(home), Draft(), table, sets(table, (0, "b", "Y")), None, in_place=True).run.id
    redo = undo(undo(second, home=home).change, home=home).change
    with pytest.raises(UndoConflict) as caught:
        undo(first, home=home)
    assert caught.value.change == redo


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        ("UPDATE entries SET payload = replace(payload, 'in.tiny', 'xx.tiny') WHERE n = 3", 3),
        ("UPDATE entries SET at = '2020' WHERE n = 2", 2),
        ("DELETE FROM entries WHERE n = 2", 2),
        ("DELETE FROM entries WHERE n = 4", 4),
        ("UPDATE runs SET status = 'failed'", 1),
        ("UPDATE runs SET output = '/elsewhere' WHERE n = 3", 3),
        ("DELETE FROM runs WHERE n = 3", 3),
    ],
)
def test_verify_names_an_edited_line(place, edit, line):
    folder, _ = place
    home = folder / ".kintsu"
    heal(place, (0, "b", "X"))
    heal(place, (1, "b", "Y"), name="new.tiny")
    verify(home=home)
    db = sqlite3.connect(home / "kintsu.db")
    db.execute(edit)
    db.commit()
    db.close()
    with pytest.raises(LedgerBroken) as caught:
        verify(home=home)
    assert caught.value.line == line and str(line) in str(caught.value)


def test_verify_names_the_line_of_an_edited_or_missing_blob(place):
    folder, _ = place
    home = folder / ".kintsu"
    heal(place, (0, "b", "X"))
    store = Store(home)
    path = store.blobs.path(store.runs()[0].changes)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"!")
    with pytest.raises(LedgerBroken, match="line 1 was edited"):
        verify(home=home)
    path.unlink()
    with pytest.raises(LedgerBroken, match="line 1 is missing"):
        verify(home=home)


def test_a_damaged_database_is_told(place):
    folder, _ = place
    heal(place)
    for path in (folder / ".kintsu").glob("kintsu.db*"):
        path.write_bytes(b"not a database at all" * 400)
    with pytest.raises(LedgerBroken, match="damaged"):
        verify(home=folder / ".kintsu")
