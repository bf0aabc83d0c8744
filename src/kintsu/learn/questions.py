"""Questions at the height of recipes, the most valuable first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.recipe import Recipe
from kintsu.learn.cases import APPLIED, GUESSES, SETTLES, TRUST
from kintsu.learn.verdicts import ACCEPT, REJECT

__all__ = ["EFFECT_CAP", "Option", "Question", "effect", "lead", "questions"]

EFFECT_CAP: Final = 1_000  # cells listed per option
EXAMPLES: Final = 3
SHOWN: Final = 40  # characters of a value in a question
ALTERNATIVES: Final = 3
VALUES: Final = 5  # of one entity that are offered
COMPETES: Final = 0.2  # share of a case's cells for which a recipe must have another value to be an option
# Of the doubtful cells of the same kind, the share that one more verdict decides: what is true of one entity tells
# less of others than one cell of a recipe tells of its other cells.
TEACHES: Final = 0.1
ENTITY_TEACHES: Final = 0.02
ENOUGH: Final = 10.0  # cells of a case at which a verdict on it says half of what it can say about its kin
MASK: Final = "•••"

# How many independent draws the cells of a case are worth: a spelling is right in all cells or in none, votes of
# different groups differ, guesses are right or wrong one by one; the value of one entity is right or it is not.
FATES: Final = {"settle": 0.3, "spelling": 1.5, "vote": 4.0, "guess": 30.0}


@dataclass(frozen=True)
class Option:
    """One possible answer. `effect` (row, column, new) is what the cells hold then, cut to `EFFECT_CAP`."""

    option: str
    text: str
    effect: pl.DataFrame


@dataclass(frozen=True)
class Question:
    """A case as a person is asked about it. `value` is the expected number of cells that an answer puts right."""

    question: str
    text: str
    cells: int
    options: tuple[Option, ...]
    value: float
    confidence: float
    applied: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {
            "question": self.question,
            "text": self.text,
            "cells": self.cells,
            "confidence": round(self.confidence, 3),
            "applied": self.applied,
            "options": [{"option": o.option, "text": o.text, "effect": o.effect.to_dicts()} for o in self.options],
        }


def questions(
    state: pl.DataFrame,
    recipes: Mapping[str, Recipe],
    *,
    heads: Mapping[str, str] | None = None,
    sensitive: tuple[str, ...] = (),
    limit: int | None = None,
) -> list[Question]:
    """Open questions about a state (`learn.verdicts.folded`), the most valuable first; ties by id.

    `heads` words the questions that are not worded by their recipe.
    """
    open_ = state.filter(pl.col("case").is_not_null() & (pl.col("rank") == 0) & ~pl.col("settled"))
    ranked = _ranked(open_)
    if limit is not None:
        ranked = ranked.head(limit)
    chosen = ranked["case"]
    leads = open_.filter(pl.col("case").is_in(chosen.implode())).partition_by("case", as_dict=True)
    optional = (pl.col("rank") > 0) | pl.col("operation").str.starts_with(TRUST)
    rivals = state.filter(pl.col("case").is_in(chosen.implode()) & optional)
    others = rivals.partition_by("case", as_dict=True)
    none = rivals.head(0)
    return [
        _question(
            line, leads[(line["case"],)], others.get((line["case"],), none), recipes, heads or {}, frozenset(sensitive)
        )
        for line in ranked.iter_rows(named=True)
    ]


def _ranked(leads: pl.DataFrame) -> pl.DataFrame:
    """A line per case with its value, best first."""
    sure = pl.col("confidence").fill_null(0.0)
    cases = leads.group_by("case").agg(
        n=pl.len(),
        sure=sure.mean(),
        doubtful=(4 * sure * (1 - sure)).sum(),
        applied=(pl.col("action") == APPLIED).any(),
        fate=pl.when(pl.col("nature").is_in(GUESSES).any())
        .then(pl.lit("guess"))
        .when((pl.col("operation") == SETTLES).any())
        .then(pl.lit("settle"))
        .when(pl.col("operation").is_in(["vote", "fill"]).any() | pl.col("operation").str.starts_with(TRUST).any())
        .then(pl.lit("vote"))
        .otherwise(pl.lit("spelling")),
        kin=pl.concat_str(pl.col("column").fill_null(""), pl.col("healer"), pl.col("operation"), separator="\0").min(),
    )
    kin = pl.col("doubtful").sum().over("kin") - pl.col("doubtful")
    draws = cases["fate"].replace_strict(FATES, return_dtype=pl.Float64).to_numpy()
    share = np.where(cases["applied"].to_numpy(), 1 - cases["sure"].to_numpy(), cases["sure"].to_numpy())
    gain = pl.Series("gain", _gain(share, draws))
    teaches = pl.when(pl.col("fate") == "settle").then(ENTITY_TEACHES).otherwise(TEACHES)
    return (
        cases.with_columns(gain)
        .with_columns(value=pl.col("n") * pl.col("gain") + teaches * kin * pl.col("n") / (pl.col("n") + ENOUGH))
        .sort("value", "case", descending=[True, False])
    )


def _gain(share: npt.NDArray[np.float64], draws: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Expected gain per cell of changing a case if most of its cells are better off then, and else leaving it.

    E[max(0, 2a - 1)] where the share a of cells that are better off has a Beta distribution with mean `share` and
    `draws` pseudo-observations.
    """
    from scipy.special import betainc

    mean = np.clip(share, 1e-3, 1 - 1e-3)
    a, b = mean * draws, (1 - mean) * draws
    gain: npt.NDArray[np.float64] = 2 * mean * (1 - betainc(a + 1, b, 0.5)) - (1 - betainc(a, b, 0.5))
    return np.maximum(gain, 0.0)


