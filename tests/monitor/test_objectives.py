"""Objectives: the language, what counts, the budget, and when it will be used up."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from made_batches import delivery

from kintsu.core.errors import UsageError
from kintsu.core.settings import parse_settings
from kintsu.monitor.attain import attain, facts_frame, is_kept
from kintsu.monitor.facts import facts
from kintsu.monitor.measure import measure
from kintsu.monitor.objectives import (
    MEASURES,
    UNITS,
    WINDOWS,
    Objective,
    objective_from,
    objectives_from,
    read_sentence,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
START = datetime(2026, 9, 1, tzinfo=UTC)
DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "set-objectives.md"

shares = st.integers(0, 1000).map(lambda n: n / 1000)
columns = st.text("ab _-%,é0", min_size=1, max_size=6).filter(str.strip)
often = {
    "percent": st.sampled_from([100.0, 99.0, 99.9, 95.5, 1 / 3]),
    "unit": st.sampled_from(list(UNITS)),
    "window": st.sampled_from([*WINDOWS, 1, 30, 90]),
}


@st.composite
def objectives(draw):
    how = {name: draw(values) for name, values in often.items()}
    kind = draw(st.sampled_from(["by", "within", "bound"]))
    if kind == "by":
        clock = f"{draw(st.integers(0, 23)):02d}:{draw(st.integers(0, 59)):02d}"
        return Objective("arrives", by=clock, zone=draw(st.sampled_from(["UTC", "Europe/Paris"])), **how)
    if kind == "within":
        return Objective("arrives", within_h=draw(st.sampled_from([0.5, 1.0, 36.0])), **how)
    measure = draw(st.sampled_from(list(MEASURES)))
    low, high = sorted([draw(shares), draw(shares)])
    least, most, strict = draw(
        st.sampled_from([(low, None, False), (None, high, True), (low, high, False), (low, low, False)])
    )
    column = "" if measure in ("rows", "duplicates") else draw(columns)
    return Objective(measure, column, least, most, strict, **how)


@given(objectives())
def test_sentences_and_mappings_read_back_as_they_were(objective):
    assert read_sentence(objective.text) == objective
    written = yaml.safe_dump({"orders": [objective.text, objective.to_dict()]}, allow_unicode=True)
    assert objectives_from(parse_settings(written)) == {"orders": (objective, objective)}


@given(st.text(max_size=30) | st.lists(st.sampled_from([*"`,%<=9", "rows", "no", "of", "arrives by"])).map(" ".join))
def test_any_other_text_is_refused_and_nothing_worse(text):
    try:
        told = read_sentence(text)
    except UsageError as error:
        assert str(error)
    else:
        assert read_sentence(told.text) == told


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("completness of email >= .98", "slo.yaml, line 3: unknown word 'completness'; did you mean 'completeness'?"),
        ("arives by 06:00", "line 3: unknown word 'arives'; did you mean 'arrives'?"),
        ("arrives by 25:00", "a time of day such as 06:00, found '25:00'"),
        ("arrives by 06:00 Europe/Pari", "unknown time zone 'Europe/Pari'"),
        ("arrives within 2 hors", "did you mean 'hours'?"),
        ("rows >= 5, 99 % of dayz a month", "unknown word 'dayz'; did you mean 'days'?"),
        ("rows >= 5, 99 % of days a mnth", "unknown word 'mnth'; did you mean 'month'?"),
        ("rows >= 5, every day over 999 days", "a number of days up to 366"),
        ("rows >= 5, 101 % of days a month", "101 % is no share"),
        ("rows >= 5, 99 % of days", "ends where 'a' or 'over' is expected"),
        ("rows of x >= 5", "it has no column"),
        ("rows >= many", "expected a number, found 'many'"),
        ("rows => 5", "expected a number, found '>'"),
        ("rows between 5 and 3", "the least value 5 is larger than the largest, 3"),
        ("completeness of email >= 98", "from 0 to 1, or from 0 % to 100 %, not 98"),
        ("completeness of `email >= 1", "a quote mark is not closed"),
        ("no rows", "unknown word 'rows'"),
        ("{measure: rows, at_leest: 3}", "unknown key 'at_leest'; did you mean 'at_least'?"),
        ("{measure: rows}", "say `at_least`, `at_most` or both"),
        ("{measure: rows, at_least: 1, above: 2}", "or one of `above` and `below`"),
        ("{measure: completeness, at_least: 1}", "`completeness` needs a `column`"),
        ("{measure: rows, column: x, at_least: 1}", "`rows` has no `column`"),
        ("{arrives_by: '06:00', at_least: 1}", "`at_least` belongs to `measure`"),
        ("{arrives_by: '6'}", "a time of day"),
        ("{arrives_by: '06:00', measure: rows}", "one of `measure`, `arrives_by` and `arrives_within`"),
        ("{measure: rows, at_least: 1, of: hours}", "unknown word 'hours'"),
        ("{measure: rows, at_least: 1, percent: 0}", "above 0 and at most 100"),
        ("{measure: rows, at_least: 1, window: year}", "expected week, month, quarter or a number of days"),
        ("5", "expected a text"),
    ],
)
def test_a_mistake_is_told_with_its_line(line, says):
    with pytest.raises(UsageError) as error:
        objectives_from(parse_settings(f"# promises\norders:\n  - {line}\n", "slo.yaml"))
    assert says in str(error.value) and str(error.value).startswith("slo.yaml, line ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rows >= 5", "line 1: expected a mapping, found text: write {orders: [rows >= 1000]}"),
        ("orders: rows >= 5", "line 1: expected a list, found text: write [rows >= 1000]"),
    ],
)
def test_the_form_that_is_wanted_is_told(text, says):
    with pytest.raises(UsageError) as error:
        objectives_from(parse_settings(text, "slo.yaml"))
    assert says in str(error.value)


def test_every_word_of_the_language_is_in_the_docs():
    text = DOCS.read_text(encoding="utf-8")
    assert [word for word in (*MEASURES, *UNITS, *WINDOWS) if word not in text] == []


def course(n: int, start: datetime = START, **columns) -> pl.DataFrame:
    """A batch a day whose period ends at midnight."""
    at = [start + (i + 1) * DAY for i in range(n)]
    at_first = {"at": pl.Datetime("us", "UTC")}
    return pl.DataFrame(
        {"at": at, **{name.replace("__", ":"): values for name, values in columns.items()}}, schema_overrides=at_first
    )


def standing(text: str, frame: pl.DataFrame, now: datetime):
    return attain(read_sentence(text), frame, now)


counts = st.lists(st.integers(0, 5), min_size=1, max_size=80)


@given(counts, st.sampled_from([100.0, 99.0, 90.0, 50.0]), st.sampled_from(list(UNITS)), st.integers(0, 40))
def test_the_budget_adds_up(rows, percent, unit, later):
    objective = Objective("rows", least=2.0, percent=percent, unit=unit, window=30)
    frame = course(len(rows), rows=[float(n) for n in rows])
    told = attain(objective, frame, START + (len(rows) + later) * DAY)
    assert told.left == pytest.approx(told.allowed - told.n_missed)
    assert 0 <= told.n_missed <= told.n_counted <= 31
    assert (told.state == "breached") == (told.n_missed > told.allowed + 1e-9)
    if told.n_counted:
        assert told.attained == pytest.approx(1 - told.n_missed / told.n_counted)
        if told.burn_rate is not None:
            assert told.burn_rate * (1 - told.target) == pytest.approx(told.n_missed / told.n_counted)
    assert json.loads(json.dumps(told.to_dict()))["state"] == told.state


@given(counts, st.randoms())
def test_the_order_of_the_batches_does_not_matter(rows, random):
    frame = course(len(rows), rows=[float(n) for n in rows])
    order = list(range(len(rows)))
    random.shuffle(order)
    now = START + 45 * DAY
    text = "rows >= 2, 90 % of days over 60 days"
    assert standing(text, frame[order], now) == standing(text, frame, now)


@given(counts, st.integers(0, 79))
def test_a_better_batch_never_makes_it_worse(rows, which):
    assume(which < len(rows))
    better = rows.copy()
    better[which] = 9
    now = START + len(rows) * DAY + HOUR
    text = "rows >= 2, 90 % of days a month"
    before, after = (standing(text, course(len(r), rows=[float(n) for n in r]), now) for r in (rows, better))
    assert after.n_missed <= before.n_missed and after.n_counted == before.n_counted


def test_a_month_by_hand():
    # September has 30 days: 95 % allow 1.5 of them to miss
    rows = [1000.0] * 20
    rows[4] = 10.0
    told = standing("rows >= 900, 95 % of days a month", course(20, rows=rows), START + 20 * DAY + HOUR)
    assert (told.n_counted, told.n_missed, told.start, told.end) == (20, 1, date(2026, 9, 1), date(2026, 9, 30))
    assert (told.attained, told.allowed, told.left) == (0.95, pytest.approx(1.5), pytest.approx(0.5))
    assert told.burn_rate == pytest.approx(1.0) and told.last_missed == date(2026, 9, 5)
    rows[9] = 10.0
    told = standing("rows >= 900, 95 % of days a month", course(20, rows=rows), START + 20 * DAY + HOUR)
    assert told.state == "breached" and told.left == pytest.approx(-0.5) and told.message.endswith("breached")


def test_a_new_month_begins_with_a_whole_budget():
    frame = course(30, rows=[10.0] * 30)
    text = "rows >= 900, 95 % of days a month"
    assert standing(text, frame, START + 30 * DAY - HOUR).state == "breached"
    told = standing(text, frame, START + 30 * DAY + HOUR)
    assert (told.n_counted, told.attained, told.start) == (0, None, date(2026, 10, 1))
    assert told.message.endswith("nothing to judge since 2026-10-01")


@pytest.mark.parametrize(
    ("text", "hours_after", "n_counted", "n_missed"),
    [
        ("arrives by 06:00 UTC, 99 % of days a month", 5, 9, 0),  # the deadline of the tenth is an hour ahead
        ("arrives by 06:00 UTC, 99 % of days a month", 7, 10, 1),
        ("arrives by 06:00 UTC, 99 % of batches a month", 7, 9, 0),
        ("arrives within 2 hours, 99 % of days a month", 3, 10, 1),
        ("rows >= 1, 99 % of days a month", 23, 9, 0),  # rows may still come
        ("rows >= 1, 99 % of days a month", 25, 10, 1),
        ("completeness of email >= .9, 99 % of days a month", 47, 9, 0),  # of what never came nothing is known
    ],
)
def test_a_day_without_a_batch(text, hours_after, n_counted, n_missed):
    """Nine days came; the period of the tenth ended so many hours ago."""
    frame = course(9, rows=[5.0] * 9, late_h=[1.0] * 9, completeness__email=[1.0] * 9)
    told = standing(text, frame, START + 10 * DAY + hours_after * HOUR)
    assert (told.n_counted, told.n_missed) == (n_counted, n_missed)


def test_weekends_count_for_nothing_where_weekdays_are_promised():
    monday = datetime(2026, 9, 7, tzinfo=UTC)
    frame = course(5, monday, rows=[5.0] * 5)
    told = standing("rows >= 1, every weekday over 14 days", frame, monday + 7 * DAY + 2 * HOUR)
    assert (told.n_counted, told.n_missed) == (5, 0)
    assert standing("rows >= 1, every day over 14 days", frame, monday + 7 * DAY + 2 * HOUR).n_missed == 1


def test_several_batches_of_a_day_all_have_to_keep_it():
    at = [START + n * 6 * HOUR for n in range(1, 9)]
    frame = pl.DataFrame({"at": at, "rows": [5.0, 5, 5, 5, 5, 0, 5, 5]})
    assert standing("rows >= 1, every day over 7 days", frame, START + 2 * DAY).n_missed == 1
    assert standing("rows >= 1, every batch over 7 days", frame, START + 2 * DAY).n_counted == 8


@pytest.mark.parametrize(
    ("zone", "due", "late_h", "kept"),
    [
        ("UTC", datetime(2026, 7, 2), 6.0, True),
        ("UTC", datetime(2026, 7, 2), 6.01, False),
        ("Europe/Paris", datetime(2026, 7, 1, 22), 6.0, True),  # summer: 06:00 in Paris is 04:00 UTC
        ("Europe/Paris", datetime(2026, 7, 1, 22), 6.1, False),
        ("Europe/Paris", datetime(2026, 12, 1, 23), 6.0, True),
        ("Europe/Paris", datetime(2026, 3, 28, 23), 5.0, True),  # that night has an hour less
        ("Europe/Paris", datetime(2026, 3, 28, 23), 5.1, False),
        ("UTC", datetime(2026, 7, 2, 7), 22.9, True),  # due after six: the next six o'clock is the deadline
    ],
)
def test_the_deadline_is_a_time_on_the_clock_of_the_zone(zone, due, late_h, kept):
    assert is_kept(read_sentence(f"arrives by 06:00 {zone}"), {"late_h": late_h}, due.replace(tzinfo=UTC)) is kept


def test_a_time_that_the_clock_skips_is_the_hour_after_it():
    paris = read_sentence("arrives by 02:30 Europe/Paris")
    due = datetime(2026, 3, 28, 23, tzinfo=UTC)  # midnight in Paris; at 02:00 it becomes 03:00
    assert is_kept(paris, {"late_h": 2.4}, due) and not is_kept(paris, {"late_h": 2.6}, due)


def test_bounds_are_compared_with_the_digits_that_are_stored():
    stored = {"completeness:email": float(np.float32(0.9))}  # a little less than .9
    assert stored["completeness:email"] < 0.9
    assert is_kept(read_sentence("completeness of email >= .9"), stored) is True
    assert is_kept(read_sentence("completeness of email > .9"), stored) is False
    assert is_kept(read_sentence("completeness of email > .9"), {"completeness:email": 0.9}) is False
    assert is_kept(read_sentence("completeness of phone >= .9"), stored) is None
    assert is_kept(read_sentence("arrives by 06:00"), {"late_h": 1.0}) is None


def test_measured_batches_are_judged_as_they_are():
    made = [delivery(day) for day in range(20)]
    measured = [measure(each.frame, due=each.due, arrived=each.arrived) for each in made]
    frame = facts_frame(measured)
    now = made[-1].due.replace(tzinfo=UTC) + 2 * HOUR
    for text, state in (
        ("arrives by 06:00 UTC, 99 % of days a month", "ok"),
        ("no duplicates", "ok"),
        ("completeness of note >= .9, 99 % of days over 30 days", "breached"),
        ("mean length of note between 6 and 8", "ok"),
        ("distinct share of id = 1", "ok"),
        ("median of quantity <= 6, 90 % of batches a month", "ok"),
    ):
        assert standing(text, frame, now).state == state, text
    assert is_kept(read_sentence("rows > 10"), facts(measured[0])) is True
    assert facts_frame([]).is_empty()


def declining(n: int = 40, step: float = 0.0005, noise: float = 0.0005) -> pl.DataFrame:
    rng = np.random.default_rng(7)
    return course(n, completeness__email=0.999 - step * np.arange(n) + rng.normal(0, noise, n))


def test_the_outlook_names_the_day_on_which_a_trend_crosses_its_bound():
    frame = declining()
    now = START + 40 * DAY + HOUR
    told = standing("completeness of email >= .97, 95 % of days over 30 days", frame, now)
    # the line crosses .97 on day 58; the second miss breaks a budget of 1.5
    crossing = (START + 59 * DAY).date()
    assert told.outlook.day is not None and abs((told.outlook.day - crossing).days) <= 3
    assert told.outlook.earliest <= told.outlook.day <= told.outlook.latest
    assert told.state == "at_risk" and told.outlook.probability > 0.95
    assert "; it will be breached about" in told.message
    assert 0.978 < told.outlook.next_low < told.outlook.next_high < 0.981


def test_what_stands_still_is_no_risk():
    frame = declining(step=0.0)
    told = standing("completeness of email >= .97, 95 % of days over 30 days", frame, START + 40 * DAY + HOUR)
    assert told.state == "ok" and told.outlook.day is None and told.outlook.probability < 0.01
    constant = course(40, rows=[7.0] * 40)
    assert standing("rows >= 7, every day a month", constant, START + 40 * DAY + HOUR).outlook.probability == 0.0


def test_weekdays_to_come_are_like_those_so_far():
    """Every weekend misses; two misses a week are allowed, and a third would only come on a weekday."""
    rng = np.random.default_rng(3)
    weekend = np.array([(START + i * DAY).weekday() > 4 for i in range(56)])
    frame = course(56, mean__x=np.where(weekend, 5.0, 10.0) + rng.normal(0, 0.5, 56))
    told = standing("mean of x >= 7.5, 70 % of days over 7 days", frame, START + 56 * DAY + HOUR)
    assert told.n_missed == 2 and told.outlook.probability < 0.01
    shuffled = frame.with_columns(pl.col("mean:x").shuffle(seed=1))
    assert standing("mean of x >= 7.5, 50 % of days over 7 days", shuffled, START + 56 * DAY).outlook.probability > 0.5


def test_a_month_that_the_first_batch_came_in_begins_with_it():
    frame = course(5, START + 20 * DAY, rows=[5.0] * 5)
    told = standing("rows >= 1, 90 % of days a month", frame, START + 25 * DAY + HOUR)
    assert told.allowed == pytest.approx(1.0)  # of the ten days from the 21st
    assert standing("rows >= 1, 90 % of days over 30 days", frame, START + 25 * DAY).allowed == pytest.approx(3.0)


def test_gaps_to_come_are_as_frequent_as_those_so_far():
    frame = course(60, late_h=[1.0] * 60)
    kept = frame.filter(pl.int_range(60) % 10 != 3)
    now = START + 60 * DAY + HOUR
    text = "arrives by 06:00 UTC, {} % of days over 30 days"
    assert standing(text.format(70), kept, now).outlook.probability < 0.3
    assert standing(text.format(89), kept, now).outlook.probability > 0.7
    assert standing(text.format(89), frame, now).outlook.probability == 0.0


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (course(13, rows=[5.0] * 13), "not enough history: 13 of 14 values seen"),
        (course(30, rows=[None] * 30), "not enough history: 0 of 14 values seen"),
        (course(0, rows=[]), "not enough history: 0 of 14 values seen"),
        (course(30, other=[1.0] * 30), "not enough history: 0 of 14 values seen"),
    ],
)
def test_little_history_is_said(frame, message):
    for unit in ("days", "batches"):
        told = attain(Objective("rows", least=1.0, unit=unit, percent=50.0), frame, START + frame.height * DAY)
        assert told.outlook.message == message and told.outlook.day is None


def test_odd_histories_are_judged():
    at = [START, START, START + 400 * DAY, START - 90 * DAY]  # two at once, a long gap, out of order
    frame = pl.DataFrame({"at": at * 5, "rows": [1.0, 2, float("nan"), 3] * 5})
    for unit in UNITS:
        for window in ("week", "month", "quarter", 1, 366):
            told = attain(Objective("rows", least=2.0, unit=unit, window=window), frame, START + 401 * DAY)
            assert told.n_missed <= told.n_counted
    naive = frame.with_columns(pl.col("at").dt.replace_time_zone(None).dt.cast_time_unit("ms"))
    objective = Objective("rows", least=2.0, window=366)
    assert attain(objective, naive, datetime(2027, 1, 1)) == attain(objective, frame, datetime(2027, 1, 1, tzinfo=UTC))
    with pytest.raises(UsageError, match="need a column `at`"):
        attain(objective, pl.DataFrame({"rows": [1]}), START)


def test_a_mapping_says_the_same_as_its_sentence():
    text = "{measure: completeness, column: email, at_least: .98, percent: 99, of: days, window: month}"
    assert objective_from(parse_settings(text)).text == "completeness of email >= 0.98, 99 % of days a month"
