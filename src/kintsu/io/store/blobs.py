"""Bytes by the hash of their content, in a folder or in a database. A blob is whole or absent, and never changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kintsu.core.errors import LedgerBroken
from kintsu.io.store.atomic import explained, flush, rename, sweep_folder, temporary

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["CHUNK", "Blobs", "FolderBlobs", "content_hash", "file_hash"]

CHUNK = 1 << 20  # bytes read at once
UNFINISHED_S = 86_400  # no other machine writes a file for so long
FICLONE = 0x40049409  # Linux ioctl: share the blocks of another file (btrfs, xfs, bcachefs)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(path: Path) -> str:
    """SHA-256 of a file; of a folder, over the names and hashes of its data files, as its connector does."""
    if not path.is_dir():
        return file_hash(path)
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path)
        if file.is_file() and not any(part.startswith(("_", ".")) for part in name.parts) and _is_data(file):
            digest.update(f"{name.as_posix()} {file_hash(file)}\n".encode())
    return digest.hexdigest()


def _is_data(file: Path) -> bool:
    return file.name.lower().endswith((".parquet", ".parq", ".pq"))


def _clone(source: BinaryIO, target: BinaryIO) -> bool:
    """Share the blocks of `source` instead of copying them, where the file system can; False where it cannot.

    A hard link would cost nothing either, but then an edit of the original in place would change the blob.
    """
    try:
        import fcntl
    except ImportError:
        return False
    with suppress(OSError):
        fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
        return True
    return False


class Blobs(ABC):
    """The blobs of one store. `place` is how a message names where they are."""

    place: str

    @abstractmethod
    def has(self, digest: str) -> bool: ...

    @abstractmethod
    def put(self, data: bytes) -> str:
        """Keep these bytes; returns their hash."""

    @abstractmethod
    def put_file(self, source: Path) -> str:
        """Keep a copy of a file; returns the hash of what was copied."""

    @abstractmethod
    def get(self, digest: str) -> bytes:
        """The bytes of a blob.

        Raises
        ------
        LedgerBroken
            The blob is not what its name says, or is not there.
        """

    @abstractmethod
    def copy(self, digest: str, target: Path) -> None:
        """Write a blob to a file.

        Raises
        ------
        LedgerBroken
            As above.
        """

    @abstractmethod
    def check(self, digest: str) -> bool:
        """Whether a blob that is there is what its name says."""

    @abstractmethod
    def remove(self, digest: str, *, within: Connection | None = None) -> int:
        """Delete a blob, in a transaction that is open if there is one; returns the bytes freed."""

    @abstractmethod
    def put_at(self, digest: str) -> float:
        """When a blob was put for the last time, in seconds since 1970."""

    @abstractmethod
    def sweep(self) -> None:
        """Remove what killed processes left half written."""

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[str, int]]:
        """(hash, bytes) of every blob."""

    def put_folder(self, source: Path) -> str:
        """Keep all files of a folder as one archive; returns its hash."""
        with self._workshop() as folder, temporary(folder / "archive") as packed, explained(folder):
            with tarfile.open(packed, "w") as archive:
                archive.add(source, arcname=".")
            return self.put_file(packed)

    def restore(self, digest: str, target: Path, *, is_folder: bool = False) -> None:
        """Write a blob to `target`, or unpack the folder that it holds.

        Raises
        ------
        LedgerBroken
            The blob is not what its name says.
        """
        if not is_folder:
            self.copy(digest, target)
            return
        with temporary(target.with_name(f"{target.name}.tar")) as packed:
            self.copy(digest, packed)
            target.mkdir()
            with tarfile.open(packed) as archive:
                archive.extractall(target, filter="data")

    @contextmanager
    def _workshop(self) -> Iterator[Path]:
        """A folder for what is half done."""
        with tempfile.TemporaryDirectory(prefix="kintsu-") as folder:
            yield Path(folder)


@dataclass(frozen=True)
class FolderBlobs(Blobs):
    """Blobs as the files `aa/aabb…` of a folder, which machines may share."""

    folder: Path
    is_shared: bool = False

    @property
    def place(self) -> str:  # type: ignore[override]
        return str(self.folder)

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def has(self, digest: str) -> bool:
        return bool(digest) and self.path(digest).is_file()

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        target = self.path(digest)
        with explained(target):
            if not self._is_young_again(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                with temporary(target) as fresh:
                    fresh.write_bytes(data)
                    self._settle(fresh, target)
        return digest

    @staticmethod
    def _is_young_again(target: Path) -> bool:
        """Whether a blob is there: pruning leaves it alone then until its run is announced."""
        try:
            os.utime(target)
        except FileNotFoundError:
            return False
        return True

    def put_file(self, source: Path) -> str:
        """Keep a copy of a file, with shared blocks where possible."""
        waiting = self.folder / "incoming"
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep(self.folder)
            with temporary(waiting) as fresh:
                with source.open("rb") as read, fresh.open("wb") as write:
                    self._copy(read, write)
                digest = file_hash(fresh)
                target = self.path(digest)
                if not self._is_young_again(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    self._settle(fresh, target)
        return digest

    @contextmanager
    def _workshop(self) -> Iterator[Path]:
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            yield self.folder

    def copy(self, digest: str, target: Path) -> None:
        path = self.path(digest)
        if not path.is_file():
            raise LedgerBroken(f"blob {digest[:12]} is missing from {self.place}", 0)
        if file_hash(path) != digest:
            raise LedgerBroken(f"blob {digest[:12]} was edited: {path}", 0)
        with path.open("rb") as read, target.open("wb") as write:
            self._copy(read, write)

    @staticmethod
    def _copy(read: BinaryIO, write: BinaryIO) -> None:
        if not _clone(read, write):
            shutil.copyfileobj(read, write, CHUNK)

    @staticmethod
    def _settle(fresh: Path, target: Path) -> None:
        flush(fresh)
        rename(fresh, target, replace=True)

    def get(self, digest: str) -> bytes:
        if not self.has(digest):
            raise LedgerBroken(f"blob {digest[:12]} is missing from {self.place}", 0)
        data = self.path(digest).read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise LedgerBroken(f"blob {digest[:12]} was edited: {self.path(digest)}", 0)
        return data

    def check(self, digest: str) -> bool:
        return file_hash(self.path(digest)) == digest

    def remove(self, digest: str, *, within: Connection | None = None) -> int:
        path = self.path(digest)
        size = path.stat().st_size if path.is_file() else 0
        path.unlink(missing_ok=True)
        return size

    def put_at(self, digest: str) -> float:
        return self.path(digest).stat().st_mtime

    def sweep(self) -> None:
        for folder in (self.folder, *self.folder.glob("??")):
            self._sweep(folder)

    def _sweep(self, folder: Path) -> None:
        sweep_folder(folder, older_than_s=UNFINISHED_S if self.is_shared else 0)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        for path in sorted(self.folder.glob("??/*")):
            if len(path.name) == 64:
                yield path.name, path.stat().st_size