def _question(
    line: Mapping[str, Any],
    leads: pl.DataFrame,
    rivals: pl.DataFrame,
    recipes: Mapping[str, Recipe],
    heads: Mapping[str, str],
    sensitive: frozenset[str],
) -> Question:
    leads, rivals = _masked(leads, sensitive), _masked(rivals, sensitive)
    main = str(lead(leads))
    said = recipes[main].text.rstrip(".") if main in recipes else "Change these cells"
    acted = bool(line["applied"])
    where = _where(leads)
    trusts = bool(leads["operation"].str.starts_with(TRUST).any())
    head = heads.get(line["case"])
    if head is None and trusts and main in recipes:
        told = recipes[main].parameters
        head = (
            f"The values of {told.get('source')} contradict each other about {' and '.join(leads['column'].unique())} "
            f"as if they spoke of different things: whom to believe?"
        )
    shown = leads
    if trusts:  # the same cells for either family, so that a person sees how they differ
        mine, theirs = (pl.concat([leads, rivals]).filter(hit) for hit in _sides(main))
        apart = mine.join(theirs.select("row", "column", __new="new"), on=["row", "column"]).unique(["row", "column"])
        apart = apart.filter(pl.col("new") != pl.col("__new"))
        shown = apart if len(apart) else leads
        rivals = rivals.join(shown.select("row", "column", __shown=pl.lit(True)), on=["row", "column"], how="left")
    example = "" if line["case"] in heads else f" For example {_examples(shown)}."
    done = "It is done already" if acted else "Nothing is changed yet"
    text = f"{said}. Is that right for {where}?{example} {done}; Kintsu is {float(line['sure']):.0%} sure."
    text = f"{head} {text}" if head is not None else text
    yes = _instead(leads, rivals.filter(pl.col("recipe") == main)) if trusts else leads
    no = "No, put the old values back." if acted else "No, leave the cells as they are."
    if (leads["operation"] == SETTLES).any():
        no = "None of these is right: put the old values back." if acted else "None of these is right: change nothing."
    options = [
        Option(ACCEPT, "Yes, keep these changes." if acted else f"Yes, change {where}.", _effect(yes, "new")),
        *_alternatives(leads, rivals.filter(pl.col("recipe") != main), recipes),
        Option(REJECT, no, _effect(leads, "old")),
    ]
    return Question(line["case"], text, len(leads), tuple(options), line["value"], line["sure"], acted)


def _sides(main: str) -> tuple[pl.Expr, pl.Expr]:
    trusts = pl.col("operation").str.starts_with(TRUST)
    return trusts & (pl.col("recipe") == main), trusts & (pl.col("recipe") != main)


