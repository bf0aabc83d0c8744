import numpy as np
import polars as pl

from kintsu.core.batch import Batch
from kintsu.detect.spike import Spike
from kintsu.profile.build import reference_of
from kintsu.testing.checks import check_detector


def made(x, order="t", **options):
    n = len(x)
    shuffled = np.random.default_rng(9).permutation(n)
    frame = pl.DataFrame(
        {"t": [f"2024-01-01T{i // 60:02d}:{i % 60:02d}" for i in range(n)], "x": [f"{v:.3f}" for v in x]}
    )
    frame = frame[shuffled]
    batch = Batch.of(frame)

    def scan(names):
        yield Batch(batch.table, frame.select(names) if names else frame, batch.row)

    return batch, reference_of(scan, batch.table, options={"order_column": order} | options), np.argsort(shuffled)


def wave(n=800, seed=0):
    t = np.arange(n)
    return 100 + 20 * np.sin(t / 60) + np.random.default_rng(seed).normal(0, 0.5, n)


def found(batch, reference):
    return Spike().find(batch, Spike().train(reference), reference)


def test_a_spike_inside_the_usual_range_is_found():
    x = wave()
    x[300] = 118.0 if x[300] < 100 else 82.0
    batch, reference, place = made(x)
    result = found(batch, reference)
    assert result.filter(pl.col("kind") == "spike")["row"].to_list() == [place[300]]
    check_detector(Spike(), batch, reference)


def test_a_step_is_found_once():
    x = np.random.default_rng(0).normal(0, 1, 800)
    x[500:] += 12
    batch, reference, place = made(x)
    steps = found(batch, reference).filter(pl.col("kind") == "step")
    assert len(steps) == 1
    assert abs(int(np.flatnonzero(place == steps["row"][0])[0]) - 500) <= 3


def test_clean_and_wandering_series_have_no_findings():
    walk = np.cumsum(np.random.default_rng(1).normal(0, 1, 800))
    for x in (wave(), walk):
        batch, reference, _ = made(x)
        assert found(batch, reference).is_empty()


def test_nothing_without_an_order():
    x = wave()
    x[300] = 150.0
    batch, reference, _ = made(x, order=None)
    assert found(batch, reference).is_empty()
