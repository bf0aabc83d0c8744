"""Opens the store's database: SQLite in a file, or PostgreSQL by URL. Same tables, same migrations.

A new database gets its tables at once; Alembic is imported only to bring an older one up to date.
"""

from __future__ import annotations

import atexit
import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any, Final, cast

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, exc, inspect, make_url, text
from sqlalchemy.pool import QueuePool

from kintsu.core.errors import LedgerBroken, MissingExtra, OutputError, UsageError
from kintsu.io.store.home import is_url

__all__ = ["HEAD", "connect", "forget", "migrate", "reading", "writing"]

BUSY_S: Final = 60  # how long a writer waits for another; an append takes milliseconds
KEPT: Final = 4  # connections to a file that stay open: opening one costs a millisecond, and three file handles
KEPT_FILES: Final = 16
HEAD: Final = "0011"
"""The newest migration. A test compares it with `migrations/versions`."""
FIRST: Final = "0001"  # what databases have that were made before there were migrations
LOCK: Final = 0x6B696E74  # "kint": PostgreSQL's advisory lock that stands for SQLite's only writer


def connect(place: Path | str, metadata: MetaData) -> Engine:
    """The engine over a SQLite file, or over a PostgreSQL URL, with every table of `metadata` at its newest version.

    Engines, and with them some connections, are kept for the next who asks, and closed when the process ends.

    Raises
    ------
    UsageError
        The URL names a database that cannot hold a store, or it cannot be reached.
    MissingExtra
        No driver for PostgreSQL is installed.
    """
    if is_url(place):
        with _OPENING:
            server = _SERVERS.get(str(place)) or _SERVERS.setdefault(str(place), _postgresql(str(place)))
        return _ready(server, metadata)
    path = Path(place)
    with _OPENING:
        known = _opened(path)
        if known is None:
            known = _ready(_sqlite(path), metadata)
            _ENGINES[path] = (_identity(path), known)
            _close_idle()
    return known


def _ready(engine: Engine, metadata: MetaData) -> Engine:
    with _explained(engine):
        with engine.connect() as connection:
            version = _version(connection)
        if version != HEAD:
            with writing(engine) as connection:
                _bring_up(connection, metadata)
    return engine


_ENGINES: Final[OrderedDict[Path, tuple[tuple[int, int] | None, Engine]]] = OrderedDict()
"""Engines over files that are at their newest version, the one that was asked for last at the end."""
_SERVERS: Final[dict[str, Engine]] = {}
"""Engines over servers, by URL: their connections are shared by all who use it."""
_LOST: Final[list[Engine]] = []
_OPENING = RLock()


def forget() -> None:
    """Look at every file anew: for those who change one's tables behind our back."""
    with _OPENING:
        for _, engine in _ENGINES.values():
            engine.dispose()
        _ENGINES.clear()


def _opened(path: Path) -> Engine | None:
    """The engine that is known over this very file."""
    identity, engine = _ENGINES.get(path, (None, None))
    if engine is None:
        return None
    if identity is None or identity != _identity(path):
        _ENGINES.pop(path)
        engine.dispose()
        return None
    _ENGINES.move_to_end(path)
    return engine


def _close_idle() -> None:
    """A service has as many stores as tenants, and a process has few file handles."""
    for path in list(_ENGINES)[:-KEPT_FILES]:
        engine = _ENGINES[path][1]
        if not cast(QueuePool, engine.pool).checkedout():
            del _ENGINES[path]
            engine.dispose()


def _lose() -> None:
    """A connection cannot be used on both sides of a fork: the child opens its own, and lets those of its parent be."""
    global _OPENING
    _LOST.extend([*(engine for _, engine in _ENGINES.values()), *_SERVERS.values()])
    _ENGINES.clear()
    _SERVERS.clear()
    _OPENING = RLock()
    _turn.cache_clear()  # a thread that is not here any more may hold it


atexit.register(forget)  # the last to close a file brings all of it into one place
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_lose)


def _identity(path: Path) -> tuple[int, int] | None:
    """Tells a file from another that takes its name."""
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_dev, told.st_ino


def _sqlite(path: Path) -> Engine:
    url = URL.create("sqlite", database=str(path))  # a path may hold any sign
    pool: Any = {"poolclass": QueuePool, "pool_size": KEPT, "max_overflow": -1}  # more may open, and are closed again
    engine = create_engine(url, connect_args={"timeout": BUSY_S}, **pool)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _postgresql(place: str) -> Engine:
    try:
        url = make_url(place)
    except exc.ArgumentError as error:
        raise UsageError(f"{place!r} is no database URL: write postgresql://USER:PASSWORD@HOST/DATABASE") from error
    if url.get_backend_name() != "postgresql":
        raise UsageError(
            f"a store is a folder or a PostgreSQL database, not {url.get_backend_name()}: "
            "name a folder, or postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise MissingExtra("psycopg", "postgres") from error
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions by itself, and too late
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # an entry that was said to be written survives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    wants_lock = connection.get_execution_options().get("writes", False)
    if connection.dialect.name == "sqlite":
        # IMMEDIATE takes the write lock before the last hash is read: two appends can never chain to the same entry
        connection.exec_driver_sql("BEGIN IMMEDIATE" if wants_lock else "BEGIN")
    elif wants_lock:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    where = engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string()  # no password
    try:
        yield
    except exc.DatabaseError as error:
        reason = str(error.orig).partition("\n")[0]
        if "malformed" in reason or "not a database" in reason:
            raise LedgerBroken(f"{where} is damaged: {reason}", 1) from error
        is_file = engine.dialect.name == "sqlite"
        hint = "Set KINTSU_HOME to a folder that can be written" if is_file else "Is it running?"
        raise OutputError(f"cannot {'write' if is_file else 'use'} the history {where}: {reason}. {hint}") from error


@cache
def _turn(_database: str | None) -> RLock:
    """Threads of one process wait for each other here: SQLite lets who waits sleep, and lets others pass by."""
    return RLock()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the write lock from its start."""
    with (
        _explained(engine),
        _turn(engine.url.database) if engine.dialect.name == "sqlite" else nullcontext(),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the history."""
    with _explained(engine), engine.connect() as connection, connection.begin():
        yield connection


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _bring_up(connection: Connection, metadata: MetaData) -> None:
    """Make or alter the tables. The caller holds the write lock, and another process may have been faster."""
    version = _version(connection)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise UsageError(f"this history was written by a newer kintsu (version {version} of its tables): update kintsu")
    if version is None and not inspect(connection).has_table("entries"):
        metadata.create_all(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        return
    migrate(connection, since=version or FIRST, is_marked=version is not None)


def migrate(connection: Connection, *, since: str = FIRST, is_marked: bool = False, to: str = "head") -> None:
    """Run the migrations after `since` in this transaction. `is_marked` says that the database knows its version."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    if not is_marked:
        command.stamp(config, since)
    command.upgrade(config, to)
