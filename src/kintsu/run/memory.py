"""What a heal knows from earlier answers: recipes and verdicts of this table, or a file of recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.contracts import Table
from kintsu.core.errors import UsageError
from kintsu.core.frames import REPAIRS, concat
from kintsu.core.policy import Policy
from kintsu.core.recipe import Recipe
from kintsu.io.store.home import has_store
from kintsu.io.store.records import Run
from kintsu.io.store.store import Store
from kintsu.learn.memory import Curve, Past, curves, judged, past, settled
from kintsu.learn.recipes import Learned, load, merged, parse, replayed
from kintsu.run.assess import Assessed, readable

__all__ = ["Memory", "known_recipes", "read_recipes", "recalled"]


@dataclass(frozen=True)
class Memory:
    """Recipes that can be replayed, verdicts on recipes by id, how sure operations turned out to be in all tables, and
    what replaying proposes for the table at hand.
    """

    known: tuple[Learned, ...] = ()
    verdicts: Mapping[str, Past] = field(default_factory=dict)
    operations: Mapping[tuple[str, str], Curve] = field(default_factory=dict)
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    repairs: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(REPAIRS)))

    def on(self, table: Table) -> Memory:
        """With the proposals for this table, in one pass over it."""
        if not self.known:
            return self
        recipes, repairs = replayed(readable(table, 131_072, None), self.known)
        used = set(repairs["recipe"])
        return replace(self, recipes={k: r for k, r in recipes.items() if k in used}, repairs=repairs)

    def added(self, assessed: Assessed) -> Assessed:
        """The assessment, its recipes with those remembered."""
        if not self.recipes:
            return assessed
        treated = assessed.treated
        return replace(assessed, treated=replace(treated, recipes={**self.recipes, **treated.recipes}))

    def judged(self, repairs: pl.DataFrame, recipes: Mapping[str, Recipe]) -> pl.DataFrame:
        """Calibrated repairs, after the verdicts, together with what is remembered: the surer of equal proposals."""
        told = judged(repairs, self.verdicts, self.operations, recipes)
        if not len(self.repairs):
            return told
        both = concat([told, self.repairs], REPAIRS)
        same = ["row", "column", "new", "edit"]
        kept = both.sort("confidence", "recipe", descending=[True, False], nulls_last=True, maintain_order=True)
        return kept.unique(same, keep="first", maintain_order=True)

    def settled(self, decisions: pl.DataFrame, policy: Policy, recipes: Mapping[str, Recipe]) -> pl.DataFrame:
        """Decisions after what people said before."""
        natures = {name: recipe.nature for name, recipe in recipes.items()}
        return settled(decisions, self.verdicts, auto=policy.auto, nature=natures)


def recalled(home: Path | None, table: Table, now: str) -> Memory:
    """What people answered about earlier runs of this table in this store, undone answers left out, and what their
    answers about all tables say of each operation.

    The same table has the same columns in the same order; its name may differ from batch to batch.
    """
    if home is None or not has_store(home):
        return Memory()
    store = Store(home)
    answers = store.runs(status="done", kind="answer")
    said = [run for run in answers if run.columns == tuple(table.columns)]
    operations = curves(_told(answers, now))
    if not said:
        return Memory(operations=operations)
    return Memory(tuple(known_recipes(store, said)), past(_told(said, now)), operations).on(table)


def _told(answers: Sequence[Run], now: str) -> list[dict[str, Any]]:
    return [
        {**verdict, "age_days": _days(run.started, now)}
        for run in answers
        for verdict in run.answer.get("verdicts", [])
    ]


def _days(then: str, now: str) -> float:
    passed = datetime.fromisoformat(now) - datetime.fromisoformat(then)
    return max(passed.total_seconds() / 86_400, 0.0)


def known_recipes(store: Store, said: Sequence[Run]) -> list[Learned]:
    """Recipes that these answers taught and that were not purged, nor refused by a later one."""
    found: list[Learned] = []
    for run in said:
        refused = {each["recipe"] for each in run.answer.get("verdicts", []) if not each["accepted"]}
        found = [each for each in found if each.recipe.id not in refused]
        digest = store.current(run.learned, since=run.line)
        if digest is not None and store.blobs.has(digest):
            found += parse(store.blobs.get(digest).decode(), run.id)
    return merged(found)


def read_recipes(path: Path | str, table: Table) -> Memory:
    """The recipes of a YAML file that this table has the columns for, with what they propose.

    Raises
    ------
    UsageError
        None of them fits the table.
    """
    known = load(Path(path))
    names = set(table.columns)
    fitting = [each for each in known if {str(each.recipe.column), *each.when} <= names]
    if known and not fitting:
        needed = ", ".join(sorted({str(each.recipe.column) for each in known})[:5])
        raise UsageError(f"{path}: no recipe fits {table.ref.name}: it has none of the columns {needed}")
    return Memory(tuple(fitting)).on(table)
