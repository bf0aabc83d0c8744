"""The first half that `check`, `heal` and `crash_test` share: open, reduce, train, find, propose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import ReadOptions, Table
from kintsu.core.frames import FINDINGS, REPAIRS, concat, empty, findings
from kintsu.io.open import open_table
from kintsu.profile.build import reference_of
from kintsu.run.narrow import fitting
from kintsu.run.treat import Progress, Trained, Treated, quiet, train

__all__ = ["Assessed", "all_batches", "assess", "of_sample", "opened", "readable", "untrained"]


@dataclass(frozen=True)
class Assessed:
    """A table, what is normal in it, and what is found and proposed. `findings` include quarantined records."""

    table: Table
    reference: Any
    treated: Treated
    trained: Trained | None = None

    @property
    def rows(self) -> int:
        return self.table.rows

    @property
    def findings(self) -> pl.DataFrame:
        return self.treated.findings


def opened(source: Any, read: ReadOptions) -> Table:
    """The table behind a path, URL or frame."""
    return open_table(source, read)


def all_batches(table: Table, size: int, columns: list[str] | None) -> Iterator[Batch]:
    """Batches in row order; one empty batch for a table without rows, so that its columns are known."""
    nothing = True
    for batch in table.batches(size, columns):
        nothing = False
        yield batch
    if nothing:
        names = table.columns if columns is None else columns
        yield Batch(table.ref, pl.DataFrame(schema=dict.fromkeys(names, pl.String)), pl.Series("row", [], pl.Int64))


def readable(table: Table, size: int, columns: list[str] | None) -> Iterator[Batch]:
    """Batches without quarantined records: what cannot be read says nothing about what is normal."""
    bad = table.malformed["row"].implode()
    for batch in all_batches(table, size, columns):
        if len(table.malformed):
            sound = ~batch.row.is_in(bad)
            yield Batch(batch.table, batch.frame.filter(sound), batch.row.filter(sound), batch.decimal_comma)
        else:
            yield batch


def quarantine(table: Table) -> pl.DataFrame:
    """Findings about records that cannot be read, and about cells whose bytes are not text in the file's encoding."""
    sure = pl.lit(1.0).alias("score")
    records = findings(table.malformed.select("row", "why", sure), detector="reader", kind="malformed")
    bad = getattr(table, "bad_cells", None)
    if bad is None:
        return records
    cells = findings(bad.select("row", "column", "why", "value", sure), detector="reader", kind="malformed")
    return concat([records, cells], FINDINGS)


def assess(
    table: Table,
    *,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    progress: Progress = quiet,
    heal: bool = True,
) -> Assessed:
    """Reduce, train and map a table. With `heal` repairs are proposed too."""
    progress("reading", 0.0)

    def scan(columns: list[str] | None, size: int = 131_072) -> Iterator[Batch]:
        return readable(table, size, columns)

    reference = reference_of(scan, table.ref, seed=seed, options=options)
    progress("reading", 1.0)
    trained = train(reference, progress, heal=heal)
    treated = trained.treat(scan(None, 524_288), progress, reference.rows)
    found = concat([quarantine(table), treated.findings], FINDINGS)
    found = found.sort("row", "column", "kind", "detector", "score", "why", nulls_last=True)  # ties in one order too
    return Assessed(table, reference, replace(treated, findings=found), trained)


def untrained(table: Table, *, seed: int = 0, options: Mapping[str, Any] | None = None) -> Assessed:
    """A table that is only read and profiled: nothing is trained, found or proposed, unreadable records aside."""

    def scan(columns: list[str] | None, size: int = 131_072) -> Iterator[Batch]:
        return readable(table, size, columns)

    reference = reference_of(scan, table.ref, seed=seed, options=options)
    return Assessed(table, reference, Treated(quarantine(table), {}, empty(REPAIRS)))


def of_sample(sample: Batch, *, seed: int, options: Mapping[str, Any] | None) -> Any:
    """A reference that knows a sample only, with the options that fit its columns."""

    def scan(columns: list[str] | None, size: int = 131_072) -> Iterator[Batch]:
        frame = sample.frame.select(columns) if columns is not None else sample.frame
        yield Batch(sample.table, frame, sample.row, sample.decimal_comma)

    return reference_of(partial(scan), sample.table, seed=seed, options=fitting(options, sample.columns))
