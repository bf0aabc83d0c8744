"""Rows that are odd as a whole: laws of the score, kinds of columns, what is refused."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

import kintsu as kt
from kintsu.core.errors import UsageError

RNG = np.random.default_rng(3)
ROWS = RNG.normal(size=(400, 4))


def odd_one() -> np.ndarray:
    rows = ROWS.copy()
    rows[11] = [0, 0, 12, 0]
    return rows


def test_an_odd_row_is_among_the_first_and_is_explained():
    scored = kt.score_rows(odd_one())
    assert 11 in scored["score"].arg_sort(descending=True)[:3].to_list()
    assert scored[11, "is_anomaly"] and scored[11, "why"].startswith("column_2 = 12:")
    assert scored.columns == ["score", "p_value", "is_anomaly", "why"]


def test_scores_and_p_values_are_in_their_ranges_and_agree():
    scored = kt.score_rows(odd_one())
    assert scored["score"].is_between(0, 1, closed="left").all()
    assert (scored["p_value"] > 0).all() and (scored["p_value"] <= 1).all()
    by_score = scored.sort("score", descending=True)
    assert by_score["p_value"].is_sorted()
    assert (scored["is_anomaly"] == (scored["p_value"] <= 0.02)).all()


def test_p_values_of_rows_like_the_training_rows_are_spread_evenly():
    test = np.random.default_rng(4).normal(size=(2_000, 4))
    p = kt.score_rows(ROWS, test)["p_value"].to_numpy()
    for at in (0.05, 0.25, 0.5, 0.75):  # 400 training rows: a share is known to about .05
        assert (p <= at).mean() == pytest.approx(at, abs=0.08)


def test_another_unit_changes_nothing():
    a, b = kt.score_rows(odd_one()), kt.score_rows(odd_one() * [1000, 0.01, 5, 1] + [0, 3, 0, 7])
    np.testing.assert_allclose(a["score"], b["score"], atol=1e-6)


def test_training_rows_given_again_get_their_scores():
    again = kt.score_rows(odd_one(), odd_one())
    assert again["score"].to_list() == pytest.approx(kt.score_rows(odd_one())["score"].to_list())


def test_every_kind_of_column_counts():
    start = datetime(2026, 1, 1)
    frame = pl.DataFrame(
        {
            "x": RNG.normal(size=200),
            "at": [start + timedelta(minutes=i) for i in range(200)],
            "flag": [True] * 199 + [False],
            "town": ["Lyon", "Nice"] * 99 + ["Lyon", "Ghent"],
            "key": [f"k{i}" for i in range(200)],
        }
    ).with_columns(x=pl.when(pl.int_range(pl.len()) == 5).then(None).otherwise("x"))
    scored = kt.score_rows(frame.to_pandas())
    assert scored["score"].arg_max() == 199
    assert "key" not in " ".join(scored["why"])


@pytest.mark.parametrize(
    ("train", "test", "says"),
    [
        (ROWS[:5], None, "5 rows are too few"),
        (pl.DataFrame({"key": [f"k{i}" for i in range(99)]}), None, "none of key holds"),
        (ROWS, ROWS[:, :3], "lack column_3"),
        (np.zeros(30), None, "two dimensions, not 1"),
    ],
)
def test_what_cannot_be_scored_says_why(train, test, says):
    with pytest.raises(UsageError, match=says):
        kt.score_rows(train, test)


@pytest.mark.parametrize(
    "rows", [np.zeros((50, 2)), np.full((50, 2), 1e308), np.where(np.eye(50, 2), np.inf, 1.0), ROWS[:50] * 1e300]
)
def test_ugly_numbers(rows):
    scored = kt.score_rows(rows)
    assert scored.height == 50 and scored["score"].is_finite().all()


def test_no_rows_to_score():
    assert kt.score_rows(ROWS, ROWS[:0]).height == 0
