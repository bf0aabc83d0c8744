"""Formulas and texts put together from others name the guilty cell and mend it."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kintsu.core.batch import Batch
from kintsu.core.frames import FINDINGS, REPAIRS, concat, empty
from kintsu.detect.arithmetic import ArithmeticViolation
from kintsu.heal.derived import DerivedText, Formula
from kintsu.testing.checks import check_detector, check_healer

sys.path.insert(0, str(Path(__file__).parents[1] / "rules"))

import made


def repaired(healer, frame: pl.DataFrame) -> pl.DataFrame:
    ref = made.reference(frame)
    model = healer.train(ref)
    return concat([healer.propose(b, empty(FINDINGS), model, ref)[1] for b in made.batches(frame)], REPAIRS)


def measured(repairs: pl.DataFrame, truth: pl.DataFrame) -> tuple[float, float]:
    joined = repairs.join(truth, on=["row", "column"], how="left")
    right = int((joined["new"] == joined["original"]).sum() or 0)
    return right / max(len(repairs), 1), right / len(truth)


@pytest.mark.parametrize(("rate", "floor"), [(0.02, 0.97), (0.002, 0.92)])
def test_formulas_reach_their_floor(rate, floor):
    rng = np.random.default_rng(9)
    rates = dict.fromkeys(["quantity", "price", "net", "vat", "gross"], rate)
    dirty, truth = made.broken(made.invoices(rng, 4000), rng, rates, ("outlier", "missing", "typo"))
    precision, recall = measured(repaired(Formula(), dirty), truth)
    assert precision >= floor and recall >= 0.9, (precision, recall)


def test_one_wrong_cell_is_named_among_four():
    dirty = made.invoices(np.random.default_rng(2), 800)
    index = pl.int_range(pl.len())
    dirty = dirty.with_columns(gross=pl.when(index == 3).then(pl.lit("-1.00")).otherwise("gross"))
    repairs = repaired(Formula(), dirty)
    assert repairs.select("row", "column").rows() == [(3, "gross")]
    assert "gross = net" in repairs["why"][0]


def test_clean_tables_are_left_alone():
    for name, table in made.TABLES.items():
        clean = table(np.random.default_rng(4))
        assert repaired(Formula(), clean).is_empty() and repaired(DerivedText(), clean).is_empty(), name


def badges(rng: np.random.Generator) -> pl.DataFrame:
    return made.staff(rng, 2000).with_columns(
        badge=pl.concat_str("country", pl.lit("-"), "employee"),
        login=pl.concat_str(
            pl.col("name").str.head(1), pl.lit("."), pl.col("name").str.split(" ").list.last()
        ).str.to_lowercase(),
    )


def test_derived_texts_reach_their_floor():
    rng = np.random.default_rng(11)
    rates = {"badge": 0.03, "login": 0.03, "country": 0.01}
    dirty, truth = made.broken(badges(rng), rng, rates, ("typo", "missing"))
    precision, recall = measured(repaired(DerivedText(), dirty), truth)
    assert precision >= 0.97 and recall >= 0.9, (precision, recall)


def test_derived_texts_are_found_where_a_quarter_of_the_cells_is_damaged():
    rng = np.random.default_rng(12)
    dirty, truth = made.broken(
        badges(rng), rng, dict.fromkeys(["badge", "country", "employee"], 0.25), ("typo", "missing")
    )
    repairs = repaired(DerivedText(), dirty).filter(pl.col("column") == "badge")
    precision, recall = measured(repairs, truth.filter(pl.col("column") == "badge"))
    assert precision >= 0.85 and recall >= 0.5, (precision, recall)


def test_a_text_that_is_well_put_together_is_as_likely_right_as_its_parts():
    people = badges(np.random.default_rng(13)).select("name", "country", "employee", "badge")
    country = "DE" if people["country"][7] != "DE" else "FR"
    index = pl.int_range(pl.len())
    dirty = people.with_columns(country=pl.when(index == 7).then(pl.lit(country)).otherwise("country"))
    assert repaired(DerivedText(), dirty).is_empty()


def test_keeps_the_contracts():
    rng = np.random.default_rng(1)
    rates = dict.fromkeys(["quantity", "price", "net", "vat", "gross", "vendor"], 0.1)
    dirty, _ = made.broken(made.invoices(rng, 150), rng, rates, ("outlier", "missing", "typo"))
    ref = made.reference(dirty)
    check_detector(ArithmeticViolation(), Batch.of(dirty), ref)
    check_healer(Formula(), Batch.of(dirty), empty(FINDINGS), ref)
    table, _ = made.broken(badges(rng), rng, {"badge": 0.05, "country": 0.05}, ("typo", "missing"))
    check_healer(DerivedText(), Batch.of(table), empty(FINDINGS), made.reference(table))
