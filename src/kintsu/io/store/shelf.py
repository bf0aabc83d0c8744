"""Files of a home as all machines see them that share a PostgreSQL: uploads, what was made of them, what was trained.

Each machine has copies in its own folder; the database knows how each was left last. Where the store is a folder of one
machine, the files themselves are all there is, and nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kintsu.core.lazy import lazy
from kintsu.io.store.atomic import explained, rename, temporary
from kintsu.io.store.blobs import Blobs, file_hash
from kintsu.io.store.records import now_text
from kintsu.io.store.store import Store, blobs_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Shelf"]


@dataclass(frozen=True)
class Shelf:
    """The files of one home."""

    home: Path

    @lazy
    def _store(self) -> Store:
        return Store(self.home)

    @lazy
    def _blobs(self) -> Blobs | None:
        return blobs_of(self._store, "files")

    def keep(self, place: Path) -> None:
        """Tell the other machines how a file, or all of a folder, was left; what lies outside the home stays."""
        from kintsu.io.store import schema

        name, blobs = self._name(place), self._blobs
        if blobs is None or name is None:
            return
        found = sorted(place.rglob("*")) if place.is_dir() else [place]
        rows = []
        for path in found:
            inner = self._name(path)
            if path.is_file() and not path.name.startswith(".") and inner is not None:
                rows.append({"path": inner, "digest": blobs.put_file(path), "at": now_text()})
        while True:
            with schema.writing(self._store.engine) as connection:
                lost = [row for row in rows if not blobs.has(row["digest"])]
                if not lost:
                    before = self._rows(connection, name)
                    connection.execute(schema.files.delete().where(_within(name)))
                    if rows:
                        connection.execute(schema.files.insert(), rows)
                    break
            for row in lost:  # equal bytes are kept once, and the other file that had them has just been dropped
                row["digest"] = blobs.put_file(self.home / row["path"])
        self._let_go(row.digest for row in before)

    def fetch(self, place: Path) -> Path:
        """Bring a file, or all of a folder, to this machine as it was left last; where it lies here.

        Another machine may have its home elsewhere: its files are known by the end of their path.
        """
        from kintsu.io.store import schema

        blobs = self._blobs
        if blobs is None:
            return place
        name = self._name(place) or self._elsewhere(place)
        if name is None:
            return place
        with schema.reading(self._store.engine) as connection:
            rows = self._rows(connection, name)
        for row in rows:
            path = self.home / row.path
            if path.is_file() and file_hash(path) == row.digest:
                continue
            with explained(path):
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with temporary(path) as fresh:
                    blobs.copy(row.digest, fresh)
                    rename(fresh, path, replace=True)
        return self.home / name

    def drop(self, place: Path) -> None:
        """Forget a file, or all of a folder."""
        from kintsu.io.store import schema

        name = self._name(place)
        if self._blobs is None or name is None:
            return
        with schema.writing(self._store.engine) as connection:
            before = self._rows(connection, name)
            connection.execute(schema.files.delete().where(_within(name)))
        self._let_go(row.digest for row in before)

    def _name(self, place: Path) -> str | None:
        """The path within the home, as the database has it; None for what lies outside."""
        path, home = Path(os.path.realpath(place)), Path(os.path.realpath(self.home))
        return path.relative_to(home).as_posix() if path.is_relative_to(home) and path != home else None

    def _elsewhere(self, place: Path) -> str | None:
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        path, parts = schema.files.c.path, place.parts
        ends = ["/".join(parts[start:]) for start in range(1, len(parts))]
        query = select(path).where(path.in_(ends)).order_by(func.length(path).desc())
        with schema.reading(self._store.engine) as connection:
            found: str | None = connection.execute(query.limit(1)).scalar()
        return found

    @staticmethod
    def _rows(connection: Connection, name: str) -> list[Any]:
        from kintsu.io.store import schema

        return list(connection.execute(schema.files.select().where(_within(name)).order_by(schema.files.c.path)))

    def _let_go(self, digests: Iterable[str]) -> None:
        """Delete the bytes that no file has any more."""
        from kintsu.io.store import schema

        named, digest_of, blobs = set(digests), schema.files.c.digest, self._blobs
        if not named or blobs is None:
            return
        query = schema.files.select().with_only_columns(digest_of).where(digest_of.in_(named))
        with schema.writing(self._store.engine) as connection:  # nobody says meanwhile that a file has them too
            used = set(connection.execute(query).scalars())
            for digest in named - used:
                blobs.remove(digest, within=connection)


def _within(name: str) -> Any:
    """The file of this name, or those in the folder of this name."""
    from kintsu.io.store import schema

    path = schema.files.c.path
    return (path == name) | path.startswith(name + "/", autoescape=True)
