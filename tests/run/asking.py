"""A small heal with open decisions, made without training: what the tests of asking and answering start from."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from tiny import write

from kintsu.core import frames
from kintsu.core.policy import Policy
from kintsu.core.recipe import Recipe
from kintsu.io.store.pending import put_pending
from kintsu.io.store.records import Draft
from kintsu.io.store.store import Store
from kintsu.run.publish import publish
from kintsu.run.sidecar import changes_table, findings_table, write_table

UNIT = Recipe("unit", "a", "strip_unit", "a: strip the unit oz", "canonical", {"says": "oz"})
TOKEN = Recipe("null_token", "b", "null_token", "b: empty the cells that hold -", "canonical", {"says": "-"})
TYPO = Recipe("typo", "b", "typo", "b: replace slips of the hand", "follows", {"says": "slip"})
VOTE = Recipe("dependency_vote", "b", "vote", "Set b to what rows with the same c have", "follows", {"left": ["c"]})
RECIPES = {recipe.id: recipe for recipe in (UNIT, TOKEN, TYPO, VOTE)}

RECORDS: list[list[str | None]] = [
    *([f"{i} oz", "red", "x"] for i in range(6)),
    *([f"{i}", "-", "y"] for i in range(6, 10)),
    ["10", "rad", "x"],
    ["11", "bluee", "y"],
]


def line(row: int, column: str, old: str, new: str | None, confidence: float, recipe: Recipe, action: str) -> dict:
    reason = "sure enough" if action == "apply" else f"confidence {confidence} is below 0.95"
    return {
        "row": row, "column": column, "edit": "set", "old": old, "new": new, "score": confidence,
        "confidence": confidence, "healer": recipe.healer, "recipe": recipe.id, "why": f"because of {old}",
        "group": None, "action": action, "reason": reason,
    }  # fmt: skip


def decisions() -> pl.DataFrame:
    """Units to strip (open), tokens to empty (applied), one slip with two repairs (open), one slip (open)."""
    lines = [line(i, "a", f"{i} oz", f"{i}", 0.6, UNIT, "suggest") for i in range(6)]
    lines += [line(i, "b", "-", None, 0.97, TOKEN, "apply") for i in range(6, 10)]
    lines += [line(10, "b", "rad", "red", 0.85, TYPO, "suggest"), line(10, "b", "rad", "blue", 0.6, VOTE, "suggest")]
    lines += [line(11, "b", "bluee", "blue", 0.85, TYPO, "suggest")]
    return pl.DataFrame(lines, schema=dict(frames.DECISIONS))


def findings() -> pl.DataFrame:
    """What the decisions' cells are flagged for: by a detector in column a, by the healers alone in column b."""
    told = decisions().unique(["row", "column"], keep="first", maintain_order=True)
    detector = pl.when(pl.col("column") == "a").then(pl.lit("unit_mismatch")).otherwise("healer")
    return told.select(
        "row", "column", kind=pl.lit("format"), score="score", confidence="confidence", detector=detector,
        recipe="recipe", why="why", value="old", group="group",
    ).select(pl.col(name).cast(dtype) for name, dtype in frames.FINDINGS.items())  # fmt: skip


def healed(folder: Path, *, sensitive: tuple[str, ...] = (), auto: float = 0.95) -> tuple[Store, str, Path]:
    """Publish the heal: the store, the run's id, and the healed file. F and C lie beside it."""
    table, store = write(folder / "in.tiny", RECORDS), Store(folder / ".kintsu")
    made, found = decisions(), findings()
    files = {"findings": folder / "f.csv", "changes": folder / "c.csv"}

    def sidecars(edits: pl.DataFrame) -> None:
        write_table(findings_table(found, sensitive=sensitive), files["findings"])
        write_table(changes_table(edits, sensitive=sensitive), files["changes"])

    draft = Draft(
        sensitive=sensitive,
        files={name: str(path) for name, path in files.items()},
        policy=Policy(auto=auto).to_dict(),
    )
    applied = made.filter(pl.col("action") == "apply")
    done = publish(
        store, draft, table, applied, folder / "out.tiny", write_sidecars=sidecars, findings=found,
        blobs=put_pending(store, made, RECIPES),
    )  # fmt: skip
    return store, done.run.id, folder / "out.tiny"


__all__ = ["RECIPES", "TOKEN", "TYPO", "UNIT", "VOTE", "decisions", "healed"]
