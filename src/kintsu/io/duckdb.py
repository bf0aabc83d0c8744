"""DuckDB tables by URL: `duckdb:///shop.duckdb#orders`. Edits go back in one transaction, all or nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import polars as pl

from kintsu.core.batch import Batch, TableRef, as_text
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, MissingExtra, OutputError, StaleRepair, UsageError
from kintsu.io.cells import fits
from kintsu.io.database import address, chosen_table, is_address, note, noted, quoted, touched
from kintsu.io.patch import beyond, check_old, only_sets

__all__ = ["Duckdb", "DuckdbTable"]

# Types without an Arrow type that polars takes, or that would lose digits there: read as DuckDB's own text.
_AS_TEXT = ("INTERVAL", "BIT", "UNION", "MAP", "VARIANT", "TIME WITH", "BIGNUM", "HUGEINT", "GEOMETRY")


@dataclass(frozen=True)
class DuckdbTable:
    """One table (or view) of a DuckDB database. `row` is the position in order of the key."""

    ref: TableRef
    database: Path
    table: str
    types: dict[str, str]  # SQL type of each column
    key: tuple[str, ...]  # the primary key, else ("rowid",); empty for a view
    connector: str = "duckdb"
    path: None = None  # it is written where it is, not to a new file
    suffix: str = ".duckdb"
    exact: bool = True
    malformed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"row": pl.Int64, "why": pl.String}))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.types)

    @cached_property
    def schema(self) -> pl.Schema:
        with _connection(self.database) as db:
            return pl.DataFrame(db.sql(f"{self._select(list(self.types))} LIMIT 0")).schema

    @property
    def rows(self) -> int:
        with _connection(self.database) as db:
            return int(db.execute(f"SELECT count(*) FROM {quoted(self.table)}").fetchone()[0])

    @property
    def _order(self) -> str:
        return f" ORDER BY {', '.join(map(_column, self.key))}" if self.key else ""

    def _select(self, names: list[str]) -> str:
        chosen = ", ".join(f"{_shown(name, self.types[name])} AS {quoted(name)}" for name in names) or "NULL"
        return f"SELECT {chosen} FROM {quoted(self.table)}"

    def batches(self, size: int = 131_072, columns: list[str] | None = None) -> Iterator[Batch]:
        names = list(self.types) if columns is None else columns
        first = 0
        with _connection(self.database) as db:
            stream = pl.scan_arrow_c_stream(db.sql(self._select(names) + self._order))
            for frame in stream.collect_batches(chunk_size=size, maintain_order=True):
                rows = pl.int_range(first, first + len(frame), eager=True).alias("row")
                yield Batch(self.ref, frame.select(names), rows)
                first += len(frame)

    def describe(self) -> dict[str, Any]:
        url = f"duckdb:///{self.database.resolve().as_posix()}#{quote(self.table)}"
        return {"format": "duckdb", "table": self.table, "key": list(self.key), "url": url}

    def fits(self, edits: pl.DataFrame) -> pl.Series:
        """Whether each edit can be stored: of a cell, outside the key, with a text that the column's type takes."""
        result = pl.Series([False] * len(edits), dtype=pl.Boolean)
        numbered = edits.with_row_index("__i").filter(pl.col("edit") == "set")
        with _connection(self.database) as db:
            for (name,), part in numbered.group_by("column"):
                if self.key and name in self.types and name not in self.key:
                    good = self._fit(db, str(name), part["new"])
                    result = result.scatter(part["__i"].cast(pl.Int64), good)
        return result

    def _fit(self, db: Any, name: str, new: pl.Series) -> pl.Series:
        """By the database's own cast, and by ours where that one would round (`'12.5'::INTEGER` is 13)."""
        dtype = self.schema[name]
        if dtype.is_nested():
            return new.is_null()
        distinct = new.drop_nulls().unique()
        stored = _stored("word", self.types[name], safe=True)
        query = f"SELECT {stored} IS NOT NULL FROM (SELECT unnest(?::VARCHAR[]) AS word)"
        taken = [good for (good,) in db.execute(query, [distinct.to_list()]).fetchall()]
        known = set(distinct.filter(pl.Series(taken, dtype=pl.Boolean)).to_list()) if taken else set()
        ours = fits(new, dtype) if dtype != pl.Categorical else pl.Series([True] * len(new))
        return new.is_null() | (new.is_in(list(known)) & ours)

    def patch(self, edits: pl.DataFrame, target: Path | None = None) -> pl.DataFrame:
        """Write the edits into the database, or into a copy of it at `target`, in one transaction.

        Returns the edits with the key of each row in `old_raw` and `new_raw`; undo is `patch` with their inverse.

        Raises
        ------
        StaleRepair
            A cell does not hold its old text or a row is gone; nothing was written.
        """
        only_sets(edits, "DuckDB")
        if not self.key:
            raise OutputError(f"{self.table} is a view and cannot be edited: heal the table behind it.")
        unknown = [name for name in touched(edits) if name not in self.types]
        if unknown:
            raise UsageError(f"{self.table} has no column {unknown[0]!r}; columns: {', '.join(self.types)}")
        unfit = edits.filter(~self.fits(edits))
        if len(unfit):
            first = unfit.row(0, named=True)
            raise OutputError(
                f"{self.table}.{first['column']}, row {first['row']}: {first['new']!r} cannot be stored in a column of "
                f"type {self.types[first['column']]}, or the column is part of the key. Leave this repair out."
            )
        path = self.database if target is None else Path(shutil.copyfile(self.database, target))
        with _connection(path, write=True) as db, tempfile.TemporaryDirectory() as folder:
            db.execute("BEGIN")
            done = self._update(db, edits.with_row_index("__i"), Path(folder) / "edits.parquet")
            db.execute("COMMIT")
        return done

    def _update(self, db: Any, edits: pl.DataFrame, scratch: Path) -> pl.DataFrame:
        keyed = self._with_keys(db, edits, scratch)
        done = []
        for (name,), part in sorted(keyed.group_by("column"), key=lambda item: str(item[0][0])):
            part.write_parquet(scratch)
            found = self._found(db, str(name), scratch)
            if len(found) != len(part):
                raise StaleRepair(f"{self.table}: {len(part) - len(found)} edited rows are gone. Propose again.")
            check_old(self.table, str(name), as_text(found["__cell"]), found.select("row", "old"))
            self._set(db, str(name), scratch, len(part))
            after = self._found(db, str(name), scratch)
            keys = [note([row[k] for k in self._texts], "") for row in after.iter_rows(named=True)]
            raw = pl.Series(keys, dtype=pl.Binary)
            done.append(after.with_columns(new=as_text(after["__cell"]), old_raw=raw, new_raw=raw))
        wanted = [name for name in edits.columns if name != "__i"]
        return pl.concat(frame.select("__i", *wanted) for frame in done).sort("__i").select(wanted) if done else edits

    @property
    def _texts(self) -> list[str]:
        return [f"__k{at}" for at in range(len(self.key))]

    def _matches(self) -> str:
        return " AND ".join(f"CAST(t.{_column(n)} AS VARCHAR) = e.{k}" for n, k in zip(self.key, self._texts))

    def _with_keys(self, db: Any, edits: pl.DataFrame, scratch: Path) -> pl.DataFrame:
        """The edits with the text of their row's key, from an earlier note or by position in the order of the key."""
        notes = [noted(raw) for raw in edits["old_raw"].to_list()]
        texts = [None if known is None else known["key"] for known in notes]
        known = edits.with_columns(
            pl.Series(k, [None if text is None else text[at] for text in texts], dtype=pl.String)
            for at, k in enumerate(self._texts)
        )
        placed = edits.filter(pl.Series([text is None for text in texts], dtype=pl.Boolean))
        if not len(placed):
            return known
        placed.write_parquet(scratch)
        keys = ", ".join(f"CAST({_column(n)} AS VARCHAR) AS {k}" for n, k in zip(self.key, self._texts))
        numbered = f"SELECT row_number() OVER ({self._order.strip()}) - 1 AS row, {keys} FROM {quoted(self.table)}"
        of_key = ", ".join(f"n.{k}" for k in self._texts)
        query = f"SELECT e.*, {of_key} FROM read_parquet(?) e JOIN ({numbered}) n USING (row)"
        found = pl.DataFrame(db.sql(query, params=[str(scratch)]))
        if len(found) != len(placed):
            raise beyond(self.table, db.execute(f"SELECT count(*) FROM {quoted(self.table)}").fetchone()[0])
        return pl.concat([known.filter(pl.Series([text is not None for text in texts])), found.select(known.columns)])

    def _found(self, db: Any, name: str, scratch: Path) -> pl.DataFrame:
        shown = _shown(name, self.types[name], "t.")
        tables = f"read_parquet(?) e JOIN {quoted(self.table)} t ON {self._matches()}"
        query = f"SELECT e.*, {shown} AS __cell FROM {tables} ORDER BY e.__i"
        return pl.DataFrame(db.sql(query, params=[str(scratch)]))

    def _set(self, db: Any, name: str, scratch: Path, expected: int) -> None:
        value = _stored("e.new", self.types[name])
        change = (
            f"UPDATE {quoted(self.table)} t SET {quoted(name)} = {value} FROM read_parquet(?) e WHERE {self._matches()}"
        )
        count = db.execute(change, [str(scratch)]).fetchone()[0]
        if count != expected:
            raise StaleRepair(
                f"{self.table}: {expected} cells of {name} to change, but {count} rows match. Propose again."
            )


