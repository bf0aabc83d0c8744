"""The questions that a heal leaves, before anybody answered: for its report and its summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from kintsu.core.contracts import Table
from kintsu.core.recipe import Recipe
from kintsu.diagnose.masking import in_words, mask
from kintsu.learn.cases import with_cases
from kintsu.learn.questions import Question, questions
from kintsu.run.questions.sources import board

__all__ = ["first_questions", "worded"]


def first_questions(
    decisions: pl.DataFrame,
    recipes: Mapping[str, Recipe],
    table: Table,
    *,
    sensitive: tuple[str, ...] = (),
    limit: int | None = None,
) -> list[Question]:
    """What is worth asking about these decisions, most valuable first. `table` is the one that was healed."""
    state = with_cases(decisions, recipes)

    def texts(columns: list[str]) -> pl.DataFrame:
        return pl.concat([batch.texts(columns) for batch in table.batches(columns=columns)]).rename({"__row": "row"})

    seen = board(state, recipes, texts, tuple(table.columns), sensitive)
    heads: Mapping[str, str] = {}
    if seen is not None:
        state, more, heads = seen.resolved(state, [])
        recipes = {**recipes, **more}
    return worded(state, recipes, heads, sensitive=sensitive, limit=limit)


def worded(
    state: pl.DataFrame,
    recipes: Mapping[str, Recipe],
    heads: Mapping[str, str],
    *,
    sensitive: tuple[str, ...],
    limit: int | None,
) -> list[Question]:
    """The questions of a state, without values of sensitive columns."""
    told = {name: replace(recipe, text=in_words(recipe, sensitive)) for name, recipe in recipes.items()}
    shown = mask(state, sensitive, values=("old", "new"))
    return questions(shown, told, heads=heads, sensitive=sensitive, limit=limit)
