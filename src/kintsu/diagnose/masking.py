"""Values of sensitive columns never leave a run: one place that hides them, in cells, in evidence and in recipes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, TypeVar, cast

import polars as pl

from kintsu.core.recipe import Recipe

__all__ = ["HIDDEN", "HIDDEN_WHY", "Veil", "in_words", "mask", "masked", "masked_text"]

HIDDEN: Final = "•••"
HIDDEN_WHY: Final = "evidence hidden: it rests on a sensitive column"

_VALUES: Final[tuple[str, ...]] = ("value", "old", "new")


@dataclass(frozen=True)
class Veil:
    """Which columns are masked for somebody who looks on: those that a run was told are sensitive, and those of any
    table whose name fits one of the `patterns` ("ssn", "*mail*"; small and capital letters are the same). Nothing at
    all where it is `lifted`.
    """

    patterns: tuple[str, ...] = ()
    lifted: bool = False

    def hides(self, column: str | None) -> bool:
        """Whether the values of a column of this name are masked."""
        if self.lifted or column is None:
            return False
        return any(fnmatchcase(column.lower(), pattern.lower()) for pattern in self.patterns)

    def over(self, columns: Iterable[str], marked: Collection[str] = ()) -> tuple[str, ...]:
        """The columns of a table that are masked; `marked` are sensitive whatever they are called."""
        return () if self.lifted else tuple(name for name in columns if name in marked or self.hides(name))


def in_words(recipe: Recipe, sensitive: Collection[str]) -> str:
    """What a recipe does; those of sensitive columns are told without values."""
    if recipe.column in sensitive or any(name in recipe.text for name in sensitive):
        return f"{recipe.operation.replace('_', ' ')} in {recipe.column or 'whole rows'}"
    return recipe.text


def _mentions(text: str, names: Collection[str]) -> pl.Expr:
    """True where a text column names one of the sensitive columns."""
    return pl.any_horizontal(pl.col(text).str.contains(name, literal=True).fill_null(False) for name in sorted(names))


def mask(
    frame: pl.DataFrame,
    sensitive: Collection[str],
    *,
    values: Sequence[str] = _VALUES,
    secrets: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Findings, repairs, decisions or changes with sensitive values hidden; null stays null.

    Cells of sensitive columns become `HIDDEN`, and so do cells that hold the text of a sensitive cell of their row, as
    far as the frame or `secrets` tells it (two cells that were swapped). The evidence (`why`) of a sensitive column,
    and evidence elsewhere that names a sensitive column, is replaced whole: it quotes values. Evidence that quotes a
    sensitive value of its own row without naming the column is found in the same way; `secrets` gives texts (`__row`
    and the sensitive columns). Of rows that are not among them, evidence about whole rows is hidden too, for it may
    quote any column.
    """
    if not sensitive or not len(frame):
        return frame
    own = pl.col("column").is_in(sorted(sensitive)).fill_null(False)
    whole_row = pl.col("column").is_null()  # its text may hold any column
    texts = _texts(frame, own, [name for name in values if name in frame.columns], secrets)
    borrowed = {name: _holds(frame, name, texts) for name in (*values, "why") if name in frame.columns}
    hidden = [
        pl.when((own | whole_row | borrowed[name]) & pl.col(name).is_not_null())
        .then(pl.lit(HIDDEN))
        .otherwise(name)
        .alias(name)
        for name in values
        if name in frame.columns
    ]
    if "why" not in frame.columns:
        return frame.with_columns(hidden)
    known = secrets["__row"] if secrets is not None else pl.Series([], dtype=pl.Int64)
    unseen = whole_row & ~pl.col("row").is_in(known.implode()).fill_null(False)
    told = (
        pl.when((own | unseen | _mentions("why", sensitive) | borrowed["why"]) & pl.col("why").is_not_null())
        .then(pl.lit(HIDDEN_WHY))
        .otherwise("why")
        .alias("why")
    )
    return frame.with_columns(*hidden, told)


def _texts(frame: pl.DataFrame, own: pl.Expr, values: Sequence[str], secrets: pl.DataFrame | None) -> pl.DataFrame:
    """`row` and `text` of the sensitive cells that are known here, of 3 characters or more: shorter ones occur by
    chance in any sentence."""
    mine = frame.filter(own)
    parts = [mine.select("row", text=pl.col(name)) for name in values]
    if secrets is not None:
        parts += [secrets.select(row="__row", text=name) for name in secrets.columns if name != "__row"]
    empty = pl.DataFrame(schema={"row": pl.Int64, "text": pl.String})
    every = pl.concat([empty, *(part.cast(empty.schema) for part in parts)]).drop_nulls()
    stripped = every.with_columns(pl.col("text").str.strip_chars())
    return stripped.filter(pl.col("text").str.len_chars() >= 3).unique()


def _holds(frame: pl.DataFrame, name: str, texts: pl.DataFrame) -> pl.Series:
    """True where a column holds the text of a sensitive cell of its row."""
    pairs = frame.select(pl.col("row").cast(pl.Int64), held=name).with_row_index("at").join(texts, on="row")
    hit = pairs.filter(pl.col("held").str.contains(pl.col("text"), literal=True))["at"].unique()
    return pl.select(pl.int_range(len(frame)).is_in(hit.cast(pl.Int64).implode())).to_series()


T = TypeVar("T")
_SAID: Final = ("column", "row", "edit", "statistic", "strength", "kind", "score", "confidence", "healer", "recipe")
_NAMED: Final = re.compile("`([^`]+)`")


def masked(told: T, veil: Veil) -> T:
    """JSON-able values about batches with what tells values of masked columns hidden: texts that name one, facts of
    one ("mean:age"), and all but the names in whatever is about one (`{"column": ...}`)."""
    return cast(T, _masked(told, veil)) if veil.patterns and not veil.lifted else told


def _masked(told: Any, veil: Veil) -> Any:
    if isinstance(told, Mapping):
        is_own = veil.hides(told.get("column"))
        return {
            name: HIDDEN if is_own and name not in _SAID and value is not None else _masked(value, veil)
            for name, value in told.items()
            if not veil.hides(str(name).partition(":")[2])
        }
    if isinstance(told, list | tuple):
        return [_masked(each, veil) for each in told]
    return masked_text(told, veil) if isinstance(told, str) else told


def masked_text(text: str, veil: Veil) -> str:
    """A sentence, hidden as a whole where it names a masked column in backticks, as sentences about batches do."""
    return HIDDEN_WHY if any(veil.hides(name) for name in _NAMED.findall(text)) else text
