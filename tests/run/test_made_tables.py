"""From end to end on made-up tables of which every error is known: how much is mended right, and how it is told."""

from __future__ import annotations

import re

import polars as pl
import pytest

from kintsu.run.generate import generate
from kintsu.run.heal import HealResult, heal

FLOORS = {  # kind, auto -> least precision and recall over the cells that one can know; measured about .02 above
    ("customers", 0.5): (0.85, 0.81),
    ("customers", 0.95): (0.98, 0.68),
    ("orders", 0.5): (0.91, 0.90),
    ("orders", 0.95): (0.98, 0.86),
}
KNOWABLE = ["typo", "case", "blanks", "date_format", "phone_format", "number_format", "unit", "swapped", "glued"]


@pytest.fixture(scope="module", params=sorted({kind for kind, _ in FLOORS}))
def made(request):
    kind = request.param
    table = generate(kind, 800, seed=2)
    return kind, table, {auto: heal(table.dirty, auto=auto, seed=0) for each, auto in FLOORS if each == kind}


def right(result: HealResult, truth: pl.DataFrame) -> tuple[float, float]:
    """Share of the applied changes that give the original value, and share of the knowable errors that they mend."""
    changed = result.changes.filter(pl.col("edit") == "set").select("row", "column", "new")
    told = changed.join(truth, on=["row", "column"], how="left")
    good = told.filter(pl.col("new").eq_missing(pl.col("original")) & pl.col("kind").is_not_null())
    knowable = truth.filter(pl.col("kind").is_in(KNOWABLE))
    mended = knowable.join(good.select("row", "column"), on=["row", "column"], how="semi")
    return len(good) / len(changed), len(mended) / len(knowable)


def test_what_is_applied_is_right_and_much_of_what_can_be_known_is_mended(made):
    kind, table, results = made
    for auto, result in results.items():
        assert result.failed == ()
        precision, recall = right(result, table.truth.cast({"row": pl.Int64}))
        least_precision, least_recall = FLOORS[kind, auto]
        assert precision >= least_precision, (kind, auto, precision)
        assert recall >= least_recall, (kind, auto, recall)


def test_sentences_are_made_for_people(made):
    result = made[2][0.5]
    texts = [*result.findings["why"], *result.changes["why"], *(recipe.text for recipe in result.recipes.values())]
    for text in filter(None, texts):
        assert not re.search(r"(?<![\d.,])1 (cells|rows|edits|times|values|other rows)\b", text), text
        assert not re.search(r"%-?[A-Za-z]", text.replace(" % ", " ")), text
