"""Scores: shares that can be counted by hand, stable under sampling."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.batch import Batch
from kintsu.core.frames import FINDINGS, empty, findings
from kintsu.core.vocabulary import DIMENSION_OF
from kintsu.diagnose.score import SEVERITY, column_scores, scores
from kintsu.profile.table import Profiler


def profile_of(frame):
    batch = Batch.of(frame)
    profiler = Profiler(batch.table)
    profiler.add(batch)
    return profiler.profile()


def table(rows=100):
    return pl.DataFrame({"a": [str(i) for i in range(rows)], "b": ["x"] * rows})


def found(cells):
    frame = pl.DataFrame(
        cells, schema={"row": pl.Int64, "column": pl.String, "kind": pl.String, "score": pl.Float64}, orient="row"
    )
    return findings(frame, detector="test")


def test_a_clean_table_scores_100():
    result = scores(profile_of(table()), empty(FINDINGS))
    assert result == {
        "completeness": 100.0,
        "validity": 100.0,
        "consistency": 100.0,
        "uniqueness": 100.0,
        "timeliness": None,
        "overall": 100.0,
    }


@pytest.mark.parametrize(
    ("cell", "dimension", "score"),
    [
        ((3, "a", "type", 0.9), "validity", 99.5),  # 1 of 200 cells
        ((3, "a", "outlier", 0.9), "validity", 99.75),  # half of it
        ((3, None, "malformed", 1.0), "validity", 99.0),  # both cells of the row
        ((3, "b", "dependency", 0.5), "consistency", 99.5),
        ((3, None, "duplicate", 1.0), "uniqueness", 99.0),  # 1 of 100 rows
        ((None, "a", "unit", 0.9), "validity", 100.0),  # about the whole column
    ],
)
def test_a_finding_lowers_its_dimension_only(cell, dimension, score):
    result = scores(profile_of(table()), found([cell]))
    assert result[dimension] == score
    others = {k: v for k, v in result.items() if k not in (dimension, "overall", "timeliness")}
    assert set(others.values()) == {100.0}


def test_a_cell_counts_once_with_its_worst_kind():
    both = found([(3, "a", "outlier", 0.9), (3, "a", "type", 0.2), (3, "a", "format", 1.0)])
    assert scores(profile_of(table()), both)["validity"] == 99.5


def test_a_gap_counts_as_much_as_it_surprises():
    def completeness(gaps):
        return scores(profile_of(pl.DataFrame({"a": [None] * gaps + ["x"] * (100 - gaps)})))["completeness"]

    assert [completeness(g) for g in (0, 2, 90, 100)] == [100.0, 98.04, 91.0, 100.0]


def test_a_flagged_gap_counts_fully():
    profile = profile_of(pl.DataFrame({"a": [None] * 10 + ["x"] * 90}))
    flagged = found([(i, "a", "missing", 0.9) for i in range(10)])
    assert scores(profile, flagged)["completeness"] == 90.0


def test_timeliness_needs_a_date():
    dated = pl.DataFrame({"d": ["2021-03-04"] * 50})
    assert scores(profile_of(dated), found([(1, "d", "spike", 0.9)]))["timeliness"] == 99.0


def test_accuracy_is_only_there_where_it_was_measured():
    profile = profile_of(table())
    assert "accuracy" not in scores(profile)
    assert scores(profile, accuracy=0.5)["accuracy"] == 50.0


def test_repeated_rows_lower_uniqueness():
    assert scores(profile_of(pl.DataFrame({"a": ["x", "x", "y", "z"]})))["uniqueness"] == 75.0


def test_an_empty_table_has_no_scores_to_speak_of():
    result = scores(profile_of(pl.DataFrame({"a": pl.Series([], dtype=pl.String)})), empty(FINDINGS))
    assert result["overall"] is None


cells = st.lists(
    st.tuples(
        st.none() | st.integers(0, 99),
        st.sampled_from(["a", "b", None]),
        st.sampled_from(sorted(DIMENSION_OF)),
        st.floats(0, 1),
    )
)


@given(cells)
@settings(max_examples=50, deadline=None)
def test_scores_stay_between_0_and_100_and_never_rise_by_a_finding(listed):
    profile = profile_of(table())
    clean, dirty = scores(profile, empty(FINDINGS)), scores(profile, found(listed))
    for name, score in dirty.items():
        if score is not None:
            assert 0 <= score <= clean[name]


def test_a_tenth_of_the_rows_scores_alike():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "n": np.where(rng.random(50_000) < 0.1, "n/a", rng.integers(0, 99, 50_000).astype(str)),
            "w": np.where(rng.random(50_000) < 0.2, None, "x").tolist(),
            "t": np.where(rng.random(50_000) < 0.04, "soon", "2021-03-04"),
        }
    )
    whole, part = scores(profile_of(frame)), scores(profile_of(frame.sample(fraction=0.1, seed=1)))
    for name in ("completeness", "validity"):
        assert abs(whole[name] - part[name]) < 2


def test_columns_are_scored_by_themselves():
    by_column = column_scores(profile_of(table()), found([(3, "a", "type", 0.9), (4, "b", "dependency", 0.9)]))
    assert by_column.rows() == [("a", 100.0, 99.0, 100.0), ("b", 100.0, 100.0, 99.0)]


def test_every_weighted_kind_is_a_kind():
    assert set(SEVERITY) <= set(DIMENSION_OF)
