"""Accuracy against a table that is known to be right."""

import polars as pl
import pytest

import kintsu as kt
from kintsu.core.errors import UsageError

RIGHT = pl.DataFrame({"id": ["a", "b", "c", "d"], "n": ["1", "2", "3", "4"], "city": ["Rome", "Pisa", None, "Bari"]})


def score(table: pl.DataFrame, **options: object) -> float | None:
    return kt.check(table, against=RIGHT, **options).scores["accuracy"]


def test_a_table_that_equals_its_reference_is_fully_accurate():
    assert score(RIGHT) == 100.0
    assert score(RIGHT.reverse(), keys=("id",)) == 100.0


def test_numbers_are_equal_as_numbers():
    assert score(RIGHT.with_columns(n=pl.Series(["1.0", "2", "3", "4"])), keys=("id",)) == 100.0


def test_wrong_and_absent_cells_count():
    dirty = RIGHT.head(3).with_columns(city=pl.Series(["Rome", "Piza", None]))
    # of 8 cells: one wrong city, and the two cells of the row that is not there
    assert score(dirty, keys=("id",)) == 62.5


def test_tables_of_other_length_need_a_key():
    with pytest.raises(UsageError, match="--key"):
        score(RIGHT.head(2))


def test_without_a_reference_there_is_no_accuracy():
    assert "accuracy" not in kt.check(RIGHT).scores or kt.check(RIGHT).scores["accuracy"] is None
