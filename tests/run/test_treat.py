"""One failing step never loses the rest; a recipe that makes things worse is withdrawn before it is written."""

import polars as pl
import pytest

from kintsu.core import frames
from kintsu.core.batch import Batch
from kintsu.core.errors import UsageError
from kintsu.core.policy import Policy, decide
from kintsu.core.recipe import Recipe
from kintsu.run import treat
from kintsu.run.assess import of_sample
from kintsu.run.rejudge import rejudged

UPPER = Recipe("upper", "city", "upper", "write cities in capitals")
WRECK = Recipe("wreck", "city", "wreck", "write nonsense")


class FindsLower:
    """Cities that are not in capitals."""

    name = "lower"

    def train(self, reference):
        return None

    def find(self, batch, model, reference):
        text = batch["city"].text
        hit = (text != text.str.to_uppercase()).fill_null(False)
        frame = pl.DataFrame({"row": batch.row, "value": text}).filter(hit).with_columns(score=0.9, why=pl.lit("lower"))
        return frames.findings(frame, detector=self.name, kind="format", column="city")


class Breaks:
    """Fails at whatever `where` says."""

    name = "breaks"
    where = "train"

    def train(self, reference):
        if self.where == "train":
            raise ZeroDivisionError("nothing to divide")

    def find(self, batch, model, reference):
        raise ZeroDivisionError("nothing to divide")


class BreaksLater(Breaks):
    where = "find"


class Panics(BreaksLater):
    """Fails as polars does on its own mistakes: with something that is no Exception."""

    def find(self, batch, model, reference):
        raise pl.exceptions.PanicException("assertion failed")


class Asks(Breaks):
    def train(self, reference):
        raise UsageError("no such column")


class Upper:
    """Capitals for cities; with nonsense instead, where `good` is false."""

    name = "upper"
    recipe = UPPER

    def train(self, reference):
        return None

    def propose(self, batch, findings, model, reference):
        text = batch["city"].text
        new = text.str.to_uppercase() if self.recipe is UPPER else text.str.to_lowercase() + "?"
        frame = pl.DataFrame({"row": batch.row, "old": text, "new": new}).filter(
            pl.col("old").ne_missing(pl.col("new"))
        )
        frame = frame.with_columns(score=0.99, why=pl.lit("because"))
        return [self.recipe], frames.repairs(frame, healer=self.name, recipe=self.recipe.id, column="city")


class Wrecks(Upper):
    name = "wreck"
    recipe = WRECK


def table() -> Batch:
    return Batch.of(pl.DataFrame({"city": ["ROME", "rome", "PISA", None]}))


def reference():
    return of_sample(table(), seed=0, options=None)


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (Breaks, "ZeroDivisionError: nothing to divide"),
        (BreaksLater, "ZeroDivisionError: nothing to divide"),
        (Panics, "PanicException: assertion failed"),
    ],
)
def test_the_others_still_run(broken, error):
    members = {"detectors": {"breaks": broken, "lower": FindsLower}, "healers": {"upper": Upper}}
    treated = treat.train(reference(), members=members).treat([table()])
    assert [step.error for step in treated.failed] == [error]
    assert error.split(":")[0] in treated.failed[0].trace
    assert treated.findings["row"].to_list() == [1]
    assert treated.repairs.select("row", "new").rows() == [(1, "ROME")]


def test_a_wrong_wish_is_told_to_the_person_who_asked():
    with pytest.raises(UsageError, match="no such column"):
        treat.train(reference(), members={"detectors": {"asks": Asks}})


@pytest.mark.parametrize(("healer", "action"), [(Upper, "apply"), (Wrecks, "withdraw")])
def test_a_recipe_that_makes_things_worse_is_withdrawn(healer, action):
    members = {"detectors": {"lower": FindsLower}, "healers": {healer.name: healer}}
    treated = treat.train(reference(), members=members).treat([table()])
    repairs = treated.repairs.with_columns(confidence=pl.col("score"))
    decided = decide(repairs, treated.recipes, Policy(recipe_budget=1.0, breaker=1.0), rows=4, columns=1)
    judged, reasons = rejudged(decided, treated.findings, table(), treat.train(reference(), members=members).find)
    assert set(judged["action"]) == {action}
    assert len(reasons) == (action == "withdraw")
