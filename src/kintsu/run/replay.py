"""A treatment: what a table taught, frozen. It mends any rows, one by one, and learns nothing from them.

Every decision is about one row: whatever the batches, and in whatever order, a row gets the same changes. Budgets and
second judgements were settled at training, recipe by recipe; who holds back a whole batch does so after `mend`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import polars as pl

from kintsu.core import registry
from kintsu.core.batch import Batch
from kintsu.core.frames import REPAIRS, concat
from kintsu.core.policy import Policy, decide, together
from kintsu.core.recipe import Recipe
from kintsu.learn.calibrate import Calibration, confident
from kintsu.learn.memory import Curve, Past
from kintsu.learn.recipes import Learned, replayed
from kintsu.profile.frozen import FrozenReference
from kintsu.rules.source_limits import LIMITS, limits
from kintsu.rules.source_model import SourceModel
from kintsu.run.judge_table import with_proposals
from kintsu.run.memory import Memory
from kintsu.run.treat import FailedStep, Trained
from kintsu.run.unmendable import NOTHING_LEFT, Quarantine

__all__ = ["DECISIONS", "Kept", "KeptRecipe", "Mended", "Treatment"]

DECISIONS: Final = ("apply", "suggest", "never")


@dataclass(frozen=True)
class KeptRecipe:
    """A recipe that training met, and what is done with it.

    `decision` "apply": where its confidence is high enough; "suggest": never without a person; "never": not at all.
    `cells` of the training table that it was proposed for, `applied` of them, and their middle `confidence`.
    """

    recipe: Recipe
    decision: str = "apply"
    why: str = ""
    cells: int = 0
    applied: int = 0
    confidence: float | None = None
    examples: tuple[tuple[str | None, str | None], ...] = ()


@dataclass(frozen=True, eq=False)
class Kept:
    """What was learned: data alone. `detectors` and `healers` map names to models."""

    reference: FrozenReference
    detectors: Mapping[str, Any]
    healers: Mapping[str, Any]
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    calibration: Calibration | None = None
    sources: SourceModel = field(default_factory=SourceModel)
    learned: tuple[Learned, ...] = ()
    verdicts: Mapping[str, Past] = field(default_factory=dict)
    operations: Mapping[tuple[str, str], Curve] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Mended:
    """What a treatment found, decided and could not mend in a batch.

    `findings` and `decisions` have the schemas of `core.frames`; `unmendable` is `row` and `why`, sorted by row.
    """

    findings: pl.DataFrame
    decisions: pl.DataFrame
    unmendable: pl.DataFrame
    recipes: Mapping[str, Recipe]
    failed: tuple[FailedStep, ...] = ()

    @cached_property
    def applied(self) -> pl.DataFrame:
        """The decisions with action "apply"."""
        return self.decisions.filter(pl.col("action") == "apply")


@dataclass(frozen=True, eq=False)
class Treatment:
    """A trained treatment. Read-only: any number of threads may mend with it.

    `columns` are those of the training table; `left_out` maps members, or parts of them, to why they are not replayed.
    """

    id: str
    table: str
    columns: tuple[str, ...]
    policy: Policy
    recipes: Mapping[str, KeptRecipe]
    quarantine: Quarantine
    kept: Kept
    left_out: Mapping[str, str] = field(default_factory=dict)
    trained: Mapping[str, Any] = field(default_factory=dict)

    @property
    def auto(self) -> float:
        """Least confidence at which a repair is applied."""
        return self.policy.auto

    @property
    def sensitive(self) -> tuple[str, ...]:
        """Columns whose values are masked wherever people look."""
        return tuple(self.kept.reference.option("sensitive") or ())

    @cached_property
    def _policy(self) -> Policy:
        """The policy without what looks at other cells."""
        return replace(self.policy, recipe_budget=float("inf"), breaker=float("inf"))

    @cached_property
    def _members(self) -> tuple[dict[str, tuple[Any, Any]], dict[str, tuple[Any, Any]]]:
        return (
            {name: (registry.load("detectors", name)(), model) for name, model in self.kept.detectors.items()},
            {name: (registry.load("healers", name)(), model) for name, model in self.kept.healers.items()},
        )

    @cached_property
    def _never(self) -> list[str]:
        return [name for name, each in self.recipes.items() if each.decision == "never"]

    @cached_property
    def _asked(self) -> dict[str, str]:
        return {
            name: each.why or "the treatment only suggests this recipe"
            for name, each in self.recipes.items()
            if each.decision == "suggest"
        }

    def mend(self, batch: Batch) -> Mended:
        """Findings, decisions and what cannot be mended of some rows; their identities are those of the batch.

        Columns that training did not know are left alone. A column of another type than at training is read as text.
        """
        rows = self._read(batch)
        detectors, healers = self._members
        trained = Trained(self.kept.reference, dict(detectors), dict(healers))
        found = trained.find(rows).filter(pl.col("row").is_not_null())
        recipes, repairs = trained.propose(rows, found)
        recipes = {**{name: each.recipe for name, each in self.recipes.items()}, **recipes}
        repairs = self._confident(rows, repairs, recipes)
        if self._never:
            repairs = repairs.filter(~pl.col("recipe").is_in(self._never))
        decisions = decide(repairs, recipes, self._policy, rows=len(batch), columns=len(self.columns))
        decisions = self._held(decisions)
        found = with_proposals(found, repairs, recipes)
        unmendable = self.quarantine.unmendable(rows, found, decisions) if len(rows) else NOTHING_LEFT
        return Mended(found, decisions, unmendable, recipes, tuple(trained.failed))

    def _read(self, batch: Batch) -> Batch:
        """The columns that training knew; those of another type as text."""
        facts = self.kept.reference.facts
        names = [name for name in batch.columns if name in facts]
        columns = [
            batch.frame[name] if str(batch.frame[name].dtype) == facts[name].dtype else batch[name].text
            for name in names
        ]
        rows = Batch(batch.table, pl.DataFrame(columns), batch.row.cast(pl.Int64), batch.decimal_comma)
        return rows.read_together()

    def _confident(self, rows: Batch, repairs: pl.DataFrame, recipes: dict[str, Recipe]) -> pl.DataFrame:
        """Repairs with their confidence, those that answers taught among them."""
        kept = self.kept
        most = limits(rows, repairs, kept.sources) if kept.sources.columns else pl.DataFrame(schema=LIMITS)
        told = confident(repairs, kept.calibration, recipes, most)
        if not (kept.learned or kept.verdicts or kept.operations):
            return told
        known, taught = replayed([rows], kept.learned) if kept.learned else ({}, concat([], REPAIRS))
        recipes |= known
        return Memory(kept.learned, kept.verdicts, kept.operations, known, taught).judged(told, recipes)

    def _held(self, decisions: pl.DataFrame) -> pl.DataFrame:
        """Decisions about recipes that are for a person turned into suggestions, with all that shares their groups."""
        if not self._asked or not len(decisions):
            return decisions
        held = (pl.col("action") == "apply") & pl.col("recipe").is_in(list(self._asked))
        why = pl.col("recipe").replace_strict(self._asked, default="", return_dtype=pl.String)
        told = decisions.with_columns(
            reason=pl.when(held).then(why).otherwise("reason"),
            action=pl.when(held).then(pl.lit("suggest")).otherwise("action"),
        )
        return together(told)
