"""What the report of a heal is drawn from is kept with its run: the same page comes from it, and it can be purged."""

from __future__ import annotations

import json

import polars as pl
import pytest

from kintsu.diagnose.report import render
from kintsu.io.store.reports import put_report, read_report
from kintsu.io.store.store import Store
from kintsu.run.heal import heal
from kintsu.run.log import verify
from kintsu.run.store import prune, purge, sizes
from kintsu.run.undo import undo

CITIES = ["Avignon", "Bordeaux", "Clermont", "Dunkerque"]
SECRET = "Zanzibarsson"


@pytest.fixture
def table(tmp_path):
    """Cities with typos, and names that nobody may see, one of them mistyped."""
    names = [SECRET if i % 2 else "Adlerhoff" for i in range(240)]
    names[7] = SECRET.replace("ss", "s")
    cities = [CITIES[i % 4] + ("x" if i % 60 == 5 else "") for i in range(240)]
    frame = pl.DataFrame(
        {"id": range(240), "city": cities, "name": names, "age": [20 + 7 * i % 41 for i in range(240)]}
    )
    frame.write_csv(tmp_path / "people.csv")
    return tmp_path / "people.csv"


def kept(home, run):
    store = Store(home)
    return read_report(store, store.run(run))


def test_the_page_is_drawn_from_what_is_kept(table, tmp_path):
    home = tmp_path / "store"
    run = heal(table, home=home, report=tmp_path / "report.html").run
    assert render(kept(home, run)) == (tmp_path / "report.html").read_text(encoding="utf-8")
    assert verify(home=home).gone == 0 and sizes(home=home).unclaimed == 0


def test_a_heal_has_it_with_or_without_a_page_and_an_undo_has_none(table, tmp_path):
    home = tmp_path / "store"
    result = heal(table, home=home, auto=0.5, crash_test=False)
    told = kept(home, result.run)
    assert told == json.loads(json.dumps(result.report, default=str), parse_constant=lambda _: None)
    assert told["run"]["applied"] == result.run_object()["applied"] > 0
    assert kept(home, undo(result.run, home=home).change) is None
    planned = heal(table, home=home, dry_run=True, crash_test=False)
    assert [each.id for each in Store(home).runs(kind="heal")] == [result.run] != [planned.run]


def test_no_value_of_a_masked_column_is_in_it(table, tmp_path):
    home = tmp_path / "store"
    words = {hidden: json.dumps(kept(home, heal(table, home=home, out=tmp_path / f"{hidden}.csv", auto=0.5,
                                                sensitive=("name",) if hidden else ()).run))
             for hidden in (False, True)}  # fmt: skip
    for text in (SECRET, SECRET.replace("ss", "s"), "Adlerhoff"):
        assert text in words[False] and text not in words[True], text
    assert "Dunkerque" in words[True]


@pytest.mark.parametrize(
    "forget", [lambda home, run: purge(home=home, run=run), lambda home, run: prune(home=home, keep=0)]
)
def test_it_goes_with_the_values_of_its_run(table, tmp_path, forget):
    home = tmp_path / "store"
    run = heal(table, home=home, crash_test=False).run
    digest = Store(home).run(run).report
    assert Store(home).blobs.has(digest)
    forget(home, run)
    assert kept(home, run) is None and not Store(home).blobs.has(digest)
    verify(home=home)


def test_what_is_no_number_comes_back_as_nothing(table, tmp_path):
    store = Store(tmp_path / "store")
    run = store.run(heal(table, home=store.home, crash_test=False).run)
    put = put_report(store, {"share": float("nan"), "text": "Bœuf"})
    assert read_report(store, run.but(**put)) == {"share": None, "text": "Bœuf"}
