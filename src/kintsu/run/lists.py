"""Pages over what a store holds, for those who look at many: tables and runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from kintsu.io.store.history import History
from kintsu.io.store.overview import TableLine, tables_page
from kintsu.io.store.paging import Page
from kintsu.io.store.records import Run
from kintsu.io.store.store import Store
from kintsu.run.log import LINE

__all__ = ["line", "may_ask", "runs", "tables"]

MORE: Final = {"n": "line", "rows": "rows", "summary": "summary"}


def tables(
    *,
    home: Path,
    limit: int,
    after: int | None = None,
    kind: str | None = None,
    name: str | None = None,
    q: str | None = None,
    sort: str = "id",
) -> Page[TableLine]:
    """The tables of a store, the first known first if no other order is wanted; see `tables_page` and `TableLine`."""
    return tables_page(History(home), limit=limit, after=after, kind=kind, name=name, q=q, sort=sort)


def runs(
    *, home: Path, limit: int, before: int | None = None, table: str | None = None, kind: str | None = None
) -> Page[dict[str, Any]]:
    """Runs and undos, newest first: a line each (see `run_line`), with the line of the log as `n` and the summary."""
    wanted = LINE | MORE
    found = Store(home).latest(tuple(wanted.values()), limit=limit + 1, before=before, table=table, kind=kind)
    lines = [{name: told[field] for name, field in wanted.items()} for told in found]
    return Page.cut(lines, limit, lambda told: str(told["n"]))


def may_ask(run: str, *, home: Path) -> bool:
    """Whether questions of a run may be open: not of one that was taken back as a whole, kept no decisions, or whose
    values were removed on purpose.

    Raises
    ------
    UnknownRun
        No such run in this store.
    """
    store = Store(home)
    told, releases = store.look_up(run)
    if told.status == "undone" or told.kind != "heal":
        return told.status != "undone"
    kept = (store.current(blob, since=told.line, releases=releases) for blob in (told.pending, told.recipes))
    return None not in kept


def line(run: Run) -> dict[str, Any]:
    """A run as a line of a list."""
    return {name: getattr(run, field) for name, field in (LINE | MORE).items()}
