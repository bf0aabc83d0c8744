"""Break a copy on purpose: how much of it would be found and mended here?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import ReadOptions
from kintsu.core.policy import Policy, decide
from kintsu.learn.calibrate import calibrated
from kintsu.learn.crash import CrashResult, break_cells, judge
from kintsu.learn.echo import edits_of
from kintsu.learn.forecast import Forecast, forecast
from kintsu.run.assess import Assessed, assess, of_sample, opened
from kintsu.run.narrow import narrowed
from kintsu.run.treat import FailedStep, Progress, Treated, quiet, train

__all__ = ["CrashTest", "crash_test", "crashed", "told"]

SAMPLE_ROWS = 20_000  # enough for 200 broken cells a column at 1 %; a crash test costs two treatments of this many rows


THRESHOLDS: Final = (0.5, 0.95)  # that figures are forecast for: what is likelier right than wrong, and the default


@dataclass(frozen=True)
class CrashTest:
    """The crash test of one table. `to_dict` is the JSON object of `kintsu crash-test --json`.

    `forecasts` tell of the table itself, as it stands, at each of `THRESHOLDS`.
    """

    table: str
    rows: int
    seed: int
    result: CrashResult
    forecasts: tuple[Forecast, ...] = ()
    failed: tuple[FailedStep, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Table, rows that took part, the figures, and every cell that was broken."""
        cells = self.result.broken.rename({"operation": "kind"}).to_dicts()
        return {
            "table": self.table,
            "rows": self.rows,
            "seed": self.seed,
            **told(self.result, self.forecasts),
            "cells": cells,
            "steps_failed": [step.to_dict() for step in self.failed],
        }


def told(result: CrashResult, forecasts: tuple[Forecast, ...]) -> dict[str, Any]:
    """The figures of `CrashResult.summary`; precision and recall of repair are those of the first forecast.

    What became of the broken cells themselves stays in `repair.broken` and, by column and kind, beside it.
    """
    summary = result.summary()
    if not forecasts:
        return summary
    first, repair = forecasts[0], summary["repair"]
    whole = ("precision", "precision_interval", "recall", "interval", "needless")
    expected = {
        "auto": first.auto,
        "precision": first.precision,
        "precision_interval": first.precision_interval,
        "recall": first.recall,
        "interval": first.recall_interval,
        "broken": {name: repair[name] for name in whole},
    }
    return {
        **summary,
        "error_rate": {"estimate": first.error_rate, "interval": first.error_rate_interval},
        "repair": {**repair, **expected},
        "forecast": [one.to_dict() for one in forecasts],
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
    forecasts = tuple(_forecast(assessed, result, auto) for auto in THRESHOLDS)
    return CrashTest(table.ref.name, n, seed, result, forecasts, assessed.treated.failed)


def _forecast(assessed: Assessed, crash: CrashResult, auto: float) -> Forecast:
    """What a heal at this threshold would decide, and how well."""
    treated, width = assessed.treated, len(assessed.table.columns)
    sure = calibrated(treated.repairs, crash, treated.recipes, treated.limits)
    decisions = decide(sure, treated.recipes, Policy(auto=auto), rows=assessed.rows, columns=width)
    return forecast(crash, decisions, treated.findings, treated.recipes, cells=assessed.rows * width, auto=auto)
