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
from kintsu.io.store.records import Run, counted_by_recipe
from kintsu.io.store.store import Releases, Store
from kintsu.run.log import learning, run_line
from kintsu.run.selection import selected, selection
from kintsu.run.sidecar import changes_table, findings_table

__all__ = ["Shown", "show"]


@dataclass(frozen=True)
class Shown:
    """A run, and what was asked for of it: read from the store on first use."""

    run: Run
    store: Store
    asked: dict[str, Any]  # row, column, recipe: the part that was asked for
    hidden: tuple[str, ...]  # columns whose values are masked
    releases: Releases

    @lazy
    def _all(self) -> pl.DataFrame:
        return self.store.changes(self.run, releases=self.releases)

    @lazy
    def is_as_written(self) -> bool:
        """Whether the whole of it was asked for, and is told by what was counted when it was published."""
        run = self.run
        is_kept = run.changes == self.store.current(run.changes, since=run.line, releases=self.releases)
        return is_kept and run.by_recipe is not None and not self.asked

    @lazy
    def total(self) -> int:
        """All its edits."""
        return sum(each["edits"] for each in self.run.by_recipe or ()) if self.is_as_written else len(self._all)

    @lazy
    def purged(self) -> int:
        """Edits whose values were removed on purpose."""
        is_whole = self.is_as_written or "purged" not in self._all.columns
        return 0 if is_whole else int(self._all["purged"].sum())

    @lazy
    def chosen(self) -> pl.DataFrame:
        """The edits that were asked for, schema `records.CHANGES`.

        Raises
        ------
        UsageError
            It has none there.
        """
        return selected(self._all, self.run, self.asked)

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
    def recipes(self) -> list[dict[str, Any]]:
        """Recipes of the edits that were asked for, the one with most edits first: recipe, healer, column, edits, and
        what it does as `text`, where that is still known."""
        try:
            known = read_recipes(self.store, self.run, releases=self.releases)
        except UsageError:  # an undo keeps none, and they may have been purged
            known = {}
        words = {name: in_words(recipe, self.hidden) for name, recipe in known.items()}
        counted = self.run.by_recipe if self.is_as_written else counted_by_recipe(self.chosen).to_dicts()
        return [{**each, "text": words.get(each["recipe"])} for each in counted or ()]

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
            "recipes": self.recipes,
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
    told = Shown(run, store, selection(row, column, recipe), hidden, releases)
    if not told.is_as_written:
        _ = told.chosen  # what cannot be told is said here
    return told
