"""Judged batches and the verdicts of people, as changes of the stored incidents of their table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kintsu.io.store.history import History
from kintsu.io.store.incidents import IncidentStore
from kintsu.monitor.alerts import AlertPolicy
from kintsu.monitor.incidents import Incident, JudgedBatch, Placement, follow, forgive

__all__ = ["follow_up", "leave"]


def follow_up(
    history: History, batches: Sequence[JudgedBatch], now: datetime, policy: AlertPolicy
) -> tuple[Placement | None, ...]:
    """Open, continue or end incidents by the batches of one table; returns where each alarm belongs.

    Their news wait in the store for `notify.tell`, so that what opens in one run is told together, and nothing is lost
    if the run is stopped halfway.
    """
    tables = sorted({batch.table for batch in batches})
    with IncidentStore(history).changing(tables, ended_since=now - policy.reopen_within) as draft:
        draft.incidents, placed = follow(draft.incidents, batches, now, policy)
    return placed


def leave(history: History, table: str, batch: str, now: datetime) -> Incident | None:
    """Take a batch that was right after all out of its incidents; returns the one that held it, as it is now."""
    with IncidentStore(history).changing([table], ended_since=now) as draft:
        before = draft.incidents
        draft.incidents = forgive(before, table, batch, now)
        changed = [after for after, old in zip(draft.incidents, before, strict=True) if after != old]
    return changed[0] if changed else None
