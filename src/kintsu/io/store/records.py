"""What the store keeps of a run. No cell values here: those live in blobs, which can be purged."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from kintsu.core.change import EDITS
from kintsu.core.frames import Schema
from kintsu.io.store.process import mark

__all__ = [
    "CHANGES",
    "COUNTED",
    "STATUSES",
    "Draft",
    "Run",
    "counted_by_recipe",
    "micros",
    "moment_of",
    "new_id",
    "now_text",
    "text_of",
]

CHANGES: Final[Schema] = {
    **EDITS,  # `row` counts the records of the file before together with those that are added
    "key": pl.Int64,  # identity of the row over a chain of changes: see `run.numbering`
    "confidence": pl.Float64,
    "healer": pl.String,
    "recipe": pl.String,
    "why": pl.String,
    "nature": pl.String,
}
"""A stored change set: finished edits and where each came from."""

COUNTED: Final = 50
"""Recipes whose edits are counted in a run; of more, its change set tells."""

STATUSES: Final[tuple[str, ...]] = ("prepared", "done", "undone", "failed")


def now_text() -> str:
    """The time now, UTC, as ISO text with milliseconds."""
    return text_of(datetime.now(UTC))


def text_of(moment: datetime) -> str:
    """A moment as ISO text with milliseconds, UTC: such texts sort by time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def micros(moment: datetime) -> int:
    """Microseconds since 1970 in universal time; a moment without a zone is taken as universal."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round((aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)


def moment_of(at_us: int) -> datetime:
    """The moment so many microseconds after 1970, UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)


def new_id(prefix: str = "r", *, at: datetime | None = None, token: str | None = None) -> str:
    """A short id that sorts by time, such as "r-20260801-101530-4f2a9c". Prefix "r" for runs, "u" for undos."""
    moment = at or datetime.now(UTC)
    return f"{prefix}-{moment:%Y%m%d-%H%M%S}-{token or secrets.token_hex(3)}"


def counted_by_recipe(changes: pl.DataFrame) -> pl.DataFrame:
    """Edits by recipe and healer, the recipe with most of them first: recipe, healer, column (its first), edits."""
    counted = changes.lazy().group_by("recipe", "healer").agg(pl.col("column").sort().first(), edits=pl.len())
    return counted.sort("edits", "recipe", "healer", descending=[True, False, False], nulls_last=True).collect()


@dataclass(frozen=True)
class Draft:
    """What a caller says of a run before it is published.

    Parameters
    ----------
    seed, versions
        What is needed to compute it again: package, policy, models.
    sensitive
        Columns whose values are masked wherever people look.
    summary
        The run object that `kintsu heal --json` prints; counts only, no cell values.
    kind
        "heal", or "answer" for what a person said of a heal.
    table
        Of whose history it is part, where the file that is changed is called something else; empty: of the file's own.
    answer, files, policy
        See `Run`.
    """

    id: str = field(default_factory=new_id)
    started: str = field(default_factory=now_text)
    seed: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "heal"
    table: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One published change of one file or database table: a heal, or an undo of an earlier change.

    Paths are absolute; a database has its URL there. Hashes are SHA-256 in hex, empty where there is no file.
    """

    id: str
    kind: str  # heal, answer, undo
    table: str
    started: str
    input: str
    base: str  # SHA-256 of the input
    output: str
    made: str  # SHA-256 of the output
    connector: str
    facts: Mapping[str, Any]  # what the connector needs to open the output in the same way
    exact: bool  # undo by inverse edits gives the same bytes
    rows: int  # of the input
    columns: tuple[str, ...]
    n_set: int
    n_drop: int
    n_add: int
    changes: str  # blob of the change set
    by_recipe: Sequence[Mapping[str, Any]] | None = None  # see `counted_by_recipe`; None: the change set tells
    findings: str | None = None  # blob
    original: str | None = None  # blob of the input, where inverse edits cannot give its bytes
    pending: str | None = None  # blob: all decisions of a heal, or those that an answer added
    recipes: str | None = None  # blob: their recipes as JSON
    learned: str | None = None  # blob: recipes that an answer taught, as YAML, to be replayed on other tables
    report: str | None = None  # blob: what the report of a heal is drawn from
    answer: Mapping[str, Any] = field(default_factory=dict)  # of, question, option, by: what a person said; no values
    files: Mapping[str, str] = field(default_factory=dict)  # "findings", "changes" -> file written beside the output
    policy: Mapping[str, Any] = field(default_factory=dict)  # what the heal was allowed to do
    parent: str | None = None  # the change that made the input, if this store knows it
    undoes: str | None = None
    also: Mapping[str, str] = field(default_factory=dict)  # run -> the status it gets when this one is done
    selection: Mapping[str, Any] = field(default_factory=dict)  # row, column, recipe of a partial undo
    in_place: bool = False  # the output lies where the input lay
    shifts: bool = True  # row numbers are positions; False: they are row ids of a database
    sensitive: tuple[str, ...] = ()
    seed: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    process: str = field(default_factory=mark)  # who writes it
    status: str = "prepared"
    line: int = 0  # of the log, where it was announced

    @property
    def rows_after(self) -> int:
        """Rows of the output."""
        return self.rows + self.n_add - self.n_drop

    def but(self, **values: Any) -> Run:
        """The same run with other values in these fields."""
        return replace(self, **values)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return asdict(self) | {"columns": list(self.columns), "sensitive": list(self.sensitive)}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Run:
        """The run that `to_dict` wrote."""
        lists = {name: tuple(values[name]) for name in ("columns", "sensitive")}
        return Run(**{**values, **lists})
