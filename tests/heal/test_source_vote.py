"""Votes of sources mend made-up tables of several sources; floors that a refactoring must not lose."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kintsu.core.batch import Batch
from kintsu.core.frames import FINDINGS, empty
from kintsu.detect.source_conflict import SourceConflict
from kintsu.heal.dependency_vote import DependencyVote
from kintsu.heal.source_vote import SourceVote
from kintsu.testing.checks import check_detector, check_healer

sys.path.insert(0, str(Path(__file__).parents[1] / "rules"))

import made_sources


def proposed(healer, dirty):
    reference = made_sources.reference(dirty)
    return healer.propose(Batch.of(dirty), empty(FINDINGS), healer.train(reference), reference)[1]


def judged(repairs, dirty, clean):
    """Repairs with `right`, and the number of wrong cells."""
    row = pl.int_range(len(dirty), eager=True).alias("row")
    truth = pl.concat(
        [clean.select(row, pl.lit(c).alias("column"), pl.col(c).alias("truth")) for c in clean.columns[2:]]
    )
    wrong = sum(int(dirty[c].ne_missing(clean[c]).sum()) for c in clean.columns[2:])
    joined = repairs.join(truth, on=["row", "column"])
    return joined.with_columns(right=pl.col("new") == pl.col("truth")), wrong


@pytest.mark.parametrize(
    ("name", "precision", "recall", "sure"), [("catalogue", 0.91, 0.8, 0.0), ("stations", 0.99, 0.95, 0.7)]
)
def test_reaches_its_floor(name, precision, recall, sure):
    dirty, clean = made_sources.SOURCE_TABLES[name](np.random.default_rng(7))
    repairs, wrong = judged(proposed(SourceVote(), dirty), dirty, clean)
    likely, certain = repairs.filter(pl.col("score") >= 0.5), repairs.filter(pl.col("score") >= 0.95)
    assert likely["right"].mean() >= precision
    assert likely["right"].sum() / wrong >= recall
    assert certain["right"].sum() / wrong >= sure
    assert not len(certain) or certain["right"].mean() >= 0.97


def test_two_events_under_one_name_are_left_to_a_person():
    dirty, clean = made_sources.two_events(np.random.default_rng(9))
    repairs, _ = judged(proposed(SourceVote(), dirty), dirty, clean)
    contested = repairs.filter(pl.col("column") == "left")
    # nine sites against seven: about even odds
    assert len(contested) and contested["score"].mean() < 0.5
    assert contested["score"].max() < 0.75  # of parcels that two or three of the seven sites report
    assert contested.filter(pl.col("score") < 0.5)["why"].str.contains("question for a person").all()
    settled = repairs.filter(pl.col("column") == "planned", pl.col("score") >= 0.95)
    assert settled["right"].mean() > 0.97


def test_votes_by_number_of_rows_step_aside():
    dirty, _ = made_sources.stations(np.random.default_rng(7))
    assert not len(proposed(DependencyVote(), dirty).filter(pl.col("column").is_in(dirty.columns[2:])))


def test_evidence_names_sources_and_numbers():
    dirty, _ = made_sources.stations(np.random.default_rng(7))
    why = proposed(SourceVote(), dirty)["why"]
    assert why.str.contains(r"^\d+ of \d+ sources \(guide\) that report station '.*' say '").all()


def test_keeps_the_contracts():
    dirty, _ = made_sources.catalogue(np.random.default_rng(7))
    reference, batch = made_sources.reference(dirty), Batch.of(dirty, "t")
    check_detector(SourceConflict(), batch, reference)
    check_healer(SourceVote(), batch, empty(FINDINGS), reference)


def test_finds_what_is_wrong_and_spares_the_rest():
    dirty, clean = made_sources.stations(np.random.default_rng(7))
    reference, detector = made_sources.reference(dirty), SourceConflict()
    found = detector.find(Batch.of(dirty), detector.train(reference), reference)
    row = pl.int_range(len(dirty), eager=True).alias("row")
    wrong = pl.concat(
        [clean.select(row, pl.lit(c).alias("column")).filter(dirty[c].ne_missing(clean[c])) for c in clean.columns[2:]]
    )
    hits = found.join(wrong, on=["row", "column"])
    assert len(hits) / len(found) > 0.98
    assert len(hits) / len(wrong) > 0.95
