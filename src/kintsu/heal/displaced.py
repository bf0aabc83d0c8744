"""Puts values back into the column they belong to: two cells swapped, or two values in one cell and the other empty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise, permutations
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core import frames
from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.phrase import phrase, quoted
from kintsu.core.recipe import Recipe
from kintsu.profile.dates import regex_of
from kintsu.profile.values.judgement import moment_format, shapes_of
from kintsu.profile.values.nature import nature_of
from kintsu.profile.values.surface import clean_of
from kintsu.profile.values.view import ColumnView

__all__ = ["Displaced", "Home"]

_MOST_COLUMNS: Final = 60  # wider tables: only columns that stand side by side are compared
_ODD: Final = 0.6  # most cells of a column outside its own values
_WORDS: Final = 6  # places at which a glued cell may be cut


@dataclass(frozen=True, eq=False)
class Home:
    """What belongs into a column: plain numbers in a range, or texts of a form, or the words that come often."""

    column: str
    low: float | None = None
    high: float | None = None
    regex: str | None = None
    words: pl.Series | None = None

    @cached_property
    def _words(self) -> pl.Series:
        return pl.Series([] if self.words is None else self.words, dtype=pl.String).implode()

    def holds(self, text: pl.Expr) -> pl.Expr:
        """Whether a text belongs here; false where it is null."""
        if self.words is not None:
            return text.is_in(self._words).fill_null(False)
        if self.regex is not None:
            return text.str.contains(self.regex).fill_null(False)
        return text.cast(pl.Float64, strict=False).is_between(self.low, self.high).fill_null(False)


@dataclass(frozen=True)
class Displaced:
    """Swaps two cells that hold each other's values, and takes two values of one cell apart where the other is empty.

    A value is out of place where it does not belong to its own column by anything the column shows, and does belong to
    the other one. Columns whose values are alike (two columns of numbers, of dates of one form) say nothing.
    """

    name: ClassVar[str] = "displaced"

    def train(self, reference: Reference) -> list[tuple[Home, Home]]:
        homes = {name: home for name in reference.columns if (home := _home(reference, name)) is not None}
        names = [name for name in reference.columns if name in homes]
        pairs = list(combinations(names, 2)) if len(names) <= _MOST_COLUMNS else list(pairwise(names))
        plain = {name for name, home in homes.items() if home.regex is None and home.words is None}
        pairs = [(a, b) for a, b in pairs if not {a, b} <= plain]
        apart = _apart(reference, homes, pairs)
        return [(homes[a], homes[b]) for a, b in pairs if (a, b) in apart and (b, a) in apart]

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: list[tuple[Home, Home]], reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        present = [(a, b) for a, b in model if a.column in batch.columns and b.column in batch.columns]
        homes = {home.column: home for pair in present for home in pair}
        texts = pl.DataFrame([batch.row.alias("__row"), *(batch[name].text.alias(name) for name in homes)])
        away = texts.select(
            "__row",
            *(
                (~home.holds(pl.col(name).str.strip_chars()) & pl.col(name).is_not_null()).alias(name)
                for name, home in homes.items()
            ),
        )
        recipes: list[Recipe] = []
        out: list[pl.DataFrame] = []
        odd = {name: away[name].to_numpy() for name in homes}
        empty = {name: batch[name].is_missing.to_numpy() for name in homes}
        swapped = _swapped(texts, odd, present)
        for a, b in present:
            if (a, b) in swapped:
                _propose(self.name, a, b, swapped[a, b], "swap", recipes, out)
            for whole, part in permutations((a, b)):
                glued = np.flatnonzero(odd[whole.column] & empty[part.column])
                if len(glued):
                    pair = texts.select("__row", a.column, b.column)[glued]
                    _propose(self.name, whole, part, _glued(pair, whole, part), "split", recipes, out)
        return recipes, frames.concat(out, frames.REPAIRS)


def _home(reference: Reference, name: str) -> Home | None:
    view, nature = clean_of(reference, name), nature_of(reference, name)
    if view.filled < 20 or view.distinct < 2:
        return None
    home: Home | None = None
    shapes = shapes_of(reference, name)
    if nature.is_numeric:
        low, high = nature.fences
        home = Home(name, low=low, high=high) if nature.kind == "number" else None
    elif (usual := moment_format(reference, name)) is not None:
        home = Home(name, regex=regex_of(usual.format))
    elif shapes is not None:
        home = Home(name, regex=shapes.regex)
    else:
        home = Home(name, words=_usual(view))
    if home is None or view.share(~home.holds(pl.col("value"))) > _ODD:
        return None
    return home


def _usual(view: ColumnView) -> pl.Series:
    """Values that come about as often as those that hold half of the cells."""
    ranked = view.values.sort(["n", "value"], descending=[True, False])
    held = ranked["n"].cum_sum() / max(view.filled, 1)
    bulk = int(ranked["n"][min(int((held < 0.5).sum()), len(ranked) - 1)])
    return ranked.filter(pl.col("n") >= max(3.0, bulk / 4))["value"]


def _apart(reference: Reference, homes: dict[str, Home], pairs: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Pairs (either way round) of columns where values of the first one hardly ever belong to the second one."""
    partners: dict[str, list[str]] = {}
    for a, b in pairs:
        partners.setdefault(a, []).append(b)
        partners.setdefault(b, []).append(a)
    found = set()
    for name, others in partners.items():
        own = clean_of(reference, name).values.filter(homes[name].holds(pl.col("value")))
        held = own.select(pl.col("n").filter(homes[o].holds(pl.col("value"))).sum().alias(o) for o in others)
        most = 0.02 * float(own["n"].sum())
        found |= {(name, o) for o in others if float(held[o][0]) <= most}
    return found


