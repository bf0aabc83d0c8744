"""A watched table, and one batch of it: the values that the history takes and gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from kintsu.io.store.months import names_of
from kintsu.io.store.records import moment_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "ACCEPTED",
    "HELD",
    "LEARNT",
    "NORMAL",
    "REJECTED",
    "RUNS",
    "WATCHED",
    "BatchRow",
    "Watched",
    "batch_of",
    "run_name",
    "watched_of",
]

LEARNT: Final = "learnt"  # nothing was unusual: in the baseline
HELD: Final = "held"  # it alarmed: out of the baseline until somebody accepts it
ACCEPTED: Final = "accepted"  # it alarmed, and a person said that it is right
REJECTED: Final = "rejected"  # it alarmed, and a person said that it is wrong
NORMAL: Final = (LEARNT, ACCEPTED)
WATCHED: Final = "watched"  # its batches are judged
RUNS: Final = "runs"  # its batches are heals and checks, which no baseline learns from


@dataclass(frozen=True)
class Watched:
    """A table that is watched, or of which runs are kept. `settings` are plain JSON-able values."""

    id: int
    name: str
    settings: Mapping[str, Any]
    created_at: str


@dataclass(frozen=True)
class BatchRow:
    """One batch of a watched table.

    `at` is the moment by which batches are ordered, with a time zone. `content` is a hash of what was read, `facts` the
    numbers that are kept, `sketch` the packed metrics, `judgement` a JSON object. `unfollowed`: it alarms, and its
    incident is still to be opened or continued.
    """

    name: str
    at: datetime
    rows: int
    facts: Mapping[str, float]
    state: str = LEARNT
    alarm: bool = False
    score: float = 0.0
    issue: str = "none"
    content: str = ""
    due: str | None = None
    arrived: str | None = None
    judgement: Mapping[str, Any] | None = None
    sketch: bytes | None = None
    judged_at: str = ""
    verdict_by: str | None = None
    verdict_at: str | None = None
    mending: Mapping[str, Any] | None = None
    unfollowed: bool = False
    id: int = 0


def run_name(place: str) -> str:
    """What the table at a place (a path or a URL) is called where its runs are kept."""
    return "runs:" + hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()


def watched_of(row: Any) -> Watched:
    """A row of the table of monitors."""
    return Watched(row.id, row.name, json.loads(row.settings), row.created_at)


def batch_of(connection: Connection, row: Any) -> BatchRow:
    """A row of the table of batches."""
    values = np.frombuffer(row.facts, "<f4").astype(float).tolist()
    return BatchRow(
        name=row.name,
        at=moment_of(row.at_us),
        rows=row.rows,
        facts=dict(zip(names_of(connection, row.layout), values, strict=True)),
        state=row.state,
        alarm=row.alarm,
        score=row.score,
        issue=row.issue,
        content=row.content,
        due=row.due,
        arrived=row.arrived,
        judgement=None if row.judgement is None else json.loads(row.judgement),
        sketch=row.sketch,
        judged_at=row.judged_at,
        verdict_by=row.verdict_by,
        verdict_at=row.verdict_at,
        mending=None if row.mending is None else json.loads(row.mending),
        id=row.id,
    )
