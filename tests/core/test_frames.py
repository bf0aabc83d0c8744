"""Findings and repairs are well-formed tables; their ids depend on content only."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core import frames
from kintsu.core.errors import ContractError
from kintsu.core.hashing import stable_hash, text_hash


def found(rows, **constants):
    return frames.findings(pl.DataFrame({"row": rows, "score": [0.5] * len(rows)}), **constants)


def test_absent_columns_are_null():
    frame = found([1, 2], detector="d", kind="typo", column="city")
    assert frame.schema == pl.Schema({n: t() for n, t in frames.FINDINGS.items()})
    assert frame["confidence"].null_count() == 2


@pytest.mark.parametrize("score", [-0.1, 1.1, None, float("nan")])
def test_scores_outside_the_range_are_refused(score):
    frame = pl.DataFrame({"row": [1], "score": [score]}, schema={"row": pl.Int64, "score": pl.Float64})
    with pytest.raises(ContractError):
        frames.findings(frame, detector="d", kind="typo", column="city")


def test_unknown_kinds_and_columns_are_refused():
    with pytest.raises(ContractError, match="unknown kinds"):
        found([1], detector="d", kind="oddness", column="city")
    with pytest.raises(ContractError, match="unknown columns"):
        frames.findings(pl.DataFrame({"row": [1], "score": [1.0], "colour": ["red"]}), detector="d", kind="typo")


def test_ids_are_the_same_in_any_order_and_differ_by_content():
    frame = found([1, 2, 3], detector="d", kind="typo", column="city")
    ids = frames.identified(frame, "orders")
    assert frames.identified(frame.reverse(), "orders").reverse().to_list() == ids.to_list()
    assert ids.n_unique() == 3
    assert frames.identified(frame, "customers").to_list() != ids.to_list()


@given(st.lists(st.none() | st.text(max_size=5)))
def test_the_hash_of_a_text_depends_on_nothing_else(texts):
    hashes = stable_hash(pl.Series("x", texts, dtype=pl.String))
    assert hashes.tolist() == [0 if t is None else text_hash(t) for t in texts]
