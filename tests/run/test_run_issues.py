"""Issues of a run: the same from the document that was kept with it as from its findings."""

from __future__ import annotations

from importlib import import_module

import polars as pl
import pytest

from kintsu.diagnose.masking import HIDDEN, Veil
from kintsu.run import issues as looking
from kintsu.run.heal import heal
from kintsu.run.issues import issues
from kintsu.run.store import purge
from kintsu.run.undo import undo

CITIES = ["Avignon", "Bordeaux", "Clermont", "Dunkerque"]
WIDTH = 6
DRAWN = 3  # issues that the document of a run has


@pytest.fixture
def healed(tmp_path, request, monkeypatch):
    """A heal of a table with a typo in each column, some of which may be sensitive."""
    cities = {f"c{k:02}": [CITIES[(i + k) % 4] + ("x" if i == k else "") for i in range(80)] for k in range(WIDTH)}
    pl.DataFrame({"id": range(80), **cities}).write_csv(tmp_path / "towns.csv")
    monkeypatch.setattr(import_module("kintsu.diagnose.report.collect"), "ISSUES", DRAWN)
    home, hidden = tmp_path / "home", getattr(request, "param", ())
    return home, heal(tmp_path / "towns.csv", home=home, auto=0.5, crash_test=False, sensitive=hidden).run


def pages(home, run, limit, **how):
    """All of them, page by page."""
    found, start = [], "0"
    while start is not None:
        page = issues(run, home=home, start=int(start), limit=limit, **how)
        found += page.items
        start = page.next
    return found


@pytest.mark.parametrize("healed", [(), ("c03",)], indirect=True, ids=["open", "sensitive"])
def test_the_document_and_the_findings_tell_the_same(healed, monkeypatch):
    home, run = healed
    told = {limit: pages(home, run, limit) for limit in (2, 500)}
    assert told[2] == told[500]
    monkeypatch.setattr(looking, "_of_report", lambda *_: None)
    looked = {limit: pages(home, run, limit) for limit in (2, 500)}
    assert told[2] == told[500] == looked[2] == looked[500] and len(told[2]) >= WIDTH
    costs = [line["cost"] for line in told[2]]
    assert costs == sorted(costs, reverse=True) and {line["run"] for line in told[2]} == {run}
    assert all("plot" not in line and line["examples"] for line in told[2])


@pytest.mark.parametrize("healed", [("c03",)], indirect=True, ids=["sensitive"])
def test_values_are_shown_to_those_who_may_see_them_alone(healed):
    home, run = healed
    for veil, is_hidden in ((None, True), (Veil(lifted=True), False), (Veil(("c*",)), True)):
        line = next(each for each in pages(home, run, 50, veil=veil) if each["column"] == "c03")
        assert (line["examples"][0]["value"] == HIDDEN) == is_hidden
    hidden = {each["column"]: each["examples"][0]["value"] for each in pages(home, run, 50, veil=Veil(("c*",)))}
    assert {value for name, value in hidden.items() if name and name.startswith("c")} == {HIDDEN}


def test_the_findings_are_not_read_where_the_document_tells(healed, monkeypatch):
    home, run = healed
    told = pages(home, run, 500)
    monkeypatch.delattr(looking, "_of_findings")
    assert issues(run, home=home, start=1, limit=2).items == told[1:3]


def test_what_is_not_kept_is_not_told(healed):
    home, run = healed
    assert issues(undo(run, home=home).change, home=home).items == []
    assert "c04" in {each["column"] for each in pages(home, run, 50)}
    purge(home=home, run=run)
    assert issues(run, home=home).items == []
