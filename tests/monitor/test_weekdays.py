"""Batches of a shop that is quiet at weekends, with days missing from the history."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kintsu.monitor.judge import judge, learn_batches
from kintsu.monitor.measure import measure

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday


def batch(day, rng, factor=1.0):
    due = START + timedelta(days=day + 1)
    n = int((300 if (START + timedelta(days=day)).weekday() > 4 else 800) * factor * rng.lognormal(0, 0.03))
    return measure(pl.DataFrame({"hour": rng.integers(0, 24, n), "price": rng.lognormal(3, 0.5, n)}), due=due)


@pytest.mark.parametrize("missing", [{}, {27}, {20, 21, 27}, {5, 6, 12, 13, 19, 20, 26, 27}])
def test_the_day_that_comes_is_held_against_its_own_weekday_though_days_are_missing(missing):
    rng = np.random.default_rng(0)
    history = [batch(day, rng) for day in range(28) if day not in missing]
    baseline = learn_batches(history)
    assert not judge(baseline, batch(28, rng)).alarm
    assert judge(baseline, batch(28, rng, 0.4)).issue == "volume"


def test_hours_that_many_rows_share_do_not_alarm_by_chance():
    rng = np.random.default_rng(1)
    batches = [batch(day, rng) for day in range(70)]
    alarms = [judge(learn_batches(batches[day - 30 : day]), batches[day]).alarm for day in range(30, 70)]
    assert sum(alarms) <= 2  # of 40


def test_a_source_that_is_stuck_shows_by_its_rows():
    rng = np.random.default_rng(2)
    frames = [pl.DataFrame({"price": rng.lognormal(3, 0.5, 50)}) for _ in range(11)]
    due = [START + timedelta(days=day) for day in range(12)]
    history = [measure(frame, due=at) for frame, at in zip(frames, due)]
    told = judge(learn_batches(history), measure(frames[-1].reverse(), due=due[11]))
    assert (told.alarm, told.issue) == (True, "duplicates") and "2026-03-12" in told.message
    assert not judge(learn_batches(history), measure(frames[-1], due=due[10])).alarm  # it is that batch
    often = [measure(frames[0], due=at) for at in due[:11]]
    assert not judge(learn_batches(often), measure(frames[0], due=due[11])).alarm  # a table that stands still


def test_columns_in_another_order_are_told_and_do_not_alarm():
    rng = np.random.default_rng(3)
    history = [batch(day, rng) for day in range(28)]
    frame = pl.DataFrame({"price": rng.lognormal(3, 0.5, 800), "hour": rng.integers(0, 24, 800)})
    told = judge(learn_batches(history), measure(frame, due=START + timedelta(days=29)))
    assert not told.alarm and "another order" in told.notes[0]
