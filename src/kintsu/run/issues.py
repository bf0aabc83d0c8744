"""What is wrong with a table, in order of cost: findings of a run by column and kind, as its report groups them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.errors import UsageError
from kintsu.core.frames import DECISIONS, empty
from kintsu.diagnose.masking import Veil, mask
from kintsu.diagnose.report import issues_of, with_examples
from kintsu.io.store.home import find_home
from kintsu.io.store.paging import Page
from kintsu.io.store.pending import read_decisions
from kintsu.io.store.records import Run
from kintsu.io.store.reports import read_report
from kintsu.io.store.store import Releases, Store

__all__ = ["issues"]


def issues(
    run: str, *, start: int = 0, limit: int = 50, home: Path | str | None = None, veil: Veil | None = None
) -> Page[dict[str, Any]]:
    """What a heal found, the dearest first; what became of it is told as the heal left it.

    Each is JSON-able: run, column, kind, cells, cost (expected wrong cells), mended, whole, detectors, examples. `veil`
    as in `run.show.show`. None are told where the findings were not kept, or of an undo.
    """
    store = Store(find_home(home))
    told, releases = store.look_up(run)
    masked = (veil or Veil()).over(told.columns, told.sensitive)
    is_open = not masked and not told.sensitive  # a document hides evidence that quotes other columns, too
    page = _of_report(store, told, releases, start, limit) if is_open else None
    lines, n = _of_findings(store, told, releases, start, limit, masked) if page is None else page
    return Page([{"run": told.id, **line} for line in lines], str(start + limit) if start + limit < n else None)


Lines = tuple[list[dict[str, Any]], int]
"""Some issues, and how many there are in all."""


def _of_report(store: Store, run: Run, releases: Releases, start: int, limit: int) -> Lines | None:
    """From the document of the run, a fifth of the work; None where that was not kept, or tells only the dearest."""
    if store.current(run.findings, since=run.line, releases=releases) is None:
        return None
    report = read_report(store, run, releases=releases)
    if report is None or len(report["issues"]) < min(start + limit, report["issues_in_all"]):
        return None
    lines = report["issues"][start : start + limit]
    return [{name: value for name, value in line.items() if name != "plot"} for line in lines], report["issues_in_all"]


def _of_findings(store: Store, run: Run, releases: Releases, start: int, limit: int, masked: tuple[str, ...]) -> Lines:
    current = store.current(run.findings, since=run.line, releases=releases)
    if current is None:
        return [], 0
    try:
        decided = read_decisions(store, run, releases=releases)
    except UsageError:  # they were purged
        decided = empty(DECISIONS)
    found = mask(store.read(current), masked)
    decided = mask(decided, masked).with_columns(sure=pl.coalesce("confidence", "score"))
    table = issues_of(found, decided)
    return with_examples(table, found, decided, start=start, limit=limit), len(table)
