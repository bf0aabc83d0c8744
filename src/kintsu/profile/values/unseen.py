"""Judge values that a reference has not counted, each by itself: of a later batch, of a stream, or beyond its cap.

By what was learned of the column: tokens, numbers, units, dates, patterns, encodings. Slips and noise are judged
against counts, so only values that the reference has seen can be found to be such. What else a batch holds plays no
part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.profile.values.judgement import habitual_tokens, judgement_of, moment_format, shapes_of
from kintsu.profile.values.missing_tokens import judge_null_tokens
from kintsu.profile.values.moments import Moments, judge_moments, moments_of
from kintsu.profile.values.nature import Nature, nature_of, parsed_like
from kintsu.profile.values.oddities import judge_characters
from kintsu.profile.values.quantities import judge_quantities
from kintsu.profile.values.shapes import ShapeHabits, Shapes, habits_of, judge_shapes
from kintsu.profile.values.spelling import judge_encoding
from kintsu.profile.values.view import NOTHING, ColumnView, besides, view_of

__all__ = ["Unseen", "frozen_unseen", "unseen_of"]

_KEPT: Final = 50_000  # distinct values of a column that a treatment keeps, evenly over their sorted order


@dataclass(frozen=True, eq=False)
class Unseen:
    """What judges the unseen values of one column. Read-only.

    `known` are counted values that are judged to be right, though one that was not counted would not be.
    """

    view: ColumnView
    nature: Nature
    shapes: Shapes | None
    habits: ShapeHabits | None
    moments: Moments | None
    habitual: frozenset[str]
    known: pl.Series

    def judge(self, values: pl.Series) -> pl.DataFrame:
        """The judgement (schema `view.JUDGED`) of distinct values, sorted by value."""
        if len(self.known):
            values = values.filter(~values.is_in(self.known.implode()))
        fresh = pl.DataFrame({"value": values, "n": pl.repeat(1, len(values), dtype=pl.Int64, eager=True)})
        fresh = fresh.filter(pl.col("value").str.strip_chars() != "")
        if self.view.filled < 5 or not len(fresh):
            return NOTHING
        found: list[pl.DataFrame] = []

        def take(judged: pl.DataFrame) -> None:
            nonlocal fresh
            if len(judged):
                found.append(judged)
                fresh = besides(fresh, judged["value"])

        nature, parsed = self.nature, parsed_like(self.nature, fresh)
        patterned = self.shapes is not None
        take(judge_null_tokens(nature, is_patterned=patterned, habitual=self.habitual, unseen=parsed))
        if nature.is_numeric:
            take(judge_quantities(nature, fresh, parsed))
        else:
            if self.moments is not None:
                take(judge_moments(self.view, fresh, self.moments.usual, self.moments))
            take(judge_encoding(fresh, self.view.values))
            if self.shapes is not None:
                take(judge_shapes(self.view, self.shapes, fresh, self.habits))
            take(judge_characters(self.view, fresh))
        return pl.concat(found).sort("value") if found else NOTHING


def unseen_of(reference: Reference, name: str) -> Unseen:
    """What judges the unseen values of a column; remembered."""

    def build() -> Unseen:
        view, nature, shapes = view_of(reference, name), nature_of(reference, name), shapes_of(reference, name)
        usual = moment_format(reference, name) if nature.kind == "text" else None
        return Unseen(
            view,
            nature,
            shapes,
            habits_of(view, shapes) if shapes is not None else None,
            moments_of(view, usual) if usual is not None else None,
            habitual_tokens(reference),
            pl.Series("known", [], dtype=pl.String),
        )

    found: Unseen = remembered(reference, ("unseen", name), build)
    return found


def frozen_unseen(reference: Reference, name: str) -> Unseen:
    """The same with the values that are known to be right, and of very many values some."""
    whole = unseen_of(reference, name)
    values = whole.view.values
    otherwise = besides(whole.judge(values["value"]), judgement_of(reference, name)["value"])["value"]
    if len(values) > _KEPT:
        kept = whole.view.probe(_KEPT)
        view = ColumnView(
            name, kept, int(kept["n"].sum()), whole.view.nulls * len(kept) // len(values), whole.view.facts
        )
        parsed = whole.nature.parsed.filter(pl.col("value").is_in(kept["value"].implode()))
        whole = replace(whole, view=view, nature=replace(whole.nature, view=view, parsed=parsed))
    return replace(whole, known=otherwise)