def lead(inside: pl.DataFrame) -> object:
    """The recipe that a case is asked about: the commonest of its leading decisions."""
    return _commonest(inside.filter(pl.col("rank") == 0)["recipe"])


def _masked(frame: pl.DataFrame, sensitive: frozenset[str]) -> pl.DataFrame:
    """With `hidden`: whether a value must not be shown."""
    return frame.with_columns(hidden=pl.col("column").is_in(list(sensitive)).fill_null(bool(sensitive)))


def _commonest(values: pl.Series) -> object:
    return values.drop_nulls().mode().sort().first()


def _where(leads: pl.DataFrame) -> str:
    n = len(leads)
    if leads["edit"][0] == "drop":
        return f"{n:,} rows" if n != 1 else "1 row"
    names = leads["column"].unique().sort().to_list()
    cells = f"{n:,} cells" if n != 1 else "1 cell"
    return f"{cells} of {' and '.join(map(str, names))}"


def effect(cells: pl.DataFrame, value: str, sensitive: tuple[str, ...]) -> pl.DataFrame:
    """`row`, `column` and `new` of the first cells, with values of sensitive columns masked."""
    return _effect(_masked(cells, frozenset(sensitive)), value)


def _effect(shown: pl.DataFrame, value: str) -> pl.DataFrame:
    cut = shown.sort("row", "column").head(EFFECT_CAP)
    masked = pl.when(pl.col("hidden") & pl.col(value).is_not_null()).then(pl.lit(MASK)).otherwise(value)
    return cut.select("row", "column", new=masked)


def _alternatives(leads: pl.DataFrame, rivals: pl.DataFrame, recipes: Mapping[str, Recipe]) -> list[Option]:
    """What other recipes would make of enough of the same cells."""
    counted = rivals.group_by("recipe").agg(n=pl.len(), sure=pl.col("confidence").fill_null(0.0).mean())
    settles = bool((leads["operation"] == SETTLES).any())
    enough = counted.filter(pl.col("n") >= (0.0 if settles else COMPETES * len(leads))).sort(
        pl.col("n") * pl.col("sure"), "recipe", descending=[True, False]
    )
    options = []
    for recipe, n, _ in enough.head(VALUES if settles else ALTERNATIVES).iter_rows():
        part = rivals.filter(pl.col("recipe") == recipe)
        said = recipes[recipe].text.rstrip(".") if recipe in recipes else "Another value"
        cells = f"{n:,} cells" if n != 1 else "1 cell"
        like = part.filter(pl.col("__shown").fill_null(False)) if "__shown" in part.columns else part
        shown = f" For example {_examples(like if len(like) else part)}." if not settles else ""
        text = f"Instead: {said}: {cells}.{shown}"
        options.append(Option(recipe, text, _effect(_instead(leads, part), "new")))
    return options


def _instead(leads: pl.DataFrame, part: pl.DataFrame) -> pl.DataFrame:
    """What the cells hold if only `part` of the decisions is taken."""
    rest = leads.join(part, on=["row", "column"], how="anti", nulls_equal=True).with_columns(new="old")
    return pl.concat([part.select(leads.columns), rest.select(leads.columns)])


def _examples(shown: pl.DataFrame) -> str:
    """The commonest pairs of values, of different cells."""
    if shown["edit"][0] == "drop":
        rows = ", ".join(str(row) for row in shown["row"].sort().head(EXAMPLES).to_list())
        return f"row {rows}"
    pairs = shown.group_by("old", "new", "hidden").agg(n=pl.len(), row=pl.col("row").min())
    top = pairs.sort("n", "row", descending=[True, False]).head(EXAMPLES)
    told = []
    for old, new, hidden, n, row in top.iter_rows():
        values = (MASK, MASK) if hidden else (_quoted(old), _quoted(new))
        times = f"{n:,} times" if n > 1 else f"row {row}"
        told.append(f"{values[0]} → {values[1]} ({times})")
    return ", ".join(told)


def _quoted(value: str | None) -> str:
    if value is None:
        return "nothing"
    line = " ".join(value.splitlines()) if "\n" in value else value
    return repr(line if len(line) <= SHOWN else line[: SHOWN - 1] + "…")
