"""Frames in memory: any kind goes in, the same kind comes out, and undo gives the same values."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from making import OPTIONS, edits, frames_with_edits, texts, whole
from pandas.testing import assert_frame_equal as same_pandas
from polars.testing import assert_frame_equal

from kintsu.core.change import invert
from kintsu.core.errors import InputError, OutputError, StaleRepair
from kintsu.io.frames import Frames

FRAME = pl.DataFrame({"i": range(10), "s": [str(n) for n in range(10)], "f": [n / 2 for n in range(10)]})
KINDS = {
    "polars": lambda frame: frame,
    "lazy": lambda frame: frame.lazy(),
    "pyarrow": lambda frame: frame.to_arrow(),
    "pandas": lambda frame: frame.to_pandas(),
    "pandas on arrow": lambda frame: frame.to_pandas(use_pyarrow_extension_array=True),
}


class Capsule:
    """Any object with the Arrow PyCapsule interface."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__(requested_schema)


@settings(max_examples=40, deadline=None)
@given(frames_with_edits())
def test_patch_then_undo_gives_the_frame_back(both):
    frame, changes = both
    patched, done = Frames().open(frame, OPTIONS).patched(changes)
    back, _ = Frames().open(patched, OPTIONS).patched(invert(done))
    assert_frame_equal(back, frame)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_that_was_given_comes_back(kind):
    given_ = KINDS[kind](FRAME)
    table = Frames().open(given_, OPTIONS)
    assert table.rows == 10 and table.path is None and table.suffix == ""
    assert_frame_equal(whole(table), FRAME)
    patched, done = table.patched(edits((1, "i", "1", "77"), (4, "f", "2.0", "7"), (9, "s", "9", None)))
    assert type(patched) is type(given_)
    after = texts(Frames().open(patched, OPTIONS))
    assert (after["i"][1], after["f"][4], after["s"][9]) == ("77", "7.0", None)
    back, _ = Frames().open(patched, OPTIONS).patched(invert(done))
    assert_frame_equal(whole(Frames().open(back, OPTIONS)), FRAME)
    assert_frame_equal(whole(Frames().open(given_, OPTIONS)), FRAME)


def test_anything_with_an_arrow_stream_is_a_table():
    assert Frames().accepts(Capsule(FRAME))
    assert_frame_equal(whole(Frames().open(Capsule(FRAME), OPTIONS)), FRAME)
    assert not Frames().accepts("file.csv")


def test_the_schema_of_an_arrow_table_stays():
    table = pa.table({"a": pa.array(["x", "y"], pa.string())}, metadata={"who": "me"})
    patched, _ = Frames().open(table, OPTIONS).patched(edits((0, "a", "x", "z")))
    assert patched.schema.equals(table.schema, check_metadata=True)


def odd() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "mixed": [1, "a", None, 2.5, {"k": 1}],
            3: [1, 2, 3, 4, 5],
            "cat": pd.Categorical(list("abcab")),
            "when": pd.date_range("2020", periods=5),
            "period": pd.period_range("2020", periods=5),
            "flag": [True, False, True, False, True],
            "gap": [1.0, float("nan"), 2.0, None, 3.0],
        },
        index=list("vwxyz"),
    )


def test_odd_pandas_columns_never_fail():
    table = Frames().open(odd(), OPTIONS)
    assert table.columns == ("mixed", "3", "cat", "when", "period", "flag", "gap")
    assert texts(table)["mixed"].to_list() == ["1", "a", None, "2.5", "{'k': 1}"]
    assert texts(table)["period"][0] == "2020-01-01"
    assert texts(table)["gap"].to_list() == ["1.0", None, "2.0", None, "3.0"]


def test_pandas_keeps_index_labels_and_untouched_columns():
    given_ = odd()
    changes = edits(
        (0, "mixed", "1", "b"),
        (1, "3", "2", "9"),
        (2, "when", texts(Frames().open(odd(), OPTIONS))["when"][2], None),
        (0, "cat", "a", "new"),
        (4, "period", "2020-01-05", "2021-01-01"),
    )
    patched, _ = Frames().open(given_, OPTIONS).patched(changes)
    assert list(patched.index) == list("vwxyz") and list(patched.columns) == list(given_.columns)
    assert patched[3].to_list() == [1, 9, 3, 4, 5] and patched[3].dtype == given_[3].dtype
    assert pd.isna(patched["when"].iloc[2]) and patched["when"].dtype == given_["when"].dtype
    assert patched["cat"].iloc[0] == "new" and patched["mixed"].iloc[0] == "b"
    assert patched["period"].iloc[4] == pd.Period("2021-01-01") and patched["mixed"].iloc[4] == {"k": 1}
    same_pandas(given_, odd())


def test_a_null_in_a_numpy_column_of_integers_makes_it_nullable():
    patched, done = (
        Frames()
        .open(pd.DataFrame({"n": [1, 2], "b": [True, False]}), OPTIONS)
        .patched(edits((0, "n", "1", None), (1, "b", "false", None)))
    )
    assert [str(dtype) for dtype in patched.dtypes] == ["Int64", "boolean"]
    back, _ = Frames().open(patched, OPTIONS).patched(invert(done))
    assert back["n"].to_list() == [1, 2]


def test_rows_are_dropped_with_their_index():
    patched, _ = Frames().open(odd(), OPTIONS).patched(edits((1, None, "drop", None, None, None, None)))
    assert list(patched.index) == list("vxyz")


def test_repeated_labels_are_told_apart():
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    table = Frames().open(frame, OPTIONS)
    assert table.columns == ("a", "a_2")
    patched, _ = table.patched(edits((0, "a_2", "2", "5")))
    assert patched.iloc[0].to_list() == [1, 5] and list(patched.columns) == ["a", "a"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_edit_is_refused(kind):
    table = Frames().open(KINDS[kind](FRAME), OPTIONS)
    with pytest.raises(StaleRepair, match="expected '5' but found '1'"):
        table.patched(edits((1, "i", "5", "6")))
    with pytest.raises(StaleRepair, match="10 rows"):
        table.patched(edits((10, "i", "5", "6")))
    with pytest.raises(OutputError, match="does not fit"):
        table.patched(edits((1, "i", "1", "word")))


def test_a_frame_without_columns_is_no_table():
    with pytest.raises(InputError, match="no columns"):
        Frames().open(pl.DataFrame(), OPTIONS)
    assert Frames().open(pl.DataFrame({"a": []}), OPTIONS).rows == 0
