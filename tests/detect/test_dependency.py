"""Cells that contradict what other rows say are found, also where nobody can say how to mend them."""

import sys
from pathlib import Path

import polars as pl
import pytest

from kintsu.core import frames
from kintsu.core.batch import Batch
from kintsu.detect.dependency import DependencyViolation
from kintsu.heal.dependency_vote import DependencyVote

sys.path.insert(0, str(Path(__file__).parents[1] / "rules"))

from made import reference

TEAMS = {f"P{k:02d}": ("north", "south", "east", "west")[k % 4] for k in range(24)}


def teams():
    people = [p for p in TEAMS for _ in range(9)]
    return pl.DataFrame({"person": people, "team": [TEAMS[p] for p in people]})


def with_cell(frame, row, column, value):
    return frame.with_columns(
        pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value)).otherwise(column).alias(column)
    )


def found_in(frame):
    known = reference(frame)
    detector = DependencyViolation()
    return detector.find(Batch.of(frame), detector.train(known), known)


def mended_in(frame):
    known = reference(frame)
    healer = DependencyVote()
    return healer.propose(Batch.of(frame), frames.empty(frames.FINDINGS), healer.train(known), known)[1]


def test_a_legal_value_that_contradicts_its_key_is_found():
    found = found_in(with_cell(teams(), 48, "team", "north")).filter(pl.col("row") == 48)
    assert "team" in found["column"] and found["kind"].to_list() == ["dependency"] * len(found)


def test_where_nothing_says_which_cell_is_wrong_nothing_is_sure_to_be_mended():
    proposed = mended_in(with_cell(teams(), 48, "team", "north"))
    assert (proposed["score"] < 0.6).all()


@pytest.mark.parametrize("rows", [1, 3])
def test_groups_of_few_rows_give_no_findings(rows):
    assert found_in(teams().group_by("person", maintain_order=True).head(rows)).is_empty()


def test_a_table_without_contradictions_has_no_findings():
    assert found_in(teams()).is_empty()


def test_one_row_against_one_is_not_enough():
    few = pl.concat([teams(), pl.DataFrame({"person": ["P90", "P90"], "team": ["north", "south"]})])
    assert found_in(few).is_empty()
