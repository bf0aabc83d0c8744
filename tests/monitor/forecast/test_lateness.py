"""Deliveries that come late: one-sided, on the log scale, by weekday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.errors import UsageError
from kintsu.run.forecast import judge_lateness

FIRST = datetime(2025, 1, 6, 6, 0)


def deliveries(n: int, *, seed: int = 0, monday: float = 1.0) -> pl.DataFrame:
    """Daily deliveries some 20 minutes after six, on Mondays `monday` times as late."""
    rng = np.random.default_rng(seed)
    due = [FIRST + timedelta(days=i) for i in range(n)]
    lag = 20 * np.exp(rng.normal(0, 0.3, n)) * [monday if d.weekday() == 0 else 1.0 for d in due]
    return pl.DataFrame({"due": due, "arrived": [d + timedelta(minutes=float(x)) for d, x in zip(due, lag)]})


def next_due(history: pl.DataFrame) -> datetime:
    return history["due"].max() + timedelta(days=1)


@pytest.mark.parametrize("n", [12, 60, 400])
def test_hours_late_is_late_and_the_usual_delay_is_not(n):
    history = deliveries(n)
    due = next_due(history)
    usual = judge_lateness(history, due, due + timedelta(minutes=25))
    late = judge_lateness(history, due, due + timedelta(hours=6))
    assert not usual.is_late and usual.severity == 0 and usual.expected_by > due
    assert (
        late.is_late
        and late.severity > 0.8
        and late.confidence > 0.8
        and "360 minutes after it was due" in late.message
    )


def test_early_is_never_odd():
    history = deliveries(60)
    due = next_due(history)
    early = judge_lateness(history, due, due - timedelta(hours=20))
    assert not early.is_late and early.lag_min == 0 and early.confidence == 0


def test_mondays_have_their_own_delay():
    history = deliveries(84, monday=8)
    monday = next_due(history)
    assert monday.weekday() == 0
    after = timedelta(minutes=160)
    assert not judge_lateness(history, monday, monday + after).is_late
    tuesday = monday + timedelta(days=1)
    assert judge_lateness(history, tuesday, tuesday + after).is_late


def test_without_an_arrival_only_the_latest_moment_is_told():
    history = deliveries(60)
    told = judge_lateness(history, next_due(history))
    assert told.lag_min is None and not told.is_late and "expected by 06:" in told.message


def test_a_first_delivery_is_not_judged():
    history = deliveries(5)
    told = judge_lateness(history[:0], FIRST, FIRST + timedelta(days=9))
    assert told.state == "learning" and told.expected_by is None and not told.is_late


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.integers(1, 60))
def test_order_is_of_no_account_and_no_delivery_judges_itself(seed, n):
    history = deliveries(n, seed=seed)
    due = next_due(history)
    arrived = due + timedelta(minutes=90)
    own = pl.DataFrame({"due": [due], "arrived": [arrived]})
    mixed = pl.concat([history, own]).sample(fraction=1, shuffle=True, seed=seed)
    assert judge_lateness(mixed, due, arrived) == judge_lateness(history, due, arrived)


def test_the_later_of_two_arrivals_counts_and_one_that_never_came_is_skipped():
    history = deliveries(60)
    due = next_due(history)
    again = history.with_columns(pl.col("due") + timedelta(minutes=0), arrived=pl.col("due"))
    never = history.with_columns(pl.col("due") - timedelta(days=60), arrived=pl.lit(None, pl.Datetime("us")))
    told = judge_lateness(history, due, due)
    assert judge_lateness(pl.concat([history, again]), due, due) == told
    assert judge_lateness(pl.concat([never, history]), due, due) == told


def test_times_with_and_without_a_zone_do_not_mix():
    history = deliveries(30)
    due = next_due(history)
    with pytest.raises(UsageError, match="time zone"):
        judge_lateness(history, due, due.replace(tzinfo=UTC))
    with pytest.raises(UsageError, match="two columns of datetimes"):
        judge_lateness(history.with_columns(pl.col("due").dt.date()), due)
    zoned = history.with_columns(pl.all().dt.replace_time_zone("UTC"))
    late = judge_lateness(zoned, due.replace(tzinfo=UTC), due.replace(tzinfo=UTC) + timedelta(hours=5))
    assert late.is_late
