"""Fences: clean columns of any shape stay whole, wild values are ruled out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.profile.fences import Atoms, fit_fences, weighted_quantile

SHAPES = {
    "pareto": (lambda rng, n: np.round(40 * (rng.pareto(1.9, n) + 1), 3), 1e-3),
    "lognormal": (lambda rng, n: np.round(rng.lognormal(3, 0.9, n), 2), 1e-2),
    "normal": (lambda rng, n: np.round(rng.normal(100, 5, n), 1), 1e-1),
    "geometric": (lambda rng, n: rng.geometric(0.45, n).astype(float), 1.0),
    "uniform": (lambda rng, n: np.round(rng.random(n), 2), 1e-2),
    "rare counts": (lambda rng, n: rng.poisson(0.1, n).astype(float), 1.0),
    "half zeros": (lambda rng, n: np.where(rng.random(n) < 0.9, 0, np.round(rng.lognormal(8, 1, n))), 1.0),
    "two populations": (
        lambda rng, n: np.round(np.where(rng.random(n) < 0.02, rng.normal(100, 5, n), rng.normal(10, 2, n)), 2),
        1e-2,
    ),
}


def atoms(x, step):
    value, count = np.unique(x, return_counts=True)
    return Atoms(value, count.astype(float), step)


def n_outside(a):
    fences = fit_fences(a)
    return 0 if fences is None else a.n[fences.surprise(a.x) < 0.01].sum()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_clean_column_has_next_to_no_outliers(shape):
    draw, step = SHAPES[shape]
    rng = np.random.default_rng(1)
    assert sum(n_outside(atoms(draw(rng, 20_000), step)) for _ in range(5)) <= 1


@pytest.mark.parametrize("shape", ["lognormal", "normal", "uniform", "geometric"])
@pytest.mark.parametrize("factor", [-100, 1000])
def test_explosions_and_flipped_signs_are_outside(shape, factor):
    draw, step = SHAPES[shape]
    x = draw(np.random.default_rng(2), 5000)
    wild = np.median(x) * factor
    fences = fit_fences(atoms(np.append(x, [wild] * 3), step))
    assert fences.surprise(np.array([wild]))[0] < 0.01
    assert not fences.lower <= wild <= fences.upper


def test_a_twentieth_of_scattered_far_values_does_not_hide_itself():
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.choice([0.0254, 0.0508, 0.1016, 0.1524, 0.3048], 1000), rng.integers(20, 99_999, 50)])
    assert n_outside(atoms(np.round(x, 4), 1e-4)) == 50


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e12, 1e12), min_size=0, max_size=200))
def test_fences_keep_the_median_inside(x):
    if not x:
        return
    a = atoms(np.array(x), 1.0)
    fences = fit_fences(a)
    if fences is not None:
        middle = weighted_quantile(a, np.array([0.5]))
        assert fences.surprise(middle)[0] > 0.01
