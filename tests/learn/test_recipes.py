"""What answers taught is kept as YAML, replayed by look-up, and weighed by later answers."""

import polars as pl
import pytest

from kintsu.core.batch import Batch
from kintsu.core.errors import UsageError
from kintsu.core.frames import DECISIONS, REPAIRS
from kintsu.core.recipe import Recipe
from kintsu.learn.memory import judged, past, settled
from kintsu.learn.recipes import Learned, dump, learned, merged, parse, replayed
from kintsu.learn.synthesis.program import Program

UNIT = Recipe("unit", "a", "strip_unit", "a: strip the unit oz", "canonical", {"says": "oz"})
VOTE = Recipe("dependency_vote", "b", "vote", "Set b to what rows with the same c have", "follows", {"left": ["c"]})
PROGRAM = Program("strip", {"at": "end", "text": " oz"}, ("is longer than", 2))


def batch(**columns: list[str | None]) -> Batch:
    return Batch.of(pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)))


def verdict(recipe: str, *, accepted: bool, cells: int = 10, age_days: float = 0.0) -> dict:
    return {"recipe": recipe, "accepted": accepted, "cells": cells, "age_days": age_days}


def test_yaml_gives_back_what_was_written():
    known = [
        Learned(UNIT, 0.97, values=(("1 oz", "1"), ("é: 'x' \"y\"\n", None))),
        Learned(VOTE, 0.9, when=("c",), values=(("x", None, "red"), ("y", "rad", "red"))),
        Learned(UNIT, 0.8, program=PROGRAM, verdict="taught"),
    ]
    assert parse(dump(known, ["a", "b"])) == known


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "not YAML"),
        ("a: 1", "expected `recipes:`"),
        ("recipes: [{column: a}]", "recipe 1: this is no recipe"),
        ("recipes: [{healer: u, column: a, operation: o, text: t, values: [[x]]}]", "needs 0 texts"),
        ("recipes: [{healer: u, column: a, operation: o, text: t, confidence: 7}]", "between 0 and 1"),
    ],
)
def test_files_that_hold_no_recipes_are_one_line(text, told):
    with pytest.raises(UsageError, match=told):
        parse(text)


def test_a_value_map_holds_where_the_old_text_decides():
    texts = pl.DataFrame({"row": [0, 1, 2, 3], "a": ["1 oz", "1 oz", "2 oz", "2 oz"]})
    decided = pl.DataFrame({"row": [0, 1, 2], "old": ["1 oz", "1 oz", "2 oz"], "new": ["1", "1", "2"]})
    found = learned(decided, texts, UNIT, 0.97)
    assert found is not None and found.values == (("1 oz", "1"),)  # one "2 oz" was left alone


def test_a_vote_is_kept_with_the_columns_it_votes_by():
    texts = pl.DataFrame({"row": [0, 1, 2], "b": [None, "red", "rad"], "c": ["x", "x", "y"]})
    decided = pl.DataFrame({"row": [0, 2], "old": [None, "rad"], "new": ["red", "red"]})
    found = learned(decided, texts, VOTE, 0.97)
    assert found is not None and set(found.values) == {("x", None, "red"), ("y", "rad", "red")}
    _, repairs = replayed([batch(b=[None, None, "rad"], c=["x", "y", "y"])], [found])
    assert repairs.select("row", "new").rows() == [(0, "red"), (2, "red")]


def test_programs_are_replayed_in_any_batches():
    known = [Learned(UNIT, 0.9, program=PROGRAM)]
    cells = ["1 oz", None, "7", "33 oz"]
    _, whole = replayed([batch(a=cells)], known)
    assert whole.select("row", "new", "confidence").rows() == [(0, "1", 0.9), (3, "33", 0.9)]
    parts = [
        Batch.of(pl.DataFrame({"a": [cell]}, schema={"a": pl.String}), first_row=i) for i, cell in enumerate(cells)
    ]
    assert replayed(parts, known)[1].equals(whole)
    assert replayed([batch(other=["1 oz"])], known)[1].is_empty()


def test_later_values_win():
    both = merged([Learned(UNIT, 0.9, values=(("x", "1"),)), Learned(UNIT, 0.8, values=(("x", "2"), ("y", "3")))])
    assert [(each.confidence, each.values) for each in both] == [(0.8, (("x", "2"), ("y", "3")))]


def test_a_yes_raises_and_a_no_lowers_and_both_fade():
    repairs = pl.DataFrame({"row": [0], "recipe": ["r"], "confidence": [0.6]}).select(
        pl.col(n).cast(t) if n in ("row", "recipe", "confidence") else pl.lit(None, t).alias(n)
        for n, t in REPAIRS.items()
    )

    def after(*verdicts):
        return judged(repairs, past(verdicts))["confidence"][0]

    assert after() == 0.6
    assert after(verdict("r", accepted=True)) == pytest.approx(0.96)
    assert 0.6 < after(verdict("r", accepted=True, age_days=700)) < 0.96
    assert after(verdict("r", accepted=False)) == pytest.approx(0.3)
    assert after(verdict("r", accepted=False), verdict("r", accepted=False)) == pytest.approx(0.15)
    assert after(verdict("r", accepted=False), verdict("r", accepted=True)) == pytest.approx(0.96)


def test_what_was_refused_twice_is_not_offered_unless_it_grew():
    line = {"row": 0, "column": "a", "recipe": "r", "confidence": 0.9, "action": "suggest", "reason": "x"}
    one = pl.DataFrame([line]).select(
        pl.col(n).cast(t) if n in line else pl.lit(None, t).alias(n) for n, t in DECISIONS.items()
    )
    twice = [verdict("r", accepted=False, cells=1)] * 2

    def after(frame, verdicts):
        return settled(frame, past(verdicts), auto=0.95, nature={"r": "follows"})["action"].unique().to_list()

    assert after(one, twice[:1]) == ["suggest"]
    assert after(one, twice) == ["flag"]
    assert after(pl.concat([one, one.with_columns(row=pl.lit(1, pl.Int64))]), twice) == ["suggest"]
