"""Views of a column are lossless text, plain numbers and missing cells."""

import json
from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.batch import Batch, Column, as_text, parse_numbers


@given(st.lists(st.none() | st.floats()))
def test_text_of_floats_reads_back_as_the_same_floats(numbers):
    series = pl.Series("x", numbers, dtype=pl.Float64)
    back = as_text(series).cast(pl.Float64)
    assert back.equals(series)


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_text_of_integers_reads_back(numbers):
    series = pl.Series("x", numbers, dtype=pl.Int64)
    assert as_text(series).cast(pl.Int64).equals(series)


def test_nested_values_become_json_and_binary_base64():
    nested = pl.Series("x", [[1, 2], None, []], dtype=pl.List(pl.Int64))
    assert [t and json.loads(t) for t in as_text(nested).to_list()] == [[1, 2], None, []]
    assert as_text(pl.Series("x", [b"\x00\xff", None])).to_list() == ["AP8=", None]


def test_dates_become_iso_text():
    assert as_text(pl.Series("x", [date(1, 1, 1)])).to_list() == ["0001-01-01"]
    assert as_text(pl.Series("x", [datetime(9999, 12, 31, 23, 59)])).to_list()[0].startswith("9999-12-31 23:59:00")


@pytest.mark.parametrize("text", ["1,000", "12 oz", "five", "", "0x1f", "1_000", "--"])
def test_what_is_not_a_plain_number_is_null(text):
    assert parse_numbers(pl.Series([text])).to_list() == [None]


def test_a_decimal_comma_is_read_where_it_is_said():
    texts = pl.Series(["1,5", " 2 ", "1.5"])
    assert parse_numbers(texts, decimal_comma=True).to_list() == [1.5, 2.0, None]
    assert parse_numbers(texts).to_list() == [None, 2.0, 1.5]


def test_blank_text_is_missing():
    assert Column(pl.Series("x", [None, "", " \t", "a"])).is_missing.to_list() == [True, True, True, False]


def test_counts_leave_out_nulls():
    counts = Column(pl.Series("x", ["b", None, "a", "b"])).counts
    assert counts.rows() == [("a", 1), ("b", 2)]


def test_texts_carry_the_row_identity():
    batch = Batch.of(pl.DataFrame({"x": [1, 2]}), first_row=10)
    assert batch.texts().rows() == [(10, "1"), (11, "2")]
