"""Judge values that a reference has not counted, each by itself: of a later batch, of a stream, or beyond its cap.

By what was learned of the column: what lies on the surface, tokens, numbers, units, dates, patterns, another case,
slips of frequent values. What else a batch holds plays no part. Noise is found in many values at once, so only values
that the reference has counted can be found to be such.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import polars as pl

from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.profile.dates import regex_of, sure_regex_of
from kintsu.profile.values.judgement import habitual_tokens, judgement_of, moment_format, shapes_of
from kintsu.profile.values.missing_tokens import judge_null_tokens
from kintsu.profile.values.moments import CALENDAR, Moments, judge_moments, moments_of
from kintsu.profile.values.nature import LONGEST_TOKEN, Nature, nature_of, parsed_like
from kintsu.profile.values.null_tokens import is_null_token
from kintsu.profile.values.oddities import CONTROL, judge_characters
from kintsu.profile.values.quantities import judge_quantities, misspelt
from kintsu.profile.values.shape_judging import ShapeHabits, habits_of, judge_shapes
from kintsu.profile.values.shapes import Shapes
from kintsu.profile.values.spelling import (
    judge_blanks,
    judge_encoding,
    judge_markup,
    judge_other_case,
    judge_quotes,
    judge_wrapping,
)
from kintsu.profile.values.surface import compose
from kintsu.profile.values.typos import Slips, slips_of
from kintsu.profile.values.view import NOTHING, ColumnView, besides, view_of

__all__ = ["Unseen", "frozen_unseen", "unseen_of"]

LEAST: Final = 5  # filled cells of a column that has habits
_AT_ONCE: Final = 20_000
_KEPT: Final = 50_000  # distinct values of a column that a treatment keeps, evenly over their sorted order


@dataclass(frozen=True, eq=False)
class Unseen:
    """What judges the unseen values of one column. Read-only.

    `view` holds the values as they are, that of `nature` what they are below their surface. `known` are counted values
    that are judged to be right, though one that was not counted would not be.
    """

    view: ColumnView
    nature: Nature
    shapes: Shapes | None
    habits: ShapeHabits | None
    moments: Moments | None
    slips: Slips | None
    habitual: frozenset[str]
    known: pl.Series

    @property
    def is_worded(self) -> bool:
        """Whether the column holds words that come again."""
        clean = self.nature.view
        return self.nature.kind == "text" and self.shapes is None and not (
            clean.facts.is_free_text or clean.is_near_unique
        )  # fmt: skip

    @cached_property
    def _suspect(self) -> pl.Expr:
        """Whether a value may be judged at all; cheap, and true for all that are."""
        value, nature = pl.col("value"), self.nature
        if nature.kind == "number":
            odd = misspelt(nature, value)
        elif nature.kind == "quantity":
            odd = pl.lit(True)
        else:
            short = (value.str.len_bytes() <= LONGEST_TOKEN) & is_null_token(value)
            odd = short | (value.str.len_bytes() != value.str.len_chars()) | value.str.contains(CONTROL)
            if self.moments is not None:
                usual = self.moments.usual
                sure = sure_regex_of(usual.format) if usual.share >= CALENDAR else regex_of(usual.format)
                odd |= ~value.str.strip_chars().str.contains(sure) if sure else pl.lit(True)
            if self.shapes is not None:
                odd |= ~self.shapes.accepts(value)
            odd |= value.str.contains(_WRAPPED)
            if self.is_worded:
                odd |= ~value.is_in(self.view.values["value"].implode())
        odd |= value.str.contains(_BLANKS)
        return odd & (value.str.strip_chars() != "")

    def suspects(self, values: pl.Series) -> pl.Series:
        """The values among these that `judge` may have something to say about."""
        return values.alias("value").to_frame().filter(self._suspect)["value"]

    def judge(self, values: pl.Series) -> pl.DataFrame:
        """The judgement (schema `view.JUDGED`) of distinct values, sorted by value."""
        return self.judge_suspects(self.suspects(values))

    def judge_suspects(self, odd: pl.Series) -> pl.DataFrame:
        """The same of values that `suspects` named."""
        if len(self.known) and len(odd):
            odd = odd.filter(~odd.is_in(self.known.implode()))
        if self.view.filled < LEAST or not len(odd):
            return NOTHING
        # methods look at so many values at most
        parts = [self._judge(odd[at : at + _AT_ONCE]) for at in range(0, len(odd), _AT_ONCE)]
        # what would be rewritten as it is needs no word
        return pl.concat(parts).filter(~pl.col("value").eq_missing(pl.col("new"))).sort("value")

    def _judge(self, values: pl.Series) -> pl.DataFrame:
        fresh = pl.DataFrame({"value": values, "n": pl.repeat(1, len(values), dtype=pl.Int64, eager=True)})
        covered = fresh.filter(_COVERED)
        on_top = self._surface(covered) if len(covered) else NOTHING
        if not len(on_top):
            return self._below(fresh)
        bare = fresh.join(on_top.select("value", "new"), on="value", how="left", maintain_order="left")
        bare = bare.select(value=pl.coalesce("new", "value"), n="n").unique("value", maintain_order=True)
        right = self.nature.view.values["value"]
        below = self._below(bare.filter(~pl.col("value").is_in(right.implode())))
        return compose(on_top, below, replace(self.view, values=fresh))

    def _surface(self, fresh: pl.DataFrame) -> pl.DataFrame:
        """The judgement of what lies on the surface of values."""
        found, values = NOTHING, fresh
        counted, view = self.nature.view.values, replace(self.view, values=fresh)
        for step in _STEPS:
            more = step(self.view, values, counted)
            if len(more):
                found = compose(found, more, view)
                both = fresh.join(found.select("value", "new"), on="value", how="left", maintain_order="left")
                values = both.select(value=pl.coalesce("new", "value"), n="n").unique("value", maintain_order=True)
                view = replace(view, values=pl.concat([view.values, values]).unique("value", maintain_order=True))
        return found

    def _below(self, fresh: pl.DataFrame) -> pl.DataFrame:
        """The judgement of values with nothing on their surface."""
        if not len(fresh):
            return NOTHING
        found: list[pl.DataFrame] = []

        def take(judged: pl.DataFrame) -> None:
            nonlocal fresh
            if len(judged):
                found.append(judged)
                fresh = besides(fresh, judged["value"])

        nature, parsed = self.nature, parsed_like(self.nature, fresh)
        patterned, counted = self.shapes is not None, nature.view.values
        if parsed["token"].any():
            take(judge_null_tokens(nature, is_patterned=patterned, habitual=self.habitual, unseen=parsed))
        if nature.is_numeric:
            take(judge_quantities(nature, fresh, parsed))
        else:
            if self.moments is not None:
                take(judge_moments(self.view, fresh, self.moments.usual, self.moments))
            if self.is_worded and len(fresh):
                take(judge_other_case(fresh, counted))
            if self.shapes is not None:
                take(judge_shapes(self.view, self.shapes, fresh, self.habits))
            take(judge_characters(self.view, fresh))
            if self.is_worded and len(fresh):
                take(judge_wrapping(fresh, counted))
                if self.slips is not None:
                    unknown = fresh.filter(~pl.col("value").is_in(counted["value"].implode()))
                    take(self.slips.judge(unknown))
        return pl.concat(found) if found else NOTHING


_BLANKS: Final = r"^\s|\s$|\s\s|[\t\n\x{a0}]"
_WRAPPED: Final = "^[\"'`´“„«»‘”<]|&"  # may be in quotes or hold markup
_COVERED: Final = pl.any_horizontal(
    pl.col("value").str.contains(_BLANKS),
    pl.col("value").str.contains(_WRAPPED),
    pl.col("value").str.len_bytes() != pl.col("value").str.len_chars(),  # may be of another encoding
)
_STEPS: Final[tuple[Callable[[ColumnView, pl.DataFrame, pl.DataFrame], pl.DataFrame], ...]] = (
    lambda view, left, counted: judge_encoding(left, counted),
    judge_blanks,
    lambda view, left, counted: judge_quotes(view, left),
    lambda view, left, counted: judge_markup(view, left),
)


def unseen_of(reference: Reference, name: str) -> Unseen:
    """What judges the unseen values of a column; remembered."""

    def build() -> Unseen:
        view, nature, shapes = view_of(reference, name), nature_of(reference, name), shapes_of(reference, name)
        is_text = nature.kind == "text" and shapes is None and not view.is_near_unique
        usual = moment_format(reference, name) if nature.kind == "text" else None
        return Unseen(
            view,
            nature,
            shapes,
            habits_of(view, shapes) if shapes is not None else None,
            moments_of(view, usual) if usual is not None else None,
            slips_of(nature.view.values) if is_text else None,
            habitual_tokens(reference),
            pl.Series("known", [], dtype=pl.String),
        )

    found: Unseen = remembered(reference, ("unseen", name), build)
    return found


def frozen_unseen(reference: Reference, name: str) -> Unseen:
    """The same with the values that are known to be right, and of very many values some."""
    whole = unseen_of(reference, name)
    values, nature = whole.view.values["value"], whole.nature
    if len(values) > _KEPT:
        clean = _thinned(nature.view)
        parsed = nature.parsed.filter(pl.col("value").is_in(clean.values["value"].implode()))
        whole = replace(whole, view=_thinned(whole.view), nature=replace(nature, view=clean, parsed=parsed))
    otherwise = besides(whole.judge(values), judgement_of(reference, name)["value"])["value"]
    return replace(whole, known=otherwise)


def _thinned(view: ColumnView) -> ColumnView:
    """The view with some of its values, evenly over their order."""
    kept = view.probe(_KEPT)
    nulls = view.nulls * len(kept) // max(len(view.values), 1)
    return ColumnView(view.name, kept, int(kept["n"].sum()), nulls, view.facts)
