"""Quantiles that sit on one value that many cells share."""

import numpy as np
import polars as pl

from kintsu.monitor.baseline import learn
from kintsu.monitor.judge import judge
from kintsu.monitor.measure import measure


def test_a_quantile_that_always_sat_on_a_shared_value_is_not_judged_by_its_place():
    rng = np.random.default_rng(0)
    frames = [
        pl.DataFrame(
            {"sight": np.where(rng.random(200) < 0.85, 10.0, rng.uniform(0, 10, 200)), "x": rng.normal(size=200)}
        )
        for _ in range(12)
    ]
    baseline = learn([measure(frame) for frame in frames])
    expected = dict(zip(baseline.level_keys, baseline.levels.expected, strict=True))
    assert np.isnan([expected["sight", q] for q in ("q50", "q75", "q95")]).all()
    assert np.isfinite([expected["sight", "q05"], expected["x", "q50"]]).all()


def test_the_rows_that_are_kept_are_a_fair_sample():
    means = []
    for seed in range(20):
        frame = pl.DataFrame({"x": np.random.default_rng(seed).integers(0, 100, 3000)})
        means.append(float(measure(frame).sample.mean()))
    # 300 of 3,000 whole numbers below 100: the mean of 20 such means has a standard error of 28.9 / sqrt(6,000) = .37
    assert abs(np.mean(means) - 49.5) < 1.5


def test_a_thousand_columns_of_numbers_are_related_by_the_ones_of_which_rows_are_kept():
    rng = np.random.default_rng(0)
    batches = [measure(pl.DataFrame({f"c{i}": rng.normal(size=30) for i in range(1000)})) for _ in range(9)]
    baseline = learn(batches[:8])
    assert baseline.known.relations is None or len(baseline.known.relations.names) <= 40
    assert not judge(baseline, batches[8]).alarm
