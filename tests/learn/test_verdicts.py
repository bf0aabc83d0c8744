"""Cases share one fate; verdicts settle cells and move the confidence of their kin."""

import sys
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "run"))

from asking import RECIPES, TOKEN, UNIT, decisions, line

from kintsu.core.frames import DECISIONS
from kintsu.core.recipe import Recipe
from kintsu.learn.cases import with_cases
from kintsu.learn.labelling import rows_to_label
from kintsu.learn.questions import _gain, questions
from kintsu.learn.verdicts import Answer, Labels, folded, targets

PERSON = Recipe("person", "a", "label", "a: values given by a person")


def label(row: int, old: str, new: str) -> dict:
    action = "withdraw" if old == new else "apply"
    return line(row, "a", old, new, 0.995, PERSON, action)


def labels(*cells: tuple[int, str, str]) -> Labels:
    frame = pl.DataFrame([label(*cell) for cell in cells], schema=dict(DECISIONS))
    return Labels(with_cases(frame, {PERSON.id: PERSON}))


@pytest.fixture
def state() -> pl.DataFrame:
    return with_cases(decisions(), RECIPES)


def test_cases_do_not_depend_on_row_order(state):
    shuffled = with_cases(decisions().sample(fraction=1, shuffle=True, seed=3), RECIPES)
    assert shuffled.equals(state)


def test_every_open_cell_has_one_leading_decision(state):
    leads = state.filter(pl.col("rank") == 0)
    assert not leads.select("row", "column").is_duplicated().any()
    assert leads["case"].null_count() == 0
    assert len(leads) == 12


def test_without_answers_nothing_moves(state):
    assert folded(state, [], auto=0.95).equals(state)


def test_accepting_then_rejecting_leaves_the_last_word(state):
    asked = state.filter(pl.col("recipe") == UNIT.id)["case"][0]
    yes = folded(state, [Answer(asked, "accept")], auto=0.95)
    no = folded(state, [Answer(asked, "accept"), Answer(asked, "reject")], auto=0.95)
    assert len(targets(yes)) == 10 and len(targets(no)) == 4


def test_labels_that_agree_apply_the_rest_of_the_recipe(state):
    sure = state.with_columns(measured=pl.when(pl.col("recipe") == UNIT.id).then(0.9).otherwise("measured"))
    told = folded(sure, [labels(*((i, f"{i} oz", f"{i}") for i in range(4)))], auto=0.95)
    assert set(targets(told).filter(pl.col("column") == "a")["row"]) == set(range(6))


def test_labels_that_refute_take_applied_cells_back(state):
    acted = pl.col("recipe") == UNIT.id
    applied = state.with_columns(action=pl.when(acted).then(pl.lit("apply")).otherwise("action"))
    told = folded(applied, [labels(*((i, f"{i} oz", f"{i} oz") for i in range(4)))], auto=0.5)
    assert len(targets(told).filter(pl.col("column") == "a")) == 0


def test_a_label_outweighs_a_later_answer(state):
    asked = state.filter(pl.col("recipe") == UNIT.id)["case"][0]
    told = targets(folded(state, [labels((0, "0 oz", "zero")), Answer(asked, "accept")], auto=0.95))
    assert dict(told.filter(pl.col("column") == "a").select("row", "new").iter_rows())[0] == "zero"


def test_a_case_that_is_surely_wrong_is_worth_no_question():
    gain = _gain(pl.Series([0.02, 0.5, 0.98]).to_numpy(), pl.Series([4.0, 4.0, 4.0]).to_numpy())
    assert gain[0] < 0.01 < gain[1] < gain[2] <= 1


def test_settled_cells_are_not_asked_again(state):
    first = questions(state, RECIPES)[0]
    left = questions(folded(state, [Answer(first.question, "reject")], auto=0.95), RECIPES)
    assert first.question not in {each.question for each in left}
    assert {each.question for each in left} < {each.question for each in questions(state, RECIPES)}


def test_rows_to_label_show_different_kinds_first(state):
    findings = pl.DataFrame(schema={"row": pl.Int64, "column": pl.String, "kind": pl.String})
    rows = rows_to_label(state, findings, 4)
    assert rows["row"][0] < 6 and len(set(rows["row"])) == 4
    assert {10, 11} & set(rows["row"]) and {6, 7, 8, 9} & set(rows["row"])
    assert rows_to_label(state, findings, 0).is_empty()


def test_tokens_are_named_in_the_question(state):
    assert any(TOKEN.text in each.text and "'-' → nothing (4 times)" in each.text for each in questions(state, RECIPES))
