"""From judgements of values to findings and repairs of cells, for one kind at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import polars as pl

from kintsu.core import frames
from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.core.recipe import Recipe
from kintsu.profile.values.judgement import chosen_of, judgement_of
from kintsu.profile.values.unseen import Unseen, frozen_unseen, unseen_of
from kintsu.profile.values.view import JUDGED, NOTHING, cells, view_of

__all__ = ["HABIT", "Judgements", "Values", "findings_of", "repairs_of", "select"]

HABIT: Final = 0.5
"""Judgements scored below are about how a column spells things: pointed at once, for the whole column."""


@dataclass(frozen=True, eq=False)
class Values:
    """What is known of all values of a table: the judgements of those that were counted, and what judges others.

    Judges any rows without the reference, each value by itself.
    """

    tables: dict[str, pl.DataFrame]
    unseen: dict[str, Unseen]

    def cells(self, batch: Batch) -> pl.DataFrame:
        """The judged cells of a batch: `row`, `column` and the judgement, habits of whole columns left out."""
        parts = []
        for name, unseen in self.unseen.items():
            if name not in batch.columns:
                continue
            text, table = batch[name].text, self._tables.get(name)
            odd = unseen.suspects(text.unique())
            if name in self.tables and len(odd):
                odd = odd.filter(~odd.is_in(self.tables[name]["value"].implode()))
            if len(odd) and len(more := unseen.judge_suspects(odd).filter(pl.col("score") >= HABIT)):
                more = more.with_columns(column=pl.lit(name))
                table = more if table is None else pl.concat([table, more])
            if table is not None:
                parts.append(cells(batch.row, text, table))
        return pl.concat(parts) if parts else _NO_CELLS

    @cached_property
    def _tables(self) -> dict[str, pl.DataFrame]:
        """The judgements of cells, with their column."""
        kept = {name: table.filter(pl.col("score") >= HABIT) for name, table in self.tables.items()}
        return {name: table.with_columns(column=pl.lit(name)) for name, table in kept.items() if len(table)}


_NO_CELLS: Final = NOTHING.with_columns(pl.lit(None, pl.Int64).alias("row"), pl.lit(None, pl.String).alias("column"))


@dataclass(frozen=True)
class Judgements:
    """`tables`: column -> judgements, of the columns that have any; of these `kinds` and `operations`.

    Nothing named: any. An operation stands for all that begin with it; those `besides` are left out. `values` stands in
    for the tables where rows are judged without the reference.
    """

    tables: dict[str, pl.DataFrame]
    kinds: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    values: Values | None = None

    @property
    def hit(self) -> pl.Expr:
        """Whether a judgement is one of these."""
        told = ~pl.col("operation").is_in(self.besides) if self.besides else pl.lit(True)
        if self.kinds:
            told &= pl.col("kind").is_in(self.kinds)
        if self.operations:
            told &= pl.any_horizontal(pl.col("operation").str.starts_with(word) for word in self.operations)
        return told.fill_null(False)

    def frozen(self, reference: Reference) -> Judgements:
        """The same for rows that come later."""
        return replace(self, tables={}, values=_values(reference))


def _values(reference: Reference) -> Values:
    """What is known of the values of a table; remembered."""

    def build() -> Values:
        tables = {name: judgement_of(reference, name).select(list(JUDGED)) for name in reference.columns}
        kept = {name: table for name, table in tables.items() if len(table)}
        return Values(kept, {name: frozen_unseen(reference, name) for name in reference.columns})

    values: Values = remembered(reference, "values", build)
    return values


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
            more = unseen_of(reference, name).judge(fresh).filter(model.hit) if len(fresh) else None
            if more is not None and len(more):
                table = more if table is None else pl.concat([table, more])
        if table is not None:
            yield name, table


def findings_of(batch: Batch, model: Judgements, reference: Reference, detector: str) -> pl.DataFrame:
    """Findings of the cells whose values are judged."""
    if model.values is not None:
        hit = _judged_cells(batch, model.values).filter(model.hit)
        return frames.findings(hit.select("row", "column", "kind", "score", "why", "value"), detector=detector)
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
    if model.values is not None:
        hit = _judged_cells(batch, model.values).filter(model.hit & pl.col("mend"))
        return _repairs(hit, hit, healer, nature)
    mending = [  # a habit is a question, not a repair
        table.filter(pl.col("mend") & (pl.col("score") >= HABIT)).with_columns(column=pl.lit(name))
        for name, table in _tables(batch, model, reference)
    ]
    whole = pl.concat(mending) if mending else pl.DataFrame()
    if not len(whole):
        return [], frames.empty(frames.REPAIRS)
    hits = [
        cells(batch.row, batch[str(name)].text, part)
        for (name,), part in whole.partition_by("column", maintain_order=True, as_dict=True).items()
    ]
    return _repairs(whole, pl.concat(hits), healer, nature)


def _judged_cells(batch: Batch, values: Values) -> pl.DataFrame:
    """The judged cells; read off a batch once, for all who ask."""
    found: pl.DataFrame = remembered(batch, values, lambda: values.cells(batch))
    return found


def _repairs(judged: pl.DataFrame, hits: pl.DataFrame, healer: str, nature: str) -> tuple[list[Recipe], pl.DataFrame]:
    """Recipes (one per column and operation) of what was `judged`, and the repairs of the cells in `hits`."""
    if not len(judged):
        return [], frames.empty(frames.REPAIRS)
    told = ["column", "operation", "says"]
    kinds = judged.select(told).unique().sort(told)
    recipes = [
        Recipe(healer, column, operation, f"{column}: {says}", nature, {"says": says})
        for column, operation, says in kinds.iter_rows()
    ]
    named = kinds.with_columns(recipe=pl.Series([recipe.id for recipe in recipes]))
    ready = hits.join(named, on=told, how="left", maintain_order="left")
    shaped = ready.select("row", "column", "new", "why", "recipe", old="value", score="new_score")
    shaped = shaped.filter(~pl.col("old").eq_missing(pl.col("new")))
    distinct = {recipe.id: recipe for recipe in recipes}
    return [distinct[key] for key in sorted(distinct)], frames.repairs(shaped, healer=healer)
