"""The decision: which proposed repairs are applied, which are suggested, and why. Pure; judges the whole set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from kintsu.core.frames import DECISIONS, empty
from kintsu.core.phrase import phrase
from kintsu.core.recipe import Recipe

__all__ = ["POLICY_VERSION", "Policy", "decide", "held_recipes", "held_whole", "summary", "together", "withdraw"]

POLICY_VERSION: Final = "1"


@dataclass(frozen=True)
class Policy:
    """What may be applied without asking.

    Parameters
    ----------
    auto
        Least calibrated confidence at which a repair is applied, in [0, 1].
    suggest
        Least confidence at which a repair is shown as a suggestion; below it the cell is only flagged.
    impute, cap, drop_duplicates
        Ask for statistical imputation, capping and removal of rows, which are suggestions otherwise. Asking for them
        is the decision: their confidence is not held against `auto`.
    never_touch, only
        Columns that are never edited; columns that alone may be edited (empty: all).
    keys
        Columns that identify rows; never edited.
    thresholds
        (kind of edit's column) -> threshold that replaces `auto` for this column.
    recipe_budget
        Largest share of a table's rows that one recipe may change without a person: what changes most of a column
        is a convention, and conventions are questions. None: it follows `auto`, see `budget`.
    breaker
        Largest share of all cells that a run may change; above it nothing is applied and everything is suggested.
    """

    auto: float = 0.95
    suggest: float = 0.05
    impute: bool = False
    cap: bool = False
    drop_duplicates: bool = False
    never_touch: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    recipe_budget: float | None = None
    breaker: float = 0.5

    @property
    def budget(self) -> float:
        """Share of rows that one recipe may change: the surer a run has to be, the less.

        A straight line through the two ends that were thought about: whoever asks for what is more likely right than
        wrong (`auto` 0.5 or less) gets conventions too; at the default of 0.95 half of the rows are the limit.

        >>> [round(Policy(auto=auto).budget, 2) for auto in (0.3, 0.5, 0.725, 0.95, 1.0)]
        [1.0, 1.0, 0.75, 0.5, 0.44]
        """
        if self.recipe_budget is not None:
            return self.recipe_budget
        return min(1.0, 1.0 - (self.auto - 0.5) / 0.9)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values; `of` reads them again."""
        return {
            name: sorted(value)
            if isinstance(value, frozenset)
            else dict(value)
            if isinstance(value, Mapping)
            else value
            for name, value in vars(self).items()
        }

    @staticmethod
    def of(values: Mapping[str, Any]) -> Policy:
        """The policy that `to_dict` wrote; fields that it does not name have their default."""
        known: dict[str, Any] = {name: frozenset(v) if isinstance(v, list) else v for name, v in values.items()}
        return Policy(**known)

    def allows(self, nature: str) -> bool:
        """Whether repairs of this nature may be applied at all."""
        asked = {"statistical": self.impute, "capping": self.cap, "removal": self.drop_duplicates}
        return asked.get(nature, True)


# Natures in the order in which they win a cell when confidences tie; a fill that follows beats a guess.
_RANK: Final[dict[str, int]] = {"follows": 0, "canonical": 1, "removal": 2, "statistical": 3, "capping": 4}
_ASK: Final[dict[str, str]] = {"statistical": "--impute", "capping": "--cap", "removal": "--drop-duplicates"}


def decide(
    repairs: pl.DataFrame, recipes: Mapping[str, Recipe], policy: Policy, *, rows: int, columns: int
) -> pl.DataFrame:
    """One decision per repair: action "apply", "suggest", "flag" or "withdraw", with its reason.

    Of several repairs for one cell at most one is applied: an allowed nature first, then the higher confidence, then
    the nature, then the healer's name and the new text (so that ties never depend on row or proposal order). The rest
    become suggestions ("another repair of this cell was surer"). Repairs that share a `group` are applied together
    or not at all.

    `rows` and `columns` are those of the table. The result has the schema `DECISIONS`, sorted by row and column.
    """
    if not len(repairs):
        return empty(DECISIONS)
    natures = {name: recipe.nature for name, recipe in recipes.items()}
    nature = pl.col("recipe").replace_strict(natures, default="follows", return_dtype=pl.String)
    allowed = [n for n in _RANK if policy.allows(n)]
    asked = [n for n in _ASK if policy.allows(n)]
    threshold = (
        pl.col("column").replace_strict(dict(policy.thresholds), default=policy.auto, return_dtype=pl.Float64)
        if policy.thresholds
        else pl.lit(policy.auto)
    )
    sure = pl.coalesce("confidence", pl.lit(0.0))
    ranked = (
        repairs.with_columns(__nature=nature, __sure=sure, __threshold=threshold)
        .with_columns(
            __allowed=pl.col("__nature").is_in(allowed),
            __asked=pl.col("__nature").is_in(asked),
            __order=pl.col("__nature").replace_strict(_RANK, default=9),
        )
        .sort(
            ["row", "column", "__allowed", "__sure", "__order", "healer", "new"],
            descending=[False, False, True, True, False, False, False],
            nulls_last=True,
        )
        .with_columns(
            __first=pl.int_range(pl.len()).over("row", "column") == 0,
        )
    )
    support = pl.col("row").count().over("recipe") / max(rows, 1)
    locked = _locked(policy)
    reason = (
        pl.when(locked)
        .then(pl.lit("this column is never edited"))
        .when(~pl.col("__allowed"))
        .then(
            pl.concat_str(
                pl.lit("done only when asked for ("),
                pl.col("__nature").replace_strict(_ASK, default=""),
                pl.lit(")"),
            )
        )
        .when(~pl.col("__first"))
        .then(pl.lit("another repair of this cell was surer"))
        .when(pl.col("__asked"))
        .then(pl.lit("asked for"))
        .when(pl.col("__sure") < policy.suggest)
        .then(pl.lit("too unsure to suggest"))
        .when(pl.col("__sure") < pl.col("__threshold"))
        .then(phrase("confidence {} is below {}", pl.col("__sure").round(3), pl.col("__threshold")))
        .when(support > policy.budget)
        .then(
            phrase(
                "one recipe would change {} % of the rows, and may change {} % (--max-per-recipe): "
                "a question for a person",
                (support * 100).round(0).cast(pl.Int64),
                pl.lit(f"{100 * policy.budget:.0f}"),
            )
        )
        .otherwise(pl.lit("sure enough"))
    )
    decided = ranked.with_columns(reason=reason).with_columns(
        action=pl.when(pl.col("reason").is_in(["sure enough", "asked for"]))
        .then(pl.lit("apply"))
        .when(pl.col("reason") == "too unsure to suggest")
        .then(pl.lit("flag"))
        .otherwise(pl.lit("suggest"))
    )
    return held_whole(together(decided), policy.breaker, rows * columns).select(list(DECISIONS))


def held_whole(decided: pl.DataFrame, most: float, cells: int) -> pl.DataFrame:
    """The decisions; nothing is applied, and all is suggested, where more than the share `most` of all cells changes.

    The circuit breaker of a table, or of a window of a stream: it holds all of it and chooses no cells.
    """
    is_applied = pl.col("action") == "apply"
    share = len(decided.filter(is_applied)) / max(cells, 1)
    if share <= most:
        return decided
    held = (
        f"circuit breaker: {100 * share:.0f} % of all cells would change, "
        f"more than the {100 * most:.0f} % of --max-share"
    )
    return decided.with_columns(
        reason=pl.when(is_applied).then(pl.lit(held)).otherwise("reason"),
        action=pl.when(is_applied).then(pl.lit("suggest")).otherwise("action"),
    )


def _locked(policy: Policy) -> pl.Expr:
    forbidden = list(policy.never_touch | policy.keys)
    locked = pl.col("column").is_in(forbidden).fill_null(False)
    if policy.only:
        locked = locked | ~pl.col("column").is_in(list(policy.only)).fill_null(False)
    return locked


def together(decided: pl.DataFrame) -> pl.DataFrame:
    """Groups are applied whole: where one member is not, the others become suggestions."""
    whole = (pl.col("action") == "apply").all().over("group")
    split = pl.col("group").is_not_null() & (pl.col("action") == "apply") & ~whole
    return decided.with_columns(
        reason=pl.when(split)
        .then(pl.lit("belongs together with another change that is not applied"))
        .otherwise("reason"),
        action=pl.when(split).then(pl.lit("suggest")).otherwise("action"),
    )


def withdraw(decisions: pl.DataFrame, recipe: str, reason: str) -> pl.DataFrame:
    """The decisions with every repair of one recipe withdrawn; what shares a group with them becomes a suggestion."""
    hit = pl.col("recipe") == recipe
    withdrawn = decisions.with_columns(
        reason=pl.when(hit).then(pl.lit(reason)).otherwise("reason"),
        action=pl.when(hit).then(pl.lit("withdraw")).otherwise("action"),
    )
    return together(withdrawn)


def held_recipes(decisions: pl.DataFrame) -> dict[str, str]:
    """Recipes of which repairs were sure enough, and held back for the number of cells that change: with the reason."""
    is_many = pl.col("reason").str.contains("a question for a person", literal=True)
    held = decisions.filter(is_many | pl.col("reason").str.starts_with("circuit breaker"))
    return dict(held.group_by("recipe").agg(pl.col("reason").min()).sort("recipe").iter_rows())


def summary(decisions: pl.DataFrame) -> dict[str, Any]:
    """Number of repairs by action."""
    return dict(decisions["action"].value_counts().iter_rows())
