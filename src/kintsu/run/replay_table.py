"""Replay a treatment on a whole table."""

from __future__ import annotations

from dataclasses import replace

from kintsu.core.contracts import Table
from kintsu.core.errors import UsageError
from kintsu.core.frames import DECISIONS, FINDINGS, concat
from kintsu.core.policy import held_whole
from kintsu.core.recipe import Recipe
from kintsu.run.assess import quarantine, readable, untrained
from kintsu.run.fit import held_back
from kintsu.run.judge_table import Judged
from kintsu.run.memory import Memory
from kintsu.run.replay import Treatment
from kintsu.run.treat import FailedStep, Progress, quiet

__all__ = ["replay"]

ROWS = 131_072  # at once; any number gives the same changes


def replay(table: Table, treatment: Treatment, *, most: float = 0.5, progress: Progress = quiet) -> Judged:
    """The judgement of a table by a treatment; nothing is applied where more than the share `most` of cells changes.

    Raises
    ------
    UsageError
        The table has no column of the treatment.
    """
    if table.columns and not set(table.columns) & set(treatment.columns):
        raise UsageError(
            f"{table.ref.name} has no column of this treatment, which was trained on {treatment.table}: "
            f"it knows {', '.join(treatment.columns[:5])}"
        )
    progress("reading", 0.0)
    assessed = untrained(table, seed=treatment.kept.reference.seed, options=treatment.kept.reference.options)
    progress("reading", 1.0)
    findings, decisions = [quarantine(table)], []
    recipes: dict[str, Recipe] = {}
    failed: dict[str, FailedStep] = {}
    done = 0
    for batch in readable(table, ROWS, None):
        mended = treatment.mend(batch)
        findings.append(mended.findings)
        decisions.append(mended.decisions)
        recipes |= mended.recipes
        failed |= {step.name: step for step in mended.failed}
        done += len(batch)
        progress("replaying", done / max(table.rows, done, 1))
    decided = held_whole(concat(decisions, DECISIONS), most, table.rows * len(table.columns))
    found = concat(findings, FINDINGS).sort("row", "column", "kind", "detector", "score", "why", nulls_last=True)
    met = set(decided["recipe"].unique())
    treated = replace(
        assessed.treated,
        findings=found,
        recipes={name: recipe for name, recipe in recipes.items() if name in met},
        failed=tuple(failed.values()),
    )
    assessed = replace(assessed, treated=treated)
    decided = held_back(decided.sort("row", "column", maintain_order=True), table)
    return Judged(assessed, found, decided, {}, None, None, Memory())
