"""What answers and corrections change: settled cells at once, and the confidence of what nobody spoke about yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.errors import UnknownName, UsageError
from kintsu.core.frames import Schema
from kintsu.core.recipe import Recipe
from kintsu.learn.cases import APPLIED, GUESSES, STATE, TRUST

__all__ = ["ACCEPT", "REJECT", "Answer", "Event", "Labels", "Settled", "answered", "folded", "targets"]

ACCEPT: Final = "accept"
REJECT: Final = "reject"

STEPS: Final = 30  # of Newton's method; it settles in about ten
# How far, in log-odds, repairs may be off from what was measured: of one family, and of one operation in all columns.
SPREAD: Final = 2.0
COMMON: Final = 1.0
MORE_LIKELY_WRONG: Final = 0.5  # below, what is applied already goes back
_BUDGET: Final = "a question for a person"

_CELL: Final = ["row", "column"]
_FAMILY: Final = ["column", "healer", "operation"]
_KIND: Final = ["healer", "operation"]
_TALLY: Final[Schema] = {**dict.fromkeys(_FAMILY, pl.String), "measured": pl.Float64, "right": pl.Boolean}


@dataclass(frozen=True)
class Answer:
    """A person chose an option of a question: `ACCEPT`, `REJECT`, or the id of an alternative recipe."""

    question: str
    option: str


@dataclass(frozen=True)
class Labels:
    """What was taught: the cells a person corrected or confirmed (healer "person") and what follows from them.

    `decisions` has the schema `STATE`. A label with equal `old` and `new` says that the cell was right.
    """

    decisions: pl.DataFrame


@dataclass(frozen=True)
class Settled:
    """An answer with all that it decided, for cases that later answers would make anew.

    `decisions` (schema `STATE`) are those of its cells; `recipes` the ones that were chosen; `verdicts` are lines of
    (column, healer, operation, measured confidence, whether it was right).
    """

    decisions: pl.DataFrame
    recipes: tuple[Recipe, ...] = ()
    verdicts: tuple[tuple[str | None, str, str, float, bool], ...] = ()


Event = Answer | Labels | Settled


def folded(
    state: pl.DataFrame,
    events: Iterable[Event],
    *,
    auto: float,
    resolve: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
) -> pl.DataFrame:
    """The state after all events, in order.

    Parameters
    ----------
    state
        `cases.with_cases` of what a heal decided.
    auto
        Least confidence at which a repair that nobody spoke about is applied.
    resolve
        Makes decisions anew that depend on all events together, before what they say of kinds of repair is learned.

    Raises
    ------
    UsageError
        A question or an option that does not exist.
    """
    told: list[pl.DataFrame] = []
    for event in events:
        if isinstance(event, Answer):
            state, tally = answered(state, event)
        elif isinstance(event, Labels):
            state, tally = _labelled(state, event.decisions)
        else:
            state, tally = _settled(state, event)
        told.append(tally)
    if resolve is not None:
        state = resolve(state)
    if not told:
        return state
    return _relearned(state, pl.concat(told), auto)


def _settled(state: pl.DataFrame, event: Settled) -> tuple[pl.DataFrame, pl.DataFrame]:
    kept = state.filter(~_is_in(state, event.decisions))
    decided = event.decisions.with_columns(settled=pl.lit(True)).select(list(STATE))
    return pl.concat([kept, decided]), pl.DataFrame(list(event.verdicts), schema=dict(_TALLY), orient="row")


def targets(state: pl.DataFrame) -> pl.DataFrame:
    """What each cell or row that is changed shall hold: the applied decisions, one a cell."""
    return state.filter(pl.col("action") == APPLIED).unique(_CELL, keep="first", maintain_order=True)


def _marked(frame: pl.DataFrame, hit: pl.Expr, action: str, reason: str) -> pl.DataFrame:
    return frame.with_columns(
        action=pl.when(hit).then(pl.lit(action)).otherwise("action"),
        reason=pl.when(hit).then(pl.lit(reason)).otherwise("reason"),
    )


def answered(state: pl.DataFrame, answer: Answer) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The state after an answer, and its verdicts: column, healer, operation, measured, right."""
    inside = state.filter(pl.col("case") == answer.question)
    if not len(inside):
        raise UnknownName(f"no question {answer.question!r} here: `kintsu ask` lists them")
    recipes = _optional(inside)["recipe"].unique().to_list()
    if answer.option not in (ACCEPT, REJECT, *recipes):
        known = ", ".join([ACCEPT, REJECT, *sorted(recipes)[:5]])
        raise UsageError(f"question {answer.question} has no option {answer.option!r}; options: {known}")
    by_label = state.filter(pl.col("healer") == "person").select(_CELL).unique()
    cells = inside.select(_CELL).unique().join(by_label, on=_CELL, how="anti", nulls_equal=True)
    joined = state.join(
        cells.with_columns(__here=pl.lit(True)), on=_CELL, how="left", nulls_equal=True, maintain_order="left"
    )
    here = pl.col("__here").fill_null(False)
    lead = here & (pl.col("case") == answer.question) & (pl.col("rank") == 0)
    chosen = (
        lead
        if answer.option == ACCEPT
        else here & pl.col("rank").is_not_null() & (pl.col("recipe") == answer.option)
        if answer.option != REJECT
        else pl.lit(False)
    )
    chosen = chosen.fill_null(False)
    moved = _marked(joined, here & ~chosen, "withdraw", "a person chose otherwise")
    moved = _marked(moved, chosen, APPLIED, "a person said yes")
    moved = moved.with_columns(settled=pl.col("settled") | here)
    told = moved.filter(lead | chosen).select(*_FAMILY, "measured", right=chosen)
    tally = told.group_by(*_FAMILY, "right").agg(pl.col("measured").mean())  # one question is one verdict
    return moved.select(list(STATE)), _tallied(tally)


