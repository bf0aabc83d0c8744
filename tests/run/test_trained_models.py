"""Models trained on past batches: compared with what is live, promoted only if better, used by the monitor."""

import json
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

import kintsu as kt
from kintsu.core.errors import InputError, OutputError, UsageError
from kintsu.io.store import schema
from kintsu.io.store.database import writing
from kintsu.io.store.models import About
from kintsu.monitor.classify.model import CLASSES, IssueModel, shipped_model
from kintsu.monitor.classify.train import Parameters
from kintsu.run import watching
from kintsu.run.batches import MonitorSettings
from kintsu.run.issue_history import Amount
from kintsu.run.issue_kind import Measured, drift_of_confidence
from kintsu.run.mend_batch import mend_batch
from kintsu.run.model_files import export_model, import_model
from kintsu.run.models import Models, compare

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
FIRST = date(2026, 1, 5)
SMALL = Parameters(n_rounds=6, n_forest=6, n_folds=2, min_leaf=4)
AMOUNT = Amount(steps=10, rounds=3)


def deliver(folder, day, change=None):
    rng = np.random.default_rng(day)
    frame = pl.DataFrame(
        {
            "price": rng.lognormal(3, 0.5, 60).round(2),
            "city": rng.choice(["Lyon", "Nice", "Brest"], 60, p=[0.6, 0.3, 0.1]),
            "email": [f"u{k}@example.org" for k in rng.integers(0, 900, 60)],
        }
    )
    path = folder / f"orders-{FIRST + timedelta(days=day)}.csv"
    (frame if change is None else frame.with_columns(change)).write_csv(path)
    return path.name


EMPTY = pl.when(pl.int_range(pl.len()) % 3 > 0).then(None).otherwise("email").alias("email")


@pytest.fixture
def orders(tmp_path):
    folder = tmp_path / "orders"
    folder.mkdir()
    for day in range(18):
        deliver(folder, day)
    watching.add("orders", MonitorSettings(str(folder / "*.csv")), home=tmp_path / "store")
    watching.backfill("orders", home=tmp_path / "store", now=NOW)
    return folder


@pytest.fixture
def models(orders, tmp_path):
    return Models.open(tmp_path / "store")


def measured(losses, right, batch):
    return Measured(np.array(losses, float), np.array(batch), np.array(right, bool), {})


def shipped_as(models, name="issues"):
    return models.registry.register(name, shipped_model().to_bytes(), About(), by="ann")


def test_a_retraining_promotes_nothing_that_is_no_better_and_says_the_figures(models):
    pytest.importorskip("lightgbm")
    seen = {"orders": {"until": "2026-01-20T23:59:59.999999+00:00"}}  # the first of the three that are held back
    models.registry.register("issues", shipped_model().to_bytes(), About(data={"tables": seen}), by="ann")
    models.promote("issues", 1, by="ann")
    young = models.retrain("issues", older_than="7d", amount=AMOUNT, parameters=SMALL)
    assert young.version is None and "younger than 7d" in young.message and len(models.versions()) == 1
    done = models.retrain("issues", older_than="7d", amount=AMOUNT, parameters=SMALL, by="cron", now=LATER)
    assert not done.is_promoted and (done.version.version, done.version.stage) == (2, "candidate")
    assert done.comparison.live == 1 and done.comparison.n_batches == 2 and done.comparison.n_cases > 60
    assert done.comparison.p_value >= 1 / 4
    assert "version 2 not promoted: log loss" in done.message and "fewer than 7 batches" in done.message
    about = done.version.about
    assert about.lineage["parent"] == 1 and about.data["tables"]["orders"]["batches"] == 15
    assert len(about.data["tables"]["orders"]["sha256"]) == 64 and about.parameters["n_rounds"] == 6
    assert about.metrics["compared"] == done.comparison.to_dict() and about.metrics["n_batches"] == 3
    assert json.loads(json.dumps(done.to_dict()))["promoted"] is False
    assert models.find("issues").version == 1
    assert models.drift("issues")["backtest"]["right_now"] == done.comparison.live_right


def test_only_a_gain_in_nearly_all_batches_is_more_than_chance():
    batch = np.repeat(np.arange(8).astype(str), 5)
    bad, good = [1.0] * 40, [0.5] * 40
    better = compare(measured(good, [True] * 40, batch), measured(bad, [True] * 40, batch))
    assert better.p_value == 1 / 256 and better.is_better and (better.n_cases, better.n_batches) == (40, 8)
    assert not compare(measured(bad, [True] * 40, batch), measured(good, [True] * 40, batch)).is_better
    equal = compare(measured(good, [True] * 40, batch), measured(good, [True] * 40, batch))
    assert equal.p_value == 1 and not equal.is_better
    one_batch = [0.0 if i < 5 else 1.0 for i in range(40)]  # 5 cases, but one witness
    assert compare(measured(one_batch, [True] * 40, batch), measured(bad, [True] * 40, batch)).p_value == 0.5
    wrong = compare(measured(good, [False] * 40, batch), measured(bad, [True] * 40, batch))
    assert wrong.p_value < 0.01 and not wrong.is_better  # surer, and less often right
    many = np.arange(40).astype(str)
    assert compare(measured(good, [True] * 40, many), measured(bad, [True] * 40, many)).p_value == 1 / 10_000
    assert "neither model saw" in compare(measured([], [], []), measured([], [], [])).message


