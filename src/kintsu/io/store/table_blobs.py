"""Blobs in the database, for machines that share one: each in pieces, so that none is in memory as a whole."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kintsu.core.errors import LedgerBroken, StaleRepair
from kintsu.io.store.atomic import explained
from kintsu.io.store.blobs import CHUNK, Blobs, file_hash

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["TableBlobs"]


@dataclass(frozen=True)
class TableBlobs(Blobs):
    """Blobs in the tables `blobs` and `pieces`: those of a room, which know nothing of another's."""

    opened: Callable[[], Engine]
    room: str = "store"
    place = "the database"

    def has(self, digest: str) -> bool:
        from kintsu.io.store import schema

        with schema.reading(self.opened()) as connection:
            return connection.execute(self._blob(digest)).first() is not None

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self._put(digest, len(data), io.BytesIO(data))
        return digest

    def put_file(self, source: Path) -> str:
        """Keep a copy of a file, which is read twice.

        Raises
        ------
        StaleRepair
            It changed meanwhile; nothing is kept.
        """
        digest = file_hash(source)
        with source.open("rb") as file:
            self._put(digest, source.stat().st_size, file)
        return digest

    def _put(self, digest: str, size: int, file: BinaryIO) -> None:
        """One transaction: the blob is whole or absent. Whoever puts the same bytes meanwhile waits for its end."""
        from kintsu.io.store import schema

        row = {"room": self.room, "digest": digest, "bytes": size, "touched_us": _now_us()}
        with schema.adding(self.opened()) as connection:
            while connection.execute(_new(connection), row).first() is None:
                touched = schema.blobs.update().where(*self._mine(schema.blobs, digest))
                if connection.execute(touched, {"touched_us": _now_us()}).rowcount:
                    return  # it is there, and young again: pruning leaves it alone
            seen = hashlib.sha256()
            for n, body in enumerate(iter(lambda: file.read(CHUNK), b"")):
                seen.update(body)
                piece = {"room": self.room, "digest": digest, "n": n, "body": body}
                connection.execute(schema.pieces.insert(), piece)
            if seen.hexdigest() != digest:
                raise StaleRepair("a file was changed by someone else while it was being kept: run it again")

    def get(self, digest: str) -> bytes:
        return b"".join(self._read(digest))

    def copy(self, digest: str, target: Path) -> None:
        with explained(target), target.open("wb") as file:
            for body in self._read(digest):
                file.write(body)

    def check(self, digest: str) -> bool:
        try:
            for _ in self._read(digest):
                pass
        except LedgerBroken:
            return False
        return True

    def _read(self, digest: str) -> Iterator[bytes]:
        """The pieces, one in memory at a time. The last one is handed over before the hash is compared."""
        from sqlalchemy import select

        from kintsu.io.store import schema

        seen, size = hashlib.sha256(), 0
        with schema.reading(self.opened()) as connection:
            row = connection.execute(self._blob(digest)).first()
            if row is None:
                raise LedgerBroken(f"blob {digest[:12]} is missing from {self.place}", 0)
            n = 0
            while size < row.bytes:
                query = select(schema.pieces.c.body).where(*self._mine(schema.pieces, digest), schema.pieces.c.n == n)
                body = connection.execute(query).scalar()
                if body is None:
                    break
                seen.update(body)
                size, n = size + len(body), n + 1
                yield bytes(body)
        if seen.hexdigest() != digest:
            raise LedgerBroken(f"blob {digest[:12]} was edited in {self.place}", 0)

    def remove(self, digest: str, *, within: Connection | None = None) -> int:
        from kintsu.io.store import schema

        with nullcontext(within) if within is not None else schema.writing(self.opened()) as connection:
            row = connection.execute(self._blob(digest)).first()
            for table in (schema.pieces, schema.blobs):
                connection.execute(table.delete().where(*self._mine(table, digest)))
        return 0 if row is None else int(row.bytes)

    def put_at(self, digest: str) -> float:
        from kintsu.io.store import schema

        with schema.reading(self.opened()) as connection:
            return float(connection.execute(self._blob(digest)).one().touched_us / 1e6)

    def sweep(self) -> None:
        """Nothing is ever half written here."""

    def __iter__(self) -> Iterator[tuple[str, int]]:
        from kintsu.io.store import schema

        blobs = schema.blobs
        with schema.reading(self.opened()) as connection:
            query = blobs.select().where(blobs.c.room == self.room).order_by(blobs.c.digest)
            yield from [(row.digest, row.bytes) for row in connection.execute(query)]

    def _blob(self, digest: str) -> Any:
        from kintsu.io.store import schema

        return schema.blobs.select().where(*self._mine(schema.blobs, digest))

    def _mine(self, table: Any, digest: str) -> tuple[Any, Any]:
        return table.c.room == self.room, table.c.digest == digest


def _new(connection: Connection) -> Any:
    """Inserts a blob and tells its hash; tells nothing where it is there."""
    from sqlalchemy.dialects import postgresql, sqlite

    from kintsu.io.store import schema

    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(schema.blobs).on_conflict_do_nothing().returning(schema.blobs.c.digest)


def _now_us() -> int:
    return time.time_ns() // 1000
