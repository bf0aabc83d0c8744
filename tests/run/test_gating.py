"""`kt.gate`: a batch against its history, its objectives and its score."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import kintsu as kt
from kintsu.core.errors import InputError, UsageError
from kintsu.run.gate import past_files
from kintsu.run.watch_settings import watch_settings

FIRST = date(2026, 11, 1)


def batch(day: int, rows: int = 100) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "x": [(7 * i + 3 * day) % 11 for i in range(rows)],
            "city": [["Lyon", "Paris", "Nice", "Lille"][(i + day) % 4] for i in range(rows)],
            "email": [f"p{i}@example.org" for i in range(rows)],
        }
    )


@pytest.fixture
def orders(tmp_path) -> Path:
    """Twenty daily files; that of the twentieth is the one to judge."""
    folder = tmp_path / "orders"
    folder.mkdir()
    for day in range(20):
        batch(day).write_csv(folder / f"{FIRST + timedelta(days=day)}.csv")
    (folder / "README.txt").write_text("no table", encoding="utf-8")
    return folder


def test_a_batch_like_those_before_passes(orders):
    mine = orders / "2026-11-20.csv"
    told = kt.gate(mine, history=past_files([str(orders)], str(mine)))
    assert told.passed and told.decision == "pass" and told.exit_code == 0
    assert told.reason == "nothing unusual against 19 batches" and repr(told) == f"GateResult(pass: {told.reason})"


@pytest.mark.parametrize(
    ("wrong", "decision", "says"),
    [
        (batch(19).with_columns(email=pl.lit(None, pl.String)), "stop", "missing: 100.0 % of the cells of `email`"),
        (batch(19).rename({"city": "town"}), "stop", "schema: column `city` is gone"),
        (batch(19).with_columns(city=pl.lit("Nowhere")), "stop", "`city`"),
        (batch(19, rows=10), "hold", "volume: 10 rows came"),
    ],
)
def test_what_is_wrong_stops_and_what_is_not_whole_is_held(orders, wrong, decision, says):
    mine = orders / "2026-11-20.csv"
    wrong.write_csv(mine)
    told = kt.gate(mine, history=past_files([f"{orders}/2026-*.csv"], str(mine)))
    assert (told.decision, told.exit_code) == (decision, 1) and says in told.reason


def test_frames_a_monitor_and_a_judgement_give_the_same_decision():
    past, wrong = [batch(day) for day in range(15)], batch(3).with_columns(city=pl.lit("Nowhere"))
    monitor = kt.Monitor()
    for each in past:
        monitor.learn(each)
    judged = monitor.judge(wrong)
    results = [kt.gate(wrong, history=past), kt.gate(wrong, monitor=monitor), kt.gate(judged)]
    assert [told.judgement for told in results] == [judged] * 3 and {told.decision for told in results} == {"stop"}
    assert kt.gate(batch(3), monitor=monitor).passed and monitor.n_batches == 15


def test_too_little_history_passes_unless_it_is_told_to_hold():
    past = [batch(day) for day in range(3)]
    assert kt.gate(batch(3), history=past).passed
    told = kt.gate(batch(3), history=past, while_learning="hold")
    assert told.decision == "hold" and told.reason.startswith("learning: 3 of 7 batches seen")
    assert kt.gate(batch(3), history=[], while_learning="stop").decision == "stop"


def test_every_objective_that_the_batch_misses_stops_it():
    half = batch(1).with_columns(email=pl.when(pl.col("x") > 4).then("email"))
    objectives = ["rows >= 50", "completeness of email >= .98", "completeness of phone >= .5", "mean of x < 1"]
    told = kt.gate(half, objectives=objectives)
    assert [reason.message for reason in told.reasons] == [
        "it misses the objective completeness of email >= 0.98",
        "it misses the objective completeness of phone >= 0.5",
        "it misses the objective mean of x < 1",
    ]
    assert kt.gate(batch(1), objectives=objectives[:2]).passed


def test_arrival_is_judged_by_the_day_in_the_name_and_the_time_given(orders):
    mine = orders / "2026-11-20.csv"  # due at midnight after it
    objectives = ["arrives by 06:00 UTC, 99 % of days a month"]
    early, late = datetime(2026, 11, 21, 5, 59, tzinfo=UTC), datetime(2026, 11, 21, 6, 1, tzinfo=UTC)
    assert kt.gate(mine, objectives=objectives, now=early).passed
    assert kt.gate(mine, objectives=objectives, arrived=early, now=late).passed
    told = kt.gate(mine, objectives=objectives, now=late)
    assert told.reason == "it misses the objective arrives by 06:00 UTC"
    assert told.attained[0].n_missed == 1 and told.to_dict()["objectives"][0]["state"] == "breached"
    with pytest.raises(UsageError, match="needs to know when the batch was due"):
        kt.gate(batch(1), objectives=objectives)
    naive = kt.gate(batch(1), objectives=objectives, due=datetime(2026, 11, 21), now=datetime(2026, 11, 21, 5))
    assert naive.passed


def test_what_earlier_batches_used_up_does_not_stop_this_one(orders):
    mine = orders / "2026-11-20.csv"
    for day in (16, 17):
        batch(day, rows=5).write_csv(orders / f"2026-11-{day}.csv")
    told = kt.gate(
        mine,
        objectives=["rows >= 50, 99 % of days a month"],
        history=past_files([str(orders)], str(mine)),
        now=datetime(2026, 11, 21, 1, tzinfo=UTC),
    )
    assert told.passed and (told.attained[0].state, told.attained[0].n_missed) == ("breached", 2)


def test_a_score_below_the_limit_stops():
    dirty = batch(1).with_columns(email=pl.when(pl.col("x") > 4).then("email"))
    told = kt.gate(dirty, fail_under=99.9)
    assert told.decision == "stop" and told.reason == f"the score {told.score:.1f} is below 99.9"
    assert kt.gate(dirty, fail_under=10).passed


def test_objectives_of_a_file_are_those_of_the_table(tmp_path):
    path = tmp_path / "monitor.yaml"
    path.write_text(
        "objectives:\n  orders: [rows >= 1_000]\n  items: [rows >= 1]\n"
        "alerts: {level: error}\nnotify:\n  - slack: {url: '${NOT_SET_HERE}'}\n",
        encoding="utf-8",
    )
    assert kt.gate(batch(1), objectives=path, table="items").passed
    assert not kt.gate(batch(1), objectives=str(path), table="orders").passed
    with pytest.raises(UsageError, match="has objectives of orders, items: say which table"):
        kt.gate(batch(1), objectives=path)
    with pytest.raises(UsageError, match="no objectives of 'item'; did you mean 'items'"):
        kt.gate(batch(1), objectives=path, table="item")
    settings = watch_settings(path)
    assert settings.policy().level == "error"
    with pytest.raises(UsageError, match="line 6: the environment has no variable NOT_SET_HERE"):
        settings.routes({})
    path.write_text("objectives:\n  orders: [rows >= 1_000]\n", encoding="utf-8")
    assert kt.gate(batch(1), objectives=path).decision == "stop"
    path.write_text("objectivs: {}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="line 1: unknown key 'objectivs'; did you mean 'objectives'"):
        kt.gate(batch(1), objectives=path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "nothing to judge by"),
        ({"history": [], "monitor": kt.Monitor()}, "one of a monitor, a history"),
        ({"history": [], "while_learning": "wait"}, "while_learning is one of"),
        ({"objectives": ["rows >> 5"]}, "expected a number"),
    ],
)
def test_a_wrong_call_is_told(options, says):
    with pytest.raises(UsageError, match=says):
        kt.gate(batch(1), **options)
    with pytest.raises(UsageError, match="a judgement was made already"):
        kt.gate(kt.Monitor().judge(batch(1)), fail_under=1)


def test_only_earlier_days_count_and_in_their_order(tmp_path):
    for name in ("b_20261103.csv", "a_20261105.csv", "c_20261104.csv", "d_20261109.csv", "e_20261101.csv"):
        (tmp_path / name).touch()
    found = past_files([f"{tmp_path}/*.csv"], str(tmp_path / "a_20261105.csv"))
    assert [path.name for path in found] == ["e_20261101.csv", "b_20261103.csv", "c_20261104.csv"]


def test_names_without_a_day_are_in_their_natural_order(tmp_path):
    for n in (10, 9, 100, 2, 20261399):
        (tmp_path / f"part-{n}.csv").touch()
    found = past_files([str(tmp_path), f"{tmp_path}/part-9.*"], str(tmp_path / "part-10.csv"))
    assert [path.name for path in found] == ["part-2.csv", "part-9.csv", "part-100.csv", "part-20261399.csv"]


def test_days_of_folders_count(tmp_path):
    for day in (2, 1, 3):
        (tmp_path / f"dt=2026-11-0{day}").mkdir()
        (tmp_path / f"dt=2026-11-0{day}" / "part.csv").touch()
    found = past_files([f"{tmp_path}/*/part.csv"], str(tmp_path / "dt=2026-11-03" / "part.csv"))
    assert [path.parent.name for path in found] == ["dt=2026-11-01", "dt=2026-11-02"]


def test_files_by_the_hour_are_due_an_hour_after(tmp_path):
    for hour in range(10):
        batch(hour).write_csv(tmp_path / f"log_20261120T{hour:02d}.csv")
    mine = tmp_path / "log_20261120T09.csv"
    past = past_files([str(tmp_path)], str(mine))
    options = {"history": past, "objectives": ["arrives within 1 hours"]}
    assert len(past) == 9 and kt.gate(mine, now=datetime(2026, 11, 20, 10, 59), **options).passed
    assert not kt.gate(mine, now=datetime(2026, 11, 20, 11, 1), **options).passed


def test_no_earlier_file_is_an_error(orders):
    with pytest.raises(InputError, match="no earlier file in"):
        past_files([f"{orders}/2026-11-01.csv"], str(orders / "2026-11-01.csv"))
    with pytest.raises(InputError, match="no earlier file in"):
        past_files([f"{orders}/*.csv"], str(orders / "2026-11-01.csv"))
