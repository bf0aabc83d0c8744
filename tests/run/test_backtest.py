"""A backtest damages past batches: its figures follow from what the monitor says of them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kintsu.core.errors import UsageError
from kintsu.run import watching
from kintsu.run.backtest import backtest, backtest_batches
from kintsu.run.batches import Arrival, MonitorSettings

START = datetime(2026, 1, 5, tzinfo=UTC)


def frame(day, rows=150):
    rng = np.random.default_rng(day)
    return pl.DataFrame(
        {
            "id": [f"c-{day:02}{i:04}" for i in range(rows)],
            "price": rng.lognormal(3, 0.4, rows).round(2),
            "city": rng.choice(["Lyon", "Paris", "Nice"], rows),
        }
    )


def arrival(day):
    due = START + timedelta(days=day + 1)
    return Arrival(f"{day}", due, due, due + timedelta(minutes=20 + day % 5), f"{day}", lambda: frame(day))


SETTINGS = MonitorSettings("x")


@pytest.fixture(scope="module")
def found():
    return backtest_batches([arrival(day) for day in range(16)], SETTINGS, steps=2)


def test_most_faults_of_a_plain_table_are_found_and_named(found):
    assert found.n_good == 9 and found.false_alarms <= 1
    assert found.found > 0.8 and found.to_dict()["right_column"] > 0.9 and found.to_dict()["right_issue"] > 0.8
    assert 1 <= found.delay <= 2.5
    assert found.kinds["issue"].n_unique() == 9 and found.kinds["n"].max() == 2


def test_more_sensitivity_finds_no_less_and_alarms_no_less(found):
    by = found.by_sensitivity
    assert by["found"].is_sorted() and by["false_alarms"].is_sorted()
    mine = by.filter(pl.col("sensitivity") == 1.0).row(0, named=True)
    assert mine["false_alarms"] == found.false_alarms / found.n_good
    assert mine["found"] == pytest.approx(found.found)
    assert found.recommended in by["sensitivity"]


def test_the_same_seed_gives_the_same_answer(found):
    again = backtest_batches([arrival(day) for day in range(16)], SETTINGS, steps=2)
    assert again.to_dict() == found.to_dict()


def test_too_few_batches_are_refused():
    with pytest.raises(UsageError, match="more than 7 good batches, there are 7"):
        backtest_batches([arrival(day) for day in range(7)], SETTINGS)
    with pytest.raises(UsageError, match="at least 1"):
        backtest_batches([arrival(day) for day in range(9)], SETTINGS, steps=0)


def test_the_recommended_sensitivity_is_used_when_asked_for(tmp_path):
    folder, home, now = tmp_path / "in", tmp_path / "store", START + timedelta(days=40)
    folder.mkdir()
    for day in range(11):
        frame(day).write_csv(folder / f"c-{(START + timedelta(days=day)):%Y-%m-%d}.csv")
    watching.add("c", MonitorSettings(str(folder), sensitivity=0.01), home=home)
    watching.backfill("c", home=home, now=now)
    first = backtest("c", steps=1, home=home, now=now, apply=True)
    assert first.sensitivity == 0.01 and first.recommended > 0.3
    assert backtest("c", steps=1, home=home, now=now).sensitivity == first.recommended
    assert watching.status(home=home)[0].n_batches == 11  # nothing else was remembered
