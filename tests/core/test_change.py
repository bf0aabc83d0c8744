"""The only writer of frames: applying checks every old value, and undoing gives back what was there, bit for bit."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kintsu.core.change import EDITS, apply, invert
from kintsu.core.errors import StaleRepair

CELLS = st.none() | st.text(max_size=4)
TABLES = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8)


def table(rows: list[tuple[str | None, str | None]]) -> pl.DataFrame:
    schema = {"__row": pl.Int64, "a": pl.String, "b": pl.String}
    return pl.DataFrame([(i, *row) for i, row in enumerate(rows)], schema=schema, orient="row")


def edits(*lines: tuple[int, str, str | None, str | None]) -> pl.DataFrame:
    rows = [(row, column, "set", old, new, None, None) for row, column, old, new in lines]
    return pl.DataFrame(rows, schema=dict(EDITS), orient="row")


@st.composite
def changed_tables(draw):
    rows = draw(TABLES)
    cells = draw(st.sets(st.tuples(st.integers(0, len(rows) - 1), st.sampled_from(["a", "b"])), max_size=6))
    lines = [(row, column, rows[row]["ab".index(column)], draw(CELLS)) for row, column in sorted(cells)]
    return table(rows), edits(*lines)


@given(changed_tables())
def test_undo_restores_every_cell(case):
    before, change = case
    after, inverse = apply(before, change)
    back, again = apply(after, inverse)
    assert_frame_equal(back, before)
    assert_frame_equal(again.sort("row", "column"), change.sort("row", "column"))


@given(changed_tables())
def test_healed_is_the_original_plus_the_listed_changes(case):
    before, change = case
    after, _ = apply(before, change)
    for column in ("a", "b"):
        touched = set(change.filter(pl.col("column") == column)["row"].to_list())
        pairs = zip(before["__row"], before[column], after[column], strict=True)
        assert all(old == new for row, old, new in pairs if row not in touched)


def test_a_second_apply_is_refused():
    before = table([("x", None)])
    after, _ = apply(before, edits((0, "a", "x", "y")))
    with pytest.raises(StaleRepair, match="a, row 0: expected 'x' but found 'y'"):
        apply(after, edits((0, "a", "x", "y")))


def test_null_and_empty_text_are_not_the_same():
    with pytest.raises(StaleRepair):
        apply(table([(None, "")]), edits((0, "a", "", "y")))


def test_inverting_twice_changes_nothing():
    change = edits((0, "a", "x", None), (1, "b", None, ""))
    assert_frame_equal(invert(invert(change)), change)


def test_a_dropped_row_comes_back_as_an_added_one():
    drop = pl.DataFrame([(3, None, "drop", None, None, b"1,2\n", None)], schema=dict(EDITS), orient="row")
    assert invert(drop).row(0) == (3, None, "add", None, None, None, b"1,2\n")
