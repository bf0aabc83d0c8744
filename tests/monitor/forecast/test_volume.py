"""Forecasts of daily counts: laws, examples, ugly histories."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec

import numpy as np
import polars as pl
import pytest
from histories import MONDAY, after, daily, hourly, times
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.errors import MissingExtra, UsageError
from kintsu.monitor.forecast.model import METHODS, VolumeModel
from kintsu.run.forecast import forecast_volume

some = settings(max_examples=12)


def has(package: str) -> bool:
    """Whether an optional package is installed; without it the tests ask for the error that says how to get it."""
    return find_spec(package) is not None


@some
@given(st.integers(0, 10**6), st.integers(15, 200), st.sampled_from([3, 10, 47]))
def test_a_multiple_of_all_counts_multiplies_the_range(seed, n, factor):
    history = daily(n, seed=seed, level=50_000)
    once = forecast_volume(history, after(history)).expected_range
    more = forecast_volume(history.with_columns(pl.col("count") * factor), after(history)).expected_range
    # Large counts are log-normal; what is left is the noise of counting, and choices on an edge.
    assert more == pytest.approx([bound * factor for bound in once], rel=0.03)


@some
@given(st.integers(0, 10**6), st.integers(1, 120))
def test_the_order_of_rows_is_of_no_account(seed, n):
    history = daily(n, seed=seed)
    shuffled = history.sample(fraction=1, shuffle=True, seed=seed)
    assert forecast_volume(shuffled, after(history), 700) == forecast_volume(history, after(history), 700)


@some
@given(st.integers(0, 10**6), st.integers(2, 100), st.integers(0, 10**9), st.integers(0, 10))
def test_the_judged_day_and_later_ones_are_not_in_its_history(seed, n, count, ahead):
    history = daily(n, seed=seed)
    at = after(history, 1 + ahead)
    late = pl.DataFrame({"date": [at, at, after(history, 2 + ahead)], "count": [count, 5, count]})
    assert forecast_volume(pl.concat([history, late]), at, count) == forecast_volume(history, at, count)


@some
@given(st.lists(st.one_of(st.none(), st.integers(0, 10**12)), min_size=0, max_size=60), st.integers(0, 10**12))
def test_any_history_has_a_verdict(counts, count):
    days = [MONDAY + timedelta(days=i) for i in range(len(counts))]
    told = forecast_volume(
        pl.DataFrame({"date": days, "count": counts}, schema={"date": pl.Date, "count": pl.Int64}),
        date(2024, 3, 4),
        count,
    )
    assert 0 <= told.severity <= 1 and 0 <= told.confidence <= 1
    if told.expected_range:
        low, high = told.expected_range
        assert 0 <= low <= high
        if count:
            assert told.is_anomaly == (not low <= count <= high)


@pytest.mark.parametrize("n", [10, 30, 100, 400])
def test_a_missing_day_is_found_and_an_ordinary_one_is_not(n):
    history = daily(n)
    usual = 5_000 if after(history).weekday() < 5 else 2_000
    assert not forecast_volume(history, after(history), usual).is_anomaly
    nothing, tenfold = (forecast_volume(history, after(history), usual * factor) for factor in (0, 10))
    assert nothing.is_anomaly and nothing.severity == 1 and nothing.confidence > 0.9
    assert tenfold.is_anomaly and tenfold.severity == pytest.approx(0.9, abs=0.03)


def test_half_and_twice_the_rows_are_found_and_false_alarms_are_few():
    history = daily(430)
    alarms, halves, doubles = [], [], []
    model = VolumeModel.fit(history[:370])
    for i in range(370, 430):
        day, count = history.row(i)
        model = model.extend(history[:i])
        alarms.append(model.judge(day, count).is_anomaly)
        halves.append(model.judge(day, count / 2).is_anomaly)
        doubles.append(model.judge(day, count * 2).is_anomaly)
    assert np.mean(alarms) <= 0.02 and all(halves) and all(doubles)


def test_without_a_count_only_the_range_is_told():
    history = daily(60)
    told = forecast_volume(history, after(history))
    assert told.expected_range and not told.is_anomaly and told.confidence == 0 and "expected" in told.message


def test_a_month_end_is_learnt():
    history = daily(400)
    ends = [day for day in history["date"] if (day + timedelta(days=1)).day == 1]
    history = times(history, ends, 2.5).filter(pl.col("date") <= date(2025, 1, 30))
    told = forecast_volume(history, date(2025, 1, 31), 12_500)
    assert not told.is_anomaly and "the end of the month" in told.message
    assert forecast_volume(history, date(2025, 1, 31), 3_000).is_anomaly


def test_what_was_odd_a_year_ago_may_come_again():
    history = times(daily(400), [date(2024, 1, 30)], 0.2).filter(pl.col("date") < date(2025, 1, 30))
    again = forecast_volume(history, date(2025, 1, 30), 1_000)
    assert not again.is_anomaly and "a year ago" in again.message
    assert not forecast_volume(history, date(2025, 1, 30), 5_000).is_anomaly
    assert forecast_volume(history, date(2025, 1, 29), 1_000).is_anomaly


def test_the_calendar_that_explains_the_history_is_found():
    history = daily(500)
    free = [
        "2024-01-15",
        "2024-02-19",
        "2024-05-27",
        "2024-06-19",
        "2024-07-04",
        "2024-09-02",
        "2024-10-14",
        "2024-11-11",
    ]
    free += ["2024-11-28", "2024-12-25", "2025-01-01", "2025-01-20", "2025-02-17"]
    history = times(history, [date.fromisoformat(day) for day in free], 0.3)
    history = history.filter(pl.col("date") < date(2025, 4, 1))
    if not has("holidays"):
        assert VolumeModel.fit(history).structure.country is None
        with pytest.raises(MissingExtra, match=r"kintsu\[forecast\]"):
            VolumeModel.fit(history, country="US")
        return
    assert VolumeModel.fit(history).structure.country == "US"
    told = forecast_volume(pl.concat([history, daily(55, start=date(2025, 4, 1), seed=1)]), date(2025, 5, 26), 1_500)
    assert not told.is_anomaly and "Memorial Day" in told.message


def test_a_holiday_of_a_named_country_is_doubtful_before_any_was_seen():
    history = daily(14, start=date(2025, 6, 20))
    fourth = date(2025, 7, 4)
    if not has("holidays"):
        with pytest.raises(MissingExtra, match="holidays"):
            forecast_volume(history, fourth, country="US")
        return
    assert forecast_volume(history, fourth, 1_800).is_anomaly
    assert not forecast_volume(history, fourth, 1_800, country="us").is_anomaly


def test_no_calendar_is_taken_where_none_explains_anything():
    assert VolumeModel.fit(daily(500)).structure.country is None


def test_a_new_level_is_believed_after_some_days():
    history = times(daily(200), [MONDAY + timedelta(days=i) for i in range(170, 200)], 3)
    usual = 15_000 if after(history).weekday() < 5 else 6_000
    told = forecast_volume(history, after(history), usual)
    assert not told.is_anomaly and forecast_volume(history, after(history), usual / 3).is_anomaly


def test_an_odd_day_moves_nothing():
    history = daily(120)
    clean = forecast_volume(history, after(history)).expected_range
    spoilt = forecast_volume(times(history, [after(history, -1)], 0.05), after(history)).expected_range
    assert spoilt == pytest.approx(clean, rel=0.1)


def test_two_rows_of_a_date_are_one_day_in_two_parts():
    history = daily(80)
    halves = pl.concat([history.with_columns(pl.col("count") // 2), history.with_columns((pl.col("count") + 1) // 2)])
    assert forecast_volume(halves, after(history), 10) == forecast_volume(history, after(history), 10)


def test_a_gap_of_months_is_no_flood_of_zeros():
    history = daily(400).filter((pl.col("date") < date(2024, 4, 1)) | (pl.col("date") >= date(2024, 9, 1)))
    usual = 5_000 if after(history).weekday() < 5 else 2_000
    assert not forecast_volume(history, after(history), usual).is_anomaly
    assert forecast_volume(history, after(history), usual / 3).is_anomaly
    later = forecast_volume(history, after(history, 150), None).expected_range
    soon = forecast_volume(history, after(history, 7 + (150 - 7) % 7), None).expected_range
    assert later[1] - later[0] >= soon[1] - soon[0] - 2


def test_days_off_are_no_gaps():
    history = daily(150).filter(pl.col("date").dt.weekday() < 6)
    friday = history["date"].max()
    monday = friday + timedelta(days=(7 - friday.weekday()) % 7 or 7)
    assert not forecast_volume(history, monday, 5_000).is_anomaly and forecast_volume(history, monday, 2_000).is_anomaly


def test_constant_and_empty_tables():
    days = [MONDAY + timedelta(days=i) for i in range(90)]
    constant = pl.DataFrame({"date": days, "count": [1_000] * 90})
    assert not forecast_volume(constant, after(constant), 1_000).is_anomaly
    assert forecast_volume(constant, after(constant), 1_100).is_anomaly
    zero = pl.DataFrame({"date": days, "count": [0] * 90})
    assert not forecast_volume(zero, after(zero), 0).is_anomaly and forecast_volume(zero, after(zero), 1_000).is_anomaly
    nothing = forecast_volume(zero[:0], after(zero), 5)
    assert nothing.state == "learning" and nothing.expected_range is None and not nothing.is_anomaly


def test_zeros_that_are_usual_are_no_anomaly():
    rng = np.random.default_rng(3)
    history = daily(200).with_columns(pl.col("count") * pl.Series(rng.random(200) > 0.3))
    usual = 5_000 if after(history).weekday() < 5 else 2_000
    judged = [forecast_volume(history, after(history), count).is_anomaly for count in (0, usual, usual / 3, usual * 3)]
    assert judged == [False, False, True, True]


@pytest.mark.parametrize("mean", [0.3, 2, 8])
def test_small_counts_keep_their_share_of_false_alarms(mean):
    rng = np.random.default_rng(5)
    days = [MONDAY + timedelta(days=i) for i in range(360)]
    history = pl.DataFrame({"date": days, "count": rng.poisson(mean, 360)})
    model, alarms = VolumeModel.fit(history[:300]), []
    for i in range(300, 360):
        model = model.extend(history[:i])
        alarms.append(model.judge(*history.row(i)).is_anomaly)
    assert np.mean(alarms) <= 0.04  # two of sixty
    assert model.judge(after(history), 1_000).is_anomaly


def test_hours_have_a_pattern_of_their_own():
    history = hourly(24 * 40)
    at = history["date"].max() + timedelta(hours=1)  # midnight, when the wave stands at its mean
    assert not forecast_volume(history, at, 800).is_anomaly
    assert forecast_volume(history, at, 300).is_anomaly
    six, eighteen = (forecast_volume(history, at + timedelta(hours=h)).expected for h in (6, 18))
    assert six == pytest.approx(800 * np.e, rel=0.15) and eighteen == pytest.approx(800 / np.e, rel=0.15)


def test_the_hour_of_day_is_that_of_the_local_clock():
    hours = pl.datetime_range(datetime(2025, 2, 1), datetime(2025, 4, 12), "1h", eager=True, time_zone="UTC").alias(
        "date"
    )
    paris = hours.dt.convert_time_zone("Europe/Paris")
    wave = np.exp(np.sin(2 * np.pi * paris.dt.hour().to_numpy() / 24))
    zoned = pl.DataFrame({"date": paris, "count": np.random.default_rng(0).poisson(800 * wave)})
    model = VolumeModel.fit(zoned, before=datetime(2025, 3, 29, 23, tzinfo=UTC))
    first_hours = pl.lit(datetime(2025, 3, 30)), pl.lit(datetime(2025, 3, 30, 15))
    summer = zoned.filter(pl.col("date").dt.replace_time_zone(None).is_between(*first_hours))
    assert summer.height == 15
    assert [at for at, count in summer.rows() if model.judge(at, count).is_anomaly] == []


def test_days_of_a_zone_are_local_days():
    history = daily(60)
    midnight = history.with_columns(pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("America/New_York"))
    assert (
        forecast_volume(midnight, after(history), 9).expected_range
        == forecast_volume(history, after(history), 9).expected_range
    )


def test_weeks_and_months():
    weeks = daily(80).with_columns((pl.lit(MONDAY) + pl.duration(weeks=pl.int_range(80))).alias("date"))
    weeks = weeks.with_columns(count=pl.Series(np.random.default_rng(1).normal(9_000, 300, 80).astype(int)))
    at = weeks["date"].max() + timedelta(days=7)
    assert not forecast_volume(weeks, at, 9_000).is_anomaly and forecast_volume(weeks, at, 4_500).is_anomaly
    months = pl.DataFrame({"date": pl.date_range(date(2022, 1, 1), date(2025, 12, 1), "1mo", eager=True)})
    months = months.with_columns(
        count=pl.Series(np.random.default_rng(1).normal(9_000, 300, months.height).astype(int))
    )
    assert not forecast_volume(months, date(2026, 1, 1), 9_000).is_anomaly
    assert forecast_volume(months, date(2026, 1, 1), 3_000).is_anomaly


def test_text_dates_and_other_frames_are_read():
    history = daily(50)
    told = forecast_volume(history, after(history), 9)
    assert forecast_volume(history.with_columns(pl.col("date").cast(pl.String)), str(after(history)), 9) == told
    assert forecast_volume(history.to_dict(as_series=False), after(history), 9) == told
    assert forecast_volume(history.to_pandas(), after(history), 9).expected_range == told.expected_range


def test_a_model_that_grows_day_by_day_agrees_with_a_new_one():
    history = daily(200)
    model = VolumeModel.fit(history[:160])
    for i in range(161, 201):
        model = model.extend(history[:i])
    told, new = (m.judge(after(history)).expected_range for m in (model, VolumeModel.fit(history)))
    assert told == pytest.approx(new, rel=0.15)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("prophet", "autoarima")])
def test_every_method_finds_half_and_accepts_the_usual(method):
    history = daily(150)
    if method in ("mstl", "autoets") and not has("statsforecast"):
        with pytest.raises(MissingExtra, match=r"kintsu\[forecast\]"):
            forecast_volume(history, after(history), method=method)
        return
    usual = 5_000 if after(history).weekday() < 5 else 2_000
    assert not forecast_volume(history, after(history), usual, method=method).is_anomaly
    assert forecast_volume(history, after(history), usual / 2, method=method).is_anomaly


def test_prophet_finds_half_or_says_how_to_install_it():
    history = daily(150)
    if not has("prophet"):
        with pytest.raises(MissingExtra, match=r"kintsu\[prophet\]"):
            forecast_volume(history, after(history), method="prophet")
        return
    assert forecast_volume(history, after(history), 0, method="prophet").is_anomaly


@pytest.mark.slow
def test_arima_finds_half_and_accepts_the_usual():
    history = daily(100)
    usual = 5_000 if after(history).weekday() < 5 else 2_000
    assert not forecast_volume(history, after(history), usual, method="autoarima").is_anomaly
    assert forecast_volume(history, after(history), usual / 2, method="autoarima").is_anomaly


def test_errors_say_what_was_expected():
    history = daily(30)
    if has("holidays"):
        with pytest.raises(UsageError, match="Atlantis"):
            forecast_volume(history, after(history), country="Atlantis")
    at = after(history)
    for wrong, words in [
        (lambda: forecast_volume(history, at, method="magic"), "expected one of auto, weekday"),
        (lambda: forecast_volume(history, at, -1), "expected zero or more"),
        (lambda: forecast_volume(history, 7), "expected a date"),
        (lambda: forecast_volume(history, "soon"), "is not a date"),
        (lambda: forecast_volume(history.select("count"), at), "a date and a count"),
        (
            lambda: forecast_volume(history.select("count", "date").rename({"count": "n", "date": "d"}), at),
            "expected dates",
        ),
        (lambda: forecast_volume(history.with_columns(pl.col("count") - 10**6), at), "expected zero or more"),
        (lambda: VolumeModel.fit(history).judge(history["date"][5]), "lies in the history"),
    ]:
        with pytest.raises(UsageError, match=words):
            wrong()
