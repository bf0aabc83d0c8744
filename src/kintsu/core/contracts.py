"""The contracts of plug-ins. Parameters are dataclass fields; nothing learned is stored on the instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.core.notice import Notice
from kintsu.core.recipe import Recipe
from kintsu.core.settings import Setting

__all__ = [
    "ColumnFacts",
    "Connector",
    "Detector",
    "Freezes",
    "Frozen",
    "Healer",
    "Notifier",
    "ReadOptions",
    "Reference",
    "Summary",
    "Table",
]


class ColumnFacts(Protocol):
    """What the profile says of a column. Every attribute is read-only."""

    name: str
    rows: int
    nulls: int  # null or blank cells
    distinct: int  # exact up to a cap, then an estimate
    type: str  # one of vocabulary.TYPES: the type of most non-missing cells
    type_share: float  # share of non-missing cells that are of `type` (an integer is also a float), in [0, 1]
    semantic_type: str | None  # "email", "phone", "postcode", "category", "key", "free_text", ...
    min: float | str | None
    max: float | str | None
    mean: float | None
    std: float | None
    quantiles: Mapping[str, float]  # "0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99"
    top: list[tuple[str, int]]  # most frequent values first
    patterns: list[tuple[str, int]]  # found character patterns, most frequent first

    @property
    def is_numeric(self) -> bool: ...
    @property
    def is_key_like(self) -> bool: ...  # nearly every non-missing value is distinct
    @property
    def is_free_text(self) -> bool: ...


class Reference(Protocol):
    """What a detector or healer is handed: what is normal in this table. Read-only."""

    table: TableRef
    columns: tuple[str, ...]
    rows: int
    seed: int
    sample: Batch  # all rows of a small table, else rows chosen by content hash: the same in any row order

    def column(self, name: str) -> ColumnFacts: ...

    def values(self, name: str) -> pl.DataFrame:
        """Distinct non-null texts of a column over *all* rows, with counts: `value` String, `n` Int64, sorted by value.

        Beyond a cap of distinct values the rarest are counted on the sample only: see `is_exact`.
        """
        ...

    def is_exact(self, name: str) -> bool: ...

    def counts(self, names: tuple[str, ...]) -> pl.DataFrame:
        """Map by key: distinct combinations of texts (nulls included) over all rows, with their number of rows `n`."""
        ...

    def scan(self, columns: list[str]) -> Iterator[Batch]:
        """A new pass over all rows, in row order: for the few methods that need rows together and nothing else."""
        ...

    def option(self, name: str) -> Any:
        """A user's choice that bears on detection or healing ("keys", "order_column", "sensitive", "rules", ...)."""
        ...


@runtime_checkable
class Detector(Protocol):
    """Finds bad cells, rows or columns; never changes anything.

    `train` may return any read-only model; `find` gets it back. `find` must give the same findings for any order
    and any split of the rows.
    """

    name: ClassVar[str]

    def train(self, reference: Reference) -> Any: ...

    def find(self, batch: Batch, model: Any, reference: Reference) -> pl.DataFrame:
        """Findings with the schema `frames.FINDINGS`; make them with `frames.findings`."""
        ...


@runtime_checkable
class Healer(Protocol):
    """Proposes repairs; reaches no sink.

    `train` may return any read-only model. `propose` sees the findings of this batch by all detectors and may also
    propose for cells that no detector flagged: such a repair becomes a finding of its own.
    """

    name: ClassVar[str]

    def train(self, reference: Reference) -> Any: ...

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: Any, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        """Recipes and repairs (schema `frames.REPAIRS`; make them with `frames.repairs`)."""
        ...


@dataclass(frozen=True)
class Frozen:
    """What a member leaves in a treatment: its model, and in words what of it is left out.

    A member that `is_kept` takes part in the replay; others do not.
    """

    model: Any
    left_out: str = ""
    is_kept: bool = True

    @staticmethod
    def nothing(why: str) -> Frozen:
        """The member takes no part in the replay."""
        return Frozen(None, why, is_kept=False)


