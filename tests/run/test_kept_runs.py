"""Heals and checks leave their figures in the history; nothing that fails there touches the table."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

import kintsu as kt
from kintsu.core.errors import UsageError
from kintsu.io.store.database import writing
from kintsu.io.store.history import History
from kintsu.run import retention, watching
from kintsu.run.assess import opened, untrained
from kintsu.run.batches import MonitorSettings
from kintsu.run.kept_runs import course, history_beside, keep_run
from kintsu.run.log import verify

CITIES = ["Paris", "Lyon", "Marseille", "Toulouse"]


@pytest.fixture(autouse=True)
def no_home(monkeypatch):
    monkeypatch.delenv("KINTSU_HOME", raising=False)


@pytest.fixture
def people(tmp_path) -> Path:
    cities = [CITIES[n % 4] for n in range(240)]
    cities[17] = "Lyno"
    frame = pl.DataFrame(
        {"zip": [75000 + n % 4 for n in range(240)], "city": cities, "weight": [50 + n % 37 for n in range(240)]}
    )
    path = tmp_path / "people.csv"
    frame.with_columns(note=pl.when(pl.int_range(240) < 60).then(pl.lit("x"))).write_csv(path)
    return path


def test_the_course_of_a_table_tells_the_scores_of_its_heals_and_checks(people):
    before = kt.check(people)
    assert not (people.parent / ".kintsu").exists()  # a check makes no store
    healed = kt.heal(people)
    checked = kt.check(people)
    assert checked.scores == before.scores and checked.failed == ()
    home = people.parent / ".kintsu"
    found = course("people", None, home=home)
    assert found["kind"].to_list() == ["heal", "check"] and found["run"][0] == healed.run
    assert found["rows"].to_list() == [240, 240] and set(found["input"]) == {str(people)}
    told = healed.run_object()
    assert found["score:overall"].to_list() == pytest.approx([before.scores["overall"]] * 2, rel=1e-6)
    assert found["after:overall"].to_list() == [pytest.approx(told["scores_after"]["overall"], rel=1e-6), None]
    assert (found["applied"][0], found["suggested"][0]) == (told["applied"], told["suggested"])
    assert found["completeness:note"].to_list() == [0.25, 0.25]
    assert found["mean:weight"][0] == pytest.approx(sum(50 + n % 37 for n in range(240)) / 240, rel=1e-6)
    assert course(str(people), home=home).equals(course("peo*", home=home))
    with pytest.raises(UsageError, match=r"did you mean 'people\.csv'"):
        course("peolpe", home=home)
    verify(home=home)


def test_no_value_of_a_sensitive_column_and_no_small_table_is_told(people):
    kt.heal(people, sensitive=("weight",))
    names = course("people", None, home=people.parent / ".kintsu").columns
    assert "completeness:weight" in names and "mean:weight" not in names and "mean:zip" in names
    few = people.with_name("few.csv")
    pl.read_csv(people).head(20).write_csv(few)
    kt.check(few)
    assert not [n for n in course("few", None, home=people.parent / ".kintsu").columns if n.startswith("mean:")]


def test_runs_are_no_batches_of_a_watched_table_of_the_same_file(people):
    home = people.parent / ".kintsu"
    kt.heal(people)
    watching.add("people", MonitorSettings(str(people)), home=home)
    watching.backfill("people", home=home)
    kt.check(people)
    (status,) = watching.status(home=home)
    assert (status.table, status.n_batches) == ("people", 1)
    assert course("people", home=home).height == 2


def test_what_leaves_no_trace_leaves_none(people):
    kt.heal(people, dry_run=True)
    kt.heal(pl.read_csv(people))
    kt.check(people, keep=False)
    assert not (people.parent / ".kintsu").exists()
    kt.heal(people)
    kt.gate(people, fail_under=1)
    kt.check(pl.read_csv(people))
    assert course("people", home=people.parent / ".kintsu").height == 1


def test_a_history_that_cannot_be_written_is_told_and_the_table_is_mended(people, tmp_path):
    kt.heal(people)
    home = people.parent / ".kintsu"
    with writing(History(home).engine) as connection:
        connection.execute(text("ALTER TABLE layouts RENAME TO elsewhere"))
    healed = kt.heal(people, out=tmp_path / "again.csv")
    assert [step.name for step in healed.failed] == ["history"] and "layouts" in healed.failed[0].error
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "people.healed.csv").read_bytes()
    assert healed.run_object()["steps_failed"][0]["step"] == "history"
    assert [step.name for step in kt.check(people).failed] == ["history"]


def test_either_database_keeps_the_same_course(people, store_place):
    history = History(store_place)
    assessed = untrained(opened(people, kt.ReadOptions()))
    told = {"scores": {"overall": 90.5, "accuracy": None}, "findings": 3, "applied": 2}
    for month in (1, 2, 3):
        at = datetime(2026, month, 5, tzinfo=UTC).isoformat()
        assert keep_run(history, f"r-{month}", "heal", at, assessed, told) == ()
    found = course("people", ["score:overall", "findings", "distinct:city"], home=store_place)
    assert found["run"].to_list() == ["r-1", "r-2", "r-3"] and found["score:overall"].to_list() == [90.5] * 3
    assert found["distinct:city"].to_list() == pytest.approx([5 / 240] * 3, rel=1e-6)
    assert course("people", days=30, home=store_place)["run"].to_list() == ["r-2", "r-3"]
    pruned = retention.prune(keep_days=1, home=store_place, now=datetime(2026, 3, 6, tzinfo=UTC))
    assert pruned.months == 1  # the newest packed month stays
    assert course("people", home=store_place)["run"].to_list() == ["r-2", "r-3"]
    history.engine.dispose()


def test_a_check_writes_where_a_heal_would(people, tmp_path, monkeypatch):
    table = opened(people, kt.ReadOptions())
    assert history_beside(table) is None and not (people.parent / ".kintsu").exists()
    kt.check(people, home=tmp_path / "named")
    assert course("people", home=tmp_path / "named").height == 1
    monkeypatch.setenv("KINTSU_HOME", str(tmp_path / "named"))
    kt.check(people)
    assert course("people").height == 2