def _swapped(
    texts: pl.DataFrame, odd: dict[str, npt.NDArray[np.bool_]], pairs: list[tuple[Home, Home]]
) -> dict[tuple[Home, Home], pl.DataFrame]:
    """Rows where both texts are out of place and each belongs to the other column, of the pairs that have any."""
    if not pairs:
        return {}
    names = list(odd)
    several = np.flatnonzero(np.count_nonzero(list(odd.values()), axis=0) >= 2)
    rows = texts[several]
    # all texts at once, for hardly any pair has a hit, and a call costs more than looking at a few rows
    every = pl.concat([rows[name].str.strip_chars().alias("text") for name in names]).to_frame()
    homes = {home.column: home for pair in pairs for home in pair}
    held = every.select(home.holds(pl.col("text")).alias(name) for name, home in homes.items())
    fits = {name: dict(zip(names, held[name].to_numpy().reshape(len(names), -1))) for name in homes}
    found = {}
    for a, b in pairs:
        is_odd = odd[a.column][several] & odd[b.column][several]
        hit = np.flatnonzero(is_odd & fits[a.column][b.column] & fits[b.column][a.column])
        if len(hit):
            new_a, new_b = (pl.col(home.column).str.strip_chars() for home in (b, a))
            found[a, b] = rows[hit].select(row="__row", old_a=a.column, old_b=b.column, new_a=new_a, new_b=new_b)
    return found


def _glued(rows: pl.DataFrame, whole: Home, part: Home) -> pl.DataFrame:
    """Rows whose text is a value of `whole` and one of `part` in either order, in exactly one way."""
    words = pl.col(whole.column).str.strip_chars().str.split(" ")
    cut = rows.lazy().select(row="__row", old_a=whole.column, old_b=part.column, words=words)
    split = cut.filter(pl.col("words").list.len() > 1).collect()
    if not len(split):
        return split.select("row", "old_a", "old_b", new_a="old_a", new_b="old_b")
    heads, tails = [], []
    for k in range(1, min(_WORDS, int(split["words"].list.len().max()) - 1) + 1):  # type: ignore[arg-type]
        head = pl.col("words").list.head(k).list.join(" ").str.strip_chars_end(",;/|- ")
        tail = pl.col("words").list.slice(k).list.join(" ").str.strip_chars_start(",;/|-(").str.strip_chars_end(")")
        heads.append(pl.when(pl.col("words").list.len() > k).then(head))
        tails.append(pl.when(pl.col("words").list.len() > k).then(tail))
    # one query: there are few rows, and many pairs of columns
    told = split.lazy().select("row", "old_a", "old_b", new_a=pl.concat_list(heads), new_b=pl.concat_list(tails))
    told = told.explode("new_a", "new_b").drop_nulls("new_a")
    swapped = told.select("row", "old_a", "old_b", new_a="new_b", new_b="new_a")
    fitting = pl.concat([told, swapped]).filter(whole.holds(pl.col("new_a")) & part.holds(pl.col("new_b"))).unique()
    return fitting.filter(pl.len().over("row") == 1).sort("row").collect()


def _propose(
    healer: str, a: Home, b: Home, rows: pl.DataFrame, operation: str, recipes: list[Recipe], out: list[pl.DataFrame]
) -> None:
    """Both edits of each row, in one group."""
    if not len(rows):
        return
    said = {
        "swap": f"Swap {a.column} and {b.column} where each holds a value of the other.",
        "split": f"Move the value of {b.column} out of {a.column} where {b.column} is empty.",
    }[operation]
    recipe = Recipe(healer, a.column, operation, said, "follows", {"other": b.column})
    recipes.append(recipe)
    why = {
        "swap": phrase(
            "{} is no value of {} but one of {}, and {} the other way round",
            quoted("old_a"), pl.lit(a.column), pl.lit(b.column), quoted("old_b"),
        ),
        "split": phrase(
            "{} is {} and {}, and {} is empty", quoted("old_a"), quoted("new_a"), quoted("new_b"), pl.lit(b.column)
        ),
    }[operation]  # fmt: skip
    score = 0.97 if operation == "swap" else 0.965
    group = phrase("{}+{}:{}", pl.lit(a.column), pl.lit(b.column), "row")
    rows = rows.with_columns(why=why, group=group, score=pl.lit(score))
    for column, old, new in ((a.column, "old_a", "new_a"), (b.column, "old_b", "new_b")):
        edits = rows.select("row", "score", "group", "why", old=old, new=new)
        out.append(frames.repairs(edits, healer=healer, recipe=recipe.id, column=column))
