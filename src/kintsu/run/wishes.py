"""What a user chose that bears on detection and healing, checked against the table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.contracts import ReadOptions, Table
from kintsu.core.errors import UsageError
from kintsu.io.open import open_table

__all__ = ["checked_wishes", "known_columns"]


def known_columns(names: tuple[str, ...], table: Table, option: str) -> tuple[str, ...]:
    """The names, if the table has them all.

    Raises
    ------
    UsageError
        It names the column and those that exist.
    """
    for name in names:
        if name not in table.columns:
            raise UsageError(f"{option}: no column {name!r} in {table.ref.name}; columns: {', '.join(table.columns)}")
    return names


def checked_wishes(
    table: Table,
    read: ReadOptions | None,
    *,
    keys: tuple[str, ...] = (),
    identifiers: tuple[str, ...] = (),
    sensitive: tuple[str, ...] = (),
    order_column: str | None = None,
    rules: Any = None,
    tables: Mapping[str, Any] | None = None,
    multivariate: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The options that `Reference.option` hands to detectors and healers.

    Parameters
    ----------
    keys
        Columns that identify a row, together.
    identifiers
        Columns left aside when rows are compared for duplicates.
    rules
        Path of a YAML file, or a list of rules.
    tables
        Name -> source of other tables, for rules of inclusion. Held in memory.
    multivariate
        Names of the methods that judge rows as a whole, instead of the default four.
    """
    known_columns(keys, table, "keys")
    known_columns(identifiers, table, "identifiers")
    known_columns(sensitive, table, "sensitive")
    known_columns((order_column,) if order_column else (), table, "order column")
    return {
        "keys": keys,
        "identifiers": identifiers,
        "sensitive": sensitive,
        "order_column": order_column,
        "rules": _loaded(rules),
        "tables": {name: _frame(source) for name, source in (tables or {}).items()},
        "multivariate": _methods(multivariate),
        "day_first": read.day_first if read else None,
    }


def _loaded(rules: Any) -> Any:
    """Rules from a YAML file, or as they are."""
    if isinstance(rules, str | Path):
        from kintsu.rules.yaml import load

        return load(Path(rules))
    return rules


def _frame(source: Any) -> pl.DataFrame:
    if isinstance(source, pl.DataFrame):
        return source
    return pl.concat(batch.frame for batch in open_table(source, ReadOptions()).batches())


def _methods(names: tuple[str, ...]) -> tuple[str, ...]:
    from kintsu.detect.multivariate import METHODS

    for name in names:
        if name not in METHODS:
            raise UsageError(f"multivariate: no method {name!r}; methods: {', '.join(METHODS)}")
    return names
