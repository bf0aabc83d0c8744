"""Hold back repairs that the source cannot store: a word in a column of numbers, a row of a spreadsheet."""

from __future__ import annotations

import polars as pl

from kintsu.core.change import EDITS
from kintsu.core.contracts import Table

__all__ = ["held_back"]

_REASON = "the file's column cannot hold this value (its type, a formula or a key forbids it): left for a person"


def held_back(decisions: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The decisions, those to apply that do not fit the table turned into suggestions with the reason.

    Repairs that share a group only make sense together, so one that does not fit holds back its whole group. Text
    formats hold anything and have no `fits`: their decisions come back as they are.
    """
    judge = getattr(table, "fits", None)
    is_applied = decisions["action"] == "apply"
    if judge is None or not is_applied.any():
        return decisions
    raws = [pl.lit(None, pl.Binary).alias(name) for name in ("old_raw", "new_raw")]
    good: pl.Series = judge(decisions.filter(is_applied).with_columns(raws).select(list(EDITS)))
    if good.all():
        return decisions
    bad = is_applied.clone().scatter(is_applied.arg_true(), ~good)  # scatter writes in place
    groups = decisions.filter(bad)["group"].drop_nulls().unique()
    out = bad | (is_applied & decisions["group"].is_in(groups.implode()).fill_null(False))
    return decisions.with_columns(
        action=pl.when(out).then(pl.lit("suggest")).otherwise("action"),
        reason=pl.when(out).then(pl.lit(_REASON)).otherwise("reason"),
    )
