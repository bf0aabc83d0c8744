"""What lies on the surface of values and hides the rest: blanks, broken encodings, quotes, a mark stuck to many.

It is taken away first, so that all other methods count "paid " and "'paid'" as "paid", and a value can be mended in
two steps ("PAID " is "paid").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.core.phrase import number_of, phrase
from kintsu.profile.values.null_tokens import is_null_token
from kintsu.profile.values.shapes import exact_pattern, pattern_regex
from kintsu.profile.values.spelling import judge_blanks, judge_encoding, judge_markup, judge_quotes
from kintsu.profile.values.units import leading_unit_of, unit_of
from kintsu.profile.values.view import JUDGED, NOTHING, ColumnView, besides, cuts, judged, view_of

__all__ = ["clean_of", "compose", "judge_marks", "surface_of"]

_PROBE: Final = 20_000  # distinct values that the form of a column is learned from
_ODD: Final = 50_000  # most values outside the form that are looked at
_LONGEST: Final = 10  # characters of a mark
_NUMBER: Final = r"^[+-]?\d+(?:\.\d+)?$"
_MOST_MARKS: Final = 3  # different lettered marks of one column: more are part of the values ("12-A", "12-B")
_LEAST: Final = 3  # distinct values that a mark needs in one column at least
_VAGUE: Final = "<>≤≥±~≈+"  # before a number they may say that it is not exact


_STEPS: Final[tuple[Callable[[ColumnView], pl.DataFrame], ...]] = (
    lambda v: judge_encoding(v.values),
    lambda v: judge_blanks(v, v.values),
    judge_quotes,
    judge_markup,
)


def surface_of(reference: Reference, name: str) -> pl.DataFrame:
    """Judgement (schema `JUDGED`) of the values of a column that carry something on their surface."""
    return _taken_off(reference)[name][0]


def clean_of(reference: Reference, name: str) -> ColumnView:
    """The column as if nothing lay on the surface of its values."""
    return _taken_off(reference)[name][1]


def _taken_off(reference: Reference) -> dict[str, tuple[pl.DataFrame, ColumnView]]:
    """Of every column what lies on its surface, and what is below; remembered."""

    def build() -> dict[str, tuple[pl.DataFrame, ColumnView]]:
        views = {name: view_of(reference, name) for name in reference.columns}
        found = {name: (NOTHING, view) for name, view in views.items()}

        def take(name: str, more: pl.DataFrame) -> bool:
            if len(more):
                both = compose(found[name][0], more, views[name])
                found[name] = both, _merged(views[name], both)
            return len(more) > 0

        filled = [name for name, view in views.items() if view.filled >= 5]
        # one step after the other over all columns, so that its regular expressions are compiled once
        for step in _STEPS:
            for name in filled:
                take(name, step(found[name][1]))
        marked: dict[str, _Marked | None] = {}
        changed = filled
        for _ in range(2):  # one mark at either end
            marked |= {name: _Marked.of(found[name][1]) for name in changed}
            carrying = {name: known for name, known in marked.items() if known is not None}
            common = common_marks(list(carrying.values()))
            changed = [name for name, known in carrying.items() if take(name, judge_marks(known, common))]
            if not changed:
                break
        return found

    taken: dict[str, tuple[pl.DataFrame, ColumnView]] = remembered(reference, "surfaces", build)
    return taken


def _merged(view: ColumnView, found: pl.DataFrame) -> ColumnView:
    """The view with the judged values replaced by what they should be, and their counts added."""
    if not len(found):
        return view
    made = view.values.join(found.select("value", "new"), on="value", how="left", maintain_order="left")
    values = (
        made.select(value=pl.coalesce("new", "value"), n="n").group_by("value").agg(pl.col("n").sum()).sort("value")
    )
    return ColumnView(view.name, values, view.filled, view.nulls, view.facts)


def compose(first: pl.DataFrame, second: pl.DataFrame, view: ColumnView) -> pl.DataFrame:
    """Judgement of the view's values by two judgements in turn, the second one of what the first one made.

    Of a value that both mend the second says what was wrong; it is a little less sure than either.
    """
    if not len(first) or not len(second):
        return second if not len(first) else first
    names = ("new", "kind", "score", "why", "new_score", "operation", "says")
    more = second.filter("mend").select(
        *(pl.col(name).alias(name + "2") for name in names), pl.col("value").alias("new"), hit=pl.lit(True)
    )
    joined = first.join(more, on="new", how="left", maintain_order="left")
    hit = pl.col("hit").fill_null(False)
    chained = joined.select(
        "value",
        pl.when(hit).then("kind2").otherwise("kind").alias("kind"),
        pl.when(hit).then(pl.max_horizontal("score", "score2")).otherwise("score").alias("score"),
        pl.when(hit).then(phrase("{}; {}", "why", "why2")).otherwise("why").alias("why"),
        "mend",
        pl.when(hit).then("new2").otherwise("new").alias("new"),
        pl.when(hit)
        .then(pl.min_horizontal("new_score", "new_score2") - 0.005)
        .otherwise("new_score")
        .alias("new_score"),
        pl.when(hit).then("operation2").otherwise("operation").alias("operation"),
        pl.when(hit).then("says2").otherwise("says").alias("says"),
    ).select(list(JUDGED))
    rest = besides(second, first["value"]).join(view.values, on="value", how="semi")
    both = pl.concat([chained, rest.select(list(JUDGED))])
    return both.filter(~pl.col("value").eq_missing(pl.col("new"))).sort("value")


def _form(view: ColumnView) -> tuple[str, bool] | None:
    """Regular expression of the values of a column of numbers or of one kind of code, and whether it is numbers."""
    probe = view.probe(_PROBE).filter(~is_null_token(pl.col("value")))
    total = int(probe["n"].sum())
    if total < 20:
        return None
    if int(probe.filter(pl.col("value").str.contains(_NUMBER))["n"].sum()) >= 0.4 * total:
        return _NUMBER, True
    if len(probe) < 5:
        return None
    forms = (
        probe.group_by(p=exact_pattern(pl.col("value")))
        .agg(pl.col("n").sum(), pl.len().alias("d"))
        .sort(["n", "p"], descending=[True, False])
    )
    top = forms.row(0, named=True)
    if top["n"] < 0.3 * total or top["d"] < 5 or "9" not in top["p"] or len(top["p"]) < 3:
        return None
    # forms that come nearly as often are other legal forms
    legal = forms.filter((pl.col("n") >= 0.5 * top["n"]) & (pl.col("d") >= 5)).head(4)["p"].to_list()
    return "^(?:" + "|".join(pattern_regex(p) for p in legal) + ")$", False


_MARKS: Final = {"mark": pl.String, "at_end": pl.Boolean}
_NO_MARKS: Final = pl.DataFrame(schema=_MARKS)


@dataclass(frozen=True, eq=False)
class _Marked:
    """Values of a view outside the form of its column (`odd`), and all ways to cut a mark off them that lead into it.

    `is_number`: the column holds numbers, not codes.
    """

    view: ColumnView
    made: pl.DataFrame
    odd: pl.DataFrame
    is_number: bool

    @staticmethod
    def of(view: ColumnView) -> _Marked | None:
        """None where no value carries a mark."""
        form = _form(view)
        if form is None:
            return None
        regex, is_number = form
        odd = view.values.filter(~pl.col("value").str.contains(regex) & ~is_null_token(pl.col("value")))
        if not 0 < len(odd) <= _ODD:
            return None
        made = cuts(odd, _LONGEST).rename({"rest": "new", "cut": "mark"}).filter(pl.col("new").str.contains(regex))
        made = made.filter(~_is_own(is_number))
        return _Marked(view, made, odd, is_number) if len(made) else None

    def counted(self, common: pl.DataFrame = _NO_MARKS) -> pl.DataFrame:
        """The marks that may be taken away: `mark`, `at_end`, `d` distinct values, `cells`, whether it is `common`."""
        marks = self.made.group_by(*_MARKS).agg(pl.len().alias("d"), pl.col("n").sum().alias("cells"))
        marks = marks.join(common.with_columns(common=True), on=list(_MARKS), how="left")
        marks = marks.with_columns(pl.col("common").fill_null(False)).filter((pl.col("d") >= _LEAST) | pl.col("common"))
        marks = _not_written_over(marks.filter(pl.col("cells") <= 0.6 * self.view.filled).sort(*_MARKS), self.odd)
        if self.is_number and len(marks):
            is_unit = [
                bool(unit_of(mark.strip()) if at_end else leading_unit_of(mark.strip()))
                for mark, at_end in marks.select(*_MARKS).iter_rows()
            ]
            marks = marks.filter(~pl.Series(is_unit))
        return marks


def common_marks(columns: list[_Marked]) -> pl.DataFrame:
    """Signs that stand before or after values of two columns or more: there a column of few values may carry them."""
    if len(columns) < 2:
        return _NO_MARKS
    known = pl.concat([column.counted().select(*_MARKS) for column in columns])
    bare = ~pl.col("mark").str.contains(r"[\p{L}\d]")
    return known.filter(bare).group_by(*_MARKS).len().filter(pl.col("len") >= 2).select(*_MARKS)


def judge_marks(marked: _Marked, common: pl.DataFrame = _NO_MARKS) -> pl.DataFrame:
    """One mark before or after many values of a column of numbers or codes, which lack it to be of its form.

    A mark needs three distinct values, or to be one of the `common` marks of the table. Units and bare letters are left
    to the methods that know them.
    """
    view, made, is_number = marked.view, marked.made, marked.is_number
    marks = marked.counted(common)
    lettered = marks["mark"].str.contains(r"[\p{L}\d]").sum()
    if not len(marks) or lettered > _MOST_MARKS:
        return NOTHING
    found = made.join(marks, on=["mark", "at_end"])
    found = found.sort(["value", "cells", "mark", "at_end"], descending=[False, True, False, True])
    found = found.unique("value", keep="first", maintain_order=True)
    vague = pl.col("mark").str.contains(f"^[{_VAGUE} ]+$") & pl.lit(is_number)
    often = (pl.col("d") >= 5) | pl.col("common")
    sure = pl.when(vague).then(0.75).when(often & (pl.col("cells") <= 0.3 * view.filled)).then(0.96).otherwise(0.9)
    return judged(
        found.select(
            "value",
            "new",
            new_score=sure,
            why=phrase(
                "{} at the {} of {}; without it the value is of the form of the column",
                pl.col("mark").map_elements(repr, return_dtype=pl.String),
                pl.when("at_end").then(pl.lit("end")).otherwise(pl.lit("beginning")),
                number_of("cells", "cell", "cells"),
            ),
            says=phrase(
                "take {} away from the {}",
                pl.col("mark").map_elements(repr, return_dtype=pl.String),
                pl.when("at_end").then(pl.lit("end")).otherwise(pl.lit("beginning")),
            ),
        ),
        kind="typo", score=0.97, mend=True, operation="noise_affix",
    )  # fmt: skip


def _not_written_over(marks: pl.DataFrame, odd: pl.DataFrame) -> pl.DataFrame:
    """Marks without single signs that stand inside other values as well: those overwrote a character."""
    inside = odd["value"].str.slice(1).str.head(-1)
    kept = [
        len(mark.strip()) != 1 or int(inside.str.contains(mark.strip(), literal=True).sum()) < 0.3 * d
        for mark, d in marks.select("mark", "d").iter_rows()
    ]
    return marks.filter(pl.Series(kept, dtype=pl.Boolean))


def _is_own(is_number: bool) -> pl.Expr:
    """Marks that say something of their own: digits, bare letters and blanks; beside numbers percent signs.

    What is wholly in brackets (" [1]") is a remark.
    """
    mark = pl.col("mark")
    own = (mark.str.contains(r"\d") & ~mark.str.contains(r"^\s*[\[({].*[\])}]$")) | mark.str.contains(r"^[\p{L}\s]+$")
    return own | mark.str.contains(r"[%‰.,:\-()]$|^[\-‐‑‒–—−(.,]") if is_number else own
