"""From judgements of values to findings and repairs of cells, for one kind at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from kintsu.core import frames
from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.recipe import Recipe
from kintsu.profile.values.judgement import chosen_of, judge_unseen
from kintsu.profile.values.view import cells, view_of

__all__ = ["HABIT", "Judgements", "findings_of", "repairs_of", "select"]

HABIT: Final = 0.5
"""Judgements scored below are about how a column spells things: pointed at once, for the whole column."""


@dataclass(frozen=True)
class Judgements:
    """`tables`: column -> judgements, of the columns that have any; of these `kinds` and `operations`.

    Nothing named: any. An operation stands for all that begin with it; those `besides` are left out.
    """

    tables: dict[str, pl.DataFrame]
    kinds: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()

    @property
    def hit(self) -> pl.Expr:
        """Whether a judgement is one of these."""
        told = ~pl.col("operation").is_in(self.besides) if self.besides else pl.lit(True)
        if self.kinds:
            told &= pl.col("kind").is_in(self.kinds)
        if self.operations:
            told &= pl.any_horizontal(pl.col("operation").str.starts_with(word) for word in self.operations)
        return told.fill_null(False)


def select(
    reference: Reference,
    *,
    kinds: tuple[str, ...] = (),
    operations: tuple[str, ...] = (),
    besides: tuple[str, ...] = (),
) -> Judgements:
    """The judgements of all columns that are of these kinds and operations."""
    chosen = Judgements({}, kinds, operations, besides)
    return replace(chosen, tables=chosen_of(reference, chosen.hit))


def _tables(batch: Batch, model: Judgements, reference: Reference) -> Iterator[tuple[str, pl.DataFrame]]:
    """Column and judgements for this batch, those of values that the reference has not counted included."""
    for name in batch.columns:
        if name not in reference.columns:
            continue
        table = model.tables.get(name)
        if batch.table != reference.table or not reference.is_exact(name):
            counted = view_of(reference, name).values["value"]
            fresh = batch[name].counts["value"]
            fresh = fresh.filter(~fresh.is_in(counted.implode()))
            more = judge_unseen(reference, name, fresh).filter(model.hit) if len(fresh) else None
            if more is not None and len(more):
                table = more if table is None else pl.concat([table, more])
        if table is not None:
            yield name, table


def findings_of(batch: Batch, model: Judgements, reference: Reference, detector: str) -> pl.DataFrame:
    """Findings of the cells whose values are judged."""
    habits, hits = [], []
    for name, table in _tables(batch, model, reference):
        told = table.select("value", "kind", "score", "why", column=pl.lit(name))
        is_habit = told["score"] < HABIT
        # a habit of the whole column is one finding about the column, not one a cell
        if is_habit.any():
            habits.append(told.filter(is_habit).select("column", "kind", "score", "why", row=pl.lit(None, pl.Int64)))
        if not is_habit.all():
            hits.append(cells(batch.row, batch[name].text, told.filter(~is_habit)))
    out = [frames.findings(pl.concat(parts), detector=detector) for parts in (habits, hits) if parts]
    return frames.concat(out, frames.FINDINGS)


def repairs_of(
    batch: Batch, model: Judgements, reference: Reference, healer: str, *, nature: str
) -> tuple[list[Recipe], pl.DataFrame]:
    """Recipes (one per column and operation) and repairs of the cells whose judged values have a repair."""
    mending = [  # a habit is a question, not a repair
        table.filter(pl.col("mend") & (pl.col("score") >= HABIT)).with_columns(column=pl.lit(name))
        for name, table in _tables(batch, model, reference)
    ]
    whole = pl.concat(mending) if mending else pl.DataFrame()
    if not len(whole):
        return [], frames.empty(frames.REPAIRS)
    told = ["column", "operation", "says"]
    kinds = whole.select(told).unique().sort(told)
    recipes = [
        Recipe(healer, column, operation, f"{column}: {says}", nature, {"says": says})
        for column, operation, says in kinds.iter_rows()
    ]
    named = kinds.with_columns(recipe=pl.Series([recipe.id for recipe in recipes]))
    ready = whole.join(named, on=told, how="left", maintain_order="left").select(
        "value", "new", "new_score", "why", "recipe", "column"
    )
    hits = [
        cells(batch.row, batch[str(name)].text, part)
        for (name,), part in ready.partition_by("column", maintain_order=True, as_dict=True).items()
    ]
    shaped = pl.concat(hits).select("row", "column", "new", "why", "recipe", old="value", score="new_score")
    shaped = shaped.filter(~pl.col("old").eq_missing(pl.col("new")))
    distinct = {recipe.id: recipe for recipe in recipes}
    return [distinct[key] for key in sorted(distinct)], frames.repairs(shaped, healer=healer)
