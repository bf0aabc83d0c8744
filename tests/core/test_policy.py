"""The decision judges the whole set of proposals and says why."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core import frames
from kintsu.core.policy import Policy, decide, withdraw
from kintsu.core.recipe import Recipe

FOLLOWS = Recipe("vote", "city", "vote", "fill from the postcode")
MEAN = Recipe("mean", "age", "mean", "fill with the mean", nature="statistical")


def proposals(*lines: tuple[int, str, str | None, float, Recipe], group: str | None = None) -> pl.DataFrame:
    frame = pl.DataFrame(
        [
            {"row": row, "column": column, "old": "x", "new": new, "score": sure, "confidence": sure}
            | {"healer": recipe.healer, "recipe": recipe.id, "why": "because", "group": group}
            for row, column, new, sure, recipe in lines
        ]
    )
    return frame.with_columns(edit=pl.lit("set")).select(
        pl.col(name).cast(dtype) for name, dtype in frames.REPAIRS.items()
    )


def actions(repairs: pl.DataFrame, policy: Policy, rows: int = 1000, columns: int = 5) -> list[tuple[str, str]]:
    known = {recipe.id: recipe for recipe in (FOLLOWS, MEAN)}
    decided = decide(repairs, known, policy, rows=rows, columns=columns)
    return list(decided.select("action", "reason").iter_rows())


def test_the_threshold_decides():
    decided = actions(proposals((1, "city", "Rome", 0.96, FOLLOWS), (2, "city", "Rome", 0.94, FOLLOWS)), Policy())
    assert decided == [("apply", "sure enough"), ("suggest", "confidence 0.94 is below 0.95")]


def test_a_guess_is_a_suggestion_unless_asked_for():
    one = proposals((1, "age", "41", 0.4, MEAN))
    assert actions(one, Policy()) == [("suggest", "done only when asked for (--impute)")]
    assert actions(one, Policy(impute=True)) == [("apply", "asked for")]


def test_of_two_repairs_of_a_cell_the_surer_one_wins():
    two = proposals((1, "city", "Rome", 0.96, FOLLOWS), (1, "city", "Roma", 0.99, FOLLOWS))
    known = {FOLLOWS.id: FOLLOWS}
    decided = decide(two, known, Policy(), rows=1000, columns=5)
    assert decided.filter(pl.col("action") == "apply")["new"].to_list() == ["Roma"]


@pytest.mark.parametrize(
    "policy",
    [Policy(never_touch=frozenset({"city"})), Policy(keys=frozenset({"city"})), Policy(only=frozenset({"age"}))],
)
def test_locked_columns_are_never_edited(policy):
    one = proposals((1, "city", "Rome", 0.99, FOLLOWS))
    assert actions(one, policy) == [("suggest", "this column is never edited")]


def test_a_recipe_for_most_rows_is_a_question():
    many = proposals(*((row, "city", "Rome", 0.99, FOLLOWS) for row in range(6)))
    assert {action for action, _ in actions(many, Policy(), rows=10, columns=50)} == {"suggest"}
    assert {action for action, _ in actions(many, Policy(auto=0.5), rows=10, columns=50)} == {"apply"}


def test_the_breaker_holds_a_run_that_would_change_most_cells():
    many = proposals(*((row, "city", "Rome", 0.99, FOLLOWS) for row in range(6)))
    decided = actions(many, Policy(auto=0.5), rows=10, columns=1)
    assert all(action == "suggest" and reason.startswith("circuit breaker") for action, reason in decided)


def test_groups_are_applied_whole_or_not_at_all():
    pair = proposals((1, "city", "Rome", 0.99, FOLLOWS), (1, "state", "LZ", 0.5, FOLLOWS), group="split 1")
    assert {action for action, _ in actions(pair, Policy())} == {"suggest"}


def test_a_withdrawn_recipe_changes_nothing():
    decided = decide(proposals((1, "city", "Rome", 0.99, FOLLOWS)), {}, Policy(), rows=100, columns=5)
    gone = withdraw(decided, FOLLOWS.id, "withdrawn: worse")
    assert gone.select("action", "reason").rows() == [("withdraw", "withdrawn: worse")]


def test_what_shares_a_group_with_a_withdrawn_repair_is_not_applied():
    other = Recipe("split", "state", "split", "fill from the glued city")
    pair = proposals((1, "city", "Rome", 0.99, FOLLOWS), (1, "state", "LZ", 0.99, other), group="split 1")
    decided = decide(pair, {}, Policy(), rows=100, columns=5)
    gone = withdraw(decided, FOLLOWS.id, "withdrawn: worse")
    assert gone.sort("column")["action"].to_list() == ["withdraw", "suggest"]


LINES = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["city", "age"]),
        st.sampled_from(["a", "b", None]),
        st.floats(0, 1),
        st.sampled_from([FOLLOWS, MEAN]),
    ),
    min_size=1,
    max_size=12,
)


@given(LINES, st.randoms())
def test_the_order_of_proposals_plays_no_part(lines, random):
    shuffled = list(lines)
    random.shuffle(shuffled)
    known = {recipe.id: recipe for recipe in (FOLLOWS, MEAN)}
    a, b = (
        decide(proposals(*order), known, Policy(auto=0.3), rows=6, columns=2).sort(pl.all())
        for order in (lines, shuffled)
    )
    assert a.equals(b)


@given(LINES)
def test_at_most_one_repair_is_applied_per_cell(lines):
    known = {recipe.id: recipe for recipe in (FOLLOWS, MEAN)}
    decided = decide(proposals(*lines), known, Policy(auto=0.2, impute=True), rows=60, columns=9)
    assert decided["action"].is_in(["apply", "suggest", "flag"]).all()
    assert decided.filter(pl.col("action") == "apply").select("row", "column").is_duplicated().sum() == 0


def test_what_one_recipe_may_change_shrinks_evenly_as_more_certainty_is_asked_for():
    shares = [Policy(auto=step / 100).budget for step in range(101)]
    assert max(a - b for a, b in pairwise(shares)) < 0.012 and shares == sorted(shares, reverse=True)
    assert (Policy(auto=0.5).budget, Policy(auto=0.95).budget) == (1.0, pytest.approx(0.5))
    assert Policy(auto=0.5, recipe_budget=0.2).budget == 0.2


def test_reasons_name_the_option_that_holds_a_repair_back():
    many = proposals(*((row, "city", "Rome", 0.99, FOLLOWS) for row in range(6)))
    ((_, reason),) = set(actions(many, Policy(), rows=10, columns=50))
    assert reason.startswith("one recipe would change 60 % of the rows, and may change 50 % (--max-per-recipe)")
    ((_, reason),) = set(actions(many, Policy(auto=0.5, breaker=0.05), rows=10, columns=10))
    assert "6 % of all cells would change, more than the 5 % of --max-share" in reason
