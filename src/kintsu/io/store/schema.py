"""The tables of the ledger, in SQLAlchemy Core, so that another database can follow. Imported on first use only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    exc,
    inspect,
)
from sqlalchemy.pool import NullPool

from kintsu.core.errors import LedgerBroken, OutputError

__all__ = ["connect", "entries", "head", "reading", "runs", "writing"]

BUSY_S = 60  # how long a writer waits for another; an append takes milliseconds
VERSION = 1

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    Column("n", Integer, primary_key=True),  # from 1, without gaps
    Column("at", String(32), nullable=False),
    Column("run", String(64), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("payload", Text, nullable=False),  # canonical JSON, no cell values
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""Append-only."""

head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("version", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""The last entry, so that cutting off the end shows."""

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("n", Integer, nullable=False, unique=True),  # entry that announced it
    Column("status", String(16), nullable=False),
    Column("base", String(64), nullable=False, index=True),
    Column("made", String(64), nullable=False, index=True),
    Column("output", Text, nullable=False, index=True),
)
"""An index over the entries, for look-ups; everything in it follows from them."""


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions by itself, and too late
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # an entry that was said to be written survives a power cut
    cursor.close()


def _on_begin(connection: Connection) -> None:
    # IMMEDIATE takes the write lock before the last hash is read: two appends can never chain to the same entry
    wants_lock = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if wants_lock else "BEGIN")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except exc.DatabaseError as error:
        reason = str(error.orig).partition("\n")[0]
        if "malformed" in reason or "not a database" in reason:
            raise LedgerBroken(f"{path} is damaged: {reason}", 1) from error
        raise OutputError(
            f"cannot write the history {path}: {reason}. Set KINTSU_HOME to a folder that can be written"
        ) from error


def connect(path: Path) -> Engine:
    """The engine over a SQLite file; creates the tables where they are missing."""
    url = URL.create("sqlite", database=str(path))  # a path may hold any sign
    engine = create_engine(url, connect_args={"timeout": BUSY_S}, poolclass=NullPool)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    with _explained(path):
        with engine.connect() as connection:
            complete = set(metadata.tables) <= set(inspect(connection).get_table_names())
        if not complete:
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                metadata.create_all(connection)
                if connection.execute(head.select()).first() is None:
                    connection.execute(head.insert().values(id=1, version=VERSION, n=0, hash=""))
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the write lock from its start."""
    with (
        _explained(Path(engine.url.database or "")),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the history."""
    with _explained(Path(engine.url.database or "")), engine.connect() as connection, connection.begin():
        yield connection
