"""Judge a decided change before anything is written: a recipe that would make things worse is withdrawn."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.change import apply
from kintsu.core.policy import withdraw
from kintsu.run.narrow import MOST_COLUMNS, narrowed

__all__ = ["mended_sample", "rejudged"]


def mended_sample(sample: Batch, decisions: pl.DataFrame) -> Batch:
    """The sample, as text, with the decided cells set."""
    edits = decisions.filter(pl.col("action") == "apply", pl.col("edit") == "set").select(
        "row", "column", "edit", "old", "new", old_raw=pl.lit(None, pl.Binary), new_raw=pl.lit(None, pl.Binary)
    )
    mended, _ = apply(sample.texts(), edits)
    return Batch(sample.table, mended.drop("__row"), sample.row, sample.decimal_comma)


def rejudged(
    decisions: pl.DataFrame, findings: pl.DataFrame, sample: Batch, find: Callable[[Batch], pl.DataFrame]
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Withdraw the recipes whose cells, in the sample, are found faulty more often after than before.

    `find` trains the detectors afresh on the mended sample and finds in it, for what is normal changes with a recipe
    that touches a whole column. A cell that a healer proposed for counts as faulty before. Of a very wide table only
    the columns that are touched are judged, and others by hash up to a hundred. Returns the decisions, and the
    withdrawn recipes with their reasons.
    """
    touched = decisions.filter(
        pl.col("action") == "apply", pl.col("edit") == "set", pl.col("row").is_in(sample.row.implode())
    ).select("row", "column", "recipe")
    if not len(touched):
        return decisions, {}
    columns = set(touched["column"].drop_nulls().to_list())
    mended = narrowed(mended_sample(sample, decisions), columns, max(len(columns), MOST_COLUMNS))
    after = find(mended)
    cell = ["row", "column"]
    # A mended cell that still is missing is what a null token must become: only worse than before counts.
    was = findings.filter(pl.col("kind").is_in(["missing", "disguised_missing"])).select(cell).unique()
    faulty = after.select(*cell, "kind").drop_nulls().unique()
    still = faulty.join(was.with_columns(__was=True), on=cell, how="left").filter(
        ~(pl.col("kind").is_in(["missing", "disguised_missing"]) & pl.col("__was").fill_null(False))
    )
    counted = (
        touched.join(still.select(cell).unique().with_columns(__after=True), on=cell, how="left")
        .group_by("recipe")
        .agg(n=pl.len(), after=pl.col("__after").fill_null(False).sum())
        .filter(pl.col("after") > pl.col("n") / 2)
        .sort("recipe")
    )
    reasons: dict[str, str] = {}
    for recipe, n, worse in counted.iter_rows():
        reasons[recipe] = f"withdrawn: {worse} of {n} mended cells would still be found faulty"
        decisions = withdraw(decisions, recipe, reasons[recipe])
    return decisions, reasons
