"""From the tables of a run to the plain, bounded, masked data that every way of showing it reads."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.frames import DECISIONS, empty
from kintsu.core.recipe import Recipe
from kintsu.diagnose.masking import in_words, mask
from kintsu.diagnose.report.excerpt import excerpt
from kintsu.diagnose.report.plots import distribution
from kintsu.diagnose.words import contrast, percent, shorten

__all__ = ["collect", "issues_of", "with_examples"]

ISSUES: Final = 30  # shown with plots; about 5 kB each, so the page stays far below 3 MB at any size of the table
MINOR: Final = 100  # further issues, one line each
RECIPES: Final = 60
LEFT: Final = 40
EXAMPLES: Final = 4
_NOTHING: Final = "nothing in the table tells the right value"
_NO_REPAIR: Final[dict[str, str]] = {
    "missing": "nothing in the table tells the value",
    "outlier": "it may be right; the table does not tell",
    "multivariate": "the row is unusual as a whole: no cell of it is known to be wrong",
    "contextual": "it may be right; the table does not tell",
    "rare_category": "it may be right; the table does not tell",
    "text_anomaly": "it may be right; the table does not tell",
    "malformed": "it cannot be read as text; its bytes stay as they are",
    "duplicate": "rows are removed only when asked for (--drop-duplicates)",
    "key": "which of the rows has the wrong key cannot be told",
    "order": "which of the two is wrong cannot be told",
    "arithmetic": "which of the numbers is wrong cannot be told",
    "inclusion": "what it should refer to cannot be told",
}
"""Why cells of a kind were left alone, where no healer had a proposal."""


def collect(result: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that a report shows, JSON-able and masked; a few hundred kilobytes at any number of rows.

    Places on this machine stand in `run` alone, as `input`, `output` and `home`: whoever tells it elsewhere can leave
    them out. Its commands are for the usual home.

    Parameters
    ----------
    result
        What a run hands over. `findings` and `reference` are needed; known besides: `decisions` (absent for a check),
        `recipes` (id -> Recipe), `run`, `table`, `input`, `output`, `rows`, `columns` (names), `withdrawn` (recipe id
        -> reason), `scores` and `scores_after` (by dimension and "overall", 0 to 100), `crash` (the crash test's
        summary), `failed` (steps), `sensitive` (columns whose values must not be shown), `version`, `seed`, `home`,
        `seconds`, `questions` (as `ask` gives them), `sample` (a Batch for plots and excerpt instead of the
        reference's sample).
    """
    findings: pl.DataFrame = result["findings"]
    chosen: pl.DataFrame | None = result.get("decisions")
    rows: Batch = result.get("sample") or result["reference"].sample
    hidden = frozenset(result.get("sensitive") or ())
    secrets = rows.texts([name for name in rows.columns if name in hidden]) if hidden else None
    found = mask(findings, hidden, secrets=secrets)
    plain = empty(DECISIONS) if chosen is None else chosen
    decided = mask(plain, hidden, secrets=secrets).with_columns(sure=pl.coalesce("confidence", "score"))
    known = {key: _recipe(recipe, hidden) for key, recipe in (result.get("recipes") or {}).items()}
    issues = issues_of(found, decided)
    shown = with_examples(issues, found, decided, limit=ISSUES)
    for issue in shown:
        drawn = issue["column"] in rows.columns and issue["column"] not in hidden
        issue["plot"] = distribution(issue["column"], issue["kind"], rows, findings, plain) if drawn else None
    actions = dict(decided["action"].value_counts().iter_rows())
    left = _left(found, decided)
    return {
        "verb": "check" if chosen is None else "heal",
        "run": _facts(result, findings, actions, decided),
        "scores": {"before": _scores(result.get("scores")), "after": _scores(result.get("scores_after"))},
        "kinds": _kinds(found, decided),
        "issues": shown,
        "minor": issues.slice(ISSUES, MINOR).to_dicts(),
        "issues_in_all": len(issues),
        "applied": _by_recipe(decided, "apply", known),
        "suggested": _by_recipe(decided, "suggest", known),
        "withdrawn": _by_recipe(decided, "withdraw", known),
        "left": left.head(LEFT).with_columns(*_short(("example", "proposed"))).to_dicts(),
        "left_in_all": len(left),
        "excerpt": excerpt(rows, found, decided, hidden),
        "sample_rows": len(rows),
        "crash_test": dict(result["crash"]) if result.get("crash") else None,
        "failed": _failed(result.get("failed")),
        "questions": _questions(result),
        # frames and dry runs have no history, and so no `home`
        "undo": f"kintsu undo {result['run']}"
        if chosen is not None and result.get("run") and result.get("home", True)
        else None,
        "sensitive": sorted(hidden),
    }


