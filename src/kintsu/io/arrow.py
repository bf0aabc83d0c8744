"""Arrow IPC files and Feather version 2 (the same format), and IPC streams."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import polars as pl
from polars.io.plugins import register_io_source

from kintsu.core.batch import Batch, TableRef
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import UnsupportedFormat
from kintsu.io.files import bytes_version, existing_file, has_suffix, reading, starts_with, writing
from kintsu.io.patch import Patch, fitting

__all__ = ["Arrow", "ArrowTable"]

SUFFIXES = (".arrow", ".feather", ".ipc", ".arrows")
_FILE, _FEATHER_1 = b"ARROW1", b"FEA1"
Compression = Literal["uncompressed", "lz4", "zstd"]


@dataclass(frozen=True)
class ArrowTable:
    """A table in an Arrow IPC file. An IPC *stream* cannot be read in parts, so that one is held in memory."""

    ref: TableRef
    path: Path
    schema: pl.Schema
    is_stream: bool
    connector: str = "arrow"
    exact: bool = False
    malformed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"row": pl.Int64, "why": pl.String}))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.schema)

    @property
    def suffix(self) -> str:
        return self.path.suffix

    @cached_property
    def rows(self) -> int:
        with reading(self.path, "Arrow"):
            return int(self._lazy().select(pl.len()).collect().item())

    def _lazy(self) -> pl.LazyFrame:
        return pl.read_ipc_stream(self.path).lazy() if self.is_stream else pl.scan_ipc(self.path, glob=False)

    def _frames(self, names: list[str], size: int) -> Iterator[pl.DataFrame]:
        with reading(self.path, "Arrow"):
            yield from self._lazy().select(names).collect_batches(chunk_size=size, maintain_order=True)

    def batches(self, size: int = 131_072, columns: list[str] | None = None) -> Iterator[Batch]:
        first = 0
        for frame in self._frames(list(self.schema) if columns is None else columns, size):
            yield Batch(self.ref, frame, pl.int_range(first, first + len(frame), eager=True).alias("row"))
            first += len(frame)

    def describe(self) -> dict[str, Any]:
        return {"format": "arrow", "stream": self.is_stream, "compression": self._compression}

    @cached_property
    def _compression(self) -> Compression:
        return "uncompressed" if self.is_stream else read_compression(self.path)

    def fits(self, edits: pl.DataFrame) -> pl.Series:
        """Whether each edit can be written here: a text that is no number does not fit a column of numbers."""
        return fitting(edits, self.schema)

    def patch(self, edits: pl.DataFrame, target: Path) -> pl.DataFrame:
        """A new file with the edits applied: same types, order and compression. Schema metadata is not kept."""
        patch = Patch.of(edits, self.schema, self.ref.name)
        mended = patch.stream(self._frames(list(self.schema), 131_072))
        with writing(target):
            if self.is_stream:
                pl.concat([pl.DataFrame(schema=patch.result_schema), *mended]).write_ipc_stream(target)
            else:
                source = register_io_source(lambda *_: mended, schema=patch.result_schema)
                source.sink_ipc(target, compression=self._compression, maintain_order=True)
        return patch.result()


@dataclass(frozen=True)
class Arrow:
    """Opens `.arrow`, `.feather` and `.ipc` files."""

    name: ClassVar[str] = "arrow"

    def accepts(self, source: Any) -> bool:
        return has_suffix(source, SUFFIXES) or starts_with(source, _FILE)

    def open(self, source: Any, options: ReadOptions) -> ArrowTable:
        """Raises `InputError` for a missing, empty or damaged file."""
        path = existing_file(source, "Arrow")
        if starts_with(path, _FEATHER_1):
            raise UnsupportedFormat(f"{path} is Feather version 1, which nothing writes any more: save it as Parquet.")
        is_stream = not starts_with(path, _FILE)
        with reading(path, "Arrow"):
            lazy = pl.read_ipc_stream(path, n_rows=0).lazy() if is_stream else pl.scan_ipc(path, glob=False)
            schema = lazy.collect_schema()
        return ArrowTable(TableRef(path.name, version=bytes_version(path)), path, schema, is_stream)


def _field(data: bytes, table: int, number: int) -> int:
    """Position of a field of a flatbuffer table; 0 where it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    at = 4 + 2 * number
    offset = struct.unpack_from("<H", data, vtable + at)[0] if at < struct.unpack_from("<H", data, vtable)[0] else 0
    return table + offset if offset else 0


def _follow(data: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", data, at)[0])


def read_compression(path: Path) -> Compression:
    """How the first record batch of an IPC file is compressed.

    See apache/arrow: format/File.fbs (Footer, Block) and format/Message.fbs (Message, RecordBatch, BodyCompression).
    """
    with path.open("rb") as file, reading(path, "Arrow"):
        try:
            file.seek(-10, 2)
            size = struct.unpack("<i", file.read(4))[0]
            file.seek(-10 - size, 2)
            footer = file.read(size)
            blocks = _field(footer, _follow(footer, 0), 3)
            if not blocks or not struct.unpack_from("<I", footer, _follow(footer, blocks))[0]:
                return "uncompressed"
            file.seek(struct.unpack_from("<q", footer, _follow(footer, blocks) + 4)[0] + 4)
            message = file.read(struct.unpack("<i", file.read(4))[0])
            batch = _follow(message, _field(message, _follow(message, 0), 2))
            compression = _field(message, batch, 3)
            if not compression:
                return "uncompressed"
            codec = _field(message, _follow(message, compression), 0)
            return "zstd" if codec and message[codec] == 1 else "lz4"
        except (struct.error, IndexError) as error:
            raise ValueError("the footer is damaged") from error
