"""What heals and checks leave in the history: figures of the table's profile, scores, how much was found and mended."""

from __future__ import annotations

import os
import traceback
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import polars as pl

from kintsu.core.contracts import Table
from kintsu.core.errors import KintsuError, UnknownName
from kintsu.core.settings import nearest
from kintsu.io.store.batch_rows import RUNS, BatchRow
from kintsu.io.store.courses import latest
from kintsu.io.store.history import History, open_history
from kintsu.io.store.home import home_for, server_of
from kintsu.io.store.overview import tables_called
from kintsu.run.assess import Assessed
from kintsu.run.publish import place_of
from kintsu.run.treat import FailedStep

__all__ = ["USUAL", "course", "history_beside", "keep_run"]

USUAL: Final = ("score:overall", "after:overall", "findings", "applied", "suggested")
LEAST: Final = 30  # filled cells: the mean of fewer tells too much of each
COUNTS: Final = ("columns", "findings", "applied", "suggested", "flagged", "quarantined")
HEADS: Final = ("run", "kind", "at", "table", "input", "rows")


def keep_run(
    history: History,
    run: str,
    kind: str,
    at: str,
    assessed: Assessed,
    told: Mapping[str, Any],
    *,
    sensitive: Collection[str] = (),
) -> tuple[FailedStep, ...]:
    """Keep the figures of a run that is over. What fails is returned: the run itself is not lost by it.

    `told` is the run's JSON object. No cell values are kept: shares, and of numbers mean and standard deviation, but of
    columns that are `sensitive`.
    """
    table = assessed.table
    try:
        facts = {name: float(told[name]) for name in COUNTS if told.get(name) is not None}
        for name, scores in (("score", told["scores"]), ("after", told.get("scores_after", {}))):
            facts |= {f"{name}:{dimension}": score for dimension, score in scores.items() if score is not None}
        facts |= _profile_facts(assessed.reference, sensitive)
        row = BatchRow(name=run, at=datetime.fromisoformat(at), rows=table.rows, facts=facts, state=kind, judged_at=at)
        history.keep_run(table.ref.name, place_of(table), row)
    except Exception as error:  # noqa: BLE001 - promise 7: the table is mended, whatever becomes of its history
        message = str(error) if isinstance(error, KintsuError) else f"{type(error).__name__}: {error}"
        return (FailedStep("history", message, traceback.format_exc()),)
    return ()


def _profile_facts(reference: Any, sensitive: Collection[str]) -> dict[str, float]:
    """Named as those of a batch of a watched table: see `monitor.facts`."""
    facts: dict[str, float] = {}
    for name in reference.columns:
        column = reference.column(name)
        facts[f"completeness:{name}"] = column.filled / max(column.rows, 1)
        facts[f"distinct:{name}"] = column.distinct / max(column.filled, 1)
        if column.is_numeric and column.filled >= LEAST and name not in sensitive:
            levels = {"mean": column.mean, "spread": column.std}
            facts |= {f"{level}:{name}": value for level, value in levels.items() if value is not None}
    return facts


def history_beside(table: Table, home: Path | str | None = None) -> History | None:
    """The history that a heal of this table would write to, if there is one that can be written; `home` is made.

    None for frames and standard input: they have no place by which they are known again.
    """
    if table.path is None and "url" not in table.describe():
        return None
    if home is not None:
        return open_history(home, create=True)
    place = home_for(table.path)
    if server_of(place) is not None:
        return History(place)
    return History(place) if os.access(place / "kintsu.db", os.W_OK) and os.access(place, os.W_OK) else None


def course(
    table: str,
    facts: Sequence[str] | None = USUAL,
    *,
    days: float | None = None,
    home: Path | str | None = None,
) -> pl.DataFrame:
    """The heals and checks of a table over time, oldest first: a row each.

    Parameters
    ----------
    table
        Its name, its path or URL, or a pattern of these such as "orders-*": a table may come in a new file each day.
    facts
        Scores before and after ("score:validity", "after:validity"), counts ("findings", "applied", "suggested") and
        of each column "completeness:c", "distinct:c", "mean:c", "spread:c"; all where None. Null where a run has none.
    days
        Counted back from the last run.

    Returns
    -------
    frame
        run, kind ("heal" or "check"), at (UTC), table, input, rows; then the facts as Float64.

    Raises
    ------
    UnknownName
        No run of such a table is kept.
    """
    history = open_history(home)
    known = history.tables(RUNS) if set(table) & set("*?[") else tables_called(history, table)
    chosen = [each for each in known if _is_called(table, str(each.settings["table"]), str(each.settings["place"]))]
    if not chosen:
        names = sorted({str(each.settings["table"]) for each in history.tables(RUNS)})
        hint = nearest(table, names) if names else ": none is kept yet"
        raise UnknownName(f"no heal or check of a table {table!r} is kept{hint}")
    parts = []
    for each in chosen:
        of = (pl.lit(str(each.settings[key])).alias(name) for key, name in (("table", "table"), ("place", "input")))
        found = history.course(each, facts).rename({"name": "run", "state": "kind"}).with_columns(*of)
        parts.append(found.select(*HEADS, *(name for name in found.columns[12:] if name not in HEADS)))
    whole = pl.concat(parts, how="diagonal").sort("at", "run")
    return whole if days is None else latest(whole, days)


def _is_called(wanted: str, name: str, place: str) -> bool:
    """Whether a person means this table; the suffix of a file may be left out."""
    names = (name, Path(name).stem, place)
    return str(Path(wanted).resolve()) == place or any(each == wanted or fnmatch(each, wanted) for each in names)
