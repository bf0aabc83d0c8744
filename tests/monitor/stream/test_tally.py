"""Counts of windows add up, whoever counted what."""

from functools import reduce

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.monitor.stream.tally import WindowTally, tally_columns

CELLS = st.lists(st.none() | st.sampled_from(["", "x", "1", "2.5", "-30", "1e3", "nan"]), max_size=12)


def tally(cells):
    frame = pl.DataFrame({"a": pl.Series(cells, dtype=pl.String)})
    changes = pl.DataFrame({"column": ["a"] * cells.count("x")}, schema={"column": pl.String})
    return WindowTally(len(cells), passed=len(cells), columns=tally_columns(frame, changes))


def same(one, other):
    plain, expected = one.to_dict(), other.to_dict()
    for name, held in expected.pop("columns").items():
        column = plain["columns"].pop(name)
        for fact in ("mean", "m2"):  # the order of additions rounds differently
            assert column.pop(fact) == pytest.approx(held.pop(fact), rel=1e-9, abs=1e-9)
        assert column == held
    assert plain.pop("columns") == {} and plain == expected


@given(st.lists(CELLS, max_size=4), st.randoms())
def test_parts_in_any_order_are_the_whole(parts, random):
    whole = tally([cell for part in parts for cell in part])
    random.shuffle(parts)
    same(reduce(WindowTally.merge, map(tally, parts), tally([])), whole)


@given(CELLS)
def test_the_empty_one_changes_nothing_and_dicts_are_read_back(cells):
    counted = tally(cells)
    assert counted.merge(WindowTally()) == counted
    assert WindowTally.from_dict(counted.to_dict()) == counted


def test_cells_are_counted():
    column = tally(["1", "2", "x", "", None, "inf"]).columns["a"]
    assert (column.cells, column.missing, column.changed, column.numbers) == (6, 2, 1, 2)
    assert (column.mean, column.m2, column.low, column.high) == (1.5, 0.5, 1.0, 2.0)
