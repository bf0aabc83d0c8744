"""One run or undo, with its edits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.errors import UsageError
from kintsu.core.lazy import lazy
from kintsu.diagnose.masking import Veil, in_words
from kintsu.io.store.home import find_home
from kintsu.io.store.pending import read_recipes
from kintsu.io.store.records import Run
from kintsu.io.store.store import Releases, Store
from kintsu.run.log import learning, run_line
from kintsu.run.selection import selected, selection
from kintsu.run.sidecar import changes_table, findings_table

__all__ = ["Shown", "show"]


@dataclass(frozen=True)
class Shown:
    """A run, and what was asked for of it: read from the store on first use.

    `total` counts all its edits, `purged` those whose values were removed on purpose.
    """

    run: Run
    total: int
    purged: int
    store: Store
    chosen: pl.DataFrame  # edits that were asked for, schema `records.CHANGES`
    hidden: tuple[str, ...]  # columns whose values are masked
    releases: Releases

    @lazy
    def changes(self) -> pl.DataFrame:
        """The edits that were asked for, with the columns of the changes file."""
        return changes_table(self.chosen, sensitive=self.hidden)

    @lazy
    def findings(self) -> pl.DataFrame | None:
        """What the run found; None where that was not kept."""
        current = self.store.current(self.run.findings, since=self.run.line, releases=self.releases)
        return None if current is None else findings_table(self.store.read(current), sensitive=self.hidden)

    @lazy
    def recipes(self) -> pl.DataFrame:
        """Recipes of the edits that were asked for, the one with most edits first: recipe, healer, column, edits, and
        what it does as `text`, where that is still known."""
        try:
            known = read_recipes(self.store, self.run, releases=self.releases)
        except UsageError:  # an undo keeps none, and they may have been purged
            known = {}
        words = {name: in_words(recipe, self.hidden) for name, recipe in known.items()}
        told = pl.col("recipe").replace_strict(words, default=None, return_dtype=pl.String)
        counted = self.chosen.lazy().group_by("recipe", "healer").agg(pl.col("column").sort().first(), edits=pl.len())
        ordered = counted.sort("edits", "recipe", descending=[True, False], nulls_last=True)
        return ordered.with_columns(text=told).collect()

    @lazy
    def learning(self) -> dict[str, Any]:
        """Of a heal: how it fared with people, see `run.log.learning`."""
        run = self.run
        return learning(run, self.store.runs(table=run.table, kind="answer")) if run.kind == "heal" else {}

    @property
    def facts(self) -> dict[str, Any]:
        """Plain JSON-able values, without the edits themselves."""
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
        }

    def to_dict(self, limit: int | None = None) -> dict[str, Any]:
        """Plain JSON-able values, at most `limit` edits."""
        edits = self.changes if limit is None else self.changes.head(limit)
        return self.facts | {"changes": edits.to_dicts()}


def show(
    change: str,
    *,
    home: Path | str | None = None,
    row: int | None = None,
    column: str | None = None,
    recipe: str | None = None,
    veil: Veil | None = None,
) -> Shown:
    """The run or undo with this id (its beginning is enough; "last" is the last one), and its edits.

    `veil` says whose values are masked: those of columns that are sensitive in the run, if left out.

    Raises
    ------
    UnknownRun
        No such run in this store.
    UsageError
        It has no edit there.
    """
    store = Store(find_home(home))
    run, releases = store.look_up(change)
    hidden = (veil or Veil()).over(run.columns, run.sensitive)
    changes = store.changes(run, releases=releases)
    purged = int(changes["purged"].sum()) if "purged" in changes.columns else 0
    chosen = selected(changes, run, selection(row, column, recipe))
    return Shown(run, len(changes), purged, store, chosen, hidden, releases)
