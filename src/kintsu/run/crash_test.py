"""Break a copy on purpose: how much of it would be found and mended here?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import ReadOptions
from kintsu.learn.crash import CrashResult, break_cells, judge
from kintsu.learn.echo import edits_of
from kintsu.run.assess import Assessed, assess, of_sample, opened
from kintsu.run.narrow import narrowed
from kintsu.run.treat import FailedStep, Progress, Treated, quiet, train

__all__ = ["CrashTest", "crash_test", "crashed"]

SAMPLE_ROWS = 20_000  # enough for 200 broken cells a column at 1 %; a crash test costs two treatments of this many rows


@dataclass(frozen=True)
class CrashTest:
    """The crash test of one table. `to_dict` is the JSON object of `kintsu crash-test --json`."""

    table: str
    rows: int
    seed: int
    result: CrashResult
    failed: tuple[FailedStep, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Table, rows that took part, and the figures of `CrashResult.summary`."""
        return {
            "table": self.table,
            "rows": self.rows,
            "seed": self.seed,
            **self.result.summary(),
            "steps_failed": [step.to_dict() for step in self.failed],
        }


def smaller(sample: Batch, rows: int) -> Batch:
    """At most `rows` rows of a sample, by content: the same rows in any row order."""
    if len(sample) <= rows:
        return sample
    frame = sample.frame
    order = frame.hash_rows(seed=0).arg_sort()[:rows].sort()
    return Batch(sample.table, frame[order], sample.row.gather(order), sample.decimal_comma)


def treated_sample(sample: Batch, seed: int, options: Mapping[str, Any] | None) -> tuple[Any, Treated]:
    """Reference and treatment of a sample on its own."""
    reference = of_sample(sample, seed=seed, options=options)
    return reference, train(reference).treat([sample])


def crashed(assessed: Assessed, *, seed: int, options: Mapping[str, Any] | None = None) -> CrashResult:
    """The crash test of a table that was assessed already.

    A table that fits into the sample is not treated twice: its own treatment is the sound side. Of a very wide table
    at most 100 columns take part, those with proposed repairs first.
    """
    whole = assessed.reference.sample
    repaired = set(assessed.treated.repairs["column"].drop_nulls().unique().to_list())
    sample = smaller(narrowed(whole, repaired), SAMPLE_ROWS)
    reference, sound = assessed.reference, assessed.treated
    if len(sample) < assessed.reference.rows or len(sample.columns) < len(whole.columns):
        reference, sound = treated_sample(sample, seed, options)
    key = ["row", "column"]
    dirty = pl.concat([sound.findings.select(key), sound.repairs.select(key)]).drop_nulls().unique()
    numeric = {name for name in reference.columns if reference.column(name).is_numeric}
    broken_sample, broken = break_cells(sample, dirty, numeric, seed, edits_of(sound.repairs, sound.recipes))
    _, treated = treated_sample(broken_sample, seed, options)
    return judge(broken, treated.findings, treated.repairs, sound.repairs, treated.recipes)


def crash_test(source: Any, *, seed: int = 0, read: ReadOptions | None = None, progress: Progress = quiet) -> CrashTest:
    """Break clean-looking cells of a copy and report what was found and mended, by column, operation and healer.

    The input is only read. Same input and seed, same result.
    """
    table = opened(source, read or ReadOptions())
    assessed = assess(table, seed=seed, progress=progress)
    progress("crash test", 0.0)
    result = crashed(assessed, seed=seed)
    progress("crash test", 1.0)
    n = min(len(assessed.reference.sample), SAMPLE_ROWS)
    return CrashTest(table.ref.name, n, seed, result, assessed.treated.failed)