def _column(name: str) -> str:
    return "rowid" if name == "rowid" else quoted(name)


def _shown(name: str, kind: str, prefix: str = "") -> str:
    column = f"{prefix}{quoted(name)}"
    return f"CAST({column} AS VARCHAR)" if any(word in kind for word in _AS_TEXT) else column


def _stored(text: str, kind: str, *, safe: bool = False) -> str:
    """SQL that turns a text into a value of the type; bytes come as base64. With `safe`, null where it does not fit."""
    if kind == "BLOB":
        return f"TRY(from_base64({text}))" if safe else f"from_base64({text})"
    return f"{'TRY_CAST' if safe else 'CAST'}({text} AS {kind})"


@contextmanager
def _connection(path: Path, *, write: bool = False) -> Iterator[Any]:
    """A connection whose times are in UTC; what is not committed is rolled back at the end."""
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtra("duckdb", "duckdb") from error
    try:
        db = duckdb.connect(str(path), read_only=not write)
    except duckdb.Error as error:
        line = str(error).splitlines()[0]
        if isinstance(error, duckdb.IOException | duckdb.ConnectionException) and "lock" in line.lower():
            raise OutputError(f"{path} is in use: {line}. Close the other program.") from error
        raise InputError(f"{path} cannot be opened as DuckDB: {line}") from error
    with closing(db):
        try:
            db.execute("SET TimeZone = 'UTC'")
            yield db
        except duckdb.ConstraintException as error:
            raise OutputError(f"{path}: a constraint forbids this edit, nothing was written: {_line(error)}") from error
        except duckdb.TransactionException as error:
            raise StaleRepair(f"{path}: another program changed the table: {_line(error)}. Propose again.") from error
        except duckdb.Error as error:
            raise InputError(f"{path}: {_line(error)}") from error


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]


