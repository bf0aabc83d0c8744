"""Where the bytes of a table come from and go to: plain, compressed, or in an encoding that must be turned first."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

import zstandard

from kintsu.core.errors import InputError
from kintsu.io.text.dialect import LAYERED

__all__ = ["BLOCK", "compression_of", "inner_bytes", "open_inner", "outer_bytes", "write_inner"]

BLOCK: Final[int] = 16 << 20  # bytes read at once: 16 MB parse as fast as 64 and cost a quarter of the memory

_DAMAGED = (OSError, EOFError, zlib.error, zstandard.ZstdError)


def compression_of(head: bytes) -> str | None:
    """ "gz" or "zst" by the first bytes, whatever the name says."""
    if head[:2] == b"\x1f\x8b":
        return "gz"
    return "zst" if head[:4] == b"\x28\xb5\x2f\xfd" else None


class _Recoded(io.RawIOBase):
    """Reads a wide encoding as UTF-8. Lone surrogates pass, so that writing back gives the same bytes."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self.file, self.rest = file, b""
        self.decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # Any: the buffer protocol has no type in Python 3.11
        while not self.rest:
            data = self.file.read(len(buffer))
            text = self.decoder.decode(data, final=not data)
            self.rest = text.encode("utf-8", "surrogatepass")
            if not data:
                break
        n = min(len(buffer), len(self.rest))
        buffer[:n], self.rest = self.rest[:n], self.rest[n:]
        return n

    def close(self) -> None:
        self.file.close()
        super().close()


@contextmanager
def open_inner(path: Path, compression: str | None, encoding: str) -> Iterator[IO[bytes]]:
    """The bytes that are scanned, from the first one (a byte order mark included).

    Raises
    ------
    InputError
        The file is gone, may not be read, or its compressed data are damaged.
    """
    with _explained(path, encoding):
        raw = path.open("rb")
    with raw:
        yield cast(IO[bytes], _Explained(_unpacked(raw, compression, encoding), path, encoding))


@contextmanager
def _explained(path: Path, encoding: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not whole {encoding} text ({error.reason}): it may be cut off") from error
    except _DAMAGED as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise InputError(f"cannot read {path}: {reason}. Copy it again from its source.") from error


class _Explained:
    """Reads, and says which file it was that could not be read; errors of writers beside it pass by."""

    def __init__(self, file: IO[bytes], path: Path, encoding: str) -> None:
        self.file, self.path, self.encoding = file, path, encoding

    def read(self, size: int = -1) -> bytes:
        with _explained(self.path, self.encoding):
            return self.file.read(size)

    def seek(self, offset: int) -> int:
        return self.file.seek(offset)


def _unpacked(raw: IO[bytes], compression: str | None, encoding: str) -> IO[bytes]:
    file = raw
    if compression == "gz":
        file = cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    elif compression == "zst":
        file = cast(IO[bytes], zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True))
    if encoding in LAYERED:
        file = cast(IO[bytes], io.BufferedReader(_Recoded(file, encoding), 1 << 20))
    return file


class _Encoded:
    """Writes UTF-8 in a wide encoding."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self.file, self.encoding = file, encoding
        self.decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")

    def write(self, data: bytes) -> int:
        text = self.decoder.decode(data)
        self.file.write(text.encode(self.encoding, "surrogatepass"))
        return len(data)


@contextmanager
def write_inner(target: Path, compression: str | None, encoding: str) -> Iterator[IO[bytes]]:
    """The inverse of `open_inner`: what is written here reads back as the same bytes there."""
    with target.open("wb") as raw:
        file = cast(IO[bytes], raw)
        if compression == "gz":
            file = cast(IO[bytes], gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0))
        elif compression == "zst":
            file = cast(IO[bytes], zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False))
        yield cast(IO[bytes], _Encoded(file, encoding)) if encoding in LAYERED else file
        if compression:
            file.close()


def outer_bytes(data: bytes, encoding: str) -> bytes:
    """Bytes of the file for scanned bytes."""
    if encoding not in LAYERED:
        return data
    return data.decode("utf-8", "surrogatepass").encode(encoding, "surrogatepass")


def inner_bytes(data: bytes, encoding: str) -> bytes:
    """Scanned bytes for bytes of the file."""
    if encoding not in LAYERED:
        return data
    return data.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
