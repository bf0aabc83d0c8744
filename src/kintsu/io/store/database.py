"""Opens the store's database: SQLite in a file, or PostgreSQL by URL. Same tables, same migrations.

A new database gets its tables at once; Alembic is imported only to bring an older one up to date.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import math
import os
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from pathlib import Path
from threading import RLock
from typing import Any, Final, cast

from sqlalchemy import (
    JSON,
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    Text,
    case,
    create_engine,
    event,
    exc,
    func,
    inspect,
    make_url,
    select,
)
from sqlalchemy import cast as type_cast
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import CreateSchema

from kintsu.core.errors import LedgerBroken, MissingExtra, StoreUnusable, UsageError
from kintsu.io.store.home import is_url

__all__ = [
    "HEAD",
    "adding",
    "asking",
    "bytes_of_tables",
    "connect",
    "fields_in",
    "fields_of",
    "forget",
    "lock_number",
    "migrate",
    "reading",
    "schema_of",
    "snapshot",
    "writing",
]

WAL: Final = "PRAGMA journal_mode=WAL"
BUSY_S: Final = 60  # how long a writer waits for another; an append takes milliseconds
KEPT: Final = 4  # connections to a file that stay open: opening one costs a millisecond, and three file handles
KEPT_FILES: Final = 16
PATIENCE: Final[dict[str, int]] = {
    "connect_timeout": 10,  # seconds
    **{"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3},  # seconds, seconds, questions
    "tcp_user_timeout": 30_000,  # milliseconds until what was sent has to have arrived
}
"""Of libpq, where the URL says nothing of it: by itself it waits hours for a server whose machine is gone."""
UNASKED_S: Final = 2.0  # a connection to a server that was in use so lately is not asked whether it still stands
HEAD: Final = "0021"
"""The newest migration. A test compares it with `migrations/versions`."""
FIRST: Final = "0001"  # what databases have that were made before there were migrations
_VERSION: Final = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
LOCK: Final = 0x6B696E74  # "kint": PostgreSQL's advisory locks that stand for SQLite's only writer, one for each schema


def connect(place: Path | str, metadata: MetaData, schema: str | None = None) -> Engine:
    """The engine over a SQLite file, or over a PostgreSQL URL, with every table of `metadata` at its newest version.

    In PostgreSQL the tables lie in a `schema`, which is made, and every statement names it; None: the first that the
    user sees. Engines, and with them some connections, are kept for the next who asks, and closed when the process
    ends.

    Raises
    ------
    UsageError
        The URL names a database that cannot hold a store, or it cannot be reached.
    MissingExtra
        No driver for PostgreSQL is installed.
    """
    if is_url(place):
        return _server(str(place), metadata, schema)
    path = Path(place)
    with _OPENING:
        known = _opened(path)
        if known is None:
            known = _ready(_sqlite(path), metadata)
            _ENGINES[path] = (_identity(path), known)
            _close_idle()
    return known


def _server(url: str, metadata: MetaData, schema: str | None) -> Engine:
    """The engine over a schema of a server."""
    with _OPENING:
        known = _SCHEMAS.get((url, schema))
        if known is None:
            base = _SERVERS.get(url) or _SERVERS.setdefault(url, _postgresql(url))
            known = base if schema is None else base.execution_options(schema_translate_map={None: schema})
            _SCHEMAS[url, schema] = _ready(known, metadata)
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
_SCHEMAS: Final[dict[tuple[str, str | None], Engine]] = {}
"""The same for each schema that is at its newest version."""
_LOST: Final[list[Engine]] = []
_OPENING = RLock()


def forget() -> None:
    """Look at every file and server anew: for those who change one's tables behind our back."""
    with _OPENING:
        for engine in (*(engine for _, engine in _ENGINES.values()), *_SERVERS.values()):
            engine.dispose()
        for known in (_ENGINES, _SERVERS, _SCHEMAS):
            known.clear()


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
    for known in (_ENGINES, _SERVERS, _SCHEMAS):
        known.clear()
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
    except (exc.ArgumentError, ValueError):  # its words would quote the password
        raise UsageError("this is no database URL: write postgresql://USER:PASSWORD@HOST/DATABASE") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "postgresql":
        raise UsageError(
            f"a store is a folder or a PostgreSQL database, not {url.get_backend_name()}: "
            "name a folder, or postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    try:
        # as many as the service has threads; half of them stay open: opening one costs the server a process
        patience = {name: value for name, value in PATIENCE.items() if name not in url.query}
        engine = create_engine(url, pool_size=20, max_overflow=20, connect_args=patience)
    except ModuleNotFoundError as error:
        raise MissingExtra("psycopg", "postgres") from error
    event.listen(engine, "begin", _on_begin)
    event.listen(engine, "checkin", _on_checkin)
    event.listen(engine, "checkout", partial(_on_checkout, engine))
    return engine


def _on_checkin(_connection: Any, record: Any) -> None:
    record.info["idle_since"] = time.monotonic()


def _on_checkout(engine: Engine, connection: Any, record: Any, _proxy: Any) -> None:
    """Ask whether the server is still there, where a connection was idle for a while: it may have been restarted."""
    if time.monotonic() - record.info.get("idle_since", math.inf) < UNASKED_S:
        return
    try:
        engine.dialect.do_ping(connection)
    except Exception as error:
        if not engine.dialect.is_disconnect(cast(Any, error), connection, None):
            raise
        raise exc.InvalidatePoolError from error  # another connection is opened in its place


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions by itself, and too late
    cursor = connection.cursor()
    try:
        cursor.execute(WAL)
    except sqlite3.OperationalError as error:
        if not _is_locked(error):
            raise
        _until_unlocked(lambda: cursor.execute(WAL))
    cursor.execute("PRAGMA synchronous=FULL")  # an entry that was said to be written survives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _until_unlocked(call: Callable[[], object]) -> None:
    """Of two processes that open a new file at once one changes its mode, and SQLite does not let the other wait."""
    from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

    again: dict[str, Any] = {"retry": retry_if_exception(_is_locked), "wait": wait_random(0.005, 0.05)}
    Retrying(**again, stop=stop_after_delay(BUSY_S), reraise=True)(call)


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def _on_begin(connection: Connection) -> None:
    wants_lock = connection.get_execution_options().get("writes", False)
    if connection.dialect.name == "sqlite":
        # IMMEDIATE takes the write lock before the last hash is read: two appends can never chain to the same entry
        connection.exec_driver_sql("BEGIN IMMEDIATE" if wants_lock else "BEGIN")
    elif wants_lock:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK}, {lock_number(schema_of(connection) or '')})")


