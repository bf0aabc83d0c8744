"""A batch is measured the same in any order of its rows, whatever its columns hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_batches import delivery

from kintsu.monitor.measure import KEPT_VALUES, NUMBER, TEXT, TIME, measure

CELLS = {
    "number": st.none() | st.floats(width=64) | st.sampled_from([0.0, 1e308, -1e308, 1.5]),
    "text": st.none() | st.text(max_size=5) | st.sampled_from(["", " ", "AB-12", "ab 3", "é"]),
    "flag": st.none() | st.booleans(),
}


@st.composite
def frames(draw):
    n = draw(st.integers(0, 12))
    columns = {name: draw(st.lists(cells, min_size=n, max_size=n)) for name, cells in CELLS.items()}
    return pl.DataFrame(columns, schema={"number": pl.Float64, "text": pl.String, "flag": pl.Boolean}, strict=False)


@given(frames(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(frame, random):
    order = list(range(frame.height))
    random.shuffle(order)
    a, b = measure(frame), measure(frame[order])
    assert (a.rows, a.duplicates) == (b.rows, b.duplicates)
    for name, column in a.columns.items():
        other = b.columns[name]
        assert (column.nulls, column.distinct, column.shares, column.values, column.patterns) == (
            other.nulls,
            other.distinct,
            other.shares,
            other.values,
            other.patterns,
        )
        assert column.levels == other.levels
    np.testing.assert_array_equal(a.sample, b.sample)


@given(frames())
def test_counts_add_up_and_levels_are_finite(frame):
    for column in measure(frame).columns.values():
        assert 0 <= column.nulls <= column.rows == frame.height
        assert all(0 <= cells <= column.filled for cells in column.shares.values())
        assert sum(column.values.values()) <= column.filled
        assert all(np.isfinite(value) and variance >= 0 for value, variance in column.levels.values())


def test_what_is_empty_is_told_as_missing():
    frame = pl.DataFrame({"x": [1.0, None, float("nan"), float("inf")], "t": ["a", "", "  ", None]})
    columns = measure(frame).columns
    assert columns["x"].nulls == 3 and columns["t"].nulls == 3


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], NUMBER),
        ([1.5, None], NUMBER),
        (["a", "b"], TEXT),
        ([True, False], TEXT),
        ([[1], [2]], TEXT),
        ([None, None], TEXT),
        ([b"a", b"b"], TEXT),
        ([date(2026, 1, 1), None], TIME),
        ([datetime(2026, 1, 1), None], TIME),
        ([timedelta(hours=1), None], TIME),
    ],
)
def test_every_type_has_a_kind(values, kind):
    assert measure(pl.DataFrame({"c": values})).columns["c"].kind == kind


def test_times_stand_still_from_batch_to_batch():
    means = [
        measure(pl.DataFrame({"at": [due - timedelta(hours=6)]}), due=due).columns["at"].levels["mean"][0]
        for due in (datetime(2026, 1, 1), datetime(2026, 7, 1))
    ]
    assert means == pytest.approx([-6.0, -6.0])


def test_a_due_time_with_a_zone_is_the_same_moment_in_another_zone():
    at = pl.DataFrame({"at": [datetime(2026, 1, 1, 6, tzinfo=UTC)]})
    due = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for moment in (due, due.astimezone(timezone(timedelta(hours=9)))):
        assert measure(at, due=moment).columns["at"].levels["mean"][0] == pytest.approx(-6.0)


def test_patterns_and_repeated_rows_are_counted():
    frame = pl.DataFrame({"code": ["AB-12", "XY-7", "AB-12", "7 b"]})
    measured = measure(frame)
    assert measured.duplicates == 1
    assert measured.columns["code"].patterns == {"A-9": 3, "9 a": 1}


def test_a_column_of_keys_keeps_patterns_of_some_values_and_no_values():
    keys = pl.Series("key", [f"K{i:06d}" for i in range(20_000)])
    column = measure(keys.to_frame()).columns["key"]
    assert column.distinct == 20_000 and not column.values
    assert sum(column.patterns.values()) <= 2 * KEPT_VALUES and set(column.patterns) == {"A9"}


def test_known_quantiles():
    # of 101 numbers the i-th lies at rank (i + .5) / 101 of the mid-distribution function: q = 101 rank - .5
    levels = measure(pl.DataFrame({"x": np.arange(101.0)})).columns["x"].levels
    assert [levels[q][0] for q in ("q05", "q25", "q50", "q75", "q95")] == pytest.approx(
        [4.55, 24.75, 50.0, 75.25, 95.45]
    )
    # six 0 and four 1 lie at ranks .3 and .8
    shared = measure(pl.DataFrame({"x": [0.0] * 6 + [1.0] * 4})).columns["x"].levels
    assert [shared[q][0] for q in ("q25", "q50", "q75", "q95")] == pytest.approx([0.0, 0.4, 0.9, 1.0])
    assert levels["mean"] == pytest.approx((50.0, 850.0 / 101))  # variance of 0..100 is 850


@pytest.mark.parametrize("frame", [pl.DataFrame(), pl.DataFrame({"x": []}), pl.DataFrame({"x": [None]})])
def test_nothing_to_measure(frame):
    assert measure(frame).rows == frame.height


def test_a_batch_that_is_due_at_midnight_belongs_to_the_day_before():
    assert measure(delivery(0).frame, due=datetime(2026, 2, 1)).day.month == 1
