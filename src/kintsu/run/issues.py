"""What is wrong with a table, in order of cost: findings of a run by column and kind, as its report groups them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import polars as pl

from kintsu.core.errors import UsageError
from kintsu.core.frames import DECISIONS, FINDINGS, empty
from kintsu.diagnose.masking import Veil, mask
from kintsu.diagnose.report import issues_of, with_examples
from kintsu.io.store.home import find_home
from kintsu.io.store.pending import read_decisions
from kintsu.io.store.store import Store

__all__ = ["Issues", "issues"]

NOTHING: Final = pl.DataFrame(
    schema={
        "column": pl.String,
        "kind": pl.String,
        "cells": pl.UInt32,
        "cost": pl.Float64,
        "mended": pl.UInt32,
        "whole": pl.Boolean,
        "detectors": pl.List(pl.String),
    }
)


class Issues:
    """The issues of one run. `table`: column, kind, cells, cost (expected wrong cells), mended, whole, detectors."""

    def __init__(self, run: str, table: pl.DataFrame, found: pl.DataFrame, decided: pl.DataFrame) -> None:
        self.run, self.table = run, table
        self._found, self._decided = found, decided

    def page(self, start: int, limit: int) -> list[dict[str, Any]]:
        """Some of them as JSON-able values, each with a few examples."""
        return with_examples(self.table, self._found, self._decided, start=start, limit=limit)


def issues(run: str, *, home: Path | str | None = None, veil: Veil | None = None) -> Issues:
    """What a heal found, the dearest first; what became of it is told as the heal left it.

    `veil` as in `run.show.show`. None are told where the findings were not kept, or of an undo.
    """
    store = Store(find_home(home))
    told, releases = store.look_up(run)
    masked = (veil or Veil()).over(told.columns, told.sensitive)
    current = store.current(told.findings, since=told.line, releases=releases)
    if current is None:
        return Issues(told.id, NOTHING, empty(FINDINGS), empty(DECISIONS))
    try:
        decided = read_decisions(store, told, releases=releases)
    except UsageError:  # they were purged
        decided = empty(DECISIONS)
    found = mask(store.read(current), masked)
    decided = mask(decided, masked).with_columns(sure=pl.coalesce("confidence", "score"))
    return Issues(told.id, issues_of(found, decided), found, decided)
