"""Drift is measured beside what chance gives, and called only where chance is ruled out."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import kintsu as kt
from kintsu.core.errors import UsageError
from kintsu.monitor.drift.columns import MEASURES, holm
from kintsu.monitor.drift.joint import _auc
from kintsu.monitor.drift.measures import l_infinity, likelihood_ratio, pearson, wasserstein
from kintsu.profile.difference import jensen_shannon, kolmogorov_smirnov, psi

A, B = np.array([10.0, 20.0, 30.0, 40.0]), np.array([40.0, 30.0, 20.0, 10.0])


def test_known_numbers():
    # (.4 - .1) ln 4 twice, (.3 - .2) ln 1.5 twice
    assert float(psi(A, B)) == pytest.approx(0.6 * np.log(4) + 0.2 * np.log(1.5))
    assert float(kolmogorov_smirnov(A, B)) == pytest.approx(0.4)  # .1/.4, .3/.7, .6/.9
    assert float(l_infinity(A, B)) == pytest.approx(0.3)
    assert float(wasserstein(A, B, np.arange(4.0))) == pytest.approx(0.3 + 0.4 + 0.3)
    assert float(pearson(A, B)) == pytest.approx(40.0)  # scipy.stats.chi2_contingency([A, B])
    assert float(jensen_shannon(np.array([1.0, 0]), np.array([0, 1.0]))) == pytest.approx(1.0)


def test_the_likelihood_ratio_is_that_of_scipy_up_to_its_small_correction():
    from scipy.stats import chi2_contingency

    for scale in (1, 100):
        expected = chi2_contingency([A * scale, B * scale], lambda_="log-likelihood").statistic
        assert float(likelihood_ratio(A * scale, B * scale)) == pytest.approx(expected, rel=0.02 / scale)


@pytest.mark.parametrize("measure", [psi, kolmogorov_smirnov, l_infinity, jensen_shannon, pearson, likelihood_ratio])
def test_measures_work_on_the_last_axis_and_are_zero_for_equal_shares(measure):
    many = measure(np.vstack([A, A]), np.vstack([B, A]))
    assert many == pytest.approx([float(measure(A, B)), 0.0])
    assert float(measure(A, 3 * A)) == pytest.approx(0.0)


def test_the_auc_counts_ties_by_halves():
    auc, variance = _auc(np.array([1.0, 1.0, 2.0, 3.0]), np.array([0, 1, 0, 1]))
    assert auc == 0.625  # pairs: tie, 1 < 3, 2 > 1, 2 < 3
    assert variance == pytest.approx((5 - 6 / 12) / 48)


def table(rows: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "x": rng.normal(size=rows),
            "amount": np.round(rng.lognormal(3, 1, rows), 2),
            "n": rng.poisson(2, rows),
            "city": rng.choice(["Lyon", "Paris", "Nice", "Lille"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "status": rng.choice(["open", "paid"], rows),
            "code": [f"C-{k}" for k in rng.integers(0, 10**6, rows)],
            "id": np.arange(rows) + 10_000 * seed,
            "at": [datetime(2026, 1, 1) + timedelta(days=seed, seconds=int(s)) for s in rng.integers(0, 80_000, rows)],
            "note": pl.Series(rng.choice(["a", "b"], rows)).scatter(np.flatnonzero(rng.random(rows) < 0.3), None),
        }
    )


BEFORE, NOW = table(3_000, 0), table(800, 1)


def drifted(now: pl.DataFrame, before: object = BEFORE) -> list[str]:
    columns = kt.drift(before, now).columns
    return columns.filter("is_drifted")["column"].to_list()


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("rows", [5, 60, 800])
def test_equal_tables_of_any_size_do_not_drift(rows, seed):
    result = kt.drift(BEFORE, table(rows, seed))
    assert not result.is_drifted, result.columns.filter("is_drifted")


def test_every_size_stands_beside_what_chance_gives_at_its_number_of_rows():
    few, many = (kt.drift(BEFORE, table(rows, 1)).sizes for rows in (50, 2_000))
    assert set(many["measure"]) == set(MEASURES)
    assert (few["by_chance"] > many["by_chance"]).sum() > 0.9 * len(few.filter(pl.col("measure") != "chi2"))
    assert (many["excess"] == (many["size"] - many["by_chance"]).clip(0)).all()
    assert many["p"].is_between(0, 1).all()
    psi_few = few.filter((pl.col("measure") == "psi") & (pl.col("column") == "x"))
    assert psi_few["size"][0] > 0.2 > psi_few["excess"][0]  # the usual rule would alarm at 50 rows


CHANGES = {
    "x": pl.col("x") + 0.5,
    "amount": pl.col("amount") * 2,
    "n": pl.col("n") + 1,
    "city": pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.lit("Brest")).otherwise("city"),
    "status": pl.lit("open"),
    "code": pl.col("code").str.head(3),
    "note": pl.lit("a"),
}


@pytest.mark.parametrize("column", CHANGES)
def test_the_column_that_changed_drifts(column):
    assert drifted(NOW.with_columns(**{column: CHANGES[column]})) == [column]


def test_keys_and_clocks_that_run_on_do_not_drift():
    columns = kt.drift(BEFORE, NOW).columns
    kinds = dict(zip(columns["column"], columns["kind"], strict=True))
    assert (kinds["id"], kinds["at"]) == ("key", "key")
    assert (kinds["x"], kinds["city"], kinds["code"]) == ("number", "category", "text")


def test_columns_that_come_and_go_are_told():
    result = kt.drift(BEFORE.drop("n"), NOW.drop("city"))
    assert (result.added, result.removed) == (("n",), ("city",))
    assert dict(result.columns.filter("is_drifted").select("column", "kind").iter_rows()) == {
        "n": "added",
        "city": "removed",
    }


@pytest.mark.parametrize("dtype", [pl.Float64, pl.String, pl.Datetime, pl.Boolean, pl.Null])
def test_a_column_that_becomes_empty_drifts_and_one_that_was_empty_does_not(dtype):
    empty = pl.Series("v", [None] * 400, dtype=dtype)
    filled = pl.Series("v", np.random.default_rng(0).normal(size=400))
    assert drifted(empty.to_frame(), filled.to_frame()) == ["v"]
    assert drifted(empty.to_frame(), empty.to_frame()) == []
    assert drifted(filled.to_frame(), empty.to_frame()) == ["v"]


def test_constant_columns_drift_only_when_the_constant_changes():
    assert drifted(pl.DataFrame({"v": [7] * 100}), pl.DataFrame({"v": [7] * 300})) == []
    assert drifted(pl.DataFrame({"v": [8] * 100}), pl.DataFrame({"v": [7] * 300})) == ["v"]


def test_tables_without_rows_or_columns_are_no_error():
    assert drifted(NOW.head(0)) == []
    assert drifted(NOW, BEFORE.head(0)) == []
    assert not kt.drift(pl.DataFrame(), pl.DataFrame()).is_drifted
    nested = pl.DataFrame({"v": [[1, 2], None] * 50})
    assert drifted(nested, nested) == []


def test_numbers_that_arrive_as_text_drift():
    assert drifted(NOW.with_columns(pl.col("x").map_elements(lambda v: f"{v:.1f} kg", return_dtype=pl.String))) == ["x"]


def test_a_broken_relation_between_two_columns_is_told_jointly():
    rng = np.random.default_rng(3)
    city = rng.choice(["Lyon", "Paris", "Nice"], 2_000)
    right = pl.DataFrame({"city": city, "area": np.where(city == "Lyon", "69", np.where(city == "Nice", "06", "75"))})
    right = right.with_columns(x=pl.Series(rng.normal(size=2_000)), y=pl.Series(rng.normal(size=2_000)))
    before, now = right[:1_200], right[1_200:]
    broken = now.with_columns(pl.col("area").shuffle(seed=1))
    clean, found = kt.drift(before, now), kt.drift(before, broken)
    assert not clean.is_drifted and clean.joint.columns == ()
    assert found.columns.filter("is_drifted").is_empty()
    assert found.is_drifted and found.joint_p < 1e-6 and found.joint.auc > 0.6
    assert {name for name, _ in found.joint.columns} == {"city", "area"}
    matches = (broken["city"] == now["city"]) & (broken["area"] == now["area"])
    assert not any(matches[row] for row in found.joint.rows)


def test_what_batches_of_a_history_differ_by_is_chance():
    rng = np.random.default_rng(8)
    history = [pl.DataFrame({"x": rng.normal(rng.normal(0, 0.5), 1, 400)}) for _ in range(12)]
    usual = pl.DataFrame({"x": rng.normal(0.6, 1, 400)})
    assert drifted(usual, pl.concat(history)) == ["x"]
    assert drifted(usual, history) == []
    assert drifted(usual.with_columns(pl.col("x") + 4), history) == ["x"]
    assert not kt.drift(history, usual).is_drifted and kt.drift(pl.concat(history), usual).joint_p < 0.01
    sizes = [kt.drift(before, usual).sizes for before in (pl.concat(history), history)]
    assert (sizes[1]["by_chance"] > 2 * sizes[0]["by_chance"]).all()


def test_the_answer_does_not_depend_on_the_order_of_rows():
    one = kt.drift(BEFORE, NOW)
    other = kt.drift(BEFORE.sample(fraction=1, shuffle=True, seed=1), NOW.sample(fraction=1, shuffle=True, seed=2))
    assert_frame_equal(one.columns, other.columns)
    assert one.joint.auc == other.joint.auc


def test_holm_is_never_below_the_p_values_and_keeps_their_order():
    p = [0.001, 0.5, None, 0.02, 0.02]
    together = holm(p)
    assert together == [0.004, 0.5, None, 0.06, 0.06]


def test_a_wrong_call_says_what_is_wrong():
    with pytest.raises(UsageError, match="level is a probability"):
        kt.drift(BEFORE, NOW, level=2)
    with pytest.raises(UsageError, match="empty list"):
        kt.drift([], NOW)
