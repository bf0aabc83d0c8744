"""Formats of dates: found by the column, read, and written back as the column spells them."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.profile.dates import DATE_FORMATS, TIME_FORMATS, find_format, find_formats, parse, render

DAYS = st.dates(dt.date(1970, 1, 1), dt.date(2049, 12, 31))
WITH_DAY = [f for f in DATE_FORMATS if "%d" in f and ("%Y" in f or "%y" in f)]


@settings(max_examples=30, deadline=None)
@given(days=st.lists(DAYS, min_size=1), fmt=st.sampled_from(WITH_DAY))
def test_rendering_then_parsing_gives_the_day_back(days, fmt):
    series = pl.Series(days)
    assert parse(render(series, fmt), fmt).to_list() == days


@settings(max_examples=30, deadline=None)
@given(days=st.lists(DAYS, min_size=30, max_size=60, unique=True), fmt=st.sampled_from(WITH_DAY))
def test_the_format_found_reads_every_cell(days, fmt):
    text = render(pl.Series(days), fmt)
    found = find_format(text)
    assert found is not None and found.share == 1.0
    assert parse(text, found.format).null_count() == 0 or "%d" in fmt


@settings(max_examples=30, deadline=None)
@given(st.lists(st.times().map(lambda t: t.replace(microsecond=0, second=0, fold=0)), min_size=1))
def test_times_with_dots_survive(times):
    series = pl.Series(times, dtype=pl.Time)
    fmt = "%-I:%M %{a.m.}"
    assert parse(render(series, fmt), fmt).to_list() == times


@pytest.mark.parametrize(
    ("cells", "fmt"),
    [
        (["13/04/2021", "03/04/2021"], "%d/%m/%Y"),
        (["04/13/2021", "03/04/2021"], "%m/%d/%Y"),
        (["3/4/2021", "12/25/2021"], "%-m/%-d/%Y"),
        (["7:10 a.m.", "11:05 p.m."], "%-I:%M %{a.m.}"),
        (["7:10 AM", "11:05 PM"], "%-I:%M %p"),
        (["12/1/2011 7:10 a.m."], "%-m/%-d/%Y %-I:%M %{a.m.}"),
        (["7:10 a.m. Dec 1"], "%-I:%M %{a.m.} %b %-d"),
        (["2023-01-01T00:15:48Z"], "%Y-%m-%dT%H:%M:%S%z"),
        (["2023-01-01 00:15:48.123"], "%Y-%m-%d %H:%M:%S%.3f"),
        (["1-Jan-20", "25-Dec-21"], "%-d-%b-%y"),
        (["20200101", "20211231"], "%Y%m%d"),
    ],
)
def test_finds(cells, fmt):
    found = find_format(pl.Series(cells))
    assert found is not None and found.format == fmt
    moments = parse(pl.Series(cells), fmt)
    assert moments.null_count() == 0
    assert render(moments, fmt).to_list() == cells


def test_day_first_decides_only_where_the_column_does_not():
    unclear = pl.Series(["03/04/2021", "05/06/2021"])
    assert find_format(unclear).format == "%m/%d/%Y"
    assert find_format(unclear, day_first=True).format == "%d/%m/%Y"
    assert find_format(pl.Series(["03/14/2021"]), day_first=True).format == "%m/%d/%Y"


def test_shares_are_of_all_cells():
    found = find_formats(pl.Series(["2021-03-04", "4 Mar 2021", "soon"]), pl.Series([6, 3, 1]))
    assert [(f.format, f.share) for f in found] == [("%Y-%m-%d", 0.6), ("%-d %b %Y", 0.3)]


@pytest.mark.parametrize("cells", [[], ["a", ""], ["12345678"], ["1.5"], ["10.0.0.1"]])
def test_no_date_no_format(cells):
    assert find_format(pl.Series(cells, dtype=pl.String)) is None


def test_days_that_do_not_exist_are_null():
    assert parse(pl.Series(["2021-02-30", "2021-02-28", None]), "%Y-%m-%d").to_list() == [
        None,
        dt.date(2021, 2, 28),
        None,
    ]


@pytest.mark.parametrize("fmt", TIME_FORMATS[:7])
def test_time_formats_read_what_they_write(fmt):
    moment = pl.Series([dt.time(13, 5, 7), dt.time(0, 0)])
    assert parse(render(moment, fmt), fmt).null_count() == 0
