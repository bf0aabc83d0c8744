"""Very wide tables: a fixed number of columns takes part in what only samples them."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.batch import Batch
from kintsu.rules.language import Rule
from kintsu.run.narrow import MOST_COLUMNS, WIDE, fitting, narrowed


def _batch(columns: int) -> Batch:
    return Batch.of(pl.DataFrame({f"c{n}": [n, n + 1] for n in range(columns)}))


def test_tables_of_usual_width_are_taken_whole() -> None:
    batch = _batch(WIDE)
    assert narrowed(batch, ()) is batch


@given(st.permutations(range(WIDE + 30)), st.sets(st.integers(0, WIDE + 29), max_size=20))
def test_the_same_columns_are_chosen_in_any_order(order: list[int], first: set[int]) -> None:
    batch = _batch(WIDE + 30)
    wanted = {f"c{n}" for n in first}
    mixed = Batch.of(batch.frame.select(f"c{n}" for n in order))
    chosen = narrowed(batch, wanted)
    assert set(chosen.columns) == set(narrowed(mixed, wanted).columns)
    assert wanted <= set(chosen.columns)
    assert len(chosen.columns) == MOST_COLUMNS
    assert len(chosen) == 2


def test_options_that_name_absent_columns_are_left_out() -> None:
    here, gone = Rule("not_null", ("a",)), Rule("not_null", ("b",))
    kept = fitting({"keys": ("a", "b"), "order_column": "b", "rules": [here, gone], "cap": True}, ["a"])
    assert kept == {"keys": (), "order_column": None, "rules": [here], "cap": True}
    assert fitting({"keys": ("a",), "rules": None}, ["a"]) == {"keys": ("a",), "rules": None}