def schema_of(connection: Connection | Engine) -> str | None:
    """The schema of PostgreSQL that the statements of this connection name; None: the first that the user sees."""
    return (connection.get_execution_options().get("schema_translate_map") or {}).get(None)


def lock_number(name: str) -> int:
    """A name as the number of one of PostgreSQL's advisory locks."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big", signed=True)


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    where = engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string()  # no password
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError) as error:  # the last: all connections are in use for too long
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        if "malformed" in reason or "not a database" in reason:
            raise LedgerBroken(f"{where} is damaged: {reason}", 1) from error
        is_file = engine.dialect.name == "sqlite"
        hint = "Set KINTSU_HOME to a folder that can be written" if is_file else "Is it running?"
        raise StoreUnusable(f"cannot {'write' if is_file else 'use'} the history {where}: {reason}. {hint}") from error


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
def adding(engine: Engine) -> Iterator[Connection]:
    """A transaction for what stands in nobody's way: where the database allows it, other writers do not wait."""
    if engine.dialect.name == "sqlite":
        with writing(engine) as connection:
            yield connection
    else:
        with _explained(engine), engine.connect() as connection, connection.begin():
            yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the history."""
    one_state = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with _explained(engine), engine.connect().execution_options(**one_state) as connection, connection.begin():
        yield connection


@contextmanager
def asking(engine: Engine) -> Iterator[Connection]:
    """For one statement that reads: over a server it costs one message and its answer, not three."""
    alone = {} if engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
    with _explained(engine), engine.connect().execution_options(**alone) as connection:
        yield connection


def snapshot(engine: Engine) -> str:
    """A text that changes whenever something is written to PostgreSQL: what a transaction that begins now would see."""
    with _explained(engine), engine.connect() as connection:
        return str(connection.exec_driver_sql("SELECT pg_current_snapshot()").scalar())


@cache  # an expression is made once: that takes longer than to read its result
def fields_of(dialect: str, column: Column[str], names: tuple[str, ...]) -> ColumnElement[str]:
    """Fields of the JSON object that a column holds, for `fields_in`: the object is read once, and the rest of it stays
    in the database. With a number that is none (NaN), which Python writes and databases refuse, it comes as it is."""
    is_odd = column.contains("NaN") | column.contains("Infinity")
    if dialect == "sqlite":
        return case((is_odd, column), else_=func.json_extract(column, *(f"$.{name}" for name in names)))
    pairs = func.json_each(type_cast(column, JSON)).table_valued("key", "value")
    told = select(func.json_object_agg(pairs.c.key, pairs.c.value)).where(pairs.c.key.in_(names))
    return case((is_odd, column), else_=type_cast(told.scalar_subquery(), Text))


def fields_in(told: str, names: tuple[str, ...]) -> dict[str, Any]:
    """What `fields_of` gave: the fields by name, null where the object has none."""
    values = json.loads(told)
    return (
        {name: values.get(name) for name in names}
        if isinstance(values, dict)
        else dict(zip(names, values, strict=True))
    )


def _version(connection: Connection) -> str | None:
    schema = schema_of(connection)
    if not inspect(connection).has_table("alembic_version", schema):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar()


def _bring_up(connection: Connection, metadata: MetaData) -> None:
    """Make or alter the tables. The caller holds the write lock, and another process may have been faster."""
    schema = schema_of(connection)
    if schema is not None:
        connection.execute(CreateSchema(schema, if_not_exists=True))
        quoted = connection.dialect.identifier_preparer.quote(schema)
        connection.exec_driver_sql(f"SET LOCAL search_path TO {quoted}")  # migrations name no schema
    version = _version(connection)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise UsageError(f"this history was written by a newer kintsu (version {version} of its tables): update kintsu")
    if version is None and not inspect(connection).has_table("entries", schema):
        metadata.create_all(connection)
        _VERSION.create(connection)
        connection.execute(_VERSION.insert(), {"version_num": HEAD})
        return
    migrate(connection, since=version or FIRST, is_marked=version is not None)


def bytes_of_tables(engine: Engine) -> int:
    """The room that the tables take, without blobs."""
    if engine.dialect.name == "sqlite":
        path = Path(str(engine.url.database))
        return sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))
    schema = schema_of(engine)
    where = "current_schema()" if schema is None else "%(schema)s"
    query = (
        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n "
        f"ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relname <> 'pieces' AND n.nspname = {where}"
    )
    with reading(engine) as connection:
        return int(connection.exec_driver_sql(query, {"schema": schema} if schema is not None else {}).scalar() or 0)


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
