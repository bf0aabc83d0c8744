"""SQLite tables by URL: `sqlite:///shop.db#orders`. Edits go back in one transaction, all or nothing."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, OutputError, StaleRepair, UsageError
from kintsu.io.database import Address, address, chosen_table, is_address, note, noted, quoted
from kintsu.io.files import starts_with
from kintsu.io.patch import beyond, only_sets, stale

__all__ = ["Sqlite", "SqliteTable"]

_TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
_LOCK_WAIT_S = 10.0


@dataclass(frozen=True)
class SqliteTable:
    """One table (or view) of a SQLite database. `row` is the position in order of the key."""

    ref: TableRef
    database: Path
    table: str
    types: dict[str, str]  # declared type of each column
    key: tuple[str, ...]  # ("rowid",), or the primary key of a table without row ids; empty for a view
    primary: tuple[str, ...]  # columns of the declared primary key: never edited
    url: str
    connector: str = "sqlite"
    path: None = None  # it is written where it is, not to a new file
    suffix: str = ".db"
    exact: bool = True
    malformed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"row": pl.Int64, "why": pl.String}))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.types)

    @property
    def rows(self) -> int:
        with _connection(self.database) as db:
            return int(db.execute(f"SELECT count(*) FROM {quoted(self.table)}").fetchone()[0])

    @cached_property
    def dtypes(self) -> dict[str, Any]:
        """Type of each column by what is stored, not by what is declared: SQLite lets a column hold anything."""
        return {name: self._dtype(name) for name in self.types}

    def _dtype(self, name: str) -> Any:
        with _connection(self.database) as db:
            query = f"SELECT DISTINCT typeof({quoted(name)}) FROM {quoted(self.table)}"
            kinds = {kind for (kind,) in db.execute(query)} - {"null"}
        known = {("integer",): pl.Int64, ("real",): pl.Float64, ("blob",): pl.Binary, ("integer", "real"): pl.Float64}
        return known.get(tuple(sorted(kinds)), pl.String)

    @property
    def _order(self) -> str:
        return f" ORDER BY {', '.join(map(_column, self.key))}" if self.key else ""

    def batches(self, size: int = 131_072, columns: list[str] | None = None) -> Iterator[Batch]:
        names = list(self.types) if columns is None else columns
        dtypes = {name: self.dtypes[name] for name in names}
        chosen = ", ".join(_selected(name, dtypes[name]) for name in names) or "NULL"
        query = f"SELECT {chosen} FROM {quoted(self.table)}{self._order}"
        first = 0
        with _connection(self.database) as db:
            cursor = db.execute(query)
            while records := cursor.fetchmany(size):
                series = [_series(n, list(cells), dtypes[n]) for n, cells in zip(names, zip(*records))]
                rows = pl.int_range(first, first + len(records), eager=True).alias("row")
                yield Batch(self.ref, pl.DataFrame(series), rows)
                first += len(records)

    def describe(self) -> dict[str, Any]:
        return {"format": "sqlite", "table": self.table, "key": list(self.key), "url": self.url}

    def fits(self, edits: pl.DataFrame) -> pl.Series:
        """SQLite columns hold any text, so every edit of a cell outside the primary key fits."""
        open_columns = [name for name in self.types if self.key and name not in self.primary]
        return (edits["edit"] == "set") & edits["column"].is_in(open_columns)

    def patch(self, edits: pl.DataFrame, target: Path | None = None) -> pl.DataFrame:
        """Write the edits into the database, or into a copy of it at `target`, in one transaction.

        Returns the edits with the key and the stored type of each value in `old_raw` and `new_raw`; undo is `patch`
        with the inverse of these.

        Raises
        ------
        StaleRepair
            A cell does not hold its old text or a row is gone; nothing was written.
        """
        only_sets(edits, "SQLite")
        if not self.key:
            raise OutputError(f"{self.table} is a view and cannot be edited: heal the table behind it.")
        path = self.database
        if target is not None:
            with _connection(self.database) as db, closing(sqlite3.connect(target)) as copy:
                db.backup(copy)
            path = target
        with _connection(path, write=True) as db:
            try:
                db.execute("BEGIN IMMEDIATE")
                done = self._update(db, edits)
                db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise OutputError(f"{path} cannot be written: {error}. Close other programs that use it.") from error
            except sqlite3.IntegrityError as error:
                raise OutputError(
                    f"{self.table}: a constraint forbids this edit ({error}); nothing was written."
                ) from error
        return done

    def _update(self, db: sqlite3.Connection, edits: pl.DataFrame) -> pl.DataFrame:
        keys = self._keys(db, edits)
        old_raws, new_raws, spelling = [], [], []
        for edit, key in zip(edits.iter_rows(named=True), keys, strict=True):
            name = edit["column"]
            if name not in self.types:
                raise UsageError(f"{self.table} has no column {name!r}; columns: {', '.join(self.types)}")
            if name in self.primary:
                raise OutputError(f"{self.table}.{name} is part of the key that finds rows; leave it alone.")
            where = " AND ".join(f"{_column(part)} IS ?" for part in self.key)
            query = f"SELECT {quoted(name)} FROM {quoted(self.table)} WHERE {where}"
            found = db.execute(query, key).fetchone()
            if found is None:
                raise StaleRepair(f"{self.table}: the row with key {key} is gone. Propose again.")
            texts = {cell_text(found[0], self.dtypes[name]), cell_text(found[0], pl.String)}
            if edit["old"] not in texts:
                raise stale(self.table, name, edit["row"], edit["old"], cell_text(found[0], self.dtypes[name]))
            target = noted(edit["new_raw"])
            new = value_of(edit["new"], target["type"] if target else _kind_for(found[0], self.dtypes[name]))
            change = f"UPDATE {quoted(self.table)} SET {quoted(name)} = ? WHERE {where} AND {quoted(name)} IS ?"
            if db.execute(change, (new, *key, found[0])).rowcount != 1:
                raise StaleRepair(f"{self.table}, row {edit['row']}: the key is not unique or the row changed.")
            old_raws.append(note(key, _kind(found[0])))
            stored = db.execute(query, key).fetchone()[0]  # the column's affinity may have made "3" a number
            new_raws.append(note(key, _kind(stored)))
            spelling.append(cell_text(stored, self.dtypes[name]))
        return edits.with_columns(
            pl.Series("new", spelling, dtype=pl.String),
            pl.Series("old_raw", old_raws, dtype=pl.Binary),
            pl.Series("new_raw", new_raws, dtype=pl.Binary),
        )

    def _keys(self, db: sqlite3.Connection, edits: pl.DataFrame) -> list[list[Any]]:
        """Key of each edit's row: from an earlier note, else by the row's position in the order of the key."""
        notes = [noted(raw) for raw in edits["old_raw"].to_list()]
        wanted = {row for row, known in zip(edits["row"].to_list(), notes, strict=True) if known is None}
        by_row: dict[int, list[Any]] = {}
        if wanted:
            chosen = ", ".join(map(_column, self.key))
            last, at = max(wanted), -1
            for at, key in enumerate(db.execute(f"SELECT {chosen} FROM {quoted(self.table)}{self._order}")):
                if at in wanted:
                    by_row[at] = list(key)
                if at == last:
                    break
            if wanted - set(by_row):
                raise beyond(self.table, at + 1)
        return [
            known["key"] if known else by_row[row] for row, known in zip(edits["row"].to_list(), notes, strict=True)
        ]


def _column(name: str) -> str:
    return "rowid" if name == "rowid" else quoted(name)


def _selected(name: str, dtype: Any) -> str:
    """Integers of a column that also holds reals come as reals; the rest as stored."""
    return f"CAST({quoted(name)} AS REAL)" if dtype == pl.Float64 else quoted(name)


def _series(name: str, cells: list[Any], dtype: Any) -> pl.Series:
    if dtype == pl.String:
        cells = [cell if cell is None or isinstance(cell, str) else cell_text(cell, dtype) for cell in cells]
    return pl.Series(name, cells, dtype=dtype)


def cell_text(value: Any, dtype: Any) -> str | None:
    """Text of a stored value as batches show it in a column of this type."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, float) or dtype == pl.Float64:
        return str(pl.Series([float(value)]).cast(pl.String)[0])
    return str(value)


