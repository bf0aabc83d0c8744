"""The judgement of values outside the patterns of their column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import polars as pl

from kintsu.core.phrase import phrase, quoted
from kintsu.profile.dates import DateFormat, parse
from kintsu.profile.values.moments import column_format
from kintsu.profile.values.shape_repairs import mend, sure_of_doubles
from kintsu.profile.values.shapes import PROBE, SURE, Shapes, exact_pattern
from kintsu.profile.values.view import NOTHING, ColumnView, judged

__all__ = ["ShapeHabits", "habits_of", "judge_shapes"]

_TAIL: Final = 0.03  # most cells outside the legal patterns for values without a repair to be findings


@dataclass(frozen=True)
class ShapeHabits:
    """What the values of a patterned column say about others.

    `tail`: share of cells outside the legal patterns without a repair. `doubled`: how sure it is that of several
    characters that may go the doubled one was typed too often. `usual`: the format, where they are dates.
    """

    tail: float
    doubled: float
    is_padded: bool
    usual: DateFormat | None


def habits_of(view: ColumnView, shapes: Shapes) -> ShapeHabits:
    """The habits that the values of a column show."""
    usual, padded = column_format(view), _is_padded(view, shapes)
    odd = view.values.filter(~shapes.accepts(pl.col("value"))).head(50_000)
    if not len(odd):
        return ShapeHabits(0.0, sure_of_doubles(0, 0), padded, usual)
    mended, doubled = mend(shapes, odd, None)
    rest = odd.join(_on_calendar(view, mended, usual).select("value"), on="value", how="anti")
    rest = _not_just_longer(rest, shapes, is_padded=padded)
    return ShapeHabits(float(rest["n"].sum()) / max(view.filled, 1), doubled, padded, usual)


def judge_shapes(
    view: ColumnView, shapes: Shapes, left: pl.DataFrame, habits: ShapeHabits | None = None
) -> pl.DataFrame:
    """Values of `left` outside the legal patterns, with a repair where exactly one reading leads into a pattern.

    With the `habits` of a view that did not count them, each value is judged by itself.
    """
    odd = left.filter(~shapes.accepts(pl.col("value")))
    if not len(odd) or len(odd) > 50_000:
        return NOTHING
    mended, _ = mend(shapes, odd, None if habits is None else habits.doubled)
    mended = _on_calendar(view, mended, column_format(view) if habits is None else habits.usual)
    usual = shapes.patterns[0] if shapes.patterns else shapes.grain
    why = phrase(
        "{} is not of the form {} that {} % of the column have (9: a digit, A: a capital letter, a: a small one)",
        quoted("value"),
        pl.lit(usual),
        pl.lit(round(100 * shapes.cover, 2)),
    )
    if shapes.cover < SURE:  # so many other values: some may be of another form by right
        mended = mended.filter(pl.col("operation") != "extract").with_columns(sure=pl.col("sure") * 0.97)
    known = view.values.select(new="value", seen="n")
    good = mended.join(known, on="new", how="left", maintain_order="left").with_columns(
        new_score=pl.when(pl.col("operation") == "extract")
        .then(0.93)  # what is cut away may qualify the value ("estimated"): never without a person
        .otherwise(pl.col("sure") + pl.when(pl.col("seen") > 0).then((1 - pl.col("sure")) / 2).otherwise(0.0))
    )
    repaired = judged(
        good.select("value", "new", "new_score", "operation", "says", why=why),
        kind="format",
        score=0.97,
        mend=True,
    )
    rest = odd.join(mended.select("value"), on="value", how="anti", maintain_order="left")
    if len(rest):
        rest = _not_just_longer(rest, shapes, is_padded=habits.is_padded if habits else _is_padded(view, shapes))
    tail = float(rest["n"].sum()) / max(view.filled, 1) if habits is None else habits.tail
    if tail > _TAIL and len(rest):
        rest = rest.head(0)
    # few cells outside many inside: the rule of succession says how sure the pattern is
    sure = max(0.5, 1 - 10 * tail)
    flagged = judged(rest.select("value", why=why), kind="format", score=sure)
    return pl.concat([repaired, flagged])


def _on_calendar(view: ColumnView, mended: pl.DataFrame, usual: DateFormat | None) -> pl.DataFrame:
    """The repairs that took a character out, without those that make no value of the column.

    Where values come again, the one that is made must be more frequent than the other ("60k-100k" is no slip of
    "60k-10k"); in a column of dates it must be a day of the calendar.
    """
    taken = pl.col("operation") == "drop_character"
    if not len(mended.filter(taken)):
        return mended
    known = [
        view.values.select(pl.col("value").alias(side), pl.col("n").alias(f"n_{side}")) for side in ("value", "new")
    ]
    joined = mended.join(known[0], on="value", how="left", maintain_order="left")
    joined = joined.join(known[1], on="new", how="left", maintain_order="left")
    held = pl.col("n_value").fill_null(1)  # a value that was not counted stands in this cell
    lone = pl.lit(view.is_near_unique) & (held <= 2)
    kept = joined.filter(~taken | lone | (pl.col("n_new").fill_null(0) > held)).select(mended.columns)
    return kept if usual is None else kept.filter(~taken | parse(kept["new"], usual.format).is_not_null())


def _is_padded(view: ColumnView, shapes: Shapes) -> bool:
    """Whether the column pads its numbers with zeros."""
    legal = view.probe(PROBE).filter(shapes.accepts(pl.col("value")))
    padded = legal.filter(pl.col("value").str.contains(r"(?:^|\D)0\d"))
    return len(padded) >= 0.01 * len(legal)


def _not_just_longer(rest: pl.DataFrame, shapes: Shapes, *, is_padded: bool) -> pl.DataFrame:
    """`rest` without values that differ from a legal pattern in the number of digits only.

    Where the column pads its numbers with zeros the width is part of the form, and they stay.
    """
    if shapes.grain != "exact" or is_padded:
        return rest
    forms = [re.sub("9+", "9", pattern) for pattern in shapes.patterns]
    form = exact_pattern(pl.col("value")).str.replace_all("9+", "9")
    return rest.filter(~form.is_in(forms))
