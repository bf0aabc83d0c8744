"""What a job may read: an upload of its tenant, or a file in a folder that the service allows; never a URL."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, cast

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, UnknownName, UsageError
from kintsu.core.registry import load
from kintsu.io.service.uploads import TooLarge, Uploads
from kintsu.io.store.shelf import Shelf
from kintsu.run.assess import opened
from kintsu.run.privacy import Privacy

__all__ = ["Desk", "Limits", "checked"]

FORMATS: Final = ("parquet", "arrow", "excel", "json", "text")  # not databases: opening one runs what stands in it
ZIPPED: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")  # gzip, Zstandard
PIECE: Final = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How large a table may be. `max_bytes` counts what a compressed file unpacks to."""

    max_rows: int = 20_000_000
    max_columns: int = 5_000
    max_bytes: int = 4 * 2**30


@dataclass(frozen=True)
class Desk:
    """What the jobs of one tenant work with.

    Attributes
    ----------
    home
        The folder of the tenant's store.
    uploads
        Its files; what a job makes lies beside them.
    roots
        Folders, links resolved, whose files may be named.
    settings
        The file with the sections `alerts:` and `notify:` of watched tables.
    privacy
        Columns that are sensitive in every table.
    """

    home: Path
    uploads: Uploads
    roots: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)
    settings: Path | None = None
    privacy: Privacy = field(default_factory=Privacy)

    def source(self, told: Mapping[str, Any]) -> Path:
        """The file that {"upload": id} or {"path": file} means.

        Raises
        ------
        UnknownName
            There is no such upload of this tenant.
        UsageError
            The path leads nowhere where this service may read.
        """
        if "upload" in told:
            upload = self.uploads.find(str(told["upload"]))
            if upload is None:
                raise UnknownName(f"no upload {told['upload']!r}: GET /api/v1/uploads lists them")
            return self.uploads.path(upload)
        named = str(told["path"])
        try:
            path = Path(named).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            path = None
        if path is None or not path.is_file() or not any(path.is_relative_to(root) for root in self.roots):
            raise UsageError(f"no file {named!r} in a folder of this service: upload it, or let it be served (--root)")
        return path

    def spoken(self, text: str, told: Mapping[str, Any] | None) -> str:
        """What is said of a source, without the folder where an upload lies: whoever sent it knows it by its name."""
        folder = self.uploads.folder / str((told or {}).get("upload", ""))
        return text.replace(f"{folder}{os.sep}", "")

    @property
    def shelf(self) -> Shelf:
        """The tenant's files, for all machines."""
        return Shelf(self.home)

    def folder(self, told: Mapping[str, Any], run: str) -> Path:
        """Where what is made of a source lies: with the upload, so that it goes with it."""
        return self.uploads.folder / str(told.get("upload", "")) / run


def checked(path: Path, limits: Limits) -> Path:
    """The file, which is a table that is not too large.

    Raises
    ------
    UsageError, InputError
        It is a database, or no table.
    TooLarge
        It has too many rows or columns, or unpacks to too many bytes.
    """
    if next((name for name in FORMATS if load("connectors", name)().accepts(path)), None) is None or _is_database(path):
        raise UsageError(f"{path.name} is no file of a table: send CSV, JSON, Parquet, Arrow or Excel")
    _refuse_bomb(path, limits.max_bytes)
    table = opened(path, ReadOptions())
    for n, most, what in ((len(table.columns), limits.max_columns, "columns"), (table.rows, limits.max_rows, "rows")):
        if n > most:
            raise TooLarge(f"{path.name} has {n} {what}, and this service takes {most}: send a part of it")
    return path


def _is_database(path: Path) -> bool:
    return any(load("connectors", name)().accepts(path) for name in ("sqlite", "duckdb"))


def _refuse_bomb(path: Path, most: int) -> None:
    """Count what a compressed file unpacks to, and stop as soon as it is too much."""
    with path.open("rb") as raw:
        head = raw.read(4)
        raw.seek(0)
        if head.startswith(b"PK"):
            size = _size_of_zip(path)
        elif head.startswith(ZIPPED):
            size = _size_of_stream(_unpacking(raw, head), path, most)
        else:
            return
    if size > most:
        raise TooLarge(f"{path.name} unpacks to more than {most} bytes: send a part of it")


def _size_of_zip(path: Path) -> int:
    """What its members say that they unpack to; a reader stops there."""
    try:
        with zipfile.ZipFile(path) as book:
            return sum(each.file_size for each in book.infolist())
    except zipfile.BadZipFile as error:
        raise InputError(f"{path.name} is damaged: copy it again from its source") from error


def _unpacking(raw: IO[bytes], head: bytes) -> IO[bytes]:
    import gzip

    import zstandard

    if head.startswith(ZIPPED[0]):
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    return cast(IO[bytes], zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True))


def _size_of_stream(file: IO[bytes], path: Path, most: int) -> int:
    import zlib

    import zstandard

    size = 0
    try:
        while size <= most and (piece := file.read(PIECE)):
            size += len(piece)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise InputError(f"{path.name} is damaged: copy it again from its source") from error
    return size