def always_drift():
    """A model that calls every batch that alarms drift."""
    model = IssueModel.from_bytes(shipped_model().to_bytes(), "here")
    model.calibration.offset[:] = np.where(np.array(CLASSES) == "drift", 50.0, -50.0)
    return model.to_bytes()


def test_a_retraining_promotes_what_is_better_in_every_batch(models):
    pytest.importorskip("lightgbm")
    models.registry.register("issues", always_drift(), About(), by="ann")
    models.promote("issues", 1, by="ann")
    amount = Amount(steps=11, rounds=4, held=0.64)
    done = models.retrain("issues", amount=amount, parameters=SMALL, by="cron", now=NOW)
    assert done.is_promoted and done.comparison.n_batches == 7 and done.comparison.p_value == 1 / 128
    assert done.comparison.candidate_right > 0.6 > done.comparison.live_right
    assert [each.stage for each in models.versions()] == ["archived", "live"]
    last = models.promotions("issues")[-1]
    assert (last.version, last.before, last.by) == (2, 1, "cron") and "retrained: log loss" in last.why


def test_the_monitor_uses_the_live_model_of_the_store(models, orders, tmp_path):
    models.registry.register("issues", always_drift(), About(), by="ann")
    shipped_as(models, "issues:orders")
    bad = deliver(orders, 18, EMPTY)

    def issue():
        deliver(orders, 18, EMPTY)  # written anew, so it is judged again
        (told,) = watching.run(home=tmp_path / "store", now=NOW)
        assert told.batch == bad and told.alarm
        return told.judgement

    assert issue().issue == "missing"
    models.promote("issues", 1, by="ann")
    assert issue().issue == "drift"
    models.promote("issues:orders", 1, by="ann")  # its own comes first
    assert issue().issue == "missing"
    models.rollback("issues:orders", by="ann")
    assert issue().issue == "drift"
    assert models.drift("issues")["alarms"] == 1 and models.drifts().keys() == {"issues"}
    with writing(models.history.engine) as connection:
        connection.execute(schema.models.update().values(body=b"altered", sha256="0" * 64))
    told = issue()  # a model that cannot be read keeps no batch from being judged
    assert told.issue == "missing" and "was altered" in told.notes[-1]


def test_a_model_goes_from_store_to_store(models, tmp_path):
    shipped_as(models)
    out = tmp_path / "issues.kintsu"
    export_model(models, "issues", out)
    with pytest.raises(OutputError, match="exists already"):
        export_model(models, "issues", out)
    other = Models.open(tmp_path / "other", create=True)
    made = import_model(other, out, by="bob")
    assert (made.name, made.version, made.stage, made.sha256) == (
        "issues",
        1,
        "candidate",
        models.find("issues").sha256,
    )
    assert made.about.lineage["imported"] == "issues.kintsu"
    plain = tmp_path / "own.npz"
    plain.write_bytes(shipped_model().to_bytes())
    assert import_model(other, plain, "issues:orders").name == "issues:orders"
    with zipfile.ZipFile(out) as held:
        description, body = held.read("kintsu-model.json"), held.read("body")
    with zipfile.ZipFile(tmp_path / "altered.kintsu", "w") as held:
        held.writestr("kintsu-model.json", description)
        held.writestr("body", body[:-1] + b"x")
    with pytest.raises(InputError, match="was altered"):
        import_model(other, tmp_path / "altered.kintsu")
    (tmp_path / "notes.txt").write_text("no model")
    for path, message in (("notes.txt", "holds no model"), ("gone.kintsu", "cannot be read")):
        with pytest.raises(InputError, match=message):
            import_model(other, tmp_path / path)
    assert len(other.versions()) == 2


def test_what_cannot_be_used_is_not_promoted(models):
    models.registry.register("issues", b"no model", About(), by="ann")
    with pytest.raises(InputError, match="version 1 of model 'issues' holds no model of issues"):
        models.promote("issues", 1)
    assert models.registry.live(["issues"]) == {}