@runtime_checkable
class Freezes(Protocol):
    """A detector or healer whose trained model is not fit to judge rows of other tables, one by one, as it is.

    Of members without this method the model is kept as it is, or as its own method `frozen(reference)` says. At replay
    the reference knows no rows: what `find` and `propose` need of them has to be in the model.
    """

    def frozen(self, model: Any, reference: Reference) -> Frozen:
        """What is kept of a trained model."""
        ...


class Summary(Protocol):
    """A mergeable summary of one column: a monoid. `cls()` is the empty one; `add` and `merge` return new values.

    `grade` says how exactly the laws of merging hold: "exact", "close" (to float tolerance) or "bounded" (stated
    error bound).
    """

    name: ClassVar[str]
    grade: ClassVar[str]

    def add(self, column: Any) -> Summary: ...
    def merge(self, other: Any) -> Summary: ...
    def to_bytes(self) -> bytes: ...
    @classmethod
    def from_bytes(cls, data: bytes) -> Summary: ...


@dataclass(frozen=True)
class ReadOptions:
    """How to read; None means "find out". Unused fields are ignored by formats that need none."""

    delimiter: str | None = None
    quote: str | None = None
    encoding: str | None = None
    header: bool | None = None
    decimal_comma: bool | None = None
    day_first: bool | None = None
    sheet: str | None = None
    table: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class Table(Protocol):
    """An opened table: where batches come from, and the only thing that can write edits back."""

    ref: TableRef  # version is the SHA-256 of the file's bytes, where there is a file
    columns: tuple[str, ...]
    connector: str
    suffix: str  # file suffix that an output beside the input gets, such as ".csv" or ".csv.gz"; "" for frames
    path: Path | None  # the file that backs it; None for frames, databases and standard input
    exact: bool  # True: undo gives the same bytes by inverse edits alone (plain text); False: the original is stored
    malformed: pl.DataFrame  # quarantined records: `row` Int64, `why` String; their cells are null in batches

    @property
    def rows(self) -> int: ...

    def batches(self, size: int = 131_072, columns: list[str] | None = None) -> Iterator[Batch]:
        """Batches in row order. Every record is in some batch, malformed ones as all-null rows."""
        ...

    def describe(self) -> dict[str, Any]:
        """JSON-able facts needed to open the output again in the same way (dialect, encoding, sheet, ...)."""
        ...

    def patch(self, edits: pl.DataFrame, target: Path | None) -> pl.DataFrame:
        """Write the table with `edits` applied to `target` (a temporary file: the caller renames it).

        A database takes None and writes back into itself, in one transaction.

        `edits` has the schema `change.EDITS`. Checks the old text of every cell, streams, and returns the edits with
        `old_raw` and `new_raw` filled in where the format has them (the exact bytes of the fields).

        Raises
        ------
        StaleRepair
            A cell does not hold its `old` text; nothing is written.
        """
        ...


class Connector(Protocol):
    """Opens one kind of table."""

    name: ClassVar[str]

    def accepts(self, source: Any) -> bool: ...

    def open(self, source: Any, options: ReadOptions) -> Table: ...


@runtime_checkable
class Notifier(Protocol):
    """Tells notices to people or to other systems. Its `repr` and its errors hold no secret."""

    name: ClassVar[str]

    @classmethod
    def from_settings(cls, setting: Setting, environment: Mapping[str, str]) -> Notifier:
        """The notifier of a mapping in YAML; secrets stand there as ${NAME}, a variable of the environment.

        Raises
        ------
        UsageError
            A key or value that it does not know; names file and line.
        """
        ...

    def send(self, notice: Notice) -> None:
        """Deliver one notice; the same one twice does no harm, since its id tells.

        Raises
        ------
        NotifyError
            It could not be delivered: what, where, what to do.
        """
        ...
