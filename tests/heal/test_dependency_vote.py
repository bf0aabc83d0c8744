"""Votes mend made-up tables of several domains; floors that a refactoring must not lose."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.batch import Batch
from kintsu.core.frames import FINDINGS, REPAIRS, concat, empty
from kintsu.detect.dependency import DependencyViolation
from kintsu.heal.dependency_vote import DependencyVote
from kintsu.testing.checks import check_detector, check_healer

sys.path.insert(0, str(Path(__file__).parents[1] / "rules"))

import made

RATES = {
    "staff": dict.fromkeys(["name", "department", "manager", "site", "country"], 0.02) | {"employee": 0.005},
    "invoices": dict.fromkeys(["vendor_name", "country", "currency"], 0.03) | {"vendor": 0.01},
    "sensors": dict.fromkeys(["model", "vendor", "room", "floor", "building"], 0.1) | {"device": 0.01},
    "seller_reports": {"title": 0.3, "publisher": 0.4, "year": 0.35, "pages": 0.5},
}


def repaired(frame: pl.DataFrame) -> pl.DataFrame:
    ref, healer = made.reference(frame), DependencyVote()
    model = healer.train(ref)
    return concat([healer.propose(b, empty(FINDINGS), model, ref)[1] for b in made.batches(frame)], REPAIRS)


def measured(repairs: pl.DataFrame, truth: pl.DataFrame) -> tuple[float, float]:
    """Precision and recall of repairs."""
    joined = repairs.join(truth, on=["row", "column"], how="left")
    right = int((joined["new"] == joined["original"]).sum() or 0)
    return right / max(len(repairs), 1), right / len(truth)


@pytest.mark.parametrize(
    ("name", "scale", "precision", "recall"),
    [
        ("staff", 1, 0.9, 0.93),
        ("staff", 0.1, 0.9, 0.9),
        ("invoices", 1, 0.93, 0.95),
        ("sensors", 1, 0.96, 0.95),
        ("sensors", 0.1, 0.93, 0.93),
        ("seller_reports", 1, 0.97, 0.9),
        ("seller_reports", 0.1, 0.97, 0.95),
    ],
)
def test_reaches_its_floor(name, scale, precision, recall):
    rng = np.random.default_rng(21)
    rates = {column: rate * scale for column, rate in RATES[name].items()}
    dirty, truth = made.broken(made.TABLES[name](rng), rng, rates, ("typo", "fd", "missing"))
    repairs = repaired(dirty)
    p, r = measured(repairs, truth)
    assert p >= precision and r >= recall, (p, r)
    sure, _ = measured(repairs.filter(pl.col("score") >= 0.95), truth)
    assert sure >= 0.97, f"what is applied without asking is right: {sure}"


@pytest.mark.parametrize("name", made.TABLES)
def test_leaves_a_clean_table_alone(name):
    clean = made.TABLES[name](np.random.default_rng(3))
    assert len(repaired(clean)) <= 0.0003 * clean.height * clean.width


def test_sources_that_disagree_half_and_half_are_not_settled():
    rng = np.random.default_rng(0)
    key = np.repeat(np.arange(60), 10)
    value = np.where(np.tile(np.arange(10) < 5, 60), key * 2, key * 2 + 1)
    frame = pl.DataFrame(
        {"key": key.astype(str), "value": value.astype(str), "other": rng.integers(0, 9, 600).astype(str)}
    )
    assert (repaired(frame)["score"] < 0.6).all()


def test_the_guilty_key_is_repaired_and_not_what_it_determines():
    clean = made.staff(np.random.default_rng(5))
    other = clean.filter(pl.col("department") != clean["department"][7])["employee"][0]
    index = pl.int_range(len(clean), eager=True)
    dirty = clean.with_columns(
        employee=pl.select(pl.when(index == 7).then(pl.lit(other)).otherwise(clean["employee"])).to_series()
    )
    hits = repaired(dirty).filter(pl.col("row") == 7)
    assert hits.select("column", "new").rows() == [("employee", clean["employee"][7])]


def test_the_reason_counts_the_rows():
    frame = pl.DataFrame(
        {"zip": ["10018", "94105", "60601", "73301"] * 10, "city": ["NY", "SF", "Chicago", "Austin"] * 10}
    )
    frame = frame.with_columns(city=pl.when(pl.int_range(pl.len()) == 4).then(pl.lit("NX")).otherwise("city"))
    (why,) = repaired(frame)["why"]
    assert why == "9 of 9 other rows with zip '10018' have 'NY'; this one has 'NX'"


cell = st.sampled_from(["a", "b", "c", " ", None])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), cell, cell), min_size=20, max_size=60))
def test_keeps_the_contracts(cells):
    # `b` mostly follows `a`, so that there is something to vote on
    rows = [(str(a), x if x == "b" else f"v{a}", y) for a, x, y in cells]
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.String), orient="row")
    ref, batch = made.reference(frame), Batch.of(frame)
    check_detector(DependencyViolation(), batch, ref)
    check_healer(DependencyVote(), batch, empty(FINDINGS), ref)
