"""Mend a table: find, propose, calibrate, decide, judge again, write, log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Any, Final

import polars as pl

import kintsu
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import UsageError
from kintsu.core.recipe import Recipe
from kintsu.io.store.history import History
from kintsu.learn.crash import CrashResult
from kintsu.learn.forecast import forecast
from kintsu.learn.questions import Question
from kintsu.run.assess import Assessed, opened
from kintsu.run.crash_test import told
from kintsu.run.judge_table import Wanted, judge
from kintsu.run.kept_runs import keep_run
from kintsu.run.memory import read_recipes, recalled
from kintsu.run.questions.first import first_questions
from kintsu.run.replay_table import replay
from kintsu.run.sidecar import changes_table, findings_table, suggestions_table, write_table, write_text
from kintsu.run.sink import Sink
from kintsu.run.treat import FailedStep, Progress, quiet
from kintsu.run.treatment import MANIFEST, Treatment, load_treatment

__all__ = ["HealResult", "heal"]

BROKEN_SHOWN: Final = 100  # broken cells that the report lists
WORTH: Final = 1.0  # cells that an answer must be expected to put right, for its question to be in the report
QUESTIONS: Final = 6  # that a report shows: more than anybody answers at once


@dataclass(frozen=True, repr=False)
class HealResult:
    """What a heal found, decided and wrote.

    `decisions` has the schema `core.frames.DECISIONS`; `findings` that of `core.frames.FINDINGS`. `scores` are those
    before, `scores_after` those of the mended table (from the sample, where the table is larger). `frame` is the
    mended frame in the kind that was given, for sources that are frames.
    """

    run: str
    assessed: Assessed
    findings: pl.DataFrame
    decisions: pl.DataFrame
    recipes: Mapping[str, Recipe]
    withdrawn: Mapping[str, str]
    scores: Mapping[str, float | None]
    scores_after: Mapping[str, float | None]
    output: Path | None
    frame: Any
    seconds: float
    failed: tuple[FailedStep, ...] = ()
    crash: CrashResult | None = None
    sensitive: tuple[str, ...] = ()
    notice: str = ""
    home: Path | None = None
    auto: float = 0.95

    @property
    def profile(self) -> Any:
        """What is in the table (before)."""
        return self.assessed.reference

    @property
    def changes(self) -> pl.DataFrame:
        """The applied repairs: columns as in the changes file."""
        return changes_table(self.decisions.filter(pl.col("action") == "apply"), sensitive=self.sensitive)

    def __repr__(self) -> str:
        told = self.run_object()
        facts = [f"{name}={told[name]!r}" for name in ("run", "rows", "columns", "applied", "suggested", "flagged")]
        scores = f"score={told['scores'].get('overall')}→{told['scores_after'].get('overall')}"
        return f"HealResult({', '.join([*facts, scores])}, output={told['output']!r})"

    @cached_property
    def questions(self) -> list[Question]:
        """What only a person can tell, most valuable first; `kintsu.run.ask` asks it of the store."""
        return first_questions(
            self.decisions, self.recipes, self.assessed.table, sensitive=self.sensitive, limit=QUESTIONS
        )

    def run_object(self) -> dict[str, Any]:
        """The JSON object of `kintsu heal --json`."""
        return _run_object(self)

    def report_data(self) -> dict[str, Any]:
        """What the HTML report is drawn from. No clock: the same table and seed give the same report data."""
        return {
            "run": self.run,
            "table": self.assessed.table.ref.name,
            "input": str(self.assessed.table.path or self.assessed.table.ref.name),
            "output": str(self.output) if self.output else None,
            "rows": self.assessed.table.rows,
            "columns": list(self.assessed.table.columns),
            "findings": self.findings,
            "decisions": self.decisions,
            "recipes": self.recipes,
            "withdrawn": self.withdrawn,
            "scores": self.scores,
            "scores_after": self.scores_after,
            "reference": self.assessed.reference,
            "crash": self._crash_test(),
            "failed": [step.to_dict() for step in self.failed],
            "sensitive": self.sensitive,
            "version": kintsu.__version__,
            "home": self.home,
            "notice": self.notice,
            "questions": [each.to_dict() for each in self.questions if each.value >= WORTH] if self.home else [],
        }

    @cached_property
    def report(self) -> dict[str, Any]:
        """The one document that every report of this run is drawn from: see `diagnose.report.collect`."""
        from kintsu.diagnose.report import collect

        return collect(self.report_data())

    def _crash_test(self) -> dict[str, Any] | None:
        """Figures of the crash test, what they forecast for this run, and what was broken."""
        if self.crash is None:
            return None
        cells = self.assessed.rows * len(self.assessed.table.columns)
        expected = forecast(self.crash, self.decisions, self.findings, self.recipes, cells=cells, auto=self.auto)
        shown = self.crash.broken.head(0 if self.sensitive else BROKEN_SHOWN)
        return {**told(self.crash, (expected,)), "cells": shown.to_dicts()}

    def _repr_html_(self) -> str:
        from kintsu.diagnose.report import notebook

        return notebook(self.report)


def _run_object(result: HealResult) -> dict[str, Any]:
    actions = dict(result.decisions["action"].value_counts().iter_rows())
    flagged = findings_table(result.findings)
    table = result.assessed.table
    return {
        "run": result.run,
        "input": str(table.path or table.ref.name),
        "output": str(result.output) if result.output else None,
        "rows": table.rows,
        "columns": len(table.columns),
        "findings": len(flagged),
        "applied": actions.get("apply", 0),
        "suggested": actions.get("suggest", 0),
        "flagged": _left_alone(result.findings, result.decisions),
        "quarantined": len(table.malformed),
        "withdrawn": actions.get("withdraw", 0),
        "scores": dict(result.scores),
        "scores_after": dict(result.scores_after),
        "seconds": round(result.seconds, 3),
        "steps_failed": [step.to_dict() for step in result.failed],
    }


def _left_alone(findings: pl.DataFrame, decisions: pl.DataFrame) -> int:
    """Cells and rows that were found faulty and have neither a change nor a suggestion."""
    key = ["row", "column"]
    offered = decisions.filter(pl.col("action").is_in(["apply", "suggest"])).select(key)
    return len(findings.select(key).unique().join(offered, on=key, how="anti", nulls_equal=True))


def _cells_found(findings: pl.DataFrame, decisions: pl.DataFrame) -> int:
    """Cells that were found wrong: by a detector, or by a healer that mended them."""
    mended = decisions.filter((pl.col("action") == "apply") & (pl.col("edit") == "set"))
    return pl.concat([frame.select("row", "column").drop_nulls() for frame in (findings, mended)]).n_unique()


def _scores(assessed: Assessed, findings: pl.DataFrame, decisions: pl.DataFrame) -> tuple[Any, Any]:
    """Scores before, and after: what was mended no longer counts as found."""
    from kintsu.diagnose.score import scores

    applied = decisions.filter(pl.col("action") == "apply").select("row", "column")
    left = findings.join(applied, on=["row", "column"], how="anti", nulls_equal=True)
    return scores(assessed.reference, findings), scores(assessed.reference, left)


def _files(**paths: Path | str | None) -> dict[str, str]:
    """Absolute paths of the files that are written beside the output."""
    return {name: str(Path(path).absolute()) for name, path in paths.items() if path is not None}


@contextmanager
def _only_together(*paths: Path | str | None) -> Iterator[None]:
    """If the table cannot be written, the new files beside it go too: they tell of changes that were not made."""
    fresh = [Path(path) for path in paths if path is not None and not Path(path).exists()]
    try:
        yield
    except BaseException:
        for path in fresh:
            path.unlink(missing_ok=True)
        raise


def _replayable(given: Path | str | Treatment, wishes: Mapping[str, Any]) -> Treatment:
    """The treatment, if nothing is wished for that it has settled.

    Raises
    ------
    UsageError
        An option was given that belongs to training.
    """
    usual = {name: each.default for name, each in signature(heal).parameters.items()}
    own = [name for name, wish in wishes.items() if name != "max_share" and (wish or None) != (usual[name] or None)]
    if own:
        raise UsageError(
            f"{own[0]} is a matter of training, and a treatment has settled it: "
            f"leave it out, edit {MANIFEST}, or give it to kintsu train"
        )
    return given if isinstance(given, Treatment) else load_treatment(given)


def heal(
    source: Any,
    *,
    out: Path | str | None = None,
    in_place: bool = False,
    findings: Path | str | None = None,
    changes: Path | str | None = None,
    suggestions: Path | str | None = None,
    report: Path | str | None = None,
    auto: float = 0.95,
    seed: int = 0,
    impute: bool = False,
    cap: bool = False,
    winsorise: bool = False,
    drop_duplicates: bool = False,
    max_share: float = 0.5,
    max_per_recipe: float | None = None,
    force: bool = False,
    dry_run: bool = False,
    home: Path | str | None = None,
    read: ReadOptions | None = None,
    never_touch: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
    keys: tuple[str, ...] = (),
    identifiers: tuple[str, ...] = (),
    sensitive: tuple[str, ...] = (),
    order_column: str | None = None,
    rules: Any = None,
    tables: Mapping[str, Any] | None = None,
    multivariate: tuple[str, ...] = (),
    recipes: Path | str | None = None,
    treatment: Path | str | Treatment | None = None,
    crash_test: bool = True,
    run: str | None = None,
    progress: Progress = quiet,
) -> HealResult:
    """Mend a table and log every change.

    Parameters
    ----------
    source
        A path, URL, polars or pandas frame, Arrow table, or anything with the Arrow PyCapsule interface.
    out
        Where to write; `IN.healed.EXT` beside the input by default. Must not exist unless `force`.
    findings, changes, suggestions, report
        Files to write beside the output: what was found, what was changed, what was proposed and not applied (CSV or
        Parquet by suffix), and an HTML page.
    auto
        Least confidence, in [0, 1], at which a repair is applied; below it, it is a suggestion.
    impute, cap, winsorise, drop_duplicates
        Ask for statistical imputation, capping (at a fence, or at the 1st and 99th percentile) and removal of duplicate
        rows; they are suggestions otherwise.
    max_share
        Largest share of all cells, in [0, 1], that a run may change; above it nothing is applied and all is suggested.
    max_per_recipe
        Largest share of the rows, in [0, 1], that one recipe may change without being asked about; None: by `auto`, see
        `core.policy.Policy.budget`.
    never_touch, only, keys
        Columns that are never edited, that alone are edited, that identify rows (never edited).
    sensitive
        Columns whose values are masked in the report, the findings, the changes and the log.
    identifiers, order_column, rules, tables, multivariate
        See `run.wishes.checked_wishes`.
    recipes
        A YAML file of recipes that were accepted or taught (`kintsu ask RUN --recipes FILE` writes one). They alone
        are replayed, by looking values up: nothing is detected and nothing is trained.
    treatment
        A treatment, or the folder of one (`kintsu train` makes it): it is replayed, and nothing is trained or
        calibrated. Its own settings count; `max_share`, the choice of files and `home` are those given here.
    crash_test
        Calibrate confidences on this table. Without it they are the healers' own estimates.
    dry_run
        Decide and write nothing.
    run
        The id of the run, chosen beforehand: a store writes the change of an id once. A fresh one by default.

    Raises
    ------
    UsageError, InputError, OutputError
        One line: what, where, what to do. Nothing is half written.
    """
    began = time.monotonic()
    table = opened(source, read or ReadOptions())
    wishes: dict[str, Any] = {
        "auto": auto,
        "impute": impute,
        "cap": cap,
        "winsorise": winsorise,
        "drop_duplicates": drop_duplicates,
        "max_share": max_share,
        "max_per_recipe": max_per_recipe,
        "never_touch": never_touch,
        "only": only,
        "keys": keys,
        "identifiers": identifiers,
        "sensitive": sensitive,
        "order_column": order_column,
        "rules": rules,
        "tables": tables,
        "multivariate": multivariate,
    }
    sink = Sink.of(table, out, source=source, in_place=in_place, force=force, dry_run=dry_run, home=home, run=run)
    if treatment is not None:
        replayable = _replayable(treatment, wishes | {"recipes": recipes, "crash_test": crash_test, "seed": seed})
        judged = replay(table, replayable, most=max_share, progress=progress)
        sensitive, auto, policy = replayable.sensitive, replayable.auto, replayable.policy
    else:
        wanted = Wanted.of(table, read, **wishes)
        policy = wanted.policy
        if recipes is None:
            memory = recalled(sink.home, table, sink.started)
        else:
            memory = read_recipes(recipes, table)
            if max_per_recipe is None:  # a person accepted them: how many cells they change is no question
                policy = replace(policy, recipe_budget=1.0)
        judged = judge(
            table,
            replace(wanted, policy=policy),
            memory,
            seed=seed,
            crash_test=crash_test,
            recipes_only=recipes is not None,
            progress=progress,
        )
    assessed, found, decisions = judged.assessed, judged.findings, judged.decisions
    before, after = _scores(assessed, found, decisions)
    result = HealResult(
        run=sink.run,
        assessed=assessed,
        findings=found,
        decisions=decisions,
        recipes=assessed.treated.recipes,
        withdrawn=judged.withdrawn,
        scores=before,
        scores_after=after,
        output=sink.written,
        frame=None,
        seconds=time.monotonic() - began,
        failed=assessed.treated.failed,
        crash=judged.crash,
        sensitive=tuple(sensitive),
        notice=sink.notice,
        home=sink.home,
        auto=auto,
    )

    def sidecars(edits: pl.DataFrame) -> None:
        if findings is not None:
            write_table(findings_table(found, sensitive=tuple(sensitive)), Path(findings))
        if changes is not None:
            write_table(changes_table(edits, sensitive=tuple(sensitive)), Path(changes))
        if suggestions is not None:
            write_table(suggestions_table(decisions, sensitive=tuple(sensitive)), Path(suggestions))
        if report is not None:
            from kintsu.diagnose.report import render

            write_text(render(result.report), Path(report))

    progress("writing", 0.0)
    with _only_together(findings, changes, suggestions, report):
        frame = sink.write(
            decisions.filter(pl.col("action") == "apply"),
            sidecars,
            recipes=result.recipes,
            seed=seed,
            sensitive=tuple(sensitive),
            summary=result.run_object() | {"cells_found": _cells_found(found, decisions)},
            findings=found,
            decisions=decisions,
            files=_files(findings=findings, changes=changes, suggestions=suggestions),
            policy=policy.to_dict(),
            report=result.report if sink.home is not None else {},
        )
    progress("writing", 1.0)
    if sink.home is not None:
        told_now, hidden = result.run_object(), tuple(sensitive)
        unkept = keep_run(History(sink.home), sink.run, "heal", sink.started, assessed, told_now, sensitive=hidden)
        result = replace(result, failed=(*result.failed, *unkept))
    return replace(result, frame=frame, seconds=time.monotonic() - began)
