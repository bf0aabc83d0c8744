"""Changes of a batch's columns: added, removed, renamed (told by their content), of another type. All of them facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from kintsu.monitor.measure import NUMBER, RANKS, TEXT, BatchMetrics, ColumnMetrics
from kintsu.monitor.traits import ColumnTraits, Traits

__all__ = ["SchemaChange", "fact_of", "schema_changes"]

ALIKE: Final = 0.7  # share of cells that a renamed column has to share with the one that is gone


@dataclass(frozen=True)
class SchemaChange:
    """`statistic` is "removed", "added", "renamed" (`to` its new name) or "type" (`to` its new kind)."""

    column: str
    statistic: str
    message: str
    to: str | None = None


def schema_changes(known: Traits, batch: BatchMetrics) -> list[SchemaChange]:
    """What is no longer as in the history. The order of columns is no change; whole numbers may become fractions."""
    gone = [name for name in known.columns if name not in batch.columns]
    added = [name for name in batch.columns if name not in known.columns]
    renamed: dict[str, str] = {}
    for name in gone:
        likeness = {other: _likeness(known.columns[name], batch.columns[other]) for other in added}
        best = max(likeness, key=lambda other: likeness[other], default=None)
        if best is not None and likeness[best] >= ALIKE and best not in renamed.values():
            renamed[name] = best
    changes = [
        SchemaChange(old, "renamed", f"column `{old}` is gone, and `{new}` holds what it held: it was renamed", new)
        for old, new in renamed.items()
    ]
    changes += [
        SchemaChange(name, "removed", f"column `{name}` is gone; every batch so far had it")
        for name in gone
        if name not in renamed
    ]
    changes += [
        SchemaChange(name, "added", f"column `{name}` is new; no batch so far had it")
        for name in added
        if name not in renamed.values()
    ]
    for name, column in known.columns.items():
        now = batch.columns.get(name)
        if now is not None and now.filled and now.kind not in column.kinds:
            message = f"`{name}` came as {now.kind} ({now.dtype}); it was {column.kind} in every batch so far"
            changes.append(SchemaChange(name, "type", message, now.kind))
    return changes


def fact_of(changes: list[SchemaChange]) -> str:
    """The issue that the changes are: "schema", or "type_mismatch" where only types are others."""
    return "schema" if any(change.statistic != "type" for change in changes) else "type_mismatch"


def _likeness(column: ColumnTraits, now: ColumnMetrics) -> float:
    """Share of cells that fit what the column held, in [0, 1]."""
    if now.kind != column.kind or not now.filled:
        return 0.0
    if now.kind == TEXT:
        held, first = (now.values, column.first_value) if column.common else (now.patterns, column.first_pattern)
        return sum(n for value, n in held.items() if value in first) / max(sum(held.values()), 1)
    if now.kind == NUMBER and len(column.edges) and now.quantiles is not None:
        shares = np.interp(column.edges, now.quantiles, RANKS)
        return 1 - float(np.abs(shares - np.nanmean(column.cumulative, 0)).max())
    return 0.0
