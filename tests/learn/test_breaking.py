"""The crash test knows what it broke, breaks only clean-looking cells, and judges by it."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core import frames
from kintsu.core.batch import Batch
from kintsu.learn.calibrate import CEILING, calibrated
from kintsu.learn.crash import CrashResult, break_cells, judge, wilson
from kintsu.learn.damage import OPERATIONS, break_texts

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
    result = judge(broken, frames.empty(frames.FINDINGS), proposed, known)
    told = result.summary()
    assert told["detection"]["recall"] == 0.5
    assert told["repair"]["recall"] == 0.5
    assert told["repair"]["needless"] == pytest.approx(1 / 3, abs=1e-4), "row 7; row 8 was proposed before too"
    assert told["repair"]["precision"] == pytest.approx(2 / 3, abs=1e-4)


SEEN = {"healer": pl.String, "column": pl.String, "recipe": pl.String, "support": pl.UInt32, "score": pl.Float64}
SEEN |= {"status": pl.String, "right": pl.Boolean}


def crash_of(*lines: tuple[float, str, bool], support: int = 1) -> CrashResult:
    rows = [("h", "city", "r-1", support, *line) for line in lines]
    return CrashResult(pl.DataFrame(), pl.DataFrame(rows, schema=SEEN, orient="row"))


def test_wilson_of_the_textbook():
    # 95 % interval of 10 right of 10: [0.722, 1], Brown, Cai and DasGupta, Statistical Science 16, 2001, p. 107
    assert wilson(10, 10, z=1.96) == [0.7225, 1.0]


STATUS = st.sampled_from(["hit", "needless", "known"])


@given(st.lists(st.tuples(st.floats(0, 1), STATUS, st.booleans()), max_size=20), st.lists(st.floats(0, 1), min_size=1))
def test_the_crash_test_never_lifts_a_confidence(seen, scores):
    repairs = repair(*((i, "city", "a", "b", score) for i, score in enumerate(scores)))
    told = calibrated(repairs, crash_of(*seen))
    assert told.columns == repairs.columns
    assert (told["confidence"] <= told["score"]).all()
    assert told["confidence"].is_between(0, CEILING).all()


@pytest.mark.parametrize("status", ["hit", "needless"])
def test_a_healer_that_fails_the_crash_test_loses_confidence(status):
    told = calibrated(repair((1, "city", "a", "b", 0.97)), crash_of(*[(0.97, status, False)] * 30))
    assert told["confidence"][0] < 0.5


def test_what_the_sound_table_gets_too_says_nothing():
    told = calibrated(repair((1, "city", "a", "b", 0.97)), crash_of(*[(0.97, "known", False)] * 30))
    assert told["confidence"][0] == 0.97


def test_a_recipe_for_one_odd_cell_does_not_speak_for_one_of_a_whole_column():
    column = repair(*((i, "city", "a", "b", 0.97) for i in range(50)))
    told = calibrated(column, crash_of(*[(0.97, "hit", False)] * 30))
    assert (told["confidence"] == 0.97).all()


def test_a_value_that_is_offered_beats_an_emptied_cell():
    two = repair((1, "city", "n/a", None, 0.96), (1, "city", "n/a", "Rome", 0.8), (2, "city", "n/a", None, 0.96))
    told = calibrated(two, None)
    assert told["confidence"].to_list() == pytest.approx([0.192, 0.8, 0.96])


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
