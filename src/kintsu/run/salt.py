"""The secret with which the history hashes values of sensitive columns."""

from __future__ import annotations

from kintsu.io.store.batch_rows import Watched
from kintsu.io.store.history import History
from kintsu.monitor.measure import salted
from kintsu.monitor.packing import pack, unpack

__all__ = ["hide", "salt_of"]


def salt_of(history: History) -> bytes:
    """The salt of a history. When it is made, the sketches that are there already are salted with it."""
    salt, is_new = history.salt()
    if is_new:
        for table in history.tables():
            hide(history, table, salt)
    return salt


def hide(history: History, table: Watched, salt: bytes) -> None:
    """Hash what the sketches of a table hold of columns that are sensitive by now, in the clear or without the salt."""
    names = table.settings.get("sensitive", ())
    if names:
        history.redraw(table, lambda body: pack(salted(unpack(body), names, salt)))
