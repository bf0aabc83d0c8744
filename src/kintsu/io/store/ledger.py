"""The append-only history: every entry carries the hash of the one before it, so that an edited line shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kintsu.core.errors import LedgerBroken

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

__all__ = ["Entry", "append", "read", "verify_chain"]


@dataclass(frozen=True)
class Entry:
    """One line of the history. `n` counts from 1; `payload` holds facts and hashes, never cell values."""

    n: int
    at: str
    run: str
    kind: str  # prepared, done, failed, undone, redone, purged, pruned, respelt
    payload: Mapping[str, Any]
    prev_hash: str
    hash: str


def _canonical(value: Any) -> str:
    # ASCII escapes keep paths that are not valid Unicode
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def entry_hash(n: int, at: str, run: str, kind: str, payload: str, prev_hash: str) -> str:
    """SHA-256 over all fields of an entry, `payload` as the text that is stored."""
    return hashlib.sha256(_canonical([n, at, run, kind, payload, prev_hash]).encode()).hexdigest()


def append(connection: Connection, at: str, run: str, kind: str, payload: Mapping[str, Any]) -> int:
    """Add an entry inside a writing transaction; returns its number."""
    from kintsu.io.store import schema

    last = connection.execute(schema.head.select()).one()
    n = int(last.n) + 1
    text = _canonical(payload)
    digest = entry_hash(n, at, run, kind, text, last.hash)
    connection.execute(
        schema.entries.insert().values(n=n, at=at, run=run, kind=kind, payload=text, prev_hash=last.hash, hash=digest)
    )
    connection.execute(schema.head.update().values(n=n, hash=digest))
    return n


def _entry(row: Row[Any]) -> Entry:
    return Entry(row.n, row.at, row.run, row.kind, json.loads(row.payload), row.prev_hash, row.hash)


def read(connection: Connection, *, run: str | None = None, kinds: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Entries in order, of one run or of some kinds where given."""
    from kintsu.io.store import schema

    query = schema.entries.select().order_by(schema.entries.c.n)
    if run is not None:
        query = query.where(schema.entries.c.run == run)
    if kinds:
        query = query.where(schema.entries.c.kind.in_(kinds))
    return (_entry(row) for row in connection.execute(query))


def verify_chain(connection: Connection) -> list[Entry]:
    """All entries, after checking number, chain and hash of each, and the head.

    Raises
    ------
    LedgerBroken
        Names the first line that was edited, removed or put in.
    """
    from kintsu.io.store import schema

    found: list[Entry] = []
    prev = ""
    for row in connection.execute(schema.entries.select().order_by(schema.entries.c.n)):
        line = len(found) + 1
        if row.n != line:
            raise LedgerBroken(f"line {line} of the history is missing: it goes on with line {row.n}", line)
        if row.prev_hash != prev:
            raise LedgerBroken(f"line {line} of the history does not follow from line {line - 1}", line)
        if entry_hash(row.n, row.at, row.run, row.kind, row.payload, row.prev_hash) != row.hash:
            raise LedgerBroken(f"line {line} of the history was edited ({row.kind} of {row.run})", line)
        prev = row.hash
        found.append(_entry(row))
    last = connection.execute(schema.head.select()).first()
    if last is None or (last.n, last.hash) != (len(found), prev):
        line = len(found) + 1
        wrote = "an unknown number of" if last is None else str(last.n)
        raise LedgerBroken(f"the history ends before line {line}, but {wrote} lines were written", line)
    return found
