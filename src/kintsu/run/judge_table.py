"""Judge a whole table: find, propose, calibrate, decide, judge again. What `heal` writes and `train` keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import ReadOptions, Table
from kintsu.core.errors import UsageError
from kintsu.core.frames import FINDINGS, concat
from kintsu.core.policy import Policy, decide
from kintsu.core.recipe import Recipe
from kintsu.learn.calibrate import Calibration, confident
from kintsu.learn.crash import CrashResult
from kintsu.run.assess import Assessed, assess, of_sample, untrained
from kintsu.run.crash_test import crashed, smaller
from kintsu.run.fit import held_back
from kintsu.run.memory import Memory
from kintsu.run.rejudge import rejudged
from kintsu.run.treat import Progress, quiet, train
from kintsu.run.wishes import checked_wishes, known_columns

__all__ = ["Judged", "Wanted", "judge", "with_proposals"]

# a proposal that is more likely right than wrong is a finding even if no detector flagged it
FINDING_FLOOR: Final = 0.5
JUDGED_ROWS: Final = 50_000  # rows on which a change is judged again: a recipe that matters has cells among them


@dataclass(frozen=True)
class Wanted:
    """What a person asked for: the options of detectors and healers, and the policy."""

    options: Mapping[str, Any]
    policy: Policy

    @staticmethod
    def of(
        table: Table,
        read: ReadOptions | None,
        *,
        auto: float,
        impute: bool,
        cap: bool,
        winsorise: bool,
        drop_duplicates: bool,
        max_share: float,
        max_per_recipe: float | None,
        never_touch: tuple[str, ...],
        only: tuple[str, ...],
        keys: tuple[str, ...],
        **wishes: Any,
    ) -> Wanted:
        """Checked against the table; `wishes` are those of `run.wishes.checked_wishes`, the others those of `heal`."""
        for name, share in (("auto", auto), ("max_share", max_share), ("max_per_recipe", max_per_recipe)):
            if share is not None and not 0 <= share <= 1:
                raise UsageError(f"{name} is a number between 0 and 1, not {share}")
        asked = {"impute": impute, "cap": "winsorise" if winsorise else cap, "drop_duplicates": drop_duplicates}
        policy = Policy(
            auto=auto,
            impute=impute,
            cap=cap or winsorise,
            drop_duplicates=drop_duplicates,
            breaker=max_share,
            recipe_budget=max_per_recipe,
            never_touch=frozenset(known_columns(never_touch, table, "never touch")),
            only=frozenset(known_columns(only, table, "only")),
            keys=frozenset(keys),
        )
        return Wanted(checked_wishes(table, read, keys=keys, **wishes) | asked, policy)


@dataclass(frozen=True)
class Judged:
    """A table with all that was found, proposed and decided. `withdrawn` maps recipes to reasons."""

    assessed: Assessed
    findings: pl.DataFrame
    decisions: pl.DataFrame
    withdrawn: Mapping[str, str]
    crash: CrashResult | None
    calibration: Calibration | None
    memory: Memory


def judge(
    table: Table,
    wanted: Wanted,
    memory: Memory,
    *,
    seed: int,
    crash_test: bool = True,
    recipes_only: bool = False,
    progress: Progress = quiet,
) -> Judged:
    """Calibrated and judged twice. With `recipes_only` nothing is trained: what is remembered is replayed."""
    options = wanted.options
    if recipes_only:
        assessed = memory.added(untrained(table, seed=seed, options=options))
    else:
        assessed = memory.added(assess(table, seed=seed, options=options, progress=progress))
    progress("crash test", 0.0)
    # What is asked for is the decision itself: guesses take no part in calibration, and models are not trained for it.
    plain = {**options, "impute": False, "cap": False}
    treated, reference = assessed.treated, assessed.reference
    crash = crashed(assessed, seed=seed, options=plain) if crash_test and len(treated.repairs) else None
    progress("crash test", 1.0)
    calibration = Calibration.of(treated.repairs, crash)
    repairs = confident(treated.repairs, calibration, treated.recipes, treated.limits)
    repairs = memory.judged(repairs, treated.recipes)
    findings = with_proposals(treated.findings, repairs, treated.recipes)
    decisions = decide(repairs, treated.recipes, wanted.policy, rows=assessed.rows, columns=len(table.columns))
    decisions = memory.settled(decisions, wanted.policy, treated.recipes)
    withdrawn: dict[str, str] = {}
    if not recipes_only:
        sample = smaller(reference.sample, JUDGED_ROWS)
        afresh = partial(found_afresh, seed=seed, options=plain)
        decisions, withdrawn = rejudged(decisions, findings, sample, afresh)
    decisions = held_back(decisions, table)
    return Judged(assessed, findings, decisions, withdrawn, crash, calibration, memory)


def with_proposals(findings: pl.DataFrame, repairs: pl.DataFrame, recipes: Mapping[str, Recipe]) -> pl.DataFrame:
    """The findings, one more for each cell that only a healer noticed; confidence and recipe of the best repair."""
    key = ["row", "column"]
    best = repairs.filter(pl.col("edit") == "set").sort("confidence", "healer", "new", descending=[True, False, False])
    best = best.unique(key, keep="first", maintain_order=True)
    known = findings.select(key).unique()
    kinds = {recipe.id: recipe.kind for recipe in recipes.values()}
    new = best.filter(pl.col("confidence") >= FINDING_FLOOR).join(known, on=key, how="anti")
    noticed = new.select(
        *key,
        pl.col("recipe").replace_strict(kinds, default="format", return_dtype=pl.String).alias("kind"),
        "score",
        pl.lit(None, pl.Float64).alias("confidence"),
        pl.col("healer").alias("detector"),
        "recipe",
        "why",
        pl.col("old").alias("value"),
        "group",
    )
    whole = concat([findings, noticed.cast({"row": pl.Int64})], FINDINGS)
    told = whole.join(best.select(*key, __c="confidence", __r="recipe"), on=key, how="left", maintain_order="left")
    return (
        told.with_columns(confidence=pl.coalesce("confidence", "__c"), recipe=pl.coalesce("recipe", "__r"))
        .select(list(FINDINGS))
        .sort("row", "column", "kind", "detector", "score", "why", nulls_last=True)
    )


def found_afresh(sample: Batch, *, seed: int, options: Mapping[str, Any]) -> pl.DataFrame:
    """Findings of detectors that were trained on this sample alone."""
    return train(of_sample(sample, seed=seed, options=options), heal=False).find(sample)
