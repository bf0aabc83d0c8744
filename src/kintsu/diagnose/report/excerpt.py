"""A few rows of the table in which much was changed, cell by cell."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import polars as pl

from kintsu.core.batch import Batch
from kintsu.diagnose.masking import HIDDEN
from kintsu.diagnose.words import contrast, shorten

__all__ = ["excerpt"]

ROWS: Final = 14
COLUMNS: Final = 8
PER_RECIPE: Final = 2  # rows of one recipe in the first choice, so that rare recipes are seen too


def excerpt(rows: Batch, found: pl.DataFrame, decided: pl.DataFrame, hidden: Collection[str]) -> dict[str, Any] | None:
    """Rows with changes (else with findings) as cells of {text, new, why, sure, state}; None where there are none.

    `found` and `decided` are masked already. State is "changed", "suggested", "flagged" or "".
    """
    held = rows.row.implode()
    cells = decided.filter(
        pl.col("row").is_in(held) & pl.col("column").is_not_null() & pl.col("action").is_in(["apply", "suggest"])
    )
    flagged = found.filter(pl.col("row").is_in(held) & pl.col("column").is_not_null())
    chosen = _rows(cells, flagged)
    if not chosen:
        return None
    columns = _columns(rows.columns, cells, flagged, chosen)
    marks = _marks(cells, flagged, chosen)
    seen = {row for row, name in marks if name in columns}
    chosen = [row for row in chosen if row in seen]
    keep = rows.row.is_in(chosen)
    texts = pl.DataFrame([rows.row.filter(keep).alias("__row"), *(rows[name].text.filter(keep) for name in columns)])
    body = []
    for record in texts.sort("__row").iter_rows(named=True):
        row = record["__row"]
        body.append({"row": row, "cells": [_cell(record[n], n, marks.get((row, n)), hidden) for n in columns]})
    return {"columns": columns, "rows": body, "columns_in_all": len(rows.columns)}


def _rows(cells: pl.DataFrame, flagged: pl.DataFrame) -> list[int]:
    """Rows to show: a few of each recipe, applied ones first, those with most changes first."""
    if not len(cells):
        return flagged.group_by("row").len().sort(["len", "row"], descending=[True, False])["row"].head(ROWS).to_list()
    ranked = (
        cells.with_columns(busy=pl.len().over("row"))
        .sort(["action", "busy", "row", "column"], descending=[False, True, False, False])
        .with_columns(turn=pl.int_range(pl.len()).over("recipe", "action"))
        .sort(["action", "turn", "busy", "row"], descending=[False, False, True, False])
    )
    first = ranked.filter(pl.col("turn") < PER_RECIPE)["row"]
    return pl.concat([first, ranked["row"]]).unique(maintain_order=True).head(ROWS).sort().to_list()


def _columns(names: list[str], cells: pl.DataFrame, flagged: pl.DataFrame, chosen: list[int]) -> list[str]:
    """The first column (often the key), then those with most changes among the chosen rows; in table order."""
    busy = (
        pl.concat([cells.select("row", "column"), flagged.select("row", "column")])
        .filter(pl.col("row").is_in(chosen))
        .group_by("column")
        .len()
        .sort(["len", "column"], descending=[True, False])["column"]
        .to_list()
    )
    wanted = list(dict.fromkeys([*names[:1], *busy, *names]))[:COLUMNS]
    return [name for name in names if name in set(wanted)]


def _marks(cells: pl.DataFrame, flagged: pl.DataFrame, chosen: list[int]) -> dict[tuple[int, str], dict[str, Any]]:
    """(row, column) -> what happened there. A bounded number: only the chosen rows."""
    marks = {}
    for mark in flagged.filter(pl.col("row").is_in(chosen)).iter_rows(named=True):
        marks[mark["row"], mark["column"]] = {"state": "flagged", "why": mark["why"], "kind": mark["kind"]}
    ordered = cells.filter(pl.col("row").is_in(chosen)).sort("action", "sure", descending=[True, False])
    for mark in ordered.iter_rows(named=True):
        state = "changed" if mark["action"] == "apply" else "suggested"
        marks[mark["row"], mark["column"]] = {k: mark[k] for k in ("new", "why", "sure", "reason")} | {"state": state}
    return marks


def _cell(text: str | None, name: str, mark: dict[str, Any] | None, hidden: Collection[str]) -> dict[str, Any]:
    shown = HIDDEN if name in hidden and text is not None else text
    cell: dict[str, Any] = {
        "column": name,
        "text": None if shown is None else shorten(shown, 44, told=False),
        "state": "",
        "why": None,
    }
    if mark:
        cell |= mark
        cell["new"] = mark.get("new")
        if cell["new"] is not None and shown is not None:
            cell["text"], cell["new"] = contrast(shown, cell["new"], 44)
        elif cell["new"] is not None:
            cell["new"] = shorten(cell["new"], 44, told=False)
    cell["tight"] = all(" " not in (text or "") and len(text or "") <= 32 for text in (cell["text"], cell.get("new")))
    return cell
