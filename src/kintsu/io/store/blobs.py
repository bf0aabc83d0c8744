"""Bytes by the hash of their content: `blobs/aa/aabb…`. A blob is whole or absent, and never changes."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kintsu.core.errors import LedgerBroken
from kintsu.io.store.atomic import explained, flush, rename, sweep_folder, temporary

__all__ = ["Blobs", "content_hash", "file_hash"]

CHUNK = 1 << 20  # bytes read at once
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


@dataclass(frozen=True)
class Blobs:
    """The folder of blobs of one store."""

    folder: Path

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def has(self, digest: str) -> bool:
        return bool(digest) and self.path(digest).is_file()

    def put(self, data: bytes) -> str:
        """Keep these bytes; returns their hash."""
        digest = hashlib.sha256(data).hexdigest()
        target = self.path(digest)
        with explained(target):
            if target.is_file():
                target.touch()  # young again: pruning leaves it alone until its run is announced
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                with temporary(target) as fresh:
                    fresh.write_bytes(data)
                    self._settle(fresh, target)
        return digest

    def put_file(self, source: Path) -> str:
        """Keep a copy of a file (shared blocks where possible); returns the hash of what was copied."""
        waiting = self.folder / "incoming"
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            sweep_folder(self.folder)
            with temporary(waiting) as fresh:
                with source.open("rb") as read, fresh.open("wb") as write:
                    self._copy(read, write)
                digest = file_hash(fresh)
                target = self.path(digest)
                if not target.is_file():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    self._settle(fresh, target)
        return digest

    def put_folder(self, source: Path) -> str:
        """Keep all files of a folder as one archive; returns its hash."""
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary(self.folder / "archive") as packed:
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
        path = self.path(digest)
        if file_hash(path) != digest:
            raise LedgerBroken(f"blob {digest[:12]} was edited: {path}", 0)
        if is_folder:
            target.mkdir()
            with tarfile.open(path) as archive:
                archive.extractall(target, filter="data")
            return
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
        """The bytes of a blob.

        Raises
        ------
        LedgerBroken
            The blob is not what its name says.
        """
        data = self.path(digest).read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise LedgerBroken(f"blob {digest[:12]} was edited: {self.path(digest)}", 0)
        return data

    def remove(self, digest: str) -> int:
        """Delete a blob; returns the bytes freed."""
        path = self.path(digest)
        size = path.stat().st_size if path.is_file() else 0
        path.unlink(missing_ok=True)
        return size

    def sweep(self) -> None:
        """Remove what killed processes left half written."""
        for folder in (self.folder, *self.folder.glob("??")):
            sweep_folder(folder)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """(hash, bytes) of every blob."""
        for path in sorted(self.folder.glob("??/*")):
            if len(path.name) == 64:
                yield path.name, path.stat().st_size
