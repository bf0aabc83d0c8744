"""A table's own mistakes are read off its repairs and made again in other cells."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core import frames
from kintsu.core.recipe import Recipe
from kintsu.learn.echo import echo, edits_of

STRIP = Recipe("h", "city", "strip", "", parameters={"says": "take it away"})
VOTE = Recipe("h", "city", "vote", "", parameters={"left": ["zip"]})


def repairs(pairs, recipe=STRIP):
    frame = pl.DataFrame(pairs, schema={"old": pl.String, "new": pl.String}, orient="row").with_row_index("row")
    made = frame.select(pl.col("row").cast(pl.Int64), "old", "new", score=pl.lit(0.9), why=pl.lit(""))
    return frames.repairs(made, healer="h", recipe=recipe.id, column="city")


def made_again(pairs, texts, recipe=STRIP):
    edits = edits_of(repairs(pairs, recipe), {recipe.id: recipe})
    return echo(pl.Series(texts), edits, np.random.default_rng(0)).to_list()


@pytest.mark.parametrize(
    ("damaged", "right", "expected"),
    [
        ("Rome**", "Rome", "Oslo**"),
        ("xaRome", "Rome", "xaOslo"),
        ("12 kg", "12", "Oslo kg"),
        ("Mississixxi", "Mississippi", "Oslo"),  # "pp" is not in it: nothing to write "xx" for
    ],
)
def test_an_edit_is_made_again(damaged, right, expected):
    assert made_again([(damaged, right)] * 3, ["Oslo"]) == [expected]


def test_a_character_written_over_another_may_hit_any_place_inside():
    told = made_again([("Rxme", "Rome")] * 3, ["Bergen"] * 40)
    assert set(told) <= {"Bxrgen", "Bexgen", "Berxen", "Bergxn"} and len(set(told)) > 1


def test_a_doubled_character_doubles_another():
    assert set(made_again([("33", "3")] * 3, ["7", "8"])) == {"77", "88"}


def test_what_follows_from_other_cells_and_rare_edits_are_no_habit():
    assert edits_of(repairs([("Rome**", "Rome")] * 9, VOTE), {VOTE.id: VOTE}).is_empty()
    assert edits_of(repairs([("Rome**", "Rome")] * 2), {STRIP.id: STRIP}).is_empty()
    assert edits_of(repairs([("Rome", "Utrecht")] * 9), {STRIP.id: STRIP}).is_empty(), "another value, not an edit"
    assert edits_of(repairs([]), {}).is_empty()


WORDS = st.text(max_size=8)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6), st.lists(WORDS, min_size=1, max_size=6))
def test_any_edit_of_any_text_gives_a_text(pairs, texts):
    edits = edits_of(repairs(pairs * 3), {STRIP.id: STRIP})
    if len(edits):
        told = echo(pl.Series(texts, dtype=pl.String), edits, np.random.default_rng(1))
        assert len(told) == len(texts) and told.null_count() == 0
