"""Whether a process that writes is alive, on whatever machine: it holds a lock of the database, which goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kintsu.io.store.process import is_alive

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from kintsu.io.store.records import Run

__all__ = ["Held", "alone", "hold", "is_written"]

ALIVE: Final = 0x6B696E75  # "kinu": the locks of runs, apart from those of writers
KEEPALIVE: Final = {"tcp_keepalives_idle": 15, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
"""Seconds until the server notices that a machine is gone; by itself that takes hours."""


@dataclass(frozen=True, eq=False)
class Held:
    """The lock of a run, on a connection of its own."""

    connection: Connection

    def release(self) -> None:
        """Let go: the run has ended."""
        with suppress(Exception):  # a connection that was lost has lost its lock as well
            self.connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
            self.connection.commit()
        self.connection.close()


def hold(engine: Engine, run: str) -> Held | None:
    """Say that this process writes a run; None in a file, where the process itself is looked at."""
    if engine.dialect.name == "sqlite":
        return None
    connection = engine.connect()
    try:
        for name, value in KEEPALIVE.items():
            connection.exec_driver_sql(f"SET {name} = {value}")
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({ALIVE}, {_number(connection, run)})")
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return Held(connection)


@contextmanager
def alone(engine: Engine, name: str) -> Iterator[bool]:
    """Whether no other process of any machine holds this name; always so for a file, which one machine has."""
    if engine.dialect.name == "sqlite":
        yield True
        return
    connection = engine.connect()
    held = Held(connection)
    try:
        for option, value in KEEPALIVE.items():
            connection.exec_driver_sql(f"SET {option} = {value}")
        tried = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({ALIVE}, {_number(connection, name)})")
        is_ours = bool(tried.scalar())
        connection.commit()
        yield is_ours
    finally:
        held.release()


def is_written(connection: Connection, run: Run) -> bool:
    """Whether the process that announced this run is alive."""
    if connection.dialect.name == "sqlite":
        return is_alive(run.process)
    # it is free again when this transaction ends
    tried = connection.exec_driver_sql(
        f"SELECT pg_try_advisory_xact_lock_shared({ALIVE}, {_number(connection, run.id)})"
    )
    return not tried.scalar()


def _number(connection: Connection, run: str) -> int:
    from kintsu.io.store.database import lock_number, schema_of

    return lock_number(f"{schema_of(connection) or ''} {run}")