def _optional(inside: pl.DataFrame) -> pl.DataFrame:
    """The decisions of a case that may be chosen by recipe: alternatives, and all that say whom to trust."""
    return inside.filter((pl.col("rank") > 0) | pl.col("operation").str.starts_with(TRUST))


def _labelled(state: pl.DataFrame, labels: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A label settles its cell, and confirms or refutes whoever proposed a value for it."""
    said = labels.filter(pl.col("healer") == "person").with_columns(settled=pl.lit(True))
    truth = said.select(*_CELL, __truth="new", __said=pl.lit(True))
    joined = state.join(truth, on=_CELL, how="left", nulls_equal=True, maintain_order="left")
    here = pl.col("__said").fill_null(False)
    # agreeing recipes of one cell count once each; guesses are no claim
    spoke = joined.filter(here & ~pl.col("settled") & (pl.col("edit") == "set") & ~pl.col("nature").is_in(GUESSES))
    right = pl.col("new").eq_missing(pl.col("__truth"))
    tally = spoke.select(*_FAMILY, "measured", right=right)
    moved = _marked(joined, here, "withdraw", "a person gave the value of this cell")
    moved = moved.with_columns(settled=pl.col("settled") | here).select(list(STATE))
    kept = moved.filter(~((moved["healer"] == "person") & _is_in(moved, said)))  # the last word about a cell counts
    done = kept.filter("settled").select(_CELL).unique()
    fresh = labels.filter(pl.col("healer") != "person").join(done, on=_CELL, how="anti", nulls_equal=True)
    again = pl.col("recipe").is_in(labels["recipe"].unique().implode()) & (pl.col("healer") == "taught")
    kept = kept.filter(~(again & ~pl.col("settled")))  # a program that was learned again knows more
    return pl.concat([kept, said.select(list(STATE)), fresh.select(list(STATE))]), _tallied(tally)


def _tallied(tally: pl.DataFrame) -> pl.DataFrame:
    return tally.select(pl.col(name).cast(dtype) for name, dtype in _TALLY.items())


def _is_in(frame: pl.DataFrame, cells: pl.DataFrame) -> pl.Series:
    hit = frame.select(_CELL).join(
        cells.select(*_CELL, __hit=pl.lit(True)).unique(), on=_CELL, how="left", nulls_equal=True, maintain_order="left"
    )
    return hit["__hit"].fill_null(False)


def _relearned(state: pl.DataFrame, verdicts: pl.DataFrame, auto: float) -> pl.DataFrame:
    """Confidence of what nobody spoke about, by how its family (column, healer, operation) did so far.

    What reaches `auto` is applied, unless only a person may say so; what is applied already goes back when it is more
    likely wrong than right.
    """
    families, kinds = _shifts(verdicts)
    joined = state.join(families, on=_FAMILY, how="left", nulls_equal=True, maintain_order="left")
    joined = joined.join(kinds, on=_KIND, how="left", maintain_order="left").with_columns(
        shift=pl.coalesce("shift", "common")
    )
    prior = pl.col("measured").fill_null(0.0)
    odds = _log_odds(prior) + pl.col("shift")
    open_ = ~pl.col("settled")
    learned = joined.with_columns(
        confidence=pl.when(open_ & pl.col("shift").is_not_null()).then(1 / (1 + (-odds).exp())).otherwise("confidence")
    )
    sure = pl.col("confidence").fill_null(0.0)
    doubted = open_ & (pl.col("action") == APPLIED) & (sure < MORE_LIKELY_WRONG) & (sure < prior)
    learned = _marked(learned, doubted, "suggest", "answers about its kind speak against it")
    may = (
        open_
        & pl.col("action").is_in([APPLIED, "suggest"])
        & ~pl.col("nature").is_in([*GUESSES, "removal"])
        & ~pl.col("reason").str.contains(_BUDGET, literal=True)
        & ~pl.col("reason").str.contains("never edited", literal=True)
        & pl.col("group").is_null()
    )
    ready = learned.with_columns(__may=(may & (sure >= auto)).fill_null(False), __sure=sure).with_row_index("__i")
    first = ready.filter("__may").sort(
        *_CELL, "__sure", pl.col("action") != APPLIED, "healer", "new",
        descending=[False, False, True, False, False, False], nulls_last=True,
    )  # fmt: skip
    first = first.unique(_CELL, keep="first", maintain_order=True)
    fresh = first.filter(pl.col("action") != APPLIED)
    held = ready.filter((pl.col("action") == APPLIED) & ~pl.col("__may")).select(_CELL)  # asked for, or together
    fresh = fresh.join(held, on=_CELL, how="anti", nulls_equal=True)
    cells = fresh.select(*_CELL, __winner="__i")
    told = ready.join(cells, on=_CELL, how="left", nulls_equal=True, maintain_order="left")
    won = (pl.col("__i") == pl.col("__winner")).fill_null(False)
    lost = pl.col("__winner").is_not_null() & ~won & (pl.col("action") == APPLIED)
    told = _marked(told, lost, "suggest", "another repair of this cell was surer")
    told = _marked(told, won, APPLIED, "answers about its kind made it sure enough")
    return told.select(list(STATE))


def _log_odds(share: pl.Expr) -> pl.Expr:
    kept = share.clip(1e-3, 1 - 1e-3)
    return (kept / (1 - kept)).log()


def _shifts(verdicts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """By how much, in log-odds, repairs are better or worse than measured: `shift` of families, `common` of operations.

    A family's shift is that of its operation in all columns (deviation `COMMON`) and one of its own (`SPREAD`): the
    mode of their posterior with normal priors, given which repairs were right. Cells chosen for being doubtful do not
    speak against the sure ones.
    """
    known = verdicts.drop_nulls("measured").sort([*_FAMILY, "measured", "right"], nulls_last=True)
    families = known.select(_FAMILY).unique(maintain_order=True).with_row_index("__f")
    kinds = families.select(_KIND).unique(maintain_order=True).with_row_index("__k")
    families = families.join(kinds, on=_KIND, how="left", maintain_order="left")
    coded = known.join(families, on=_FAMILY, how="left", nulls_equal=True, maintain_order="left")
    family, kind = coded["__f"].to_numpy(), coded["__k"].to_numpy()
    odds = coded.select(_log_odds(pl.col("measured"))).to_series().to_numpy()
    right = coded["right"].to_numpy().astype(float)
    own, common = np.zeros(len(families)), np.zeros(len(kinds))

    def step(group: npt.NDArray[np.int64], shift: npt.NDArray[np.float64], spread: float) -> npt.NDArray[np.float64]:
        p = 1 / (1 + np.exp(-(odds + own[family] + common[kind])))
        slope = np.bincount(group, right - p, len(shift)) - shift / spread**2
        curve = np.bincount(group, p * (1 - p), len(shift)) + 1 / spread**2
        moved: npt.NDArray[np.float64] = shift + np.clip(slope / curve, -1.0, 1.0)
        return moved

    for _ in range(STEPS):
        own = step(family, own, SPREAD)
        common = step(kind, common, COMMON)
    shared = pl.Series(common, dtype=pl.Float64)
    shift = pl.Series(own, dtype=pl.Float64) + shared.gather(families["__k"])
    return families.select(_FAMILY).with_columns(shift=shift), kinds.select(_KIND).with_columns(common=shared)
