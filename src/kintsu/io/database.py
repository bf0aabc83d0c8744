"""What SQLite and DuckDB tables share: URLs, quoting, and the record of where an edit went."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import polars as pl

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, UsageError
from kintsu.io.files import has_suffix

__all__ = ["Address", "address", "chosen_table", "is_address", "note", "noted", "quoted", "touched"]


@dataclass(frozen=True)
class Address:
    """A database file and, where the URL says so, a table in it."""

    path: Path
    table: str | None
    url: str


def is_address(source: Any, scheme: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a source is `scheme:///...` or a file with one of the suffixes."""
    if isinstance(source, str) and source.startswith(f"{scheme}://"):
        return True
    return has_suffix(source, suffixes)


def address(source: Any, scheme: str, options: ReadOptions) -> Address:
    """Take `scheme:///relative.db#orders`, `scheme:////absolute.db?table=orders` or a plain path apart.

    Raises
    ------
    InputError
        The file is missing; Kintsu never creates a database.
    """
    text = str(source)
    table = options.table
    if text.startswith(f"{scheme}://"):
        rest = text.removeprefix(f"{scheme}://")
        if not rest.startswith("/"):
            raise UsageError(f"{text}: write three slashes for a relative path: {scheme}:///{rest}")
        rest, _, fragment = rest[1:].partition("#")
        rest, _, query = rest.partition("?")
        named = parse_qs(query).get("table", [None])[0] or unquote(fragment) or None
        table, text = table or named, unquote(rest)
    path = Path(text)
    if not path.is_file():
        raise InputError(f"{path}: no such {scheme} database. Check the path; four slashes begin an absolute one.")
    return Address(path, table, str(source))


def chosen_table(found: Address, known: list[str]) -> str:
    """The table to read: the one that was named, or the only one there is."""
    listed = ", ".join(known[:20]) or "none"
    if found.table is None:
        if len(known) == 1:
            return known[0]
        raise UsageError(
            f"{found.path} has {len(known)} tables: {listed}. Name one: {found.url}#{(known or ['table'])[0]}"
        )
    if found.table not in known:
        raise InputError(f"{found.path} has no table {found.table!r}; tables: {listed}")
    return found.table


def quoted(name: str) -> str:
    """An identifier as SQL takes it; never build SQL from a bare name.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def note(key: list[Any], kind: str) -> bytes:
    """Where an edit went, kept in `old_raw` and `new_raw`: the row's key, and the kind of the value on that side.

    With it an undo finds its row also after other rows were added or deleted.
    """
    return json.dumps({"key": key, "type": kind}, ensure_ascii=False).encode()


def noted(raw: bytes | None) -> dict[str, Any] | None:
    """The note of an earlier write, None where there is none."""
    return json.loads(raw) if raw else None


def touched(edits: pl.DataFrame) -> list[str]:
    """Columns that the edits name, in a stable order."""
    return sorted(edits["column"].drop_nulls().unique().to_list())
