"""The edits of a run that a row, a column or a recipe selects; naming one that it never touched is an error."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from kintsu.core.errors import UsageError
from kintsu.diagnose.words import counted
from kintsu.io.store.records import Run

__all__ = ["selected", "selection"]

_NAMED: Final = 12  # columns or recipes that an error lists


def selection(row: int | None, column: str | None, recipe: str | None) -> dict[str, Any]:
    """What was asked for, by the name of the field."""
    asked = (("row", row), ("column", column), ("recipe", recipe))
    return {name: value for name, value in asked if value is not None}


def selected(changes: pl.DataFrame, run: Run, asked: dict[str, Any]) -> pl.DataFrame:
    """The edits that fit all that was asked for; all of them where nothing was.

    Raises
    ------
    UsageError
        None fits; the message lists the columns or recipes that the run did change.
    """
    if not asked:
        return changes
    chosen = changes.filter(pl.col(name) == value for name, value in asked.items())
    if len(chosen):
        return chosen
    told = ", ".join(f"{name} {value}" for name, value in asked.items())
    by = next((name for name in ("recipe", "column") if name in asked), "row")
    raise UsageError(f"{run.id} changed nothing at {told}. {_what_it_changed(changes, by)}")


def _what_it_changed(changes: pl.DataFrame, by: str) -> str:
    if not len(changes):
        return "It changed nothing at all."
    if by == "row":
        rows = sorted(changes["row"].drop_nulls().unique())
        return f"It changed {counted(len(rows), 'row')}, from row {rows[0]} to row {rows[-1]} (rows count from 0)."
    each = changes.group_by(by).agg(n=pl.len()).sort("n", by, descending=[True, False], nulls_last=True)
    names = [f"{name or 'whole rows'} ({n:,})" for name, n in each.head(_NAMED).iter_rows()]
    more = f" and {len(each) - _NAMED:,} more" if len(each) > _NAMED else ""
    return f"{by.capitalize()}s that it changed, with the number of edits: {', '.join(names)}{more}."
