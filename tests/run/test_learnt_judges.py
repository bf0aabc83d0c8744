"""Judges of rows: chosen by a backtest of the table, used from then on, and left out where torch is missing."""

import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

import kintsu as kt
from kintsu.core.errors import InputError, MissingExtra, UsageError
from kintsu.io.store.history import open_history
from kintsu.monitor.deep import autoencoder, sequence
from kintsu.run import watching
from kintsu.run.backtest import backtest, backtest_batches
from kintsu.run.batches import Arrival, MonitorSettings
from kintsu.run.learnt_judges import MOST_ROWS, LearntJudges, RowsWatch, bounded, torn_apart
from kintsu.run.mend_batch import mend_batch

START = datetime(2026, 1, 5, tzinfo=UTC)
NOW = START + timedelta(days=90)
AREAS = {"Lyon": "Rhone", "Paris": "Seine", "Nice": "Var", "Lille": "Nord"}


def frame(day, rows=200):
    rng = np.random.default_rng([3, day])
    city = rng.choice(list(AREAS), rows)
    return pl.DataFrame(
        {"city": city, "area": [AREAS[c] for c in city.tolist()], "price": rng.lognormal(3, 0.4, rows).round(2)}
    )


def put(folder, day, rows):
    rows.write_csv(folder / f"o-{START + timedelta(days=day):%Y-%m-%d}.csv")


def torn(day):
    return frame(day).with_columns(pl.col("area").shuffle(seed=day))


def train_little(patch):
    """Three columns need little training, and the judge of sequences is not to be chosen."""
    patch.setattr(autoencoder, "STEPS", 150)
    patch.setattr(sequence, "STEPS", 5)


@pytest.fixture
def quick(monkeypatch):
    pytest.importorskip("torch")
    train_little(monkeypatch)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A watched table on which a backtest has chosen its judges."""
    pytest.importorskip("torch")
    root = tmp_path_factory.mktemp("deep")
    folder, home = root / "in", root / "store"
    folder.mkdir()
    for day in range(30):
        put(folder, day, frame(day))
    watching.add("o", MonitorSettings(str(folder)), home=home)
    watching.backfill("o", home=home, now=NOW)
    with pytest.MonkeyPatch.context() as patch:
        train_little(patch)
        found = backtest("o", steps=3, home=home, now=NOW, deep=True, apply=True)
    return SimpleNamespace(folder=folder, home=home, found=found)


def test_the_judge_that_sees_what_no_statistic_shows_is_chosen_and_kept(table):
    chosen = {each.judge: each for each in table.found.judges if each.is_chosen}
    assert list(chosen) == ["autoencoder"]
    best = chosen["autoencoder"]
    assert best.false_alarms[1] <= best.false_alarms[0] and best.recall[1] > best.recall[0] and best.p < 0.05
    settings = open_history(table.home).watched("o").settings
    assert settings["judges"] == {"autoencoder": best.threshold}
    assert table.found.to_dict()["judges"][0]["found"] == {"without": best.recall[0], "with": best.recall[1]}


def test_columns_that_no_longer_go_together_alarm_by_it_alone(table, quick):
    put(table.folder, 30, frame(30))
    put(table.folder, 31, torn(31))
    good, bad = watching.run(["o"], home=table.home, now=NOW)
    assert not good.alarm and bad.alarm and bad.state == "held"
    told = bad.judgement
    assert [cause.statistic for cause in told.causes] == ["autoencoder"] and told.issue == "drift"
    assert set(told.columns) == {"city", "area"}
    assert told.message.startswith("the rows no longer look like those before: ") and "`area`" in told.message


def test_the_gate_and_a_mending_ask_it_too(table, quick):
    put(table.folder, 35, torn(35))
    path = table.folder / f"o-{START + timedelta(days=35):%Y-%m-%d}.csv"
    gated = kt.gate(path, watched="o", home=table.home, now=NOW)
    recorded = kt.gate(path, watched="o", home=table.home, now=NOW, record=True)
    kept = open_history(table.home)
    row = kept.batch(kept.watched("o"), path.name)
    mended = mend_batch("o", path.name, home=table.home, now=NOW)
    assert [cause.statistic for cause in gated.judgement.causes] == ["autoencoder"]
    assert gated.judgement == recorded.judgement == mended.detected and row.judgement == gated.judgement.to_dict()
    assert mended.action in ("suggested", "held") and mended.validated.alarm


def test_beside_an_alarm_it_adds_a_cause_and_a_fact_needs_none(table, quick):
    put(table.folder, 40, torn(40).with_columns(price=pl.col("price") * 100))
    put(table.folder, 41, torn(41).drop("price"))
    scale, gone = (each.judgement for each in watching.run(["o"], home=table.home, now=NOW)[-2:])
    statistics = [cause.statistic for cause in scale.causes]
    assert scale.columns[0] == "price" and statistics[0] != "autoencoder" and statistics[-1] == "autoencoder"
    assert gone.issue == "schema" and "autoencoder" not in [cause.statistic for cause in gone.causes]


def test_batches_that_cannot_be_read_any_more_are_left_out(quick):

    def lost():
        raise InputError("gone")

    def arrival(day, load):
        return Arrival(f"{day}", START, None, None, "", load)

    rows = RowsWatch({"autoencoder": 5.0}, [arrival(99, lost), *(arrival(d, lambda d=d: frame(d)) for d in range(12))])
    quiet = watching.BatchJudgement(False, 0.1, "none", (), (), "judged", 12)
    assert rows.add_to(quiet, torn(20)).alarm and not rows.add_to(quiet, frame(20)).alarm
    learning = watching.BatchJudgement(False, 0.0, "none", (), (), "learning", 2)
    assert rows.add_to(learning, torn(20)) is learning


def test_without_torch_it_says_what_to_install_and_the_plain_backtest_runs(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    batches = [Arrival(f"{d}", START, None, None, f"{d}", lambda d=d: frame(d, 60)) for d in range(9)]
    with pytest.raises(MissingExtra, match=r"kintsu\[deep\]"):
        backtest_batches(batches, MonitorSettings("x"), steps=1, deep=True)
    assert backtest_batches(batches, MonitorSettings("x"), steps=1).judges == ()
    put(tmp_path, 0, frame(0))
    watching.add("o", MonitorSettings(str(tmp_path), judges={"autoencoder": 5.0}), home=tmp_path / "store")
    with pytest.raises(MissingExtra, match=r"kintsu\[deep\]"):
        watching.run(["o"], home=tmp_path / "store", now=NOW)


def test_unknown_judges_are_refused():
    with pytest.raises(UsageError, match="no judge 'oracle'"):
        LearntJudges(["oracle"])


def test_rows_are_bounded_whatever_their_order():
    many = pl.DataFrame({"x": np.arange(3 * MOST_ROWS), "s": [f"v{i}" for i in range(3 * MOST_ROWS)]})
    kept, other = bounded(many), bounded(many.sample(fraction=1, shuffle=True, seed=1))
    assert kept.height == MOST_ROWS and kept.sort("x").equals(other.sort("x"))
    assert bounded(many.head(5)).equals(many.head(5))


def test_only_columns_that_go_together_are_torn_apart():
    assert torn_apart(frame(1)) in {"city", "area"}
    assert torn_apart(frame(1).drop("area")) is None
    independent = frame(1).with_columns(pl.col("area").shuffle(seed=1))
    assert torn_apart(independent) is None and torn_apart(frame(1).clear()) is None
