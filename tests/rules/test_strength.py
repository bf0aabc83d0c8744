"""Strength tells a dependency with errors from a mere correlation."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.rules.discover.strength import pair_counts, strength
from kintsu.rules.votes import VoteTable

codes = st.lists(st.tuples(st.integers(-2, 4), st.integers(-2, 5)), max_size=60)


def measured(left, right, width=1000):
    return strength(*pair_counts(np.asarray(left), np.asarray(right), width))


@settings(deadline=None)
@given(codes, st.randoms(use_true_random=False))
def test_row_order_does_not_matter(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2), np.array(shuffled, dtype=np.int64).reshape(-1, 2)
    assert measured(a[:, 0], a[:, 1], 6) == measured(b[:, 0], b[:, 1], 6)


@settings(deadline=None)
@given(codes)
def test_every_part_of_a_strength_is_a_share(pairs):
    a = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    s = measured(a[:, 0], a[:, 1], 6)
    assert all(0 <= share <= 1 for share in (s.agreement, s.corrected, s.repeated, s.uneven, s.sound, s.chance))


@settings(deadline=None)
@given(codes)
def test_vote_tables_count_every_row_once(pairs):
    a = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    table = VoteTable.of(a[:, 0], a[:, 1], np.ones(len(a), np.int64), 5, 6)
    known = a[:, 0] >= 0
    assert table.total.sum() + table.empty.sum() == known.sum()
    for x, y in {tuple(p) for p in a.tolist()}:
        expected = int(((a == [x, y]).all(axis=1)).sum()) if x >= 0 and y >= 0 else 0
        assert table.count(np.array([x]), np.array([y]))[0] == expected


def test_a_constant_is_determined_by_nothing():
    left = np.repeat(np.arange(50), 4)
    assert measured(left, np.zeros(200, int)).corrected == 0


def test_a_dependency_survives_half_of_its_cells_being_wrong():
    rng = np.random.default_rng(0)
    left = np.repeat(np.arange(100), 24)
    right = np.where(rng.random(2400) < 0.5, rng.integers(0, 700, 2400), left)
    s = measured(left, right)
    assert s.sound > 0.4 and s.uneven < 0.1


def test_a_rightful_variety_is_no_dependency():
    """Cities with several postcodes each: as predictable as a dependency with errors, but unevenly so."""
    rng = np.random.default_rng(0)
    codes_of = [np.arange(n) + 20 * i for i, n in enumerate(rng.geometric(0.35, 300))]
    left = rng.integers(0, 300, 6000)
    right = np.array([rng.choice(codes_of[i]) for i in left])
    s = measured(left, right, 10_000)
    assert s.corrected > 0.4 > s.sound


def test_correlated_categories_are_no_dependency():
    rng = np.random.default_rng(0)
    left = rng.integers(0, 8, 4000)
    right = np.where(rng.random(4000) < 0.4 + 0.05 * left, 0, rng.integers(0, 5, 4000))
    assert measured(left, right).sound < 0.2
