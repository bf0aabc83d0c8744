import numpy as np
import polars as pl
from damaged_table import clean_table, reference_to
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.frames import FINDINGS, empty
from kintsu.heal.displaced import Displaced
from kintsu.testing.checks import check_healer


def proposed(frame):
    batch, reference = reference_to(frame)
    healer = Displaced()
    return healer.propose(batch, empty(FINDINGS), healer.train(reference), reference)[1]


def put(frame, **cells):
    """The frame with row 5 changed."""
    index = pl.int_range(len(frame), eager=True)
    return frame.with_columns(
        pl.select(pl.when(index == 5).then(pl.lit(new, pl.String)).otherwise(frame[name])).to_series().alias(name)
        for name, new in cells.items()
    )


def edits(repairs):
    return {(row, column): new for row, column, new in repairs.select("row", "column", "new").iter_rows()}


def test_two_cells_that_hold_each_others_values_are_swapped():
    clean = clean_table(300, np.random.default_rng(1))
    team, day = clean["team"][5], clean["datum"][5]
    repairs = proposed(put(clean, team=day, datum=team))
    assert edits(repairs) == {(5, "team"): team, (5, "datum"): day}
    assert repairs["group"].n_unique() == 1


def test_two_values_in_one_cell_are_taken_apart_where_the_other_is_empty():
    clean = clean_table(300, np.random.default_rng(1))
    team, weight = clean["team"][5], clean["gewicht"][5]
    repairs = proposed(put(clean, team=f"{team}, {weight}", gewicht=None))
    assert edits(repairs) == {(5, "team"): team, (5, "gewicht"): weight}


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_nothing_is_moved_in_a_clean_table(seed):
    assert not len(proposed(clean_table(200, np.random.default_rng(seed))))


def test_the_laws_of_healers_hold():
    clean = clean_table(200, np.random.default_rng(4))
    frame = put(clean, team=clean["datum"][5], datum=clean["team"][5])
    batch, reference = reference_to(frame)
    check_healer(Displaced(), batch, empty(FINDINGS), reference)
