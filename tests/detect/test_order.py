"""An order that nearly all rows keep is found, and so are the rows that break it."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.batch import Batch
from kintsu.detect.order import OrderViolation
from kintsu.testing.checks import check_detector

sys.path.insert(0, str(Path(__file__).parents[1] / "rules"))

from made import batches, reference, staff


def found(frame: pl.DataFrame):
    ref, detector = reference(frame), OrderViolation()
    model = detector.train(ref)
    return pl.concat([detector.find(batch, model, ref) for batch in batches(frame)])


def test_a_clean_table_has_no_findings():
    assert found(staff(np.random.default_rng(1), 600)).is_empty()


def test_an_end_before_its_start_is_found():
    frame = staff(np.random.default_rng(1), 600)
    swapped = frame.with_row_index().with_columns(
        start=pl.when(pl.col("index") == 7).then("end").otherwise("start"),
        end=pl.when(pl.col("index") == 7).then("start").otherwise("end"),
    )
    hits = found(swapped.drop("index"))
    assert set(hits["row"]) == {7} and set(hits["column"]) <= {"start", "end"}
    assert "of 600 rows have start <= end" in hits["why"][0]


def test_the_cell_outside_the_usual_range_takes_the_blame():
    frame = staff(np.random.default_rng(1), 600)
    wrong = frame.with_row_index().with_columns(
        end=pl.when(pl.col("index") == 7).then(pl.lit("1924-01-01T00:00")).otherwise("end")
    )
    assert found(wrong.drop("index")).select("row", "column").rows() == [(7, "end")]


day = st.integers(1, 28).map(lambda d: f"2024-01-{d:02d}") | st.none()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(day, day), min_size=40, max_size=60))
def test_keeps_the_detector_contract(cells):
    frame = pl.DataFrame(cells, schema={"a": pl.String, "b": pl.String}, orient="row")
    check_detector(OrderViolation(), Batch.of(frame), reference(frame))
