"""CSV, TSV and other delimited text, plain or compressed, by path or from standard input."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError
from kintsu.io.files import existing_file
from kintsu.io.text.dialects import layout_of
from kintsu.io.text.table import TextTable

__all__ = ["TextConnector", "from_description"]

_SUFFIX = re.compile(r"\.(csv|tsv|tab|txt|psv|ssv|dat|data)(\.(gz|gzip|zst|zstd))?$", re.IGNORECASE)
_URL = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.\-]+://")
_FOREIGN = re.compile(r"\.(parquet|pq|jsonl?|ndjson|xlsx?|xlsm|arrow|feather|ipc|db|sqlite3?|duckdb)(\.\w+)?$", re.I)


def from_description(description: Mapping[str, Any]) -> ReadOptions:
    """Options that open a file as the table that gave this description was opened, without sniffing."""
    return ReadOptions(
        day_first=description.get("day_first"),
        decimal_comma=description.get("decimal_comma"),
        extra={"description": dict(description)},
    )


class TextConnector:
    """Opens delimited text: by suffix, and any other file that is not a known foreign format."""

    name: ClassVar[str] = "text"

    def accepts(self, source: Any) -> bool:
        if not isinstance(source, str | os.PathLike):
            return False
        text = os.fspath(source)
        if not isinstance(text, str) or _URL.match(text):
            return False
        return text == "-" or bool(_SUFFIX.search(text)) or _is_plain(Path(text))

    def open(self, source: Any, options: ReadOptions) -> TextTable:
        """Sniff what the options leave open.

        Raises
        ------
        InputError
            Missing, a folder, no permission, empty, or not text.
        """
        if os.fspath(source) == "-":
            return _spooled(options)
        path = existing_file(source, "text")
        suffix = _suffix(path)
        return TextTable(path, path.name, suffix, layout_of(path, str(path), suffix, options))


def _is_plain(path: Path) -> bool:
    """A file of unknown or no suffix that does not begin like a known binary one."""
    if _FOREIGN.search(path.name) or any(c in path.name for c in "*?[") or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return True  # opening it says what is wrong
    return not head.startswith((b"PAR1", b"PK\x03\x04", b"ARROW1", b"SQLite format 3", b"%PDF", b"\x89PNG", b"{"))


def _suffix(path: Path) -> str:
    match = _SUFFIX.search(path.name)
    return match.group(0) if match else path.suffix


def _spooled(options: ReadOptions) -> TextTable:
    """Standard input, kept in a temporary file: several passes over it are needed."""
    handle, name = tempfile.mkstemp(prefix="kintsu-stdin-", suffix=".csv")
    path = Path(name)
    with os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
    try:
        if not path.stat().st_size:
            raise InputError("standard input is empty (0 bytes): there is no table in it")
        table = TextTable(path, "stdin", ".csv", layout_of(path, "standard input", ".csv", options), is_spooled=True)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    weakref.finalize(table, path.unlink, missing_ok=True)
    return table
