"""Findings and scores; changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

import kintsu
from kintsu.core.contracts import ReadOptions
from kintsu.io.store.records import new_id
from kintsu.run.accuracy import accuracy
from kintsu.run.assess import Assessed, assess, opened
from kintsu.run.kept_runs import history_beside, keep_run
from kintsu.run.sidecar import findings_table, write_table, write_text
from kintsu.run.treat import FailedStep, Progress, quiet
from kintsu.run.wishes import checked_wishes

__all__ = ["CheckResult", "check"]


@dataclass(frozen=True, repr=False)
class CheckResult:
    """What `kintsu check` found. `findings` has the schema `core.frames.FINDINGS`."""

    assessed: Assessed
    findings: pl.DataFrame
    scores: Mapping[str, float | None]
    seconds: float
    sensitive: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[FailedStep, ...]:
        return self.assessed.treated.failed

    def __repr__(self) -> str:
        told = self.run_object()
        facts = [f"{name}={told[name]!r}" for name in ("input", "rows", "columns", "findings")]
        return f"CheckResult({', '.join(facts)}, score={told['scores'].get('overall')})"

    def run_object(self) -> dict[str, Any]:
        """The JSON object of `kintsu check --json`."""
        table = self.assessed.table
        return {
            "input": str(table.path or table.ref.name),
            "rows": table.rows,
            "columns": len(table.columns),
            "findings": len(findings_table(self.findings)),
            "quarantined": len(table.malformed),
            "scores": dict(self.scores),
            "seconds": round(self.seconds, 3),
            "steps_failed": [step.to_dict() for step in self.failed],
        }

    def report_data(self) -> dict[str, Any]:
        """What the HTML report is drawn from. No clock: the same table and seed give the same report data."""
        table = self.assessed.table
        return {
            "table": table.ref.name,
            "input": str(table.path or table.ref.name),
            "rows": table.rows,
            "columns": list(table.columns),
            "findings": self.findings,
            "scores": self.scores,
            "reference": self.assessed.reference,
            "failed": [step.to_dict() for step in self.failed],
            "sensitive": self.sensitive,
            "version": kintsu.__version__,
        }

    def _repr_html_(self) -> str:
        from kintsu.diagnose.report import notebook

        return notebook(self.report_data())


def check(
    source: Any,
    *,
    findings: Path | str | None = None,
    report: Path | str | None = None,
    seed: int = 0,
    read: ReadOptions | None = None,
    keys: tuple[str, ...] = (),
    identifiers: tuple[str, ...] = (),
    rules: Any = None,
    tables: Mapping[str, Any] | None = None,
    multivariate: tuple[str, ...] = (),
    sensitive: tuple[str, ...] = (),
    order_column: str | None = None,
    against: Any = None,
    home: Path | str | None = None,
    keep: bool = True,
    run: str | None = None,
    progress: Progress = quiet,
) -> CheckResult:
    """Find what is wrong with a table and score it; nothing is changed.

    Where there is a store beside the file, as a heal leaves one, its history keeps the scores.

    Parameters
    ----------
    source
        A path, URL, polars or pandas frame, Arrow table, or anything with the Arrow PyCapsule interface.
    findings
        Where to write the findings (CSV, or Parquet by suffix).
    report
        Where to write the HTML report.
    keys, identifiers, order_column, rules, tables, multivariate
        See `run.wishes.checked_wishes`.
    against
        A table that is known to be right: adds the score "accuracy". Rows are matched by `keys`, else by position.
    home
        The store whose history keeps the scores; it is made if it is not there yet.
    keep
        False to leave no trace.
    run
        The id under which the history keeps it; a new one if left out.
    """
    from kintsu.diagnose.score import scores

    began, started = time.monotonic(), datetime.now(UTC)
    table = opened(source, read or ReadOptions())
    options = checked_wishes(
        table,
        read,
        keys=keys,
        identifiers=identifiers,
        sensitive=sensitive,
        order_column=order_column,
        rules=rules,
        tables=tables,
        multivariate=multivariate,
    )
    assessed = assess(table, seed=seed, options=options, progress=progress, heal=False)
    share = accuracy(table, opened(against, ReadOptions()), keys) if against is not None else None
    result = scores(assessed.reference, assessed.findings, accuracy=share)
    if findings is not None:
        write_table(findings_table(assessed.findings, sensitive=sensitive), Path(findings))
    checked = CheckResult(assessed, assessed.findings, result, time.monotonic() - began, sensitive)
    if report is not None:
        from kintsu.diagnose.report import render

        write_text(render(checked.report_data()), Path(report))
    if keep and (history := history_beside(table, home)) is not None:
        name, told = run or new_id("c", at=started), checked.run_object()
        failed = keep_run(history, name, "check", started.isoformat(), assessed, told, sensitive=sensitive)
        treated = replace(assessed.treated, failed=(*assessed.treated.failed, *failed))
        checked = replace(checked, assessed=replace(assessed, treated=treated))
    return checked
