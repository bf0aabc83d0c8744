"""Repairs that a source cannot store become suggestions; the others are not touched."""

from __future__ import annotations

import polars as pl
from polars.testing import assert_frame_equal

from kintsu.core.contracts import ReadOptions
from kintsu.core.frames import DECISIONS
from kintsu.io.frames import Frames
from kintsu.run.fit import held_back

TABLE = Frames().open(pl.DataFrame({"n": [1, 2, 3], "s": ["a", "b", "c"]}), ReadOptions())


def decided(*lines):
    """Decisions of (row, column, new, group, action)."""
    frame = pl.DataFrame(lines, schema=["row", "column", "new", "group", "action"], orient="row")
    frame = frame.with_columns(edit=pl.lit("set"), reason=pl.lit("sure"))
    absent = [pl.lit(None).alias(name) for name in DECISIONS if name not in frame.columns]
    return frame.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in DECISIONS.items())


def test_what_fits_is_applied_and_the_rest_suggested():
    before = decided((0, "n", "7", None, "apply"), (1, "n", "word", None, "apply"), (2, "s", "word", None, "apply"))
    after = held_back(before, TABLE)
    assert after["action"].to_list() == ["apply", "suggest", "apply"]
    assert "cannot hold this value" in after["reason"][1]
    assert_frame_equal(after.drop("action", "reason"), before.drop("action", "reason"))


def test_a_group_stays_together():
    after = held_back(
        decided((0, "n", "x", "g", "apply"), (0, "s", "y", "g", "apply"), (1, "s", "z", "h", "apply")), TABLE
    )
    assert after["action"].to_list() == ["suggest", "suggest", "apply"]


def test_suggestions_and_flags_stay_as_they_are():
    before = decided((0, "n", "x", None, "suggest"), (1, "n", "x", None, "flag"))
    assert_frame_equal(held_back(before, TABLE), before)


def test_a_table_that_holds_anything_is_not_asked():
    before = decided((0, "n", "x", None, "apply"))
    assert_frame_equal(held_back(before, object()), before)