def _kind(value: Any) -> str:
    return {int: "integer", float: "real", bytes: "blob", str: "text"}.get(type(value), "null")


def _kind_for(old: Any, dtype: Any) -> str:
    """The type a new value is stored as: the old value's, or the column's where the cell was null or a stray word."""
    by_column = {pl.Int64: "integer", pl.Float64: "real", pl.Binary: "blob"}
    return by_column.get(dtype, "text") if old is None or isinstance(old, str) else _kind(old)


def value_of(text: str | None, kind: str) -> Any:
    """The value to bind. A text that is no number is bound as text, which SQLite columns hold."""
    if text is None or kind == "text":
        return text
    try:
        if kind == "blob":
            return base64.b64decode(text, validate=True)
        number = float(text)
        return number if kind == "real" or not number.is_integer() else int(text) if "." not in text else int(number)
    except (ValueError, OverflowError):
        return text


@contextmanager
def _connection(path: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection without implicit transactions; an uncommitted one is rolled back at the end."""
    mode = "rw" if write else "ro"
    try:
        db = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=_LOCK_WAIT_S, isolation_level=None
        )
    except sqlite3.OperationalError as error:
        raise InputError(f"{path} cannot be opened: {error}. Check the permissions.") from error
    db.text_factory = lambda data: data.decode("utf-8", "replace")  # a damaged text must not cost the table
    with closing(db):
        try:
            yield db
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise
            raise InputError(f"{path} cannot be read as SQLite: {error}. Restore it from a copy.") from error
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")


@dataclass(frozen=True)
class Sqlite:
    """Opens `sqlite:///relative.db#table`, `sqlite:////absolute.db?table=name`, and `.db`/`.sqlite` files."""

    name: ClassVar[str] = "sqlite"

    def accepts(self, source: Any) -> bool:
        return is_address(source, "sqlite", (".sqlite", ".sqlite3")) or starts_with(source, b"SQLite format 3\x00")

    def open(self, source: Any, options: ReadOptions) -> SqliteTable:
        """Raises `InputError` for a missing file or table and `UsageError` where several tables could be meant."""
        found = address(source, "sqlite", options)
        with _connection(found.path) as db:
            known = [name for (name,) in db.execute(_TABLES)]
            table = chosen_table(found, known)
            info = db.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
            primary = tuple(row[1] for row in sorted(info, key=lambda row: row[5]) if row[5])
            key = _key(db, table, primary)
        types = {row[1]: row[2] for row in info}
        return SqliteTable(TableRef(table), found.path, table, types, key, primary, _url(found, table))


def _url(found: Address, table: str) -> str:
    return f"sqlite:///{found.path.resolve().as_posix()}#{quote(table)}"


def _key(db: sqlite3.Connection, table: str, primary: tuple[str, ...]) -> tuple[str, ...]:
    """The row id where the table has one, else its primary key; nothing for a view."""
    kind = db.execute("SELECT type FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    if kind == "view":
        return ()
    try:
        db.execute(f"SELECT rowid FROM {quoted(table)} LIMIT 0")
    except sqlite3.OperationalError:
        return primary
    return ("rowid",)
