"""`kt.gate` beside a watched table: what it says is what `monitor run` would say, and it keeps nothing unasked."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import kintsu as kt
from kintsu.core.errors import InputError, UsageError
from kintsu.monitor.judge import BatchJudgement
from kintsu.run import notify, watching
from kintsu.run.batches import MonitorSettings

FIRST = date(2026, 1, 5)
NOW = datetime(2026, 1, 28, tzinfo=UTC)


def frame(day: int, rows: int = 200) -> pl.DataFrame:
    rng = np.random.default_rng(day)
    cities = rng.choice(["Lyon", "Nice", "Lille"], rows, p=[0.6, 0.3, 0.1])
    return pl.DataFrame({"price": rng.lognormal(3, 0.5, rows).round(2), "city": cities})


def name(day: int) -> str:
    return f"orders-{FIRST + timedelta(days=day)}.csv"


def write(folder: Path, day: int, made: pl.DataFrame | None = None) -> Path:
    """A file that came two hours after its day."""
    path = folder / name(day)
    (frame(day) if made is None else made).write_csv(path)
    came = datetime(2026, 1, 6, 2, tzinfo=UTC) + timedelta(days=day)
    os.utime(path, (came.timestamp(), came.timestamp()))
    return path


@pytest.fixture
def home(store_place):
    return store_place


@pytest.fixture
def orders(tmp_path, home) -> Path:
    """A folder of twenty files that were judged as they came, and one that waits beside it."""
    folder = tmp_path / "orders"
    folder.mkdir()
    (tmp_path / "waiting").mkdir()
    for day in range(20):
        write(folder, day)
    watching.add("orders", MonitorSettings(f"{folder}/*.csv", sensitivity=0.7), home=home)
    assert not any(each.alarm for each in watching.run(home=home, now=NOW))
    return folder


BATCHES = {
    "usual": frame(20),
    "empty": frame(20).with_columns(city=pl.when(pl.int_range(pl.len()) % 3 > 0).then("city")),
    "few": frame(20, 40),
    "renamed": frame(20).rename({"city": "town"}),
}


@pytest.mark.parametrize("kind", BATCHES)
def test_the_gate_says_what_a_run_would_say(orders, home, kind):
    waiting = write(orders.parent / "waiting", 20, BATCHES[kind])
    told = kt.gate(waiting, watched="orders", home=home, now=NOW)
    waiting.rename(orders / waiting.name)  # a move keeps the time
    (judged,) = watching.run(home=home, now=NOW)
    assert told.judgement == judged.judgement and told.passed == (kind == "usual")
    assert told.decision == {"usual": "pass", "few": "hold"}.get(kind, "stop")


def test_what_is_recorded_is_not_judged_again(orders, home):
    waiting = write(orders.parent / "waiting", 20, BATCHES["empty"])
    for _ in range(2):
        assert kt.gate(waiting, watched="orders", home=home, now=NOW, record=True).decision == "stop"
    (status,) = watching.status(home=home)
    assert status.waiting == (name(20),) and status.n_batches == 21
    (incident,) = notify.incidents(home=home)
    assert incident.batches == (name(20),) and incident.news == "opened"  # the next run tells it
    waiting.rename(orders / waiting.name)
    assert watching.run(home=home, now=NOW) == []
    good = write(orders, 21)
    assert kt.gate(good, watched="orders", home=home, now=NOW, record=True).passed
    assert watching.status(home=home)[0].last_batch == name(21) and watching.run(home=home, now=NOW) == []


def test_without_record_nothing_is_kept(orders, home):
    before = watching.trend("orders", home=home)
    assert not kt.gate(BATCHES["renamed"], watched="orders", home=home, now=NOW).passed
    assert not kt.gate(write(orders, 20, BATCHES["empty"]), watched="orders", home=home, now=NOW).passed
    assert watching.trend("orders", home=home).equals(before) and notify.incidents(home=home, with_ended=True) == ()


def test_objectives_count_the_stored_batches_and_this_one_once(orders, home):
    promises = ["completeness of city >= .98, 99 % of batches over 60 days", "arrives within 3 hours"]
    write(orders, 19, BATCHES["empty"])
    watching.run(home=home, now=NOW)
    bad = write(orders, 20, BATCHES["empty"])
    for record in (False, True, True):
        told = kt.gate(bad, watched="orders", objectives=promises, home=home, now=NOW, record=record)
        complete, arrives = told.attained
        assert (complete.n_counted, complete.n_missed, complete.state) == (21, 2, "breached")
        assert arrives.n_missed == 0 and "it misses the objective completeness of city >= 0.98" in [
            reason.message for reason in told.reasons
        ]
    late = kt.gate(bad, watched="orders", objectives=promises, home=home, now=NOW, arrived=NOW)
    assert "it misses the objective arrives within 3 hours" in [reason.message for reason in late.reasons]


def test_a_frame_is_judged_at_the_time_that_is_said(orders, home):
    due = datetime(2026, 1, 26, tzinfo=UTC)
    usual = kt.gate(frame(20), watched="orders", home=home, due=due, arrived=due + timedelta(hours=2))
    assert usual.passed and usual.judgement.n_batches == 20
    early = kt.gate(frame(20), watched="orders", home=home, due=due - timedelta(days=15), while_learning="hold")
    assert early.decision == "hold" and early.judgement.n_batches == 5  # what came later is not asked


def test_calls_that_make_no_sense_are_refused(tmp_path):
    folder, home = tmp_path / "orders", tmp_path / "store"
    folder.mkdir()
    path = write(folder, 0)
    watching.add("orders", MonitorSettings(str(folder)), home=home)
    watching.add("cut", MonitorSettings(str(path), date="at"), home=home)
    judged = BatchJudgement(False, 0.0, "none", (), (), "judged", 9)
    for given, says in [
        ({"watched": "orders", "history": [frame(1)]}, "one of a monitor, a history and a watched table"),
        ({"record": True, "history": [frame(1)]}, "say of which watched table"),
        ({"watched": "order"}, "did you mean 'orders'"),
        ({"watched": "cut", "record": True}, "is cut into periods"),
    ]:
        with pytest.raises(UsageError, match=says):
            kt.gate(path, home=home, **given)
    with pytest.raises(UsageError, match="only a file can be recorded"):
        kt.gate(frame(1), watched="orders", record=True, home=home)
    with pytest.raises(UsageError, match="a judgement was made already"):
        kt.gate(judged, watched="orders", home=home)
    with pytest.raises(InputError):
        kt.gate(tmp_path / "none.csv", watched="orders", home=home)
