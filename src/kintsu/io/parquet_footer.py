"""What a Parquet footer says and polars does not hand on: rows, row groups, and the compression that was used.

The footer is a Thrift struct in the compact protocol; only the four fields needed are kept.
See apache/parquet-format: src/main/thrift/parquet.thrift (FileMetaData, RowGroup, ColumnMetaData).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

__all__ = ["Footer", "read_footer"]

Compression = Literal["lz4", "uncompressed", "snappy", "gzip", "brotli", "zstd"]
_CODECS: dict[int, Compression] = {
    0: "uncompressed",
    1: "snappy",
    2: "gzip",
    4: "brotli",
    5: "lz4",
    6: "zstd",
    7: "lz4",
}
_DEFAULT_GROUP = 262_144  # rows; polars' own default, for files without rows


@dataclass(frozen=True)
class Footer:
    """Rows of a file, rows of its largest row group, and the codec of its first column."""

    rows: int
    rows_per_group: int
    compression: Compression


class _Reader:
    """Thrift's compact protocol, as plain dicts of field number -> value."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            part = self.byte()
            value |= (part & 0x7F) << shift
            if part < 0x80:
                return value
            shift += 7

    def integer(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def value(self, kind: int) -> Any:
        if kind in (1, 2):  # booleans inside a struct carry their value in the type
            return kind == 1
        if kind == 3:
            return self.byte()
        if kind in (4, 5, 6):
            return self.integer()
        if kind == 7:
            return self.take(8)
        if kind == 8:
            return self.take(self.varint())
        if kind in (9, 10):
            return self.items()
        if kind == 12:
            return self.fields()
        raise ValueError(f"unknown type {kind} in the footer")

    def items(self) -> list[Any]:
        head = self.byte()
        count, kind = head >> 4, head & 0x0F
        count = self.varint() if count == 15 else count
        return [self.byte() == 1 if kind in (1, 2) else self.value(kind) for _ in range(count)]

    def fields(self) -> dict[int, Any]:
        found: dict[int, Any] = {}
        number = 0
        while head := self.byte():
            step, kind = head >> 4, head & 0x0F
            number = number + step if step else self.integer()
            found[number] = self.value(kind)
        return found


def read_footer(path: Path) -> Footer:
    """Raises `ValueError` where the file does not end as Parquet files do."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        length, magic = struct.unpack("<I4s", file.read(8)) if size >= 12 else (0, b"")
        if magic != b"PAR1" or length + 8 > size:
            raise ValueError("the end of the file is missing or is not Parquet")
        file.seek(size - 8 - length)
        try:
            fields = _Reader(file.read(length)).fields()
        except IndexError as error:
            raise ValueError("the footer is cut off") from error
    groups = cast(list[dict[int, Any]], fields.get(4, []))
    codec = groups[0][1][0][3][4] if groups and groups[0][1] else 6
    largest = max((group[3] for group in groups), default=0)
    return Footer(fields.get(3, 0), largest or _DEFAULT_GROUP, _CODECS.get(codec, "zstd"))
