"""What an answer teaches beyond its table: verdicts on recipes, and recipes that need no training."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import polars as pl

from kintsu.core.recipe import Recipe
from kintsu.learn.cases import APPLIED
from kintsu.learn.memory import Past, judged
from kintsu.learn.recipes import Learned, conditions, learned
from kintsu.learn.synthesis.program import Program
from kintsu.learn.synthesis.search import ASKS
from kintsu.run.questions.session import Session

__all__ = ["learned_now", "verdicts_now"]

_CELL: Final = ["row", "column"]


def verdicts_now(before: pl.DataFrame, after: pl.DataFrame) -> list[dict[str, Any]]:
    """Recipes that were accepted or refused between two states, what they do, how sure they were before (`measured`),
    and the number of cells: no cell values.

    A refusal counts where nothing of the recipe was taken: an alternative that lost some cells is not refused.
    """
    told = _fresh(before, after).filter(pl.col("rank").is_not_null() & (pl.col("edit") == "set"))
    counted = told.group_by("recipe").agg(
        pl.col("healer", "operation").first(),
        pl.col("measured").mean(),
        yes=(pl.col("action") == APPLIED).sum(),
        no=((pl.col("rank") == 0) & (pl.col("action") != APPLIED)).sum(),
    )
    return [
        {
            "recipe": recipe,
            "healer": healer,
            "operation": operation,
            "measured": None if measured is None else round(measured, 4),
            "accepted": bool(yes),
            "cells": int(yes or no),
        }
        for recipe, healer, operation, measured, yes, no in counted.sort("recipe").iter_rows()
        if yes or no
    ]


def learned_now(
    session: Session,
    before: pl.DataFrame,
    after: pl.DataFrame,
    recipes: Mapping[str, Recipe],
    brought: Collection[str] = (),
) -> list[Learned]:
    """Recipes with the values or the program by which they can be replayed without training.

    Those accepted between the two states, and the programs among the recipes that the event `brought`. Fills that
    follow from nothing but the recipe's training (a model, a neighbour) cannot be replayed and are left out.
    """
    fresh = _fresh(before, after)
    done = fresh.filter((pl.col("action") == APPLIED) & (pl.col("edit") == "set") & (pl.col("healer") != "person"))
    # values of sensitive columns stay in the store's change sets, and are in no file of recipes
    hidden = set(session.heal.sensitive)
    recipes = {k: r for k, r in recipes.items() if not hidden & {str(r.column), *conditions(r)}}
    names = [name for name in done["recipe"].unique().sort() if name in recipes]
    wanted = {c for name in names for c in (recipes[name].column, *conditions(recipes[name])) if c is not None}
    known = sorted(wanted & set(session.heal.columns))
    texts = session.original(known) if known else pl.DataFrame()
    found: list[Learned | None] = []
    for name in names:
        part, recipe = done.filter(pl.col("recipe") == name), recipes[name]
        sure = _confidence(part, accepted=True)
        if recipe.healer == "taught":
            found.append(_program(recipe, sure, "accepted"))
        else:
            found.append(learned(part, texts, recipe, sure))
    for recipe in recipes.values():
        if recipe.healer == "taught" and recipe.id in brought and recipe.id not in names:
            part = after.filter((pl.col("recipe") == recipe.id) & ~pl.col("settled") & (pl.col("reason") != ASKS))
            if len(part):
                found.append(_program(recipe, _confidence(part, accepted=False), "taught"))
    return [each for each in found if each is not None]


def _program(recipe: Recipe, confidence: float, verdict: str) -> Learned:
    return Learned(recipe, confidence, program=Program.of(recipe.parameters), verdict=verdict)


def _confidence(part: pl.DataFrame, *, accepted: bool) -> float:
    """Mean confidence of the recipe's cells, after a "yes" where one was said."""
    mean = part.select("recipe", "score", pl.col("measured").mean().alias("confidence")).head(1)
    past = {part["recipe"][0]: Past(True, 0.0)} if accepted else {}
    return float(judged(mean, past)["confidence"][0] or 0.0)


def _fresh(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Decisions on cells that a person settled, or settled otherwise, between the two states."""
    key = [*_CELL, "recipe", "new"]
    was = before.filter("settled").select(*key, __action="action")
    now = after.filter("settled").join(was, on=key, how="left", nulls_equal=True, maintain_order="left")
    return now.filter(~pl.col("action").eq_missing(pl.col("__action")))
