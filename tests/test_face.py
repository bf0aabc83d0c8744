"""The public face: every name can be imported, nothing heavy is imported before it is used."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module

import polars as pl
import pytest

import kintsu


@pytest.mark.parametrize("name", kintsu.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(kintsu, name) is not None
    assert name in dir(kintsu)


def test_every_public_name_is_listed():
    assert {*kintsu._FACE, *kintsu._VERBS, "__version__"} == set(kintsu.__all__)


@pytest.mark.parametrize("verb", kintsu._VERBS)
def test_a_room_that_shares_a_verb_s_name_is_still_a_room(verb):
    room = import_module(f"kintsu.{verb}")
    assert room is getattr(kintsu, verb) and callable(room) and room.__name__ == f"kintsu.{verb}"
    function = getattr(import_module(kintsu._VERBS[verb]), verb)
    assert inspect.signature(room) == inspect.signature(function)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing_here"):
        kintsu.nothing_here  # noqa: B018 - reading it is the test


def test_importing_the_package_imports_nothing_heavy():
    heavy = ("polars", "numpy", "typer", "rich", "holidays", "statsforecast")
    code = f"import sys, kintsu; print([m for m in {heavy} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    cities = [("75001", "Paris"), ("69001", "Lyon"), ("13001", "Marseille"), ("31000", "Toulouse")] * 60
    return pl.DataFrame(cities, schema=["zip", "city"], orient="row").with_row_index("id")


def test_a_frame_comes_back_in_the_kind_that_was_given(people):
    typo = people.with_columns(city=pl.when(pl.col("id") == 42).then(pl.lit("Marsseille")).otherwise("city"))
    healed = kintsu.heal(typo)
    assert isinstance(healed.frame, pl.DataFrame) and healed.frame.equals(people)
    pandas = kintsu.heal(typo.to_pandas()).frame
    assert type(pandas).__module__.startswith("pandas") and pandas["city"].to_list() == people["city"].to_list()


def test_results_show_themselves_in_a_notebook(people):
    for result in (kintsu.heal(people, crash_test=False), kintsu.check(people), kintsu.profile(people)):
        assert "city" in result._repr_html_() or "240 rows" in result._repr_html_()
