"""Profiles and references: one pass, mergeable, the same in any row order and split."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.batch import Batch, TableRef
from kintsu.core.errors import MergeError, UsageError
from kintsu.profile import build
from kintsu.profile.build import profile_of, reference_of
from kintsu.profile.sample import RowSample
from kintsu.profile.table import Profiler

REF = TableRef("t")


def made(rows, seed=0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": [f"{i:06d}" for i in range(rows)],
            "word": rng.choice(["oak", "elm", "ash", " ", "N/A"], rows),
            "price": rng.lognormal(3, 1, rows).round(2).astype(str),
            "number": rng.normal(size=rows),
            "day": pl.Series(rng.integers(0, 10_000, rows)).cast(pl.Int32).cast(pl.Date),
        }
    ).with_columns(pl.when(pl.col("word") != "elm").then("price").alias("price"))


def scan_of(frame, size=1_000):
    def scan(columns=None):
        for start in range(0, max(len(frame), 1), size):
            part = frame[start : start + size]
            rows = pl.int_range(start, start + len(part), eager=True).alias("row")
            yield Batch(REF, part.select(columns) if columns else part, rows)

    return scan


def content(sample):
    frame = sample.frame
    return frame.sort(frame.columns).rows()


def facts(profile):
    """Facts of all columns; moments rounded, since they are sums of floats."""
    rounded = ("mean", "std", "skewness", "kurtosis")
    columns = {name: dict(vars(column)) for name, column in profile.columns.items()}
    return {
        name: {k: float(f"{v:.9g}") if k in rounded and v is not None else v for k, v in fields.items()}
        for name, fields in columns.items()
    }


@pytest.mark.parametrize("size", [97, 1_000, 5_000])
def test_order_and_split_of_the_rows_do_not_matter(size):
    frame = made(5_000)
    whole = profile_of(scan_of(frame, 5_000), REF)
    other = profile_of(scan_of(frame.sample(fraction=1, shuffle=True, seed=3), size), REF)
    assert facts(whole) == facts(other)
    assert whole.signature == other.signature


def test_merging_two_halves_equals_one_pass():
    frame = made(3_000)
    whole = profile_of(scan_of(frame), REF)
    a, b = (profile_of(scan_of(half), REF) for half in (frame[:1_234], frame[1_234:]))
    assert facts(a.merge(b)) == facts(whole) == facts(b.merge(a))
    assert a.merge(b).rows == 3_000


def test_an_absent_column_is_not_an_empty_one():
    a, b = (profile_of(scan_of(f), REF) for f in (made(100), made(100).drop("price")))
    merged = a.merge(b)
    assert merged.rows == 200 and merged.columns["price"].rows == 100


@given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.sampled_from("ab")), min_size=1), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_row_samples_are_a_monoid(rows, size):
    frame = pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.String}, orient="row")
    batch = Batch.of(frame)
    whole = RowSample(size).add(batch)
    cut = len(rows) // 2
    a, b = RowSample(size).add(Batch.of(frame[:cut])), RowSample(size).add(Batch.of(frame[cut:], first_row=cut))
    assert a.merge(b).frame.equals(whole.frame) and b.merge(a).frame.equals(whole.frame)
    assert RowSample(size).merge(a).frame.equals(a.frame.head(size))


def test_a_sample_keeps_proportions_of_few_distinct_rows():
    frame = pl.DataFrame({"a": ["x"] * 9_000 + ["y"] * 1_000})
    held = RowSample(500).add(Batch.of(frame)).batch(REF, rows=10_000)
    assert abs((held.frame["a"] == "y").mean() - 0.1) < 0.05
    assert held.row.n_unique() == len(held) <= 500


def test_samples_of_other_sizes_do_not_merge():
    with pytest.raises(MergeError, match="cannot merge a sample of 5 rows"):
        RowSample(5).merge(RowSample(6))


@pytest.fixture
def large(monkeypatch):
    """A reference of a table that is too large to be its own sample."""
    monkeypatch.setattr(build, "SMALL_ROWS", 1_000)
    monkeypatch.setattr(build, "SAMPLE", 300)
    frame = made(4_000)
    return frame, reference_of(scan_of(frame), REF)


def test_a_small_table_is_its_own_sample():
    frame = made(500)
    reference = reference_of(scan_of(frame, 100), REF)
    assert reference.is_whole and reference.sample.frame.equals(frame)
    assert reference.sample.row.to_list() == list(range(500))


def test_values_are_exact_over_all_rows(large):
    frame, reference = large
    assert len(reference.sample) == 300
    expected = frame["word"].value_counts(name="n").rename({"word": "value"}).sort("value")
    assert reference.values("word").equals(expected.cast({"n": pl.Int64}))
    assert reference.is_exact("word")
    assert reference.values("number")["value"].dtype == pl.String


def test_counts_are_exact_over_all_rows_and_share_a_pass(large):
    frame, reference = large
    reference.prefetch([("word", "day"), ("word", "price")])
    counted = reference.counts(("word", "price"))
    assert counted["n"].sum() == 4_000
    assert counted.columns == ["word", "price", "n"]
    expected = frame.group_by("word", "price").len()
    assert len(counted) == len(expected)


def test_the_sample_is_the_same_in_any_row_order(large, monkeypatch):
    frame, reference = large
    shuffled = reference_of(scan_of(frame.sample(fraction=1, shuffle=True, seed=1), 333), REF)
    assert content(shuffled.sample) == content(reference.sample)


def test_an_unknown_column_is_named(large):
    with pytest.raises(UsageError, match="no column 'nope'"):
        large[1].column("nope")


def test_an_empty_table_has_a_profile():
    empty = pl.DataFrame({"a": pl.Series([], dtype=pl.String), "b": pl.Series([], dtype=pl.Float64)})
    profile = profile_of(scan_of(empty), REF)
    assert profile.rows == 0 and profile.columns["a"].type == "null" and profile.columns["b"].top == []
    assert reference_of(scan_of(empty), REF).values("a").is_empty()


@pytest.mark.parametrize(
    "series",
    [
        pl.Series([None, None], dtype=pl.Null),
        pl.Series([[1, 2], None]),
        pl.Series([{"x": 1}, {"x": None}]),
        pl.Series([b"\x00", None]),
        pl.Series(["a", "b"], dtype=pl.Categorical),
        pl.Series([1e308, float("nan"), float("inf")]),
        pl.Series([True, None]),
        pl.Series(["0001-01-01", "9999-12-31"]).str.to_date(),
        pl.Series(["\x00", "🙂", "مرحبا"]),
        pl.Series(["x" * 1_000_000]),
    ],
    ids=["null", "list", "struct", "binary", "categorical", "floats", "boolean", "dates", "text", "long"],
)
def test_any_column_has_a_profile(series):
    frame = series.alias("c").to_frame()
    found = profile_of(scan_of(frame), REF).columns["c"]
    assert found.rows == len(series) and found.nulls == series.null_count()


def test_threads_do_not_change_anything():
    frame = made(30_000)
    held = []
    for threads in (1, 2):
        profiler = Profiler(REF, threads=threads)
        for batch in scan_of(frame, 15_000)():
            profiler.add(batch)
        held.append(facts(profiler.profile()))
    assert held[0] == held[1]
