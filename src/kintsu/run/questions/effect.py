"""The changes that are in effect since a heal, and what is found after what people said: the content of C and F."""

from __future__ import annotations

import polars as pl

from kintsu.core.frames import FINDINGS, concat
from kintsu.io.store.records import CHANGES, Run
from kintsu.io.store.store import Store
from kintsu.learn.cases import APPLIED
from kintsu.run.history import State

__all__ = ["findings_after", "in_effect"]


def in_effect(
    store: Store, chain: list[Run], state: State, heal: Run, changes: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    """One line for each cell or row that differs from the heal's input, with who changed it last (schema `CHANGES`).

    `state` is that of the file; `changes` gives change sets that the store does not have yet, by run.
    """
    at = next(i for i, run in enumerate(chain) if run.id == heal.id)
    since = [run.id for run in chain[at:]] + [name for name in changes if all(name != run.id for run in chain)]
    stacks = state.touched.with_columns(
        stack=pl.col("stack").str.split("/").list.eval(pl.element().filter(pl.element().is_in(since)))
    ).filter(pl.col("stack").list.len() > 0)
    owed = stacks.select("key", "column", first=pl.col("stack").list.first(), last=pl.col("stack").list.last())
    known = {run.id: run for run in chain}
    used = sorted(set(owed["first"]) | set(owed["last"]), key=since.index)
    edits = [
        (changes[name] if name in changes else store.changes(known[name]))
        .select(list(CHANGES))
        .with_columns(__by=pl.lit(name))
        for name in used
    ]
    if not edits:
        return pl.DataFrame(schema=dict(CHANGES))
    every = pl.concat(edits)
    cell = ["key", "column"]
    last = owed.join(every, left_on=[*cell, "last"], right_on=[*cell, "__by"], how="inner", nulls_equal=True)
    before = every.select(*cell, "__by", __old="old", __old_raw="old_raw")
    both = last.join(before, left_on=[*cell, "first"], right_on=[*cell, "__by"], how="left", nulls_equal=True)
    told = both.with_columns(old="__old", old_raw="__old_raw").filter(
        (pl.col("edit") != "set") | ~pl.col("old").eq_missing(pl.col("new"))
    )
    return told.select(list(CHANGES)).sort("row", "column", "edit", nulls_last=True)


def findings_after(findings: pl.DataFrame, state: pl.DataFrame) -> pl.DataFrame:
    """The findings, with what people said: cells that they changed are found, and proposals that they refused are not.

    `findings` are those of the heal. A finding that only a healer's proposal stood for goes where the proposal was
    refused; what a detector found stays found. A cell that a person called right is no finding at all.
    """
    cell = ["row", "column"]
    applied = state.filter((pl.col("action") == APPLIED) & (pl.col("edit") == "set"))
    applied = applied.unique(cell, keep="first", maintain_order=True)
    refused = state.filter((pl.col("action") == "withdraw") & pl.col("settled")).select(cell).unique()
    refused = refused.join(applied, on=cell, how="anti", nulls_equal=True)
    confirmed = state.filter((pl.col("healer") == "person") & (pl.col("action") != APPLIED)).select(cell)
    healers = state["healer"].unique().implode()
    of_healer = findings.filter(pl.col("detector").is_in(healers))
    kept = concat(
        [
            findings.filter(~pl.col("detector").is_in(healers)),
            of_healer.join(refused, on=cell, how="anti", nulls_equal=True),
        ],
        FINDINGS,
    )
    kept = kept.join(confirmed, on=cell, how="anti", nulls_equal=True)
    new = applied.join(kept.select(cell).unique(), on=cell, how="anti", nulls_equal=True).select(
        "row",
        "column",
        kind=pl.when(pl.col("old").is_null()).then(pl.lit("missing")).otherwise(pl.lit("domain")),
        score=pl.coalesce("score", "confidence").fill_null(1.0).clip(0, 1),
        confidence="confidence",
        detector="healer",
        recipe="recipe",
        why="why",
        value="old",
        group="group",
    )
    whole = concat(
        [kept.select(list(FINDINGS)), new.select(pl.col(name).cast(dtype) for name, dtype in FINDINGS.items())],
        FINDINGS,
    )
    best = applied.select(*cell, __c="confidence", __r="recipe")
    told = whole.join(best, on=cell, how="left", maintain_order="left")
    return (
        told.with_columns(
            confidence=pl.coalesce("__c", "confidence"),
            recipe=pl.when(pl.col("__r").is_not_null()).then("__r").otherwise("recipe"),
        )
        .select(list(FINDINGS))
        .sort("row", "column", "kind", "detector", nulls_last=True)
    )
