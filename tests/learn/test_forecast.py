"""What is expected of a heal follows from what was found, how sure it is, and how much of the broken was seen."""

import polars as pl
import pytest

from kintsu.core import frames
from kintsu.core.recipe import Recipe
from kintsu.learn.crash import CrashResult
from kintsu.learn.echo import ECHO
from kintsu.learn.forecast import forecast

FOLLOWS, GUESS = (
    Recipe("h", "city", "vote", "", parameters={"left": ["zip"]}),
    Recipe("g", "city", "mode", "", nature="statistical"),
)
RECIPES = {recipe.id: recipe for recipe in (FOLLOWS, GUESS)}


def crash(found: int, missed: int, own: int = 0) -> CrashResult:
    rows = [("pad", True)] * found + [("pad", False)] * missed + [(ECHO, True)] * own
    broken = pl.DataFrame(rows, schema={"operation": pl.String, "found": pl.Boolean}, orient="row")
    return CrashResult(broken, pl.DataFrame({"status": ["hit"] * found + ["needless"]}))


def decisions(*lines):
    """(row, confidence, action, recipe) -> decisions."""
    rows = [(row, "city", "set", sure, action, recipe.id) for row, sure, action, recipe in lines]
    frame = pl.DataFrame(rows, schema=["row", "column", "edit", "confidence", "action", "recipe"], orient="row")
    return frame.cast({"row": pl.Int64, "confidence": pl.Float64})


def findings(*lines):
    """(row, kind, score) -> findings."""
    frame = pl.DataFrame(lines, schema=["row", "kind", "score"], orient="row")
    return frames.findings(frame.with_columns(why=pl.lit("")), detector="d", column="city")


def test_the_figures_worked_by_hand():
    made = decisions((0, 0.9, "apply", FOLLOWS), (1, 0.7, "apply", FOLLOWS), (2, 0.3, "suggest", FOLLOWS))
    found = findings((0, "typo", 0.9), (3, "type", 0.9), (4, "missing", 0.5))
    told = forecast(crash(8, 2), made, found, RECIPES, cells=1000, auto=0.5)
    # 4.5 suspicious cells, of which 8 in 10 are seen
    assert told.error_rate == pytest.approx(4.5 / 0.8 / 1000, abs=1e-6)
    assert told.applied == 2 and told.precision == 0.8
    assert told.recall == pytest.approx(1.6 * 0.8 / 4.5, abs=1e-6)
    assert told.recall_interval[0] < told.recall < told.recall_interval[1]
    assert told.error_rate_interval[0] < told.error_rate < told.error_rate_interval[1]


SPELT = Recipe("s", "city", "strip", "", parameters={"says": "strip"})


def test_each_kind_of_mistake_is_reckoned_by_how_much_of_its_kind_was_found():
    known = RECIPES | {SPELT.id: SPELT}
    made = decisions((0, 0.9, "apply", SPELT), (1, 0.9, "apply", FOLLOWS))
    told = forecast(crash(5, 5, own=90), made, findings(), known, cells=100, auto=0.5)
    assert told.error_rate == pytest.approx((1 + 1 / 0.5) / 100)
    assert told.recall == pytest.approx(1.8 / 3, abs=1e-6)


def test_a_clean_table_has_no_errors_to_mend():
    told = forecast(crash(9, 1), decisions(), findings(), RECIPES, cells=1000, auto=0.5)
    assert (told.error_rate, told.applied, told.precision, told.recall) == (0.0, 0, None, None)


def test_a_guess_alone_makes_no_cell_suspicious():
    told = forecast(crash(9, 1), decisions((0, 0.9, "suggest", GUESS)), findings(), RECIPES, cells=1000, auto=0.5)
    assert told.error_rate == 0