def test_names_and_tables_that_are_not_there_are_told(models):
    with pytest.raises(UsageError, match="is no name of a model: it is issues, alone or with a watched table"):
        models.train("prices")
    with pytest.raises(UsageError, match="no table 'order' is watched; did you mean 'orders'"):
        models.train("issues:order")
    with pytest.raises(UsageError, match="none was trained yet"):
        models.find("issues")
    shipped_as(models)
    with pytest.raises(UsageError, match="no version 9 of model 'issues': there is 1"):
        models.find("issues", 9)
    with pytest.raises(UsageError, match="no registry 'elsewhere'"):
        Models.open(models.history.place, "elsewhere")


def test_a_young_history_has_nothing_to_learn_from(tmp_path):
    folder = tmp_path / "few"
    folder.mkdir()
    for day in range(5):
        deliver(folder, day)
    watching.add("few", MonitorSettings(str(folder / "*.csv")), home=tmp_path / "store")
    watching.backfill("few", home=tmp_path / "store", now=NOW)
    with pytest.raises(UsageError, match=r"few: 5 good batches are too few. A table needs 9"):
        Models.open(tmp_path / "store").train("issues", now=NOW)


def test_given_tables_are_learnt_from_and_their_last_rows_held_back(tmp_path):
    pytest.importorskip("lightgbm")
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"a": rng.normal(size=2000), "b": rng.choice(["x", "yy", "zzz"], 2000)})
    models = Models.open(tmp_path / "store", create=True)
    told = models.train("issues", {"mine": frame}, amount=Amount(rounds=9), parameters=SMALL)
    assert told.about.data["tables"]["mine"]["rows"] == 1400 and told.about.metrics["n_cases"] > 100
    assert models.drift("issues") is None


def alarms(confidences, **states):
    rows = []
    for i, confidence in enumerate(confidences):
        told = {"issue": "drift", "confidence": confidence, "causes": [{"statistic": "q50"}]}
        state = next((state for state, upto in states.items() if i < upto), "held")
        rows.append(watching.BatchRow(f"b{i}", NOW, 9, {}, state=state, alarm=True, issue="drift", judgement=told))
    return rows


def test_a_model_that_is_less_sure_than_at_its_training_has_drifted():
    at_training = {"unsure_below": 0.9, "mean_confidence": 0.97, "issues": {"drift": 1.0}}
    sure = drift_of_confidence(alarms([0.95] * 27 + [0.8] * 3, rejected=8), at_training)
    assert (sure["is_less_sure"], sure["unsure"], sure["precision"]) == (False, 0.1, 1.0)
    unsure = drift_of_confidence(alarms([0.95] * 15 + [0.5] * 15, rejected=3), at_training)
    assert unsure["is_less_sure"] and unsure["p_value"] < 0.001 and unsure["mean_confidence"] == 0.725
    few = drift_of_confidence(alarms([0.1] * 19), at_training)
    assert few["is_less_sure"] is None and few["alarms"] == 19 and few["issues"] == {"drift": 1.0}
    schema_ = alarms([0.1] * 30)
    for row in schema_:
        row.judgement["issue"] = "schema"  # a fact, which no model named
    assert drift_of_confidence(schema_, at_training)["alarms"] == 0


def test_either_database_keeps_the_live_model(store_place, orders):
    models = Models.open(store_place, create=True)
    watching.add("orders", MonitorSettings(str(orders / "*.csv")), home=store_place, replace=True)
    watching.backfill("orders", home=store_place, now=NOW)
    shipped_as(models)
    models.promote("issues", 1, by="ann")
    deliver(orders, 18, EMPTY)
    (told,) = watching.run(home=store_place, now=NOW)
    assert told.judgement.issue == "missing" and not told.judgement.notes
    drift = models.drift("issues")
    assert drift["alarms"] == 1 and drift["state"] == "unknown" and drift["issues"] == {"missing": 1.0}
    assert models.rollback("issues", by="ann") is None
    models.history.engine.dispose()


def test_a_batch_has_one_name_wherever_it_is_asked(models, orders, tmp_path):
    shipped = shipped_model()
    offset = np.where(np.array(CLASSES) == "volume", 100.0, shipped.calibration.offset)  # calls everything a volume
    named = replace(shipped, calibration=replace(shipped.calibration, offset=offset))
    models.registry.register("issues", named.to_bytes(), About(), by="ann")
    models.promote("issues", 1, by="ann")
    home, name = tmp_path / "store", deliver(orders, 18, EMPTY)
    path = orders / name
    gated = kt.gate(path, watched="orders", home=home, now=NOW)
    (judged,) = watching.run(home=home, now=NOW)
    mended = mend_batch("orders", name, home=home, now=NOW)
    assert judged.judgement.issue == "volume"
    assert mended.detected == judged.judgement == gated.judgement
