"""Decisions that share one fate are one case: what a person is asked about instead of single cells."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import polars as pl

from kintsu.core.frames import DECISIONS, Schema
from kintsu.core.recipe import Recipe

__all__ = ["APPLIED", "GUESSES", "SETTLES", "STATE", "TRUST", "with_cases"]

STATE: Final[Schema] = {
    **DECISIONS,
    "nature": pl.String,
    "operation": pl.String,
    "case": pl.String,  # id of the question about this cell; null: nobody is asked
    "rank": pl.Int64,  # 0: what the question proposes for the cell; 1, 2, ...: alternatives
    "settled": pl.Boolean,  # a person has spoken about this cell: nothing learned later moves it
    "measured": pl.Float64,  # the confidence before anybody answered
}
"""Decisions with what asking about them needs."""

BANDS: Final = (0.5, 0.8, 0.95)  # repairs of one recipe that are as sure as each other tend to be right together
BIG_PAIR: Final = 0.2  # share of a case from which one (old, new) pair is a question of its own
LEAST_PAIR: Final = 10  # cells; below, a question of its own costs more than it tells
TRUST: Final = "trust_"  # operations that believe one family of sources: whom to trust is asked once per column
SETTLES: Final = "settle"  # says which of the values that sources report of one entity is right
GUESSES: Final = ("statistical", "capping")
APPLIED: Final = "apply"

_LOCKED: Final = "this column is never edited"


def with_cases(decisions: pl.DataFrame, recipes: Mapping[str, Recipe]) -> pl.DataFrame:
    """Decisions (schema `DECISIONS`) as `STATE`: each cell that a person may be asked about belongs to one case.

    A case holds the cells of a recipe that are as sure as each other, are all applied or all not, and are changed in
    the same manner (filled, emptied, rewritten); a pair of values that makes up much of a doubtful case is a case of
    its own. Its id is a hash of these facts, so equal tables give equal ids, whatever was answered before.
    """
    told = decisions.with_columns(
        nature=_fact(recipes, "nature", "follows"),
        operation=_fact(recipes, "operation", ""),
        settled=pl.lit(False),
        measured=pl.coalesce("confidence", "score"),
    )
    asked = (
        pl.col("action").is_in([APPLIED, "suggest"])
        & (pl.col("healer") != "person")
        & (pl.col("reason") != _LOCKED)
        & ((pl.col("edit") == "set") | ((pl.col("edit") == "drop") & (pl.col("action") != APPLIED)))
    )
    ranked = _ranked(told.with_columns(__asked=asked))
    leads = ranked.filter(pl.col("rank") == 0)
    named = _named(leads).select("row", "column", "case")
    joined = ranked.join(named, on=["row", "column"], how="left", nulls_equal=True)
    kept = joined.with_columns(case=pl.when(pl.col("rank").is_not_null()).then("case"))
    return kept.select(pl.col(name).cast(dtype) for name, dtype in STATE.items()).sort(
        "row", "column", "rank", "healer", "recipe", "new", nulls_last=True
    )


def _fact(recipes: Mapping[str, Recipe], name: str, default: str) -> pl.Expr:
    facts = {key: getattr(recipe, name) for key, recipe in recipes.items()}
    return pl.col("recipe").replace_strict(facts, default=default, return_dtype=pl.String)


def _ranked(told: pl.DataFrame) -> pl.DataFrame:
    """`rank` within the cell over different new values: applied first, guesses last, then the surer."""
    cell = ["row", "column"]
    ordered = told.sort(
        *cell,
        pl.col("action") != APPLIED,
        pl.col("nature").is_in(GUESSES),
        "measured",
        *("healer", "recipe", "new"),
        descending=[False, False, False, False, True, False, False, False],
        nulls_last=True,
    )
    marked = ordered.with_row_index("__i")
    first = marked.filter("__asked").unique([*cell, "new"], keep="first", maintain_order=True)
    ranks = first.select("__i", rank=pl.int_range(pl.len()).over(cell))
    return marked.join(ranks, on="__i", how="left", maintain_order="left")


def _named(leads: pl.DataFrame) -> pl.DataFrame:
    """The leading decisions with the id of their case."""
    band = pl.sum_horizontal(pl.col("measured") >= edge for edge in BANDS)
    manner = (
        pl.when(pl.col("edit") == "drop").then(pl.lit("drop"))
        .when(pl.col("new").is_null()).then(pl.lit("empty"))
        .when(pl.col("old").fill_null("").str.strip_chars() == "").then(pl.lit("fill"))
        .otherwise(pl.lit("rewrite"))
    )  # fmt: skip
    # cells that only make sense together (a split, a swap) are asked about together
    head = leads.filter(pl.col("group").is_not_null()).sort("group", "column", nulls_last=True)
    head = head.group_by("group", maintain_order=True).agg(
        __column=pl.col("column").unique().sort().str.join("+"),
        __recipe=pl.col("recipe").first(),
        __sure=pl.col("measured").min(),
        __acted=(pl.col("action") == APPLIED).all(),
    )
    # votes by different columns agree where both have a say: which of them spoke first is no reason to ask twice
    trusts = pl.col("operation").str.starts_with(TRUST)
    by_kind = (
        pl.when(trusts).then(pl.lit(TRUST)).when(pl.col("operation") == "vote").then("operation").otherwise("recipe")
    )
    joined = leads.join(head, on="group", how="left", maintain_order="left")
    alike = joined.with_columns(
        __column=pl.coalesce("__column", "column").fill_null(""),
        __recipe=pl.coalesce("__recipe", by_kind).fill_null(""),
        measured=pl.when(trusts).then(0.0).otherwise(pl.coalesce("__sure", "measured")),
        __acted=~trusts & pl.coalesce("__acted", pl.col("action") == APPLIED),
        __manner=pl.when(trusts | pl.col("group").is_not_null()).then(pl.lit("together")).otherwise(manner),
    ).with_columns(__band=band)
    key = ["__column", "__recipe", "__band", "__acted", "__manner"]
    pair = [*key, "old", "new"]
    sized = alike.with_columns(__all=pl.len().over(key), __pair=pl.len().over(pair))
    big = (
        (pl.col("__pair") >= pl.max_horizontal(pl.lit(LEAST_PAIR), BIG_PAIR * pl.col("__all")))
        & (pl.col("__pair") < pl.col("__all"))
        & (pl.col("__band") < len(BANDS))
        & pl.col("group").is_null()
        & ~trusts
    )
    own = sized.with_columns(
        __old=pl.when(big).then(pl.col("old").fill_null("\0")), __new=pl.when(big).then(pl.col("new").fill_null("\0"))
    )
    facts = [*key, "__old", "__new"]
    distinct = own.select(facts).unique()
    ids = pl.Series("case", [_id(row) for row in distinct.iter_rows()], dtype=pl.String)
    return own.join(distinct.with_columns(ids), on=facts, how="left", nulls_equal=True, maintain_order="left")


def _id(facts: tuple[object, ...]) -> str:
    return "q-" + hashlib.blake2b(repr(facts).encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
