"""What the service answers, as types. A newer service may tell more."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "Change",
    "Decided",
    "Job",
    "Me",
    "Monitor",
    "Option",
    "Question",
    "Run",
    "Said",
    "Table",
    "Undone",
    "Upload",
]


class Me(TypedDict):
    tenant: str
    name: str
    role: Literal["viewer", "steward", "engineer", "admin"]
    version: str


class Table(TypedDict):
    id: int
    name: str
    kind: Literal["watched", "runs"]
    source: str
    last: str | None
    last_at: str | None
    rows: int | None
    state: str | None
    alarm: bool
    issue: str | None
    score: float | None
    score_after: float | None


class Run(TypedDict):
    run: str
    kind: str
    status: str
    started: str
    table: str
    rows: int
    set: int
    drop: int
    add: int
    undoes: str | None
    summary: dict[str, Any]


class Change(TypedDict):
    """A cell or row that a run changed."""

    row: int
    column: str | None
    edit: Literal["set", "drop", "add"]
    old: str | None
    new: str | None
    old_null: bool
    new_null: bool
    confidence: float | None
    healer: str
    recipe: str | None
    why: str | None


class Option(TypedDict):
    option: str
    text: str
    effect: list[dict[str, Any]]


class Question(TypedDict):
    question: str
    text: str
    cells: int
    confidence: float
    applied: bool
    options: list[Option]


class Said(TypedDict):
    change: str
    run: str
    applied: int
    open: int


class Undone(TypedDict):
    change: str
    run: str
    edits: int
    restored: Literal["bytes", "values", "part"]
    sha256: str


class Upload(TypedDict):
    id: str
    name: str
    bytes: int
    sha256: str
    created_at: str
    created_by: str


class Problem(TypedDict):
    type: str
    message: str


class Job(TypedDict):
    id: str
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    priority: int
    arguments: dict[str, Any]
    created_at: str
    created_by: str
    due_at: str
    started_at: str | None
    ended_at: str | None
    tries: int
    stage: str
    progress: float
    cancels: bool
    run: str | None
    problem: Problem | None
    result: NotRequired[dict[str, Any] | None]  # not in a list


class Monitor(TypedDict):
    table: str
    n_batches: int
    last_batch: str | None
    last_at: str | None
    last_state: str | None
    last_message: str | None
    waiting: list[str]
    n_alarms: int
    precision: float | None
    false_alarm_rate: float | None
    time_to_detection_min: float | None
    recovery: float | None
    acceptance: float | None


class Decided(TypedDict):
    table: str
    batch: str
    state: str
    incident: str | None
