"""Rows drawn by their hashes: the same contents in any order, and a fair share of equal ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.hashing import drawn_rows


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(0, 70), st.randoms())
def test_the_same_contents_are_drawn_in_any_order(values, n, random):
    hashes = np.array(values, dtype=np.uint64)
    order = list(range(len(values)))
    random.shuffle(order)
    shuffled = hashes[order] if len(values) else hashes
    drawn, again = drawn_rows(hashes, n), drawn_rows(shuffled, n)
    assert len(drawn) == len(set(drawn.tolist())) == min(n, len(values))
    assert sorted(hashes[drawn]) == sorted(shuffled[again])


def test_equal_rows_are_drawn_in_their_share():
    hashes = np.repeat(np.arange(10, dtype=np.uint64), 300)
    counts = np.bincount(hashes[drawn_rows(hashes, 1000)].astype(int), minlength=10)
    assert counts.sum() == 1000 and counts.min() > 60  # 100 of each are expected, with a deviation of 8
