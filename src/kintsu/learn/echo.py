"""The table's own mistakes, made again: edits that repairs take back, put into cells that look clean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from kintsu.core.recipe import Recipe

__all__ = ["ECHO", "by_own_text", "echo", "edits_of"]

ECHO: Final = "own_mistake"
"""Name of the operation in the crash test."""

LEAST_CELLS: Final = 3  # cells of a recipe: an edit of fewer may be no habit of this table
MOST_EDITS: Final = 1000  # distinct edits of a column that are drawn from
KEPT: Final = 0.5  # least share of the right text that a mistake leaves as it was: else it is another value
SPELLED: Final = ("follows", "canonical")
BESIDE: Final = frozenset({"left", "formula", "other", "part", "entity"})
"""Parameters of recipes that look at other cells: what they take back is no edit of the text."""


def by_own_text(recipes: Mapping[str, Recipe]) -> list[str]:
    """Recipes that judge a cell by its own text: what they take back is an edit of it."""
    return [key for key, recipe in recipes.items() if recipe.nature in SPELLED and not BESIDE & set(recipe.parameters)]


def edits_of(repairs: pl.DataFrame, recipes: Mapping[str, Recipe]) -> pl.DataFrame:
    """What the repairs take back, by column: `column`, `head`, `cut`, `put`, `tail`, `again`, `cells`.

    A damaged text is the right one with the characters `cut` replaced by `put`, after `head` and before `tail`
    characters that stayed. `again` says that `put` repeats what stands before it. Only recipes that judge a cell by its
    own text and mend several cells count, and only damage that leaves half of the text.
    """
    fit = by_own_text(recipes)
    pairs = (
        repairs.filter(
            pl.col("recipe").is_in(fit) & (pl.col("edit") == "set") & (pl.col("new") != "") & (pl.col("old") != "")
        )
        .filter(pl.len().over("recipe") >= LEAST_CELLS)
        .group_by("column", "old", "new")
        .agg(cells=pl.len())
        .sort(["column", "cells", "old", "new"], descending=[False, True, False, False], nulls_last=True)
        .filter(pl.int_range(pl.len()).over("column") < MOST_EDITS)
    )
    head, tail = _shared(pairs["new"], pairs["old"])
    size = pl.col("new").str.len_chars().cast(pl.Int64)
    told = pairs.with_columns(head=pl.Series(head, dtype=pl.Int64), tail=pl.Series(tail, dtype=pl.Int64)).with_columns(
        cut=pl.col("new").str.slice("head", size - pl.col("head") - pl.col("tail")),
        put=pl.col("old").str.slice(
            "head", pl.col("old").str.len_chars().cast(pl.Int64) - pl.col("head") - pl.col("tail")
        ),
    )
    before = pl.col("new").str.head(pl.col("head"))
    again = (pl.col("cut") == "") & (pl.col("put") != "") & before.str.ends_with(pl.col("put"))
    return told.filter(pl.col("head") + pl.col("tail") >= KEPT * size).select(
        "column", "head", "cut", "put", "tail", again.fill_null(False).alias("again"), "cells"
    )


def _shared(a: pl.Series, b: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Lengths of the common beginning of the texts, and of the common end of what is left."""
    left, right = _codes(a), _codes(b)
    width = max(left.shape[1], right.shape[1], 1)
    shorter = np.minimum((left > 0).sum(1), (right > 0).sum(1))
    head = np.minimum(_run(_wide(left, width), _wide(right, width)), shorter)
    left, right = _codes(a.str.reverse()), _codes(b.str.reverse())
    tail = np.minimum(_run(_wide(left, width), _wide(right, width)), shorter - head)
    return head, tail


def _codes(texts: pl.Series) -> np.ndarray:
    """Code points, one line a text, zeros behind its end."""
    array = texts.to_numpy().astype(np.str_)
    return array.view(np.uint32).reshape(len(array), array.itemsize // 4)


def _wide(codes: np.ndarray, width: int) -> np.ndarray:
    return np.pad(codes, ((0, 0), (0, width - codes.shape[1])))


def _run(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many columns from the left are equal, by line."""
    differs = a != b
    length: np.ndarray = np.where(differs.any(1), differs.argmax(1), a.shape[1])
    return length


def echo(texts: pl.Series, edits: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """Each text after one of the edits, drawn by how many cells have it; unchanged where the edit does not fit.

    What stood at an end is put at that end. Inside, an edit replaces the characters that it is known to replace; one
    character for another, or a character put in, may stand anywhere.

    >>> edits = pl.DataFrame({"head": [0], "cut": [""], "put": ["#"], "tail": [3], "again": [False], "cells": [9]})
    >>> echo(pl.Series(["ab", "cde"]), edits, np.random.default_rng(0)).to_list()
    ['#ab', '#cde']
    """
    share = edits["cells"].to_numpy() / edits["cells"].sum()
    drawn = edits[rng.choice(len(edits), len(texts), p=share)].with_columns(
        text=texts, at=pl.Series(rng.random(len(texts)))
    )
    text, cut, put = pl.col("text"), pl.col("cut"), pl.col("put")
    size, n_cut, n_put = (e.str.len_chars().cast(pl.Int64) for e in (text, cut, put))
    parts = text.str.split(cut)
    exact = (n_cut > 0) & (parts.list.len() > 1)
    free = (n_cut == 0) | ((n_cut == 1) & (n_put == 1))
    room = size - n_cut
    inside = (1 + (pl.col("at") * (room - 1)).floor().cast(pl.Int64)).clip(0, room.clip(0))
    place = (
        pl.when(exact)
        .then(parts.list.first().str.len_chars())
        .when(pl.col("head") == 0)
        .then(0)
        .when(pl.col("tail") == 0)
        .then(room)
        .otherwise(inside)
    )
    begin = text.str.head(pl.col("place"))
    repeated = pl.when(n_put <= pl.col("place")).then(begin.str.tail(n_put)).otherwise(text)
    made = pl.concat_str(begin, pl.when("again").then(repeated).otherwise(put), text.str.slice(pl.col("place") + n_cut))
    placed = drawn.with_columns(place=place.cast(pl.Int64))
    return placed.select(broken=pl.when((exact | free) & (room >= 0)).then(made).otherwise(text)).to_series()
