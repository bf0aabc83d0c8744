"""Which rows tell most when a person labels them."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from kintsu.learn.cases import APPLIED, GUESSES

__all__ = ["rows_to_label"]

FADING: Final = 0.4  # what one more row of a kind is worth of the one before
GAPS: Final = 0.05  # the same for a gap: what belongs there tells little about other gaps
FLAGGED: Final = 0.5  # weight of a cell that is flagged and has no proposal, by that of a proposal nobody is sure of


def rows_to_label(state: pl.DataFrame, findings: pl.DataFrame, n: int) -> pl.DataFrame:
    """At most `n` rows, the most telling first: `row`, `columns` (list), `why`.

    A row is worth the kinds of cell that it shows: (column, recipe, manner of change) of open proposals and (column,
    kind) of findings without one. A kind weighs the number of its cells times their doubt; each row chosen lowers the
    weight of the kinds that it shows, so that the next row shows others. Ties go to the lower row.
    """
    items = _items(state, findings)
    if not len(items) or n <= 0:
        return pl.DataFrame(schema={"row": pl.Int64, "columns": pl.List(pl.String), "why": pl.String})
    weights = items.group_by("item").agg(w=pl.col("doubt").sum().sqrt(), text=pl.col("text").first()).sort("item")
    codes = weights.select("item", code=pl.int_range(pl.len()))
    shown = items.join(codes, on="item").select("row", "column", "code").unique().sort("row", "code")
    # rows that show the same kinds are worth the same: only the first few of each are looked at
    by_row = shown.group_by("row", maintain_order=True).agg("code", columns=pl.col("column").unique().sort())
    kinds = by_row.with_columns(kind=pl.col("code").list.eval(pl.element().cast(pl.String)).list.join(","))
    kept = kinds.filter(pl.int_range(pl.len()).over("kind") < n)
    lists = [np.asarray(codes, np.int64) for codes in kept["code"].to_list()]
    flat, owner = np.concatenate(lists), np.repeat(np.arange(len(lists)), [len(each) for each in lists])
    w = weights["w"].to_numpy().copy()
    free = np.ones(len(lists))
    chosen: list[int] = []
    first: list[int] = []
    for _ in range(min(n, len(lists))):
        worth = np.bincount(owner, weights=w[flat], minlength=len(lists)) * free
        best = int(np.argmax(worth))
        chosen.append(best)
        first.append(int(lists[best][np.argmax(w[lists[best]])]))
        free[best] = 0
        w[lists[best]] *= FADING
    texts = weights["text"].gather(first)
    return kept[chosen].select("row", "columns").with_columns(why=texts)


def _items(state: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    sure = pl.col("confidence").fill_null(0.5).clip(0.02, 0.98)
    cells = state.filter(
        pl.col("row").is_not_null() & ~pl.col("settled") & pl.col("action").is_in([APPLIED, "suggest"])
    ).filter(pl.col("column").is_not_null() & ~pl.col("nature").is_in(GUESSES))
    manner = (
        pl.when(pl.col("new").is_null())
        .then(pl.lit("empty"))
        .otherwise(pl.when(pl.col("old").is_null()).then(pl.lit("fill")).otherwise(pl.lit("rewrite")))
    )
    proposed = cells.select(
        "row",
        "column",
        item=pl.concat_str("column", "recipe", manner, pl.col("action"), separator="\0"),
        doubt=4 * sure * (1 - sure),
        text=pl.concat_str(
            pl.lit("shows what "),
            pl.col("healer").str.replace_all("_", " "),
            pl.lit(" proposes for "),
            "column",
            ignore_nulls=True,
        ),
    )
    settled = state.filter("settled").select("row", "column")
    found = findings.drop_nulls(["row", "column"]).join(
        pl.concat([cells.select("row", "column"), settled]).unique(), on=["row", "column"], how="anti"
    )
    flagged = found.select(
        "row",
        "column",
        item=pl.concat_str("column", "kind", separator="\0"),
        doubt=pl.when(pl.col("kind") == "missing").then(pl.lit(GAPS)).otherwise(pl.lit(FLAGGED)),
        text=pl.concat_str(pl.lit("is flagged ("), "kind", pl.lit(") in "), "column"),
    ).unique()
    return pl.concat([proposed, flagged])
