"""The tools over files of this machine: those in some folders, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.apps.assistant.tools import SHOWN
from kintsu.core.errors import UsageError
from kintsu.io.store.store import Store
from kintsu.run.job_source import Limits, checked
from kintsu.run.sidecar import findings_table, suggestions_table

__all__ = ["LocalTools"]


@dataclass(frozen=True)
class LocalTools:
    """What `kintsu check`, `heal`, `ask`, `answer`, `show` and `undo` do.

    Attributes
    ----------
    home
        The store.
    roots
        Folders, links resolved, whose files may be read, and beside which mended tables are written.
    sensitive
        Columns whose values no answer shows.
    """

    home: Path
    roots: tuple[Path, ...]
    sensitive: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def check(self, path: str) -> dict[str, Any]:
        from kintsu.run.check import check

        source = self._table(path)
        result = check(source, sensitive=self._hidden(source), home=self.home)
        found = findings_table(result.findings, sensitive=result.sensitive)
        return {**result.run_object(), "by_kind": _counted(found, "kind"), "first": _told(found)}

    def heal(self, path: str, apply: bool = False, auto: float = 0.95) -> dict[str, Any]:
        from kintsu.run.heal import heal

        source = self._table(path)
        out = _fresh(source) if apply else None  # beside the input, and never in the place of anything that is there
        result = heal(source, out=out, sensitive=self._hidden(source), auto=auto, dry_run=not apply, home=self.home)
        told = result.run_object() | {"changes": _told(result.changes)}
        told["suggestions"] = _told(suggestions_table(result.decisions, sensitive=result.sensitive))
        if apply:
            return told
        plan = {name: value for name, value in told.items() if name not in ("run", "output")}
        return plan | {"written": False, "next": "call heal with apply=true once the user agrees"}

    def questions(self, run: str, limit: int = 10) -> list[dict[str, Any]]:
        from kintsu.run.ask import ask

        return [each.to_dict() for each in ask(self._known(run), home=self.home, limit=limit)]

    def answer(self, run: str, question: str, option: str) -> dict[str, Any]:
        from kintsu.run.answer import answer

        return answer(self._known(run), question, option, home=self.home).to_dict()

    def changes(
        self, run: str, column: str | None = None, row: int | None = None, limit: int = SHOWN
    ) -> dict[str, Any]:
        from kintsu.run.show import show

        return show(self._known(run), home=self.home, column=column, row=row).to_dict(limit)

    def undo(self, run: str, column: str | None = None, row: int | None = None) -> dict[str, Any]:
        from kintsu.run.undo import undo

        return undo(self._known(run), home=self.home, column=column, row=row).to_dict()

    def _table(self, path: str) -> Path:
        """The file of a table that may be read.

        Raises
        ------
        UsageError
            It is not in one of the folders, or no file of a table.
        """
        named = Path(path).expanduser()
        # what does not exist is told like what is elsewhere: nobody finds out so what lies on this machine
        for place in (named,) if named.is_absolute() else tuple(root / named for root in self.roots):
            if place.is_file() and self._is_allowed(place):
                return checked(place.resolve(), self.limits)
        raise UsageError(f"no file {path!r} in {', '.join(map(str, self.roots))}: other folders need --root")

    def _known(self, run: str) -> str:
        """The id of a run of a file that may be read and written."""
        found = Store(self.home).run(run)
        if not found.output or not self._is_allowed(Path(found.output)):
            raise UsageError(f"{found.id} is of a file outside {', '.join(map(str, self.roots))}: it needs --root")
        return found.id

    def _is_allowed(self, path: Path) -> bool:
        place = path.resolve()
        return any(place.is_relative_to(root) for root in self.roots)

    def _hidden(self, source: Path) -> tuple[str, ...]:
        """The sensitive columns that this table has."""
        if not self.sensitive:
            return ()
        from kintsu.core.contracts import ReadOptions
        from kintsu.run.assess import opened

        columns = opened(source, ReadOptions()).columns
        return tuple(name for name in self.sensitive if name in columns)


def _fresh(source: Path) -> Path:
    """A name beside a file that nothing has yet: orders.healed.csv, orders.healed-2.csv, ..."""
    stem, suffix = source.name.split(".")[0], "".join(source.suffixes)
    for n in range(1, 10_000):
        place = source.with_name(f"{stem}.healed{'' if n == 1 else f'-{n}'}{suffix}")
        if not place.exists():
            return place
    raise UsageError(f"{source.name} was mended thousands of times: remove some of {stem}.healed-*{suffix}")


def _told(frame: pl.DataFrame) -> dict[str, Any]:
    """The first rows, and how many there are."""
    return {"rows": len(frame), "first": [_short(line) for line in frame.head(SHOWN).to_dicts()]}


def _short(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if value is not None}


def _counted(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(frame[column].value_counts(sort=True).iter_rows())
