"""Fewer columns of a very wide table, for the treatments that are only samples of it: crash test and rejudging."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from kintsu.core.batch import Batch
from kintsu.core.hashing import text_hash

__all__ = ["MOST_COLUMNS", "WIDE", "fitting", "narrowed"]

WIDE: Final = 200  # columns up to which a table is taken whole
MOST_COLUMNS: Final = 100  # of a wider one: 1,200 broken cells at the least, which is what an interval needs


def narrowed(batch: Batch, first: Collection[str], most: int = MOST_COLUMNS) -> Batch:
    """A batch of at most `most` columns where it is `WIDE`r; all rows, table order.

    Columns named in `first` come before others, each by the hash of their names: the same columns in any order of
    columns and rows.
    """
    if len(batch.columns) <= WIDE:
        return batch
    ranked = sorted(batch.columns, key=lambda name: (name not in first, text_hash(name)))
    chosen = set(ranked[:most])
    frame = batch.frame.select(name for name in batch.columns if name in chosen)
    return Batch(batch.table, frame, batch.row, batch.decimal_comma)


def fitting(options: Mapping[str, Any] | None, columns: Collection[str]) -> dict[str, Any]:
    """The options without those wishes that name a column which is not there."""
    kept = dict(options or {})
    known = set(columns)
    if not known.issuperset(kept.get("keys") or ()):
        kept["keys"] = ()
    if kept.get("order_column") and kept["order_column"] not in known:
        kept["order_column"] = None
    if kept.get("rules"):
        kept["rules"] = [rule for rule in kept["rules"] if known.issuperset(_needed(rule))]
    return kept


def _needed(rule: Any) -> set[str]:
    """Columns that a rule reads."""
    return {*rule.columns, *rule.when, *([str(rule.must["right"])] if rule.kind == "fd" else [])}
