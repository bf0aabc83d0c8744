"""The tools over a store of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.apps.assistant.folders import Folders, fresh
from kintsu.apps.assistant.tools import SHOWN, plan
from kintsu.core.errors import UsageError
from kintsu.io.store.store import Store
from kintsu.run.sidecar import findings_table, suggestions_table

__all__ = ["LocalTools"]


@dataclass(frozen=True)
class LocalTools:
    """What `kintsu check`, `heal`, `ask`, `answer`, `show` and `undo` do."""

    home: Path
    folders: Folders

    def check(self, path: str) -> dict[str, Any]:
        from kintsu.run.check import check

        source = self.folders.table(path)
        result = check(source, sensitive=self.folders.hidden(source), home=self.home)
        found = findings_table(result.findings, sensitive=result.sensitive)
        kinds = dict(found["kind"].value_counts(sort=True).iter_rows())
        return {**result.run_object(), "by_kind": kinds, "first": _first(found)}

    def heal(self, path: str, apply: bool = False, auto: float = 0.95) -> dict[str, Any]:
        from kintsu.run.heal import heal

        source = self.folders.table(path)
        out = fresh(source) if apply else None  # beside the input, and never in the place of anything that is there
        hidden = self.folders.hidden(source)
        result = heal(source, out=out, sensitive=hidden, auto=auto, dry_run=not apply, home=self.home)
        told = result.run_object() | {"changes": _first(result.changes)}
        told["suggestions"] = _first(suggestions_table(result.decisions, sensitive=hidden))
        return told if apply else plan(told)

    def questions(self, run: str, limit: int = 10) -> list[dict[str, Any]]:
        from kintsu.run.ask import ask

        return [each.to_dict() for each in ask(self._known(run), home=self.home, limit=limit, veil=self.folders.veil)]

    def answer(self, run: str, question: str, option: str) -> dict[str, Any]:
        from kintsu.run.answer import answer

        return answer(self._known(run), question, option, home=self.home).to_dict()

    def changes(
        self, run: str, column: str | None = None, row: int | None = None, limit: int = SHOWN
    ) -> dict[str, Any]:
        from kintsu.run.show import show

        told = show(self._known(run), home=self.home, column=column, row=row, veil=self.folders.veil)
        return {"edits": told.total, "changes": told.to_dict(limit)["changes"]}

    def undo(self, run: str, column: str | None = None, row: int | None = None) -> dict[str, Any]:
        from kintsu.run.undo import undo

        return undo(self._known(run), home=self.home, column=column, row=row).to_dict()

    def _known(self, run: str) -> str:
        """The id of a run of a file that may be read and written."""
        found = Store(self.home).run(run)
        if not found.output or not self.folders.has(Path(found.output)):
            raise UsageError(f"{found.id} is of a file outside {self.folders}: it needs --root")
        return found.id


def _first(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The first rows, without what is empty in them."""
    lines = frame.head(SHOWN).to_dicts()
    return [{name: value for name, value in line.items() if value is not None} for line in lines]
