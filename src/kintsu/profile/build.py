"""Build a profile or a reference from a table of batches, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.profile.reference import LocalReference
from kintsu.profile.table import Profile, Profiler

__all__ = ["Scan", "profile_of", "reference_of"]

Scan = Callable[[list[str] | None], Iterator[Batch]]

SMALL_ROWS = 200_000  # tables up to this size are kept whole as their own sample
SMALL_BYTES = 256 * 2**20
SAMPLE = 50_000  # rows of the sample of larger ones


def profile_of(scan: Scan, table: TableRef, *, seed: int = 0) -> Profile:
    """Reduce a table to its profile. Memory is bounded: a batch, and a few MB per column."""
    profiler = Profiler(table, seed=seed)
    for batch in scan(None):
        profiler.add(batch)
    return profiler.profile()


def reference_of(
    scan: Scan, table: TableRef, *, seed: int = 0, options: Mapping[str, Any] | None = None
) -> LocalReference:
    """Reduce a table to what detectors and healers train on. `scan(columns)` starts a pass over its batches."""
    profiler = Profiler(table, sample_size=SAMPLE, seed=seed, keep_values=True)
    kept: list[Batch] | None = []
    decimal_comma = False
    for batch in scan(None):
        profiler.add(batch)
        decimal_comma = batch.decimal_comma
        if kept is not None:
            kept.append(batch)
            rows, size = sum(len(b) for b in kept), sum(b.frame.estimated_size() for b in kept)
            kept = None if rows > SMALL_ROWS or size > SMALL_BYTES else kept
    profile = profiler.profile()
    if kept:
        sample = _whole(kept)
    else:
        sample = profile.sample.batch(table, rows=profile.rows, decimal_comma=decimal_comma)
    return LocalReference(
        table=table,
        columns=tuple(profile.states),
        rows=profile.rows,
        seed=seed,
        sample=sample,
        profile=profile,
        scan=scan,
        options=options or {},
        tables=profiler.values(),
    )


def _whole(batches: list[Batch]) -> Batch:
    """All rows as one batch."""
    if len(batches) == 1:
        return batches[0]
    frame = pl.concat([batch.frame for batch in batches], how="vertical_relaxed")
    return Batch(batches[0].table, frame, pl.concat([b.row for b in batches]), batches[0].decimal_comma)
