"""Train a treatment: learn from one table what is replayed on any rows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from kintsu.core.contracts import Freezes, Frozen, ReadOptions
from kintsu.core.errors import OutputError
from kintsu.core.policy import held_recipes
from kintsu.core.recipe import Recipe
from kintsu.io.model_file import NotData, dump
from kintsu.io.store.home import folder_of, home_for
from kintsu.io.store.records import now_text
from kintsu.learn.memory import FORGOTTEN
from kintsu.profile.frozen import frozen
from kintsu.rules.source_model import train_sources
from kintsu.run.assess import opened
from kintsu.run.judge_table import Judged, Wanted, judge
from kintsu.run.memory import recalled
from kintsu.run.replay import Kept, KeptRecipe, Treatment
from kintsu.run.treat import FailedStep, Progress, quiet
from kintsu.run.treatment import MANIFEST, load_treatment, packed, save_treatment
from kintsu.run.unmendable import Quarantine, needs_of

__all__ = ["TrainResult", "train"]

EXAMPLES: Final = 3  # of each recipe, in the manifest


@dataclass(frozen=True, repr=False)
class TrainResult:
    """A treatment that was trained and saved in `folder`."""

    treatment: Treatment
    folder: Path
    rows: int
    seconds: float
    failed: tuple[FailedStep, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `kintsu train --json`."""
        decisions = [each.decision for each in self.treatment.recipes.values()]
        return {
            "treatment": str(self.folder),
            "id": self.treatment.id,
            "table": self.treatment.table,
            "rows": self.rows,
            "columns": len(self.treatment.columns),
            "recipes": {name: decisions.count(name) for name in ("apply", "suggest", "never")},
            "left_out": dict(self.treatment.left_out),
            "seconds": round(self.seconds, 3),
            "steps_failed": [step.to_dict() for step in self.failed],
        }

    def __repr__(self) -> str:
        told = self.to_dict()
        return f"TrainResult({told['treatment']!r}, id={told['id']!r}, rows={self.rows}, recipes={told['recipes']})"


def train(
    source: Any,
    *,
    out: Path | str | None = None,
    auto: float = 0.95,
    seed: int = 0,
    impute: bool = False,
    cap: bool = False,
    winsorise: bool = False,
    max_share: float = 0.5,
    max_per_recipe: float | None = None,
    force: bool = False,
    home: Path | str | None = None,
    read: ReadOptions | None = None,
    never_touch: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
    keys: tuple[str, ...] = (),
    sensitive: tuple[str, ...] = (),
    rules: Any = None,
    tables: Mapping[str, Any] | None = None,
    multivariate: tuple[str, ...] = (),
    crash_test: bool = True,
    progress: Progress = quiet,
) -> TrainResult:
    """Learn from a table, and save what was learned as a folder: the table itself is not changed.

    The options are those of `run.heal.heal`; they are kept in the treatment.

    Parameters
    ----------
    out
        The folder; `IN.treatment` beside the input by default. Must not exist unless `force`.

    Raises
    ------
    UsageError, InputError, OutputError
        One line: what, where, what to do. Nothing is half written.
    """
    began = time.monotonic()
    table = opened(source, read or ReadOptions())
    if out is None and table.path is None:
        raise OutputError(f"{table.ref.name} is no file: say where to save the treatment with -o FOLDER")
    target = Path(out) if out is not None else _beside(table)
    if target.exists() and not (force and (target / MANIFEST).is_file()):
        raise OutputError(f"{target} exists already: choose another name with -o, or replace a treatment with --force")
    wanted = Wanted.of(
        table,
        read,
        auto=auto,
        impute=impute,
        cap=cap,
        winsorise=winsorise,
        drop_duplicates=False,
        max_share=max_share,
        max_per_recipe=max_per_recipe,
        never_touch=never_touch,
        only=only,
        keys=keys,
        sensitive=sensitive,
        rules=rules,
        tables=tables,
        multivariate=multivariate,
    )
    place = folder_of(home) if home is not None else home_for(table.path)
    memory = recalled(place, table, now_text())
    judged = judge(table, wanted, memory, seed=seed, crash_test=crash_test, progress=progress)
    progress("saving", 0.0)
    kept, left_out = _kept(judged)
    treatment = Treatment(
        id="",
        table=table.ref.name,
        columns=tuple(table.columns),
        policy=wanted.policy,
        recipes=_recipes(judged, kept.recipes),
        quarantine=Quarantine(needs_of(judged.assessed.reference)),
        kept=kept,
        left_out=left_out,
        trained={"at": now_text(), "on": table.ref.name, "rows": table.rows, "content": table.ref.version},
    )
    folder = save_treatment(treatment, packed(kept), target, force=force)
    progress("saving", 1.0)
    seconds = time.monotonic() - began
    return TrainResult(load_treatment(folder), folder, table.rows, seconds, judged.assessed.treated.failed)


def _beside(table: Any) -> Path:
    stem = table.path.name.removesuffix(table.suffix) if table.suffix else table.path.name
    return Path(table.path.with_name(f"{stem}.treatment"))


def _kept(judged: Judged) -> tuple[Kept, dict[str, str]]:
    """What can be kept as data, and why the rest cannot."""
    assessed, memory = judged.assessed, judged.memory
    trained, reference = assessed.trained, assessed.reference
    assert trained is not None
    left_out: dict[str, str] = {}
    models: dict[str, dict[str, Any]] = {"detectors": {}, "healers": {}}
    for kind, members in (("detectors", trained.detectors), ("healers", trained.healers)):
        for name, (member, model) in members.items():
            if isinstance(member, Freezes):
                left = member.frozen(model, reference)
            else:
                left = Frozen(model.frozen(reference) if hasattr(model, "frozen") else model)
            if left.left_out:
                left_out[name] = left.left_out
            if not left.is_kept:
                continue
            try:
                dump(left.model)
            except NotData as error:
                left_out[name] = f"its model cannot be kept as data ({error})"
                continue
            models[kind][name] = left.model
    recipes = dict(assessed.treated.recipes)
    kept = Kept(
        frozen(reference),
        models["detectors"],
        models["healers"],
        recipes,
        judged.calibration,
        train_sources(reference),
        memory.known,
        dict(memory.verdicts),
        dict(memory.operations),
    )
    return kept, left_out


def _recipes(judged: Judged, recipes: Mapping[str, Recipe]) -> dict[str, KeptRecipe]:
    """Every recipe that training met with what was decided about it, the one with the most cells first."""
    decisions = judged.decisions
    counted = decisions.group_by("recipe").agg(
        cells=pl.len(),
        applied=(pl.col("action") == "apply").sum(),
        confidence=pl.col("confidence").median(),
    )
    shown = decisions.filter(pl.col("edit") == "set").unique(["recipe", "old", "new"]).sort("recipe", "old", "new")
    examples = {
        str(name): tuple(part.head(EXAMPLES).select("old", "new").iter_rows())
        for (name,), part in shown.group_by("recipe", maintain_order=True)
    }
    held = {**held_recipes(decisions), **judged.withdrawn}
    refused = {name for name, each in judged.memory.verdicts.items() if not each.accepted}
    never = {name for name in refused if judged.memory.verdicts[name].refused >= FORGOTTEN}
    found = {}
    for name, cells, applied, confidence in counted.sort("cells", "recipe", descending=[True, False]).iter_rows():
        decision = "never" if name in never else "suggest" if name in held or name in refused else "apply"
        why = held.get(name, "refused before" if name in refused else "")
        told = examples.get(name, ())
        found[name] = KeptRecipe(recipes[name], decision, why, cells, applied, confidence, told)
    return found
