"""Flat trees tell what the library that grew them tells."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from kintsu.core.errors import InputError
from kintsu.monitor.classify.trees import Trees, of_boosting, of_forest

RNG = np.random.default_rng(3)
X = np.round(RNG.normal(size=(400, 8)), 3).astype(np.float32).astype(np.float64)
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] + X[:, 2] > 0.5)
CLOSE = 1e-5  # values are held in 32 bits


def boosted() -> tuple[Trees, np.ndarray]:
    lightgbm = pytest.importorskip("lightgbm")
    settings = {"objective": "multiclass", "num_class": 3, "verbosity": -1, "use_missing": False, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(X, Y), 12)
    return of_boosting(booster, 3), booster.predict(X, raw_score=True)


def test_boosted_trees_tell_what_lightgbm_tells():
    trees, expected = boosted()
    np.testing.assert_allclose(trees.sums(X), expected, atol=CLOSE)


def test_a_forest_tells_what_scikit_learn_tells():
    forest = RandomForestClassifier(15, max_leaf_nodes=20, random_state=0).fit(X, Y)
    np.testing.assert_allclose(of_forest(forest).sums(X), forest.predict_proba(X), atol=CLOSE)


def test_contributions_add_up_to_the_sum():
    trees, _ = boosted()
    for of in range(3):
        mine = trees.group == of
        start = trees.value[trees.roots[mine], 0].sum()
        for row in X[:10]:
            assert start + trees.contributions(row, of).sum() == pytest.approx(trees.sums(row[None])[0, of], abs=CLOSE)


def test_a_column_of_noise_contributes_least():
    trees, _ = boosted()
    each = np.array([np.abs(trees.contributions(row, 0)) for row in X[:50]]).mean(0)
    assert each[[0, 1, 2]].min() > each[3:].max()


def test_what_is_written_is_read():
    trees, _ = boosted()
    again = Trees.read(trees.arrays("a_"), "a_", 8, 3)
    np.testing.assert_array_equal(again.sums(X), trees.sums(X))


def _broken(name: str, at: int, value: float) -> dict[str, np.ndarray]:
    held = {key: array.copy() for key, array in boosted()[0].arrays("a_").items()}
    held["a_" + name][at] = value
    return held


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [("feature", 0, 99), ("left", 3, 0), ("right", 0, 10_000), ("roots", 0, -1), ("group", 0, 3),
     ("threshold", 0, np.nan), ("value", 0, np.inf)],
)  # fmt: skip
def test_broken_trees_are_refused(name, at, value):
    with pytest.raises(InputError, match="broken"):
        Trees.read(_broken(name, at, value), "a_", 8, 3)


def test_arrays_that_do_not_fit_are_refused():
    held = boosted()[0].arrays("a_")
    with pytest.raises(InputError, match="do not fit"):
        Trees.read(held | {"a_left": held["a_left"][:-1]}, "a_", 8, 3)


def test_no_row_has_no_sum():
    assert boosted()[0].sums(np.empty((0, 8))).shape == (0, 3)
