"""The files beside the output: findings and changes, as CSV or Parquet by suffix. Each is written atomically."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl

from kintsu.diagnose.masking import mask
from kintsu.io.store.atomic import explained, flush, rename, sweep, temporary

__all__ = [
    "CHANGE_COLUMNS",
    "FINDING_COLUMNS",
    "changes_table",
    "findings_table",
    "suggestions_table",
    "write_atomic",
    "write_table",
    "write_text",
]

FINDING_COLUMNS = ("row", "column", "kind", "score", "confidence", "detector", "recipe", "why")
CHANGE_COLUMNS = (
    *("row", "column", "edit", "old", "new", "old_null", "new_null"),
    *("confidence", "healer", "recipe", "why"),
)


def findings_table(findings: pl.DataFrame, *, sensitive: tuple[str, ...] = ()) -> pl.DataFrame:
    """One line per (row, column, kind), best detector first kept; sorted by row and column.

    Best is the highest confidence, then the highest score, then the name, then the evidence: scores of two detectors
    do not compare, but some order must be kept. Values of sensitive columns are masked, see `diagnose.masking.mask`.
    """
    ranked = findings.sort(
        *("row", "column", "kind", "confidence", "score", "detector", "why"),
        descending=[False, False, False, True, True, False, False],
        nulls_last=True,
    )
    best = ranked.unique(["row", "column", "kind"], keep="first", maintain_order=True)
    return mask(best.select(FINDING_COLUMNS), sensitive)


def changes_table(changes: pl.DataFrame, *, sensitive: tuple[str, ...] = ()) -> pl.DataFrame:
    """Changes as people read them: `old_null` and `new_null` tell an empty text from no value."""
    told = changes.with_columns(old_null=pl.col("old").is_null(), new_null=pl.col("new").is_null())
    ordered = told.select(CHANGE_COLUMNS).sort("row", "column", "edit", nulls_last=True)
    return mask(ordered, sensitive)


def suggestions_table(decisions: pl.DataFrame, *, sensitive: tuple[str, ...] = ()) -> pl.DataFrame:
    """Repairs that are suggested, as changes are told, and why each was not applied; the surest of a cell first."""
    told = decisions.filter(pl.col("action") == "suggest").with_columns(
        old_null=pl.col("old").is_null(), new_null=pl.col("new").is_null()
    )
    ordered = told.select(*CHANGE_COLUMNS, "reason").sort(
        *("row", "column", "confidence", "healer", "new"),
        descending=[False, False, True, False, False],
        nulls_last=True,
    )
    return mask(ordered, sensitive)


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary name beside `path`, then give the file its name; an old file is replaced.

    Raises
    ------
    OutputError
        No space, no permission, no such folder; nothing is left behind.
    """
    target = Path(os.path.realpath(path))
    with explained(path), temporary(target) as fresh:
        if target.is_dir():
            raise IsADirectoryError(21, "is a directory")
        sweep(target)
        write(fresh)
        flush(fresh)
        rename(fresh, target, replace=True)


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write CSV, or Parquet where the suffix says so; replaces `path` atomically."""
    if path.suffix.lower() in (".parquet", ".pq"):
        write_atomic(path, frame.write_parquet)
    else:
        write_atomic(path, frame.write_csv)


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 text, such as the report; replaces `path` atomically."""
    write_atomic(path, lambda fresh: fresh.write_text(text, encoding="utf-8", newline="\n"))
