"""Laws of every registered summary: merging is a monoid, whatever the column, the order and the split."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.batch import Column
from kintsu.core.errors import MergeError
from kintsu.core.registry import load, names
from kintsu.profile.summaries.distinct import Distinct
from kintsu.profile.summaries.moments import Moments
from kintsu.profile.summaries.quantiles import Quantiles
from kintsu.profile.summaries.top import Top
from kintsu.profile.summaries.values import Values
from kintsu.profile.summaries.votes import Votes
from kintsu.profile.tally import tally
from kintsu.testing.checks import check_summary

SMALL = {"distinct": {"cap": 3}, "quantiles": {"bins": 4}, "top": {"size": 2}, "values": {"size": 3}}

texts = st.lists(
    st.none()
    | st.sampled_from(["", "  ", "N/A", "yes", "007", "1.50", "-3", "nan", "inf", "2021-03-04", "7:10 a.m.", "\u00a0"])
    | st.text(max_size=6)
    | st.integers(-5, 5).map(str)
)
floats = st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True))
ints = st.lists(st.none() | st.integers(-(2**62), 2**62))
moments = st.lists(st.none() | st.datetimes())
columns = st.one_of(
    st.tuples(*[texts.map(lambda v: Column(pl.Series("c", v, dtype=pl.String)))] * 3),
    st.tuples(*[floats.map(lambda v: Column(pl.Series("c", v, dtype=pl.Float64)))] * 3),
    st.tuples(*[ints.map(lambda v: Column(pl.Series("c", v, dtype=pl.Int64)))] * 3),
    st.tuples(*[moments.map(lambda v: Column(pl.Series("c", v, dtype=pl.Datetime("us"))))] * 3),
)


def same(a, b):
    """Equal within the grade: bytes for exact ones, a tolerance for moments, the stated errors for top values."""
    if isinstance(a, Moments):
        return a.n == b.n and np.allclose(
            [a.mean, a.m2, a.m3, a.m4], [b.mean, b.m2, b.m3, b.m4], rtol=1e-6, atol=1e-6 * _scale(a), equal_nan=True
        )
    if isinstance(a, Top):
        return _within(a, b) and _within(b, a)
    return a.to_bytes() == b.to_bytes()


def _scale(m):
    """Powers of deviations cancel: their size is what the tolerance is relative to."""
    with np.errstate(all="ignore"):
        size = np.nan_to_num(np.abs(np.float64(m.mean)) ** 4 + np.float64(m.m4) + np.float64(m.m2) ** 2, posinf=1e300)
    return max(1.0, float(size))


def _within(a, b):
    """Whether the bounds that two states give for one value overlap, for every value either lists."""
    other = {v: (n, n + e) for v, n, e in b.table.select("value", "n", "error").iter_rows()}
    bounds = [(n, n + e, *other.get(v, (0, b.absent))) for v, n, e in a.table.select("value", "n", "error").iter_rows()]
    return all(low <= high2 and low2 <= high for low, high, low2, high2 in bounds)


def _members():
    for name in names("summaries"):
        yield pytest.param(load("summaries", name), {}, id=name)
        if name in SMALL:
            yield pytest.param(load("summaries", name), SMALL[name], id=f"{name}-small")


@pytest.mark.parametrize(("cls", "options"), list(_members()))
@given(parts=columns)
@settings(max_examples=30, deadline=None)
def test_every_summary_is_a_monoid(cls, options, parts):
    check_summary(cls(), list(parts), same) if not options else _check(lambda: cls(**options), parts)


def _check(empty, parts):
    a, b, c = (empty().add(part) for part in parts)
    assert same(a.merge(empty()), a) and same(empty().merge(a), a)
    assert same(a.merge(b), b.merge(a))
    assert same(a.merge(b).merge(c), a.merge(b.merge(c)))
    assert same(a.merge(b), empty().add(parts[0]).add(parts[1]))
    assert same(type(a).from_bytes(a.to_bytes()), a)


@pytest.mark.parametrize(("cls", "options"), list(_members()))
@given(part=columns.map(lambda three: three[0]), seed=st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_order_and_grouping_of_the_cells_do_not_matter(cls, options, part, seed):
    shuffled = Column(part.series.shuffle(seed=seed))
    whole = cls(**options).add(part)
    assert same(whole, cls(**options).add(shuffled))
    assert same(whole, cls(**options).add(tally(part, group=False)))


def test_powers_that_overflow_do_so_in_any_order():
    parts = [Column(pl.Series("c", [x], dtype=pl.Float64)) for x in (0.0, 0.0, 4.48e102)]
    _check(Moments, parts)


@pytest.mark.parametrize("name", SMALL)
def test_merge_refuses_other_parameters(name):
    cls = load("summaries", name)
    with pytest.raises(MergeError, match="cannot merge"):
        cls().merge(cls(**SMALL[name]))


@pytest.mark.parametrize("name", names("summaries"))
def test_bytes_of_another_version_are_refused(name):
    data = load("summaries", name)().to_bytes()
    with pytest.raises(MergeError, match="version"):
        load("summaries", name).from_bytes(data.replace(b'"version": 1', b'"version": 99'))


@pytest.mark.parametrize(
    "values",
    [
        pl.int_range(300_000, eager=True),
        pl.int_range(300_000, eager=True) * 1024,
        (pl.int_range(300_000, eager=True) / 100).round(2),
        pl.int_range(300_000, eager=True).cast(pl.String),
    ],
    ids=["consecutive", "multiples", "rounded", "text"],
)
def test_distinct_is_within_four_standard_errors(values):
    found = Distinct().add(Column(values))
    assert not found.is_exact
    assert abs(found.count / 300_000 - 1) < 4 * found.error


def test_distinct_is_exact_up_to_its_cap():
    assert Distinct().add(Column(pl.int_range(131_072, eager=True))).count == 131_072


@pytest.mark.parametrize("draw", ["lognormal", "narrow", "ids", "negative"])
def test_quantiles_keep_their_stated_rank_error(draw):
    rng = np.random.default_rng(0)
    x = {
        "lognormal": rng.lognormal(3, 2, 200_000),
        "narrow": rng.normal(1e6, 1, 200_000),
        "ids": np.arange(10**9, 10**9 + 200_000, dtype=float),
        "negative": -rng.lognormal(0, 1, 200_000),
    }[draw]
    found = Quantiles().add(Column(pl.Series(x)))
    levels = np.array([0.001, 0.01, 0.25, 0.5, 0.75, 0.99, 0.999])
    rank = np.searchsorted(np.sort(x), found.at(levels)) / len(x)
    assert found.rank_error < 0.002
    assert np.abs(rank - levels).max() <= 2 * found.rank_error + 1e-5


def test_few_numbers_have_exact_quantiles():
    found = Quantiles().add(Column(pl.Series([3.0, 1.0, 2.0, 1e308, -1e308])))
    assert found.at([0, 0.25, 0.5, 1]).tolist() == [-1e308, 1.0, 2.0, 1e308]


def test_moments_survive_a_large_mean():
    x = np.random.default_rng(0).normal(1e9, 1, 10_000)
    parts = [Moments().add(Column(pl.Series(p))) for p in np.array_split(x, 7)]
    merged = Moments()
    for part in parts:
        merged = merged.merge(part)
    assert merged.std == pytest.approx(x.std(ddof=1), rel=1e-6)


def test_top_values_are_within_the_stated_error():
    rng = np.random.default_rng(1)
    cells = pl.Series(rng.zipf(1.3, 60_000).clip(max=10**9)).cast(pl.String)
    found = Top(64)
    for start in range(0, 60_000, 5_000):
        found = found.add(Column(cells[start : start + 5_000]))
    true = dict(cells.value_counts().iter_rows())
    for value, n, error in found.table.select("value", "n", "error").iter_rows():
        assert n <= true[value] <= n + error
    listed = set(found.table["value"])
    assert max(n for value, n in true.items() if value not in listed) <= found.absent


def test_values_are_the_same_in_any_split():
    cells = pl.int_range(50_000, eager=True).cast(pl.String)
    whole, parts = Values().add(Column(cells)), Values()
    for start in range(0, 50_000, 7_000):
        parts = parts.add(Column(cells[start : start + 7_000].reverse()))
    assert whole.to_bytes() == parts.to_bytes()


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", "x", "y oz"], "integer"),
        (["1.5", "2", "3", "4"], "float"),
        (["00501", "10001", "94103"], "text"),
        (["N/A", "N/A", "n.a.", "7"], "integer"),
        (["yes", "no", "maybe"], "boolean"),
        (["3/4/2021", "2021-05-06", "soon"], "date"),
        (["2021-05-06T10:11:12", "2021-05-06 10:11"], "datetime"),
        (["7:10 a.m.", "18:05", "Dec 1"], "time"),
        (["a", "b"], "text"),
        (["", None, " "], "null"),
    ],
)
def test_the_majority_type_wins(cells, kind):
    assert Votes().add(Column(pl.Series(cells, dtype=pl.String))).winner[0] == kind
