"""Undo: exactly back, in any order, never over somebody else's work."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import TinyTable, drops, sets, write

from kintsu.core.errors import InputError, KintsuError, OutputError, StaleRepair, UndoConflict, UnknownRun, UsageError
from kintsu.io.store.records import Draft
from kintsu.io.store.store import Store
from kintsu.run.publish import publish
from kintsu.run.undo import undo

RECORDS = [["1", "x", None], ["2", "y", "q"], ["3", "z", "q"]]


pytestmark = pytest.mark.usefixtures("tiny_is_known")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path, write(tmp_path / "in.tiny", RECORDS))


class Place:
    """A folder with a table, its store, and short names for what the tests do."""

    def __init__(self, folder: Path, table: TinyTable) -> None:
        self.folder, self.table, self.home = folder, table, folder / ".kintsu"
        self.store = Store(self.home)
        self.out = folder / "out.tiny"
        self.before = table.path.read_bytes()

    def heal(self, *cells, drop=(), exact=True):
        edits = pl.concat([sets(self.table, *cells), drops(*drop)], how="diagonal")
        self.table.exact = exact
        return publish(self.store, Draft(), self.table, edits, self.out).run.id

    def again(self, *cells, drop=()):
        table = TinyTable(self.out)
        edits = pl.concat([sets(table, *cells), drops(*drop)], how="diagonal")
        return publish(self.store, Draft(), table, edits, None, in_place=True).run.id

    def undo(self, change, **options):
        return undo(change, home=self.home, **options)

    @property
    def text(self):
        return self.out.read_text()


def test_a_run_is_undone_without_its_input(place):
    run = place.heal((1, "b", "Y"), (0, "c", "n"), drop=[2])
    place.table.path.unlink()
    done = place.undo(run)
    assert place.out.read_bytes() == place.before
    assert (done.restored, done.edits, done.already) == ("bytes", 3, 0)
    assert place.store.run(run).status == "undone"
    place.store.verify()


def test_an_undo_into_another_file_leaves_the_output(place):
    run = place.heal((1, "b", "Y"))
    healed = place.out.read_bytes()
    place.undo(run, out=place.folder / "back.tiny")
    assert (place.folder / "back.tiny").read_bytes() == place.before and place.out.read_bytes() == healed
    assert place.store.run(run).status == "done"
    with pytest.raises(OutputError, match="--force"):
        place.undo(run, out=place.folder / "back.tiny")


def test_a_moved_output_is_named_with_from(place):
    run = place.heal((1, "b", "Y"))
    moved = place.out.rename(place.folder / "moved.tiny")
    with pytest.raises(InputError, match="--from"):
        place.undo(run)
    place.undo(run, from_file=moved)
    assert moved.read_bytes() == place.before


def test_a_folder_that_moved_with_its_store_is_found(place, tmp_path_factory):
    run = place.heal((1, "b", "Y"))
    elsewhere = tmp_path_factory.mktemp("moved") / "folder"
    place.folder.rename(elsewhere)
    undo(run, home=elsewhere / ".kintsu")
    assert (elsewhere / "out.tiny").read_bytes() == place.before


def test_a_read_only_table_is_mended_and_undone(place):
    place.table.path.chmod(0o444)
    run = place.heal((1, "b", "Y"))
    assert place.out.stat().st_mode & 0o777 == 0o644
    place.undo(run)
    assert place.out.read_bytes() == place.before


def test_a_cell_a_column_and_a_recipe_are_undone_alone(place):
    run = place.heal((0, "b", "X"), (1, "b", "Y"), (1, "c", "Q"), (2, "a", "33"))
    assert place.undo(run, row=0, column="b").restored == "part"
    assert place.text == "a,b,c\n1,x,\n2,Y,Q\n33,z,q\n"
    place.undo(run, column="c")
    assert place.text == "a,b,c\n1,x,\n2,Y,q\n33,z,q\n"
    place.undo(run, recipe="r-a")
    assert place.text == "a,b,c\n1,x,\n2,Y,q\n3,z,q\n"
    assert place.store.run(run).status == "done"
    last = place.undo(run)
    assert (last.edits, last.already, last.restored) == (1, 3, "bytes")
    assert place.out.read_bytes() == place.before and place.store.run(run).status == "undone"


def test_undoing_twice_is_refused_and_an_undo_is_undone(place):
    run = place.heal((0, "b", "X"), drop=[1])
    healed = place.out.read_bytes()
    back = place.undo(run)
    with pytest.raises(UsageError, match="undone already"):
        place.undo(run)
    again = place.undo(back.change)
    assert place.out.read_bytes() == healed and again.restored == "bytes"
    assert place.store.run(run).status == "done"
    place.undo(again.change)
    assert place.out.read_bytes() == place.before
    place.store.verify()


def test_an_edited_output_is_stale_and_named(place):
    run = place.heal((0, "b", "X"))
    for text, told in (
        ("a,b,c\n1,?,\n2,y,q\n3,z,q\n", r"b, row 0, holds '\?' and not 'X'"),
        ("a,b,c\n1,X,\n2,y,q\n", "2 records"),
        ("a,b,d\n1,X,\n2,y,q\n3,z,q\n", "columns are a, b, d"),
        ("a,b,c\n1,X,\n2,y,!\n3,z,q\n", "no logged change touched"),
    ):
        place.out.write_text(text)
        with pytest.raises(StaleRepair, match=told):
            place.undo(run)
        assert place.text == text


def test_a_stale_cell_of_a_sensitive_column_is_masked(place):
    table = place.table
    run = publish(place.store, Draft(sensitive=("b",)), table, sets(table, (0, "b", "secret")), place.out).run.id
    place.out.write_text("a,b,c\n1,hidden,\n2,y,q\n3,z,q\n")
    with pytest.raises(StaleRepair) as caught:
        place.undo(run)
    assert "secret" not in str(caught.value) and "hidden" not in str(caught.value)


def test_a_later_change_of_the_same_cell_is_a_conflict(place):
    first = place.heal((0, "b", "X"), (1, "b", "Y"))
    second = place.again((0, "b", "XX"))
    healed = place.out.read_bytes()
    with pytest.raises(UndoConflict) as caught:
        place.undo(first)
    assert caught.value.change == second and second in str(caught.value)
    assert place.out.read_bytes() == healed
    place.undo(first, row=1)  # the part that nothing lies on
    place.undo(second)
    place.undo(first)
    assert place.out.read_bytes() == place.before


def test_runs_on_other_cells_are_undone_in_any_order(place):
    first = place.heal((0, "b", "X"))
    second = place.again((1, "b", "Y"))
    place.undo(first)
    assert place.text == "a,b,c\n1,x,\n2,Y,q\n3,z,q\n"
    done = place.undo(second)
    assert place.out.read_bytes() == place.before and done.restored == "bytes"


def test_records_shift_and_edits_find_their_rows(place):
    first = place.heal(drop=[0])
    second = place.again((0, "b", "Y"), drop=[1])
    assert place.text == "a,b,c\n2,Y,q\n"
    place.undo(first)
    assert place.text == "a,b,c\n1,x,\n2,Y,q\n"
    place.undo(second, row=1)
    assert place.text == "a,b,c\n1,x,\n2,Y,q\n3,z,q\n"
    place.undo(second)
    assert place.out.read_bytes() == place.before


def test_an_edit_in_a_record_dropped_later_is_a_conflict(place):
    first = place.heal((1, "b", "Y"))
    second = place.again(drop=[1])
    with pytest.raises(UndoConflict, match=second):
        place.undo(first)
    place.undo(second)
    place.undo(first)
    assert place.out.read_bytes() == place.before


def test_dropping_again_a_record_that_was_edited_meanwhile_is_a_conflict(place):
    first = place.heal(drop=[1])
    back = place.undo(first)
    second = place.again((1, "b", "Y"))
    with pytest.raises(UndoConflict, match=second):
        place.undo(back.change)
    place.undo(second)
    place.undo(back.change)
    assert place.text == "a,b,c\n1,x,\n3,z,q\n"


def test_inexact_formats_come_back_from_the_stored_original(place):
    run = place.heal((0, "b", "X"), exact=False)
    place.table.path.unlink()
    assert place.undo(run).restored == "bytes"
    assert place.out.read_bytes() == place.before


def test_above_the_cap_the_values_come_back(place):
    place.table.exact = False
    run = publish(place.store, Draft(), place.table, sets(place.table, (0, "b", "X")), place.out, cap=1).run.id
    place.undo(run)
    assert place.out.read_bytes() == place.before  # this format happens to write the same bytes


def test_what_cannot_be_undone_says_so(place):
    run = place.heal((0, "b", "X"))
    with pytest.raises(UnknownRun):
        place.undo("r-nothing")
    with pytest.raises(UsageError, match=r"changed nothing at column c\. Columns that it changed.*: b \(1\)\."):
        place.undo(run, column="c")
    with pytest.raises(UsageError, match=r"at row 7\. It changed 1 row, from row 0 to row 0"):
        place.undo(run, row=7)
    with pytest.raises(UsageError, match=r"at column b, recipe nope\. Recipes that it changed"):
        place.undo(run, column="b", recipe="nope")
    with pytest.raises(UnknownRun, match="--home"):
        undo(run, home=place.folder / "elsewhere")


def test_a_run_without_changes_is_undone_into_a_copy(place):
    run = place.heal()
    place.undo(run, out=place.folder / "back.tiny")
    assert (place.folder / "back.tiny").read_bytes() == place.before


cell = st.sampled_from(["x", "y", None])


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    records=st.lists(st.tuples(cell, cell), min_size=1, max_size=5),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["heal", "heal", "undo", "part"]),
            st.integers(0, 20),
            st.lists(st.tuples(st.integers(0, 4), st.sampled_from("bc"), cell), max_size=4, unique_by=lambda e: e[:2]),
            st.sets(st.integers(0, 4), max_size=2),
        ),
        max_size=7,
    ),
)
def test_after_any_story_undoing_everything_gives_the_same_bytes(tmp_path_factory, records, steps):
    folder = tmp_path_factory.mktemp("story")
    place = Place(folder, write(folder / "in.tiny", [[str(i), *pair] for i, pair in enumerate(records)]))
    changes = [place.heal()]
    place.table.path.unlink()
    for kind, number, cells, dropped in steps:
        rows = TinyTable(place.out).rows
        if kind == "heal":
            now = TinyTable(place.out).cells()
            fit = [(r, c, v) for r, c, v in cells if r < rows and v != now[r]["abc".index(c)]]
            changes.append(place.again(*fit, drop=[row for row in dropped if row < rows]))
        else:
            held = place.out.read_bytes()
            try:
                options = {"column": "b"} if kind == "part" else {}
                changes.append(place.undo(changes[number % len(changes)], **options).change)
            except KintsuError:
                assert place.out.read_bytes() == held
    for run in reversed([run for run in place.store.runs() if run.undoes is None]):
        if place.store.run(run.id).status != "undone":
            place.undo(run.id)
    assert place.out.read_bytes() == place.before
    place.store.verify()