@dataclass(frozen=True)
class Duckdb:
    """Opens `duckdb:///relative.duckdb#table`, `duckdb:////absolute.duckdb?table=name`, and `.duckdb` files."""

    name: ClassVar[str] = "duckdb"

    def accepts(self, source: Any) -> bool:
        return is_address(source, "duckdb", (".duckdb", ".ddb")) or (
            isinstance(source, str | Path) and _has_magic(source)
        )

    def open(self, source: Any, options: ReadOptions) -> DuckdbTable:
        """Raises `InputError` for a missing file or table and `UsageError` where several tables could be meant."""
        found = address(source, "duckdb", options)
        with _connection(found.path) as db:
            names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY 1"
            table = chosen_table(found, [name for (name,) in db.execute(names).fetchall()])
            of_table = "WHERE schema_name = 'main' AND table_name = ?"
            types = dict(
                db.execute(
                    f"SELECT column_name, data_type FROM duckdb_columns() {of_table} ORDER BY column_index", [table]
                ).fetchall()
            )
            primary = db.execute(
                "SELECT constraint_column_names FROM duckdb_constraints() "
                f"{of_table} AND constraint_type = 'PRIMARY KEY'",
                [table],
            ).fetchone()
            is_table = db.execute(f"SELECT 1 FROM duckdb_tables() {of_table}", [table]).fetchone()
        key = tuple(primary[0]) if primary else ("rowid",) if is_table else ()
        return DuckdbTable(TableRef(table), found.path, table, types, key)


def _has_magic(source: str | Path) -> bool:
    """DuckDB's four letters stand after an 8-byte checksum."""
    path = Path(source)
    if "://" in str(source) or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(12)[8:] == b"DUCK"
    except OSError:
        return False
