"""The forecast of many statistics at once: each by the way that suits it, in any unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kintsu.monitor.series import forecast

DAYS = [i % 7 for i in range(40)]
VALUES = arrays(np.float64, st.tuples(st.integers(2, 20), st.integers(1, 4)), elements=st.floats(-100, 100))


@given(VALUES, st.floats(0.5, 8), st.floats(-50, 50))
def test_another_unit_gives_the_same_forecast_in_that_unit(x, scale, shift):
    a, b = forecast(x, None), forecast(scale * x + shift, None)
    # two ways may err equally but for rounding, and then either may be chosen: errors agree, and so do forecasts
    np.testing.assert_allclose(b.deviation, scale * a.deviation, rtol=1e-3, atol=1e-6 * (1 + abs(shift)) + 2e-3 * scale)


@given(VALUES)
def test_a_constant_is_forecast_without_error(x):
    told = forecast(np.repeat(x[:1], 10, 0), None)
    np.testing.assert_allclose(told.expected, x[0], atol=1e-9)
    np.testing.assert_allclose(told.deviation, 0, atol=1e-9)


def test_each_statistic_chooses_its_own_way():
    rng = np.random.default_rng(0)
    steady = rng.normal(5, 1, 40)
    line = 3.0 * np.arange(40)
    walk = np.cumsum(rng.normal(0, 1, 40))
    week = np.array([10.0 if day >= 5 else 50.0 for day in DAYS]) + rng.normal(0, 1, 40)
    told = forecast(np.column_stack([steady, line, walk, week]), DAYS)
    assert told.expected[0] == pytest.approx(steady.mean(), abs=0.6)
    assert told.expected[1] == pytest.approx(120.0)
    assert abs(told.expected[2] - walk[-1]) < 2
    assert told.expected[3] == pytest.approx(10.0, abs=2)  # day 40 is a Saturday
    assert told.deviation[3] < 5


def test_gaps_and_what_was_never_seen():
    x = np.array([[np.nan, 1.0, np.nan], [2.0, np.nan, np.nan], [2.0, 1.0, np.nan]])
    told = forecast(x, None)
    assert told.expected[0] == 2.0 and told.expected[1] == 1.0 and np.isnan(told.expected[2])


def test_one_batch():
    told = forecast(np.array([[1.0, np.nan]]), [0])
    assert told.expected[0] == 1.0 and np.isnan(told.expected[1])
