import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.batch import Batch, TableRef
from kintsu.detect.outlier_numeric import NumericOutlier
from kintsu.profile.build import reference_of
from kintsu.testing.checks import check_detector


def made(**columns):
    batch = Batch.of(
        pl.DataFrame({k: pl.Series([str(x) if x is not None else None for x in v]) for k, v in columns.items()})
    )
    reference = reference_of(
        lambda names: [Batch(batch.table, batch.frame.select(names) if names else batch.frame, batch.row)],
        TableRef("t"),
    )
    return batch, reference


def found(batch, reference):
    detector = NumericOutlier()
    return detector.find(batch, detector.train(reference), reference)


PRICES = np.round(np.random.default_rng(0).lognormal(3, 0.9, 2000), 2).tolist()


def test_finds_explosions_and_flipped_signs_of_a_skewed_column():
    result = found(*made(price=[*PRICES, 25_000.0, -21.5]))
    assert result["row"].to_list() == [2000, 2001]
    assert result["score"].min() > 0.7
    assert "25000.0 is far above" in result["why"][0]


def test_leaves_keys_and_codes_alone():
    n = 2000
    codes = [f"{i:05d}" for i in range(n)]
    ids = [*range(10**9, 10**9 + n - 1), 8 * 10**9]
    assert found(*made(code=codes, id=ids)).is_empty()


def test_finds_a_number_off_a_scale_and_doubled_digits():
    scale = np.random.default_rng(1).integers(1, 11, 500).tolist()
    result = found(*made(rating=[*scale, 99]))
    assert result["row"].to_list() == [500]
    doubled = found(*made(rating=[*scale, *[11, 22, 33, 55, 11]]))
    assert doubled["row"].to_list() == [500, 501, 502, 503, 504]


def test_ages_with_equal_digits_are_no_doubles():
    ages = np.clip(np.random.default_rng(1).normal(35, 15, 2000), 1, 90).astype(int).tolist()
    assert found(*made(age=ages)).is_empty()


def test_a_stray_between_few_repeated_numbers_is_found():
    result = found(*made(speed=[*[39.6, 71.3, 31.7, 55.5] * 100, 44.0]))
    assert result["value"].to_list() == ["44.0"]


@pytest.mark.parametrize("column", [[], [None] * 40, ["1"] * 40, ["x"] * 40, ["1"], ["nan", "inf", "1e308"] * 20])
def test_says_nothing_of_columns_without_numbers_or_spread(column):
    assert found(*made(x=pl.Series(column, dtype=pl.String))).is_empty()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.none() | st.sampled_from(["1", "2", "3", "4.5", "1000", "-7", "x", "", "inf"]), min_size=1, max_size=80)
)
def test_keeps_the_detector_contract(cells):
    batch, reference = made(x=pl.Series(cells, dtype=pl.String), y=pl.Series(cells, dtype=pl.String).reverse())
    check_detector(NumericOutlier(), batch, reference)


def test_codes_that_were_read_as_floats_are_left_alone():
    codes = np.random.default_rng(3).integers(60600, 60670, 2000).tolist()
    assert found(*made(code=[f"{c}.0" for c in [*codes, 60047]])).is_empty()
