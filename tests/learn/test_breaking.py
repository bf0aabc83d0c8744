"""The crash test knows what it broke, breaks only clean-looking cells, and judges by it."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core import frames
from kintsu.core.batch import Batch
from kintsu.core.recipe import Recipe
from kintsu.learn.calibrate import CEILING, calibrated
from kintsu.learn.crash import CrashResult, break_cells, judge, wilson
from kintsu.learn.damage import OPERATIONS, break_texts
from kintsu.rules.source_limits import LIMITS

NOTHING = pl.DataFrame(schema={"row": pl.Int64, "column": pl.String})
CITIES = ["Rome", "Milan", "Turin", "Naples"] * 25


def sample() -> Batch:
    return Batch.of(pl.DataFrame({"city": CITIES, "n": [str(i) for i in range(100)]}))


@pytest.mark.parametrize("name", OPERATIONS)
@given(texts=st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=5), seed=st.integers(0, 9))
def test_operations_keep_the_number_of_cells(name, texts, seed):
    series = pl.Series("x", texts)
    broken = break_texts(name, series, series, np.random.default_rng(seed))
    assert len(broken) == len(texts)
    assert broken.dtype == pl.String


def test_what_is_listed_is_what_was_broken():
    batch = sample()
    copy, broken = break_cells(batch, NOTHING, {"n"}, seed=1)
    before, after = batch.texts(), copy.texts()
    for column in ("city", "n"):
        differs = before.filter(~pl.Series(before[column]).eq_missing(after[column]))["__row"].to_list()
        listed = broken.filter(pl.col("column") == column)
        assert differs == sorted(listed["row"].to_list())
        assert after[column].gather(listed["row"]).to_list() == listed["value"].to_list()
        assert before[column].gather(listed["row"]).to_list() == listed["original"].to_list()


def test_cells_believed_dirty_are_never_broken():
    dirty = pl.DataFrame({"row": list(range(50)), "column": ["city"] * 50})
    _, broken = break_cells(sample(), dirty, set(), seed=1)
    assert broken.filter(pl.col("column") == "city")["row"].min() >= 50


def test_the_same_seed_breaks_the_same_cells():
    assert break_cells(sample(), NOTHING, set(), seed=3)[1].equals(break_cells(sample(), NOTHING, set(), seed=3)[1])


def repair(*lines):
    frame = pl.DataFrame(
        lines,
        schema={"row": pl.Int64, "column": pl.String, "old": pl.String, "new": pl.String, "score": pl.Float64},
        orient="row",
    )
    return frames.repairs(frame.with_columns(why=pl.lit("")), healer="h", recipe="r-1")


def test_judging_counts_the_mended_the_missed_and_the_needless():
    broken = pl.DataFrame(
        {
            "row": [1, 2],
            "column": ["city", "city"],
            "operation": ["pad", "pad"],
            "original": ["Rome", "Milan"],
            "value": ["a", "b"],
        },
        schema_overrides={"row": pl.Int64},
    )
    proposed = repair((1, "city", "a", "Rome", 0.9), (7, "city", "Turin", "Rome", 0.8), (8, "city", "x", "Rome", 0.8))
    known = repair((8, "city", "x", "Rome", 0.8))
    result = judge(broken, frames.empty(frames.FINDINGS), proposed, known, {})
    told = result.summary()
    assert told["detection"]["recall"] == 0.5
    assert told["repair"]["recall"] == 0.5
    assert told["repair"]["needless"] == pytest.approx(1 / 3, abs=1e-4), "row 7; row 8 was proposed before too"
    assert told["repair"]["precision"] == pytest.approx(2 / 3, abs=1e-4)


SEEN = dict.fromkeys(("healer", "column", "recipe", "family"), pl.String)
SEEN |= {"score": pl.Float64, "status": pl.String, "right": pl.Boolean}


def crash_of(*lines: tuple[float, str, bool], recipe: str = "r-1", family: str = "") -> CrashResult:
    rows = [("h", "city", recipe, family, *line) for line in lines]
    return CrashResult(pl.DataFrame(), pl.DataFrame(rows, schema=SEEN, orient="row"))


def test_wilson_of_the_textbook():
    # 95 % interval of 10 right of 10: [0.722, 1], Brown, Cai and DasGupta, Statistical Science 16, 2001, p. 107
    assert wilson(10, 10, z=1.96) == [0.7225, 1.0]


STATUS = st.sampled_from(["hit", "needless", "known", "emptied"])


@given(st.lists(st.tuples(st.floats(0, 1), STATUS, st.booleans()), max_size=20), st.lists(st.floats(0, 1), min_size=1))
def test_confidence_is_a_probability_and_never_certain(seen, scores):
    repairs = repair(*((i, "city", "a", "b", score) for i, score in enumerate(scores)))
    told = calibrated(repairs, crash_of(*seen))
    assert told.columns == repairs.columns
    assert told["confidence"].is_between(0, CEILING).all()


def test_a_mistake_that_was_made_on_purpose_and_mended_lifts_confidence():
    one = repair((1, "city", "a", "b", 0.85))
    told = calibrated(one, crash_of(*[(0.85, "hit", True)] * 30))
    assert 0.95 < told["confidence"][0] < CEILING


def test_a_mistake_that_was_never_made_on_purpose_lifts_nothing():
    recipe = Recipe("h", "city", "fold", "")
    one = repair((1, "city", "a", "b", 0.85)).with_columns(recipe=pl.lit(recipe.id))
    others = crash_of(*[(0.85, "hit", True)] * 30, recipe="r-other", family="swap")
    assert calibrated(one, others, {recipe.id: recipe})["confidence"][0] == 0.85


def test_a_recipe_with_one_score_is_found_again_under_another():
    alike = repair((1, "city", "a", "b", 0.9), (2, "city", "c", "d", 0.9))
    seen = crash_of(*[(0.96, "hit", True)] * 60)
    assert calibrated(alike, seen)["confidence"].min() > 0.97
    differing = repair((1, "city", "a", "b", 0.9), (2, "city", "c", "d", 0.91))
    assert calibrated(differing, seen)["confidence"].to_list() == [0.9, 0.91]


def test_another_value_for_a_cell_that_the_healer_mends_anyway_is_not_needless():
    proposed = repair((7, "city", None, "4", 0.8), (8, "city", None, "4", 0.8))
    moved = repair((7, "city", None, "5", 0.8))
    broken = pl.DataFrame({"row": [1], "column": ["city"], "operation": ["pad"], "original": ["a"], "value": ["b"]})
    told = judge(broken, frames.empty(frames.FINDINGS), proposed, moved, {}).proposals
    assert sorted(told["status"]) == ["known", "needless"]


def test_a_guess_is_wrong_where_a_likely_repair_is_right():
    recipe = Recipe("k", "city", "mode", "", nature="statistical")
    guess = of("k", repair((1, "city", "n/a", "Rome", 0.6))).with_columns(recipe=pl.lit(recipe.id))
    emptied = repair((1, "city", "n/a", None, 0.9))
    told = calibrated(pl.concat([guess, emptied]), None, {recipe.id: recipe})
    assert told["confidence"].to_list() == pytest.approx([0.06, 0.9])


def test_what_a_person_is_to_be_asked_about_is_never_lifted():
    recipe = Recipe("h", "city", "extract", "")
    one = repair((1, "city", "a", "b", 0.93)).with_columns(recipe=pl.lit(recipe.id))
    told = calibrated(one, crash_of(*[(0.93, "hit", True)] * 60, recipe=recipe.id), {recipe.id: recipe})
    assert told["confidence"][0] == 0.93


def test_a_broken_cell_says_nothing_about_whom_to_trust():
    one = repair((1, "city", "a", "b", 0.7)).with_columns(healer=pl.lit("source_vote"))
    told = calibrated(one, CrashResult(pl.DataFrame(), crash_of((0.7, "hit", True)).proposals.with_columns(
        healer=pl.lit("source_vote"))))  # fmt: skip
    assert told["confidence"][0] == 0.7


def of(healer, lines):
    return lines.with_columns(healer=pl.lit(healer), recipe=pl.lit(f"r-{healer}"))


def test_healers_that_agree_lift_each_other_and_those_that_disagree_lower_each_other():
    agree = pl.concat([repair((1, "city", "x", "Rome", 0.8)), of("k", repair((1, "city", "x", "Rome", 0.7)))])
    assert calibrated(agree, None)["confidence"].to_list() == pytest.approx([0.94, 0.94])
    apart = pl.concat([repair((1, "city", "x", "Rome", 0.8)), of("k", repair((1, "city", "x", "Milan", 0.7)))])
    # 0.8 (1 - 0.7) / (1 - 0.8 * 0.7), and the other way round
    assert calibrated(apart, None)["confidence"].to_list() == pytest.approx([0.24 / 0.44, 0.14 / 0.44])


def test_a_repair_of_a_disputed_cell_is_as_likely_as_the_claim_that_it_writes():
    spelt = of("pattern_format", repair((1, "left", "9:05h", "9:05", 0.93)))
    voted = of("source_vote", repair((1, "left", "9:05h", "9:20", 0.6)))
    limits = pl.DataFrame([(1, "left", "9:05", 0.3), (1, "left", "9:20", 0.6)], schema=LIMITS, orient="row")
    told = calibrated(pl.concat([spelt, voted]), crash_of(), None, limits)
    assert told["confidence"].to_list() == [0.3, 0.6]
    elsewhere = calibrated(spelt, crash_of(), None, limits.with_columns(column=pl.lit("city")))
    assert elsewhere["confidence"].to_list() == [0.93]


@pytest.mark.parametrize("status", ["hit", "needless"])
def test_a_healer_that_fails_the_crash_test_loses_confidence(status):
    told = calibrated(repair((1, "city", "a", "b", 0.97)), crash_of(*[(0.97, status, False)] * 30))
    assert told["confidence"][0] < 0.5


def test_what_the_sound_table_gets_too_says_nothing():
    told = calibrated(repair((1, "city", "a", "b", 0.97)), crash_of(*[(0.97, "known", False)] * 30))
    assert told["confidence"][0] == 0.97


def test_a_value_that_is_offered_beats_an_emptied_cell():
    empty = repair((1, "city", "n/a", None, 0.96), (2, "city", "n/a", None, 0.96))
    told = calibrated(pl.concat([empty, of("k", repair((1, "city", "n/a", "Rome", 0.8)))]), None)
    assert told["confidence"].to_list() == pytest.approx([0.96 * 0.2, 0.96, 0.8])


def test_rows_in_another_order_are_broken_alike():
    frame = pl.DataFrame({"city": CITIES, "street": [f"{i % 9} Long Road" for i in range(100)]})
    told = []
    for table in (frame, frame.sample(fraction=1, shuffle=True, seed=4)):
        _, broken = break_cells(Batch.of(table), NOTHING, set(), seed=5)
        rows = table[broken["row"]]
        told.append(pl.concat([broken.drop("row"), rows], how="horizontal").sort(pl.all()))
    assert told[0].equals(told[1])


def test_a_lone_sign_is_a_question():
    turned, shifted = (repair((1, "amount", old, "12.50", 0.99)) for old in ("-12.5", "125.0"))
    assert calibrated(turned, None)["confidence"][0] == 0.9
    assert calibrated(shifted, None)["confidence"][0] == 0.99
