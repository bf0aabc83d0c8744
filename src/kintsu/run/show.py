"""One run or undo, with its edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.errors import UsageError
from kintsu.diagnose.masking import Veil, in_words
from kintsu.io.store.home import find_home
from kintsu.io.store.pending import read_pending
from kintsu.io.store.records import Run
from kintsu.io.store.store import Releases, Store
from kintsu.run.log import learning, run_line
from kintsu.run.selection import selected, selection
from kintsu.run.sidecar import changes_table, findings_table

__all__ = ["Shown", "show"]


@dataclass(frozen=True)
class Shown:
    """A run, the edits that were asked for, and how many it has in all.

    `changes` has the columns of the changes file, values of sensitive columns masked. `purged` counts edits whose
    values were removed on purpose. `findings` is None where they were not kept. `recipes` are those of the edits that
    were asked for: recipe, healer, column, edits, text.
    """

    run: Run
    changes: pl.DataFrame
    total: int
    purged: int
    findings: pl.DataFrame | None
    recipes: pl.DataFrame
    learning: Mapping[str, Any] = field(default_factory=dict)  # of a heal: see `run.log.learning`

    def to_dict(self, limit: int | None = None) -> dict[str, Any]:
        """Plain JSON-able values, at most `limit` edits."""
        edits = self.changes if limit is None else self.changes.head(limit)
        return {
            **run_line(self.run),
            **self.learning,
            "seed": self.run.seed,
            "versions": dict(self.run.versions),
            "summary": dict(self.run.summary),
            "input_sha256": self.run.base,
            "output_sha256": self.run.made,
            "edits": self.total,
            "purged": self.purged,
            "recipes": self.recipes.to_dicts(),
            "changes": edits.to_dicts(),
        }


def show(
    change: str,
    *,
    home: Path | str | None = None,
    row: int | None = None,
    column: str | None = None,
    recipe: str | None = None,
    veil: Veil | None = None,
    with_findings: bool = True,
) -> Shown:
    """The run or undo with this id (its beginning is enough; "last" is the last one), and its edits.

    `veil` says whose values are masked: those of columns that are sensitive in the run, if left out. Without findings
    it is faster.

    Raises
    ------
    UnknownRun
        No such run in this store.
    UsageError
        It has no edit there.
    """
    store = Store(find_home(home))
    store.recover()
    run = store.run(change)
    hidden = (veil or Veil()).over(run.columns, run.sensitive)
    releases = store.releases()
    changes = store.changes(run, releases=releases)
    purged = int(changes["purged"].sum()) if "purged" in changes.columns else 0
    total = len(changes)
    chosen = selected(changes, run, selection(row, column, recipe))
    found = _findings(store, run, releases, hidden) if with_findings else None
    recipes = _recipes(store, run, chosen, releases, hidden)
    edits = changes_table(chosen, sensitive=hidden)
    people = learning(run, store.runs(table=run.table, kind="answer")) if run.kind == "heal" else {}
    return Shown(run, edits, total, purged, found, recipes, people)


def _recipes(
    store: Store, run: Run, changes: pl.DataFrame, releases: Releases, hidden: tuple[str, ...]
) -> pl.DataFrame:
    """Recipe, column, healer, number of edits and what the recipe does in words, where it is still known."""
    try:
        known = read_pending(store, run, releases=releases)[1]
    except UsageError:  # an undo keeps none, and they may have been purged
        known = {}
    words = {name: in_words(recipe, hidden) for name, recipe in known.items()}
    counted = changes.group_by("recipe", "healer").agg(pl.col("column").sort().first(), edits=pl.len())
    return counted.with_columns(text=pl.col("recipe").replace_strict(words, default=None, return_dtype=pl.String)).sort(
        "edits", "recipe", descending=[True, False], nulls_last=True
    )


def _findings(store: Store, run: Run, releases: Releases, hidden: tuple[str, ...]) -> pl.DataFrame | None:
    current = store.current(run.findings, since=run.line, releases=releases)
    return None if current is None else findings_table(store.read(current), sensitive=hidden)