def _facts(
    result: Mapping[str, Any], findings: pl.DataFrame, actions: Mapping[str, int], decided: pl.DataFrame
) -> dict[str, Any]:
    """Where, how much and by which version."""
    offered = decided.filter(pl.col("action").is_in(["apply", "suggest"])).select("row", "column")
    alone = findings.select("row", "column").unique().join(offered, on=["row", "column"], how="anti", nulls_equal=True)
    names = list(result.get("columns") or result["reference"].columns)
    return {
        **{name: result.get(name) for name in ("run", "table", "version", "seed", "seconds", "notice")},
        **{name: None if result.get(name) is None else str(result[name]) for name in ("input", "output", "home")},
        "rows": result.get("rows", result["reference"].rows),
        "columns": len(names),
        "findings": findings.select("row", "column", "kind").n_unique() if len(findings) else 0,
        "applied": actions.get("apply", 0),
        "suggested": actions.get("suggest", 0),
        "flagged": len(alone),
        "quarantined": int((findings["kind"] == "malformed").sum()),
    }


def _questions(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What only a person can tell, with the command for each answer; the effects on cells are left out."""
    told = []
    for question in result.get("questions") or []:
        answer = f"kintsu answer {result['run']} {question['question']}"
        options = [{"text": each["text"], "command": f"{answer} {each['option']}"} for each in question["options"]]
        asked, _, examples = question["text"].partition(" For example ")
        told.append({"text": asked, "examples": examples, "cells": question["cells"], "options": options})
    return told


def _recipe(recipe: Recipe, hidden: Collection[str]) -> dict[str, Any]:
    return {"text": in_words(recipe, hidden), "column": recipe.column, "healer": recipe.healer, "nature": recipe.nature}


def _scores(scores: Mapping[str, float | None] | None) -> dict[str, float | None] | None:
    return {name: _score(value) for name, value in scores.items()} if scores else None


def _score(value: float | None) -> float | None:
    """One decimal; two near the top, where small steps matter, and never rounded up to 100."""
    if value is None:
        return None
    return round(value, 1) if value < 99 or value >= 100 else min(round(value, 2), 99.99)


def _failed(steps: Any) -> list[dict[str, str]]:
    """Failed steps as name and one line, from dictionaries, pairs or plain names."""
    told = []
    for step in steps if isinstance(steps, list | tuple) else []:
        if isinstance(step, Mapping):
            line = str(step.get("error") or step.get("message") or "").strip().splitlines()
            told.append({"step": str(step.get("step") or step.get("name")), "error": line[-1] if line else ""})
        else:
            told.append({"step": str(step), "error": ""})
    return told


def _kinds(found: pl.DataFrame, decided: pl.DataFrame) -> list[dict[str, Any]]:
    """Cells (or rows, or columns) by kind, and how many of them were mended; the commonest kind first."""
    cells = found.select("row", "column", "kind").unique()
    counted = cells.join(_mended(decided.lazy()).collect(), on=["row", "column"], how="left", nulls_equal=True)
    return (
        counted.group_by("kind")
        .agg(
            cells=pl.len(),
            mended=pl.col("mended").fill_null(False).sum(),
            columns=pl.col("column").drop_nulls().n_unique(),
        )
        .sort(["cells", "kind"], descending=[True, False])
        .to_dicts()
    )


def _mended(decided: pl.LazyFrame) -> pl.LazyFrame:
    applied = decided.filter(pl.col("action") == "apply")
    return applied.select("row", "column").unique().with_columns(mended=pl.lit(True))


def issues_of(found: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Findings by column and kind, dearest first. The cost of an issue is the expected number of wrong cells."""
    per_cell = (
        found.lazy()
        .with_columns(sure=pl.coalesce("confidence", "score"))
        .group_by("row", "column", "kind")
        .agg(pl.col("sure").max(), pl.col("detector").unique())
    )
    return (
        per_cell.join(_mended(decided.lazy()), on=["row", "column"], how="left", nulls_equal=True)
        .group_by("column", "kind")
        .agg(
            cells=pl.len(),
            cost=pl.col("sure").sum().round(3),
            mended=pl.col("mended").fill_null(False).sum(),
            whole=pl.col("row").is_null().all(),
            detectors=pl.col("detector").explode(empty_as_null=False, keep_nulls=False).unique().sort(),
        )
        .sort(["cost", "cells", "column", "kind"], descending=[True, True, False, False], nulls_last=True)
        .collect()
    )


def _short(names: tuple[str, ...]) -> list[pl.Expr]:
    """Long cells cut, the cut marked. For a few lines only: one Python call each."""
    return [pl.col(name).map_elements(shorten, return_dtype=pl.String) for name in names]


def with_examples(
    issues: pl.DataFrame, found: pl.DataFrame, decided: pl.DataFrame, *, start: int = 0, limit: int
) -> list[dict[str, Any]]:
    """Some lines of `issues_of`, each with a few of its findings as `examples`, surest first, and what became of it."""
    issue = ["column", "kind"]
    page, mine = issues.slice(start, limit), found.lazy()
    if len(page) < len(issues):
        mine = mine.join(page.lazy(), on=issue, how="semi", nulls_equal=True)
    best = (
        mine.with_columns(sure=pl.coalesce("confidence", "score"))
        .sort(["sure", "value", "row", "detector"], descending=[True, False, False, False], nulls_last=True)
        .unique([*issue, "row"], keep="first", maintain_order=True)
        .unique([*issue, "value"], keep="first", maintain_order=True)
        .filter(pl.int_range(pl.len()).over(issue) < EXAMPLES)
    )
    became = decided.lazy().filter(pl.col("action") == "apply").select("row", "column", "new", mended=pl.lit(True))
    told = (
        best.join(became, on=["row", "column"], how="left", nulls_equal=True, maintain_order="left")
        .unique([*issue, "row"], keep="first", maintain_order=True)
        .select(*issue, "row", "sure", "mended", "why", "value", "new")
        .collect()
    )
    examples: dict[tuple[str | None, str], list[dict[str, Any]]] = {}
    for example in told.iter_rows(named=True):  # a few of each issue
        example["value"], example["new"] = contrast(example["value"], example["new"])
        examples.setdefault((example.pop("column"), example.pop("kind")), []).append(example)
    return [
        line | {"examples": examples.get((line["column"], line["kind"]), [])} for line in page.iter_rows(named=True)
    ]


def _by_recipe(decided: pl.DataFrame, action: str, recipes: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Decisions of one action by recipe (and reason), with examples, the commonest first."""
    chosen = decided.filter(pl.col("action") == action)
    groups = (
        chosen.with_columns(reason=_in_common("reason"))
        .group_by("recipe", "reason")
        .agg(
            cells=pl.len(),
            sure=pl.col("sure").mean().round(4),
            least=pl.col("sure").min().round(4),
            most=pl.col("sure").max().round(4),
            healer=pl.col("healer").first(),
            column=pl.col("column").sort(nulls_last=True).first(),
            edit=pl.col("edit").first(),
        )
        .sort(["cells", "column", "recipe", "reason"], descending=[True, False, False, False], nulls_last=True)
    )
    told = []
    for group in groups.head(RECIPES).iter_rows(named=True):
        fallback = {"text": f"{group['healer']} in {group['column'] or 'whole rows'}", "nature": "follows"}
        words = {**fallback, **recipes.get(group["recipe"], {})}
        group["reason"] = told_reason(group["reason"], group["least"], group["most"])
        mine = chosen.filter(pl.col("recipe") == group["recipe"])
        told.append({**words, **group, "examples": _changes(mine)})
    return told


def _changes(mine: pl.DataFrame) -> list[dict[str, Any]]:
    """The commonest changes of a recipe: old, new, how often, why and how sure."""
    best = (
        mine.group_by("edit", "old", "new")
        .agg(
            cells=pl.len(),
            sure=pl.col("sure").mean().round(4),
            row=pl.col("row").min(),
            why=pl.col("why").sort_by("row").first(),
        )
        .sort(["cells", "old", "new"], descending=[True, False, False], nulls_last=True)
        .head(EXAMPLES)
    )
    told = best.to_dicts()
    for change in told:
        change["old"], change["new"] = contrast(change["old"], change["new"])
    return told


def _left(found: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """What was found and not changed, by column, kind and reason, the commonest first."""
    cells = found.select("row", "column", "kind", "value").unique(["row", "column", "kind"], maintain_order=True)
    rest = cells.join(_mended(decided.lazy()).collect(), on=["row", "column"], how="anti", nulls_equal=True)
    reasons = (
        decided.filter(pl.col("action") != "apply")
        .sort(["sure", "healer"], descending=[True, False])
        .unique(["row", "column"], keep="first", maintain_order=True)
        .select(
            "row",
            "column",
            pl.col("new").alias("proposed"),
            "sure",
            reason=_in_common("reason"),
            has=pl.lit(True),
        )
    )
    told = (
        rest.join(reasons, on=["row", "column"], how="left", nulls_equal=True)
        .with_columns(
            pl.col("reason").fill_null(
                pl.when(pl.col("row").is_null())
                .then(pl.lit("concerns the whole column: for a person to judge"))
                .otherwise(pl.col("kind").replace_strict(_NO_REPAIR, default=_NOTHING))
            ),
            proposed=pl.when("has").then(
                pl.col("proposed").fill_null(
                    pl.when(pl.col("column").is_null()).then(pl.lit("(removed)")).otherwise(pl.lit("(empty)"))
                )
            ),
        )
        .group_by("column", "kind", "reason")
        .agg(
            cells=pl.len(),
            least=pl.col("sure").min(),
            most=pl.col("sure").max(),
            example=pl.col("value").sort(nulls_last=True).first(),
            proposed=pl.col("proposed").sort_by("value", nulls_last=True).first(),
        )
        .sort(["cells", "column", "kind", "reason"], descending=[True, False, False, False], nulls_last=True)
    )
    reasons_told = [told_reason(*line) for line in told.select("reason", "least", "most").iter_rows()]
    return told.drop("least", "most").with_columns(pl.Series("reason", reasons_told, dtype=pl.String))


def _in_common(reason: str) -> pl.Expr:
    """The reason without the confidence of the single cell, so that cells can be told together."""
    return pl.col(reason).str.replace(r"^confidence [\d.]+ is", "confidence is")


def told_reason(reason: str, least: float | None, most: float | None) -> str:
    """A reason that cells share, with how sure their repairs are.

    >>> told_reason("confidence is below 0.95", 0.613, 0.9)
    '61 % to 90 % sure, where 95 % is asked for'
    """
    limit = re.fullmatch(r"confidence is below ([\d.]+)", reason)
    if limit is None or least is None or most is None:
        return reason
    low, high = (math.floor(share * 100) for share in (least, most))  # never as much as what is asked for
    sure = f"{low} %" if low == high else f"{low} % to {high} %"
    return f"{sure} sure, where {percent(float(limit[1]))} is asked for"
