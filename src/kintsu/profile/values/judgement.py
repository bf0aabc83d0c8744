"""The judgement of a whole column: every method in turn, each seeing the values that those before left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl

from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.profile.dates import DateFormat
from kintsu.profile.values.missing_tokens import judge_null_tokens, judge_sentinels
from kintsu.profile.values.moments import column_format, judge_moments
from kintsu.profile.values.nature import nature_of
from kintsu.profile.values.noise import judge_noise
from kintsu.profile.values.oddities import judge_characters, judge_rare, judge_surprise
from kintsu.profile.values.quantities import judge_quantities
from kintsu.profile.values.shape_judging import judge_shapes
from kintsu.profile.values.shapes import Shapes, find_shapes
from kintsu.profile.values.spelling import judge_case, judge_wrapping
from kintsu.profile.values.surface import clean_of, compose, surface_of
from kintsu.profile.values.typos import judge_cut, judge_stuck, judge_typos
from kintsu.profile.values.view import NOTHING, besides, view_of

__all__ = ["chosen_of", "habitual_tokens", "judgement_of", "moment_format", "shapes_of"]


def shapes_of(reference: Reference, name: str) -> Shapes | None:
    """The patterns of one column, null tokens left out; remembered."""

    def build() -> Shapes | None:
        nature = nature_of(reference, name)
        if nature.is_numeric:
            return None
        return find_shapes(clean_of(reference, name).without(nature.parsed.filter(pl.col("token"))["value"]))

    shapes: Shapes | None = remembered(reference, ("shapes", name), build)
    return shapes


def moment_format(reference: Reference, name: str) -> DateFormat | None:
    """`column_format` of a column as it is below its surface, dates read as the user asked for; remembered."""

    def build() -> DateFormat | None:
        return column_format(clean_of(reference, name), day_first=reference.option("day_first"))

    found: DateFormat | None = remembered(reference, ("moments", name), build)
    return found


def judgement_of(reference: Reference, name: str) -> pl.DataFrame:
    """What is wrong with which distinct values of a column (schema `JUDGED` and `method`); one line a value."""
    judgements: dict[str, pl.DataFrame] = remembered(reference, "judgements", lambda: _judge(reference))
    return judgements[name]


def chosen_of(reference: Reference, hit: pl.Expr) -> dict[str, pl.DataFrame]:
    """The judgements that satisfy `hit`, by column, in table order; without columns that have none.

    All columns are filtered at once: most have a handful of judgements, and a call costs more than those.
    """

    def build() -> pl.DataFrame:
        judged = ((name, judgement_of(reference, name)) for name in reference.columns)
        named = [table.with_columns(column=pl.lit(name)) for name, table in judged if len(table)]
        return pl.concat(named) if named else NOTHING.with_columns(column=pl.lit(None, pl.String))

    whole: pl.DataFrame = remembered(reference, "judgements in one", build)
    parts = whole.filter(hit).partition_by("column", maintain_order=True, include_key=False, as_dict=True)
    return {str(name): part for (name,), part in parts.items()}


class _Column:
    """A column while it is judged: what was found, and the values (`left`) that no method has judged yet."""

    def __init__(self, reference: Reference, name: str) -> None:
        self.reference, self.name = reference, name
        self.view, self.nature = clean_of(reference, name), nature_of(reference, name)
        self.shapes = shapes_of(reference, name)
        self.left, self.found = self.view.values, NOTHING

    @property
    def is_text(self) -> bool:
        return self.nature.kind == "text"

    def take(self, found: pl.DataFrame) -> None:
        """Add what a method found."""
        if len(found):
            self.found = pl.concat([self.found, found])
            self.left = besides(self.left, found["value"])


def _null_tokens(c: _Column) -> pl.DataFrame:
    return judge_null_tokens(c.nature, is_patterned=c.shapes is not None, habitual=habitual_tokens(c.reference))


def _sentinels(c: _Column) -> pl.DataFrame:
    return besides(judge_sentinels(c.nature), c.found["value"])


def _moments(c: _Column) -> pl.DataFrame:
    usual = moment_format(c.reference, c.name) if c.is_text else None
    return NOTHING if usual is None else judge_moments(c.view, c.left, usual)


def _worded(judge: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[_Column], pl.DataFrame]:
    """The method for columns of words that come again."""

    def method(c: _Column) -> pl.DataFrame:
        is_worded = c.is_text and c.shapes is None and not c.view.facts.is_free_text and not c.view.is_near_unique
        return judge(c.left) if is_worded else NOTHING

    return method


_METHODS: Final[tuple[Callable[[_Column], pl.DataFrame], ...]] = (
    _null_tokens,
    _sentinels,
    _moments,
    lambda c: judge_case(c.view, c.left) if c.is_text else NOTHING,
    lambda c: judge_noise(c.reference, c.name, c.left),
    lambda c: judge_characters(c.view, c.left) if c.nature.kind in ("text", "code") else NOTHING,
    lambda c: judge_quantities(c.nature, c.left),
    lambda c: judge_shapes(c.view, c.shapes, c.left) if c.shapes is not None else NOTHING,
    lambda c: judge_wrapping(c.left) if c.is_text and not c.view.is_near_unique else NOTHING,
    _worded(judge_typos),
    _worded(judge_stuck),
    _worded(judge_cut),
    lambda c: judge_rare(c.view, c.left) if c.is_text else NOTHING,
    lambda c: judge_surprise(c.view, c.left) if c.is_text and c.shapes is None else NOTHING,
)


def _judge(reference: Reference) -> dict[str, pl.DataFrame]:
    """The judgement of every column, by one method after the other over all columns.

    So the regular expressions of a method stay compiled (polars keeps 32 of them): column by column, compiling them
    took longer than judging a few hundred values.
    """
    # a handful of cells has no habit
    columns = [_Column(reference, name) for name in reference.columns if clean_of(reference, name).filled >= 5]
    for method in _METHODS:
        for column in columns:
            column.take(method(column))
    judged = dict.fromkeys(reference.columns, NOTHING) | {c.name: _with_lost_values(c) for c in columns}
    return {
        name: compose(surface_of(reference, name), table, view_of(reference, name)) for name, table in judged.items()
    }


_PARTLY: Final = ("strip_unit", "spell_unit", "number_format", "drop_character", "look_alike", "extract", "constant")


def _not_from_elsewhere(reference: Reference, name: str, table: pl.DataFrame) -> pl.DataFrame:
    """Readings of a part of a value are doubtful where the whole value is at home in another column.

    "100 %" in a column of counts is no count with a sign, if the column beside holds percentages: it was misplaced.
    """
    part = pl.col("operation").is_in(_PARTLY).fill_null(False)
    partly = table.filter(part)["value"]
    if not len(partly):
        return table
    at_home = _usual_texts(reference).filter(pl.col("value").is_in(partly.implode()))
    foreign = at_home.filter((pl.col("columns") > 1) | (pl.col("column") != name))["value"]
    doubtful = part & pl.col("value").is_in(foreign.implode())
    lowered = pl.when(doubtful).then(pl.min_horizontal("new_score", pl.lit(0.45))).otherwise("new_score")
    return table.with_columns(new_score=lowered)


def _usual_texts(reference: Reference) -> pl.DataFrame:
    """Values that come three times and more in columns of other things than plain numbers; remembered.

    `value`, one `column` that has it so often, and the number of such `columns`.
    """

    def build() -> pl.DataFrame:
        views = [view_of(reference, name) for name in reference.columns if nature_of(reference, name).kind != "number"]
        usual = [view.values.filter(pl.col("n") >= 3).select("value", column=pl.lit(view.name)) for view in views]
        if not usual:
            return pl.DataFrame(schema={"value": pl.String, "column": pl.String, "columns": pl.UInt32})
        return pl.concat(usual).group_by("value").agg(pl.col("column").min(), columns=pl.len())

    texts: pl.DataFrame = remembered(reference, ("usual texts",), build)
    return texts


def _with_lost_values(column: _Column) -> pl.DataFrame:
    """What was found, sorted; null tokens in a column that is damaged otherwise, too, are for a person to empty.

    They may hide lost values. Damaged: the cells with other slips (and those with something on their surface) are at
    least a quarter as many as those with tokens. Where empty cells are three times as many as tokens, emptiness is how
    the column says "none", and they stay as they are.
    """
    table, view = _not_from_elsewhere(column.reference, column.name, column.found.sort("value")), column.view
    if not (table["operation"] == "null_token").any():
        return table
    is_token = pl.col("operation").fill_null("") == "null_token"
    counted = table.join(view.values, on="value", how="left", maintain_order="left")
    held = int(counted.filter(is_token)["n"].sum())
    if view.nulls >= 3 * held:
        return table
    carrying = view_of(column.reference, column.name).values.join(
        surface_of(column.reference, column.name), on="value", how="semi"
    )
    is_slip = ~is_token & pl.col("kind").is_in(["format", "typo", "type", "unit"]) & (pl.col("score") >= 0.5)
    other = int(counted.filter(is_slip)["n"].sum()) + int(carrying["n"].sum())
    if other < 0.25 * held:
        return table
    lowered = pl.when(is_token).then(pl.min_horizontal("new_score", pl.lit(0.6))).otherwise("new_score")
    return table.with_columns(new_score=lowered)


def habitual_tokens(reference: Reference) -> frozenset[str]:
    """Null tokens that stand in many cells (1 % or more) of three columns with few empty cells; remembered."""

    def build() -> frozenset[str]:
        seen: dict[str, int] = {}
        for name in reference.columns:
            view = view_of(reference, name)
            least = max(0.01 * view.filled, 0.3 * view.nulls)
            tokens = nature_of(reference, name).parsed.filter(pl.col("token") & (pl.col("n") >= least))
            for token in tokens["value"].to_list():
                seen[token] = seen.get(token, 0) + 1
        return frozenset(token for token, n in seen.items() if n >= 3)

    tokens: frozenset[str] = remembered(reference, ("habitual",), build)
    return tokens
