"""Sentences of evidence are made whatever pieces a column lies in."""

from datetime import date

import polars as pl
import pytest

from kintsu.core.phrase import phrase


def test_a_first_chunk_that_is_empty_is_no_matter():
    parts = [pl.DataFrame({"text": texts}) for texts in (["a"], ["b"], ["c", "d"])]
    cut = pl.concat(parts, rechunk=False).filter(pl.Series([False, True, True, False]))
    assert cut.select(phrase("<{}> {}", "text", pl.lit("x"))).to_series().to_list() == ["<b> x", "<c> x"]


@pytest.mark.parametrize("pair", [("text", "real"), ("whole", "flag"), ("day", "text")])
def test_it_reads_as_the_formatting_of_polars_does(pair):
    frame = pl.DataFrame(
        {
            "text": ["a", None, "ü"],
            "real": [0.1, 1e20, float("nan")],
            "whole": [1, None, -3],
            "flag": [True, False, None],
            "day": [date(2026, 1, 2)] * 3,
        }
    )
    ours, theirs = (frame.select(made("{}: {}.", *pair)).to_series() for made in (phrase, pl.format))
    assert ours.to_list() == theirs.to_list()


def test_places_and_parts_must_agree():
    with pytest.raises(ValueError, match="2 places"):
        phrase("{} of {}", "n")
