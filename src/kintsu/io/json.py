"""JSON lines and JSON arrays of records. Only the touched values are written anew; every other byte is copied.

A record is an object. Cells are text as they stand in the file ("1.50" stays "1.50"); strings without their quotes,
nested values as JSON text. A `null` and an absent key are both null cells; `old_raw` and `new_raw` tell them apart.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, ClassVar, cast

import polars as pl
import zstandard

from kintsu.core.batch import Batch, TableRef
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError
from kintsu.io.files import bytes_version, existing_file, has_suffix, reading, writing
from kintsu.io.json_splice import SPELT, cell, splice
from kintsu.io.patch import beyond, only_sets

__all__ = ["Json", "JsonTable", "cells_of", "parse", "why_bad"]

_PLAIN = (".json", ".jsonl", ".ndjson")
SUFFIXES = tuple(name + packing for name in _PLAIN for packing in ("", ".gz", ".zst"))
_FLAT = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)  # a third faster than `SPELT`
_BLOCK = 32_768  # records parsed together
_KEPT = 512 * 1024**2  # bytes of cells kept in memory, so that each further pass is free; larger files are read again
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class JsonTable:
    """A table of JSON records. Lines stream; an array is held in memory."""

    ref: TableRef
    path: Path
    is_lines: bool
    columns: tuple[str, ...]
    rows: int
    malformed: pl.DataFrame
    blocks: list[pl.DataFrame] | None = field(default=None, repr=False)  # None: too large to keep, read again each time
    connector: str = "json"

    @property
    def suffix(self) -> str:
        return _suffix(self.path)

    @property
    def exact(self) -> bool:
        return not self.path.name.lower().endswith((".gz", ".zst"))

    @cached_property
    def _bad(self) -> set[int]:
        return set(self.malformed["row"].to_list())

    def batches(self, size: int = 131_072, columns: list[str] | None = None) -> Iterator[Batch]:
        names = list(self.columns) if columns is None else columns
        first = 0
        for block in self.blocks if self.blocks is not None else _blocks(self.path, self.is_lines, [], {}):
            whole = _with_columns(block, names)
            for frame in whole.iter_slices(size):
                yield Batch(self.ref, frame, pl.int_range(first, first + len(frame), eager=True).alias("row"))
                first += len(frame)

    def describe(self) -> dict[str, Any]:
        return {"format": "json", "lines": self.is_lines}

    def fits(self, edits: pl.DataFrame) -> pl.Series:
        """Whether each edit can be written here: JSON holds any text; whole rows cannot be edited."""
        return (
            (edits["edit"] == "set") & edits["column"].is_in(list(self.columns)) & ~edits["row"].is_in(list(self._bad))
        )

    def patch(self, edits: pl.DataFrame, target: Path) -> pl.DataFrame:
        """The file with the touched values replaced. A new value keeps the kind of the old one where it can: a number
        where a number stood and the text is one, else a string. Raises `StaleRepair`.
        """
        only_sets(edits, "JSON")
        by_row = {cast(int, row): part for (row,), part in edits.with_row_index("__i").group_by("row")}
        done = []
        position = 0
        numeric = {name: self._is_numeric(name) for name in edits["column"].unique().to_list()}
        with writing(target), _packed(target, self.path) as out:
            for piece in _pieces(self.path, self.is_lines):
                data = piece.data
                if piece.is_record:
                    if position in by_row:
                        data, part = splice(self.ref.name, data, by_row.pop(position), numeric)
                        done.append(part)
                    position += 1
                out.write(data)
            if by_row:
                raise beyond(self.ref.name, position)
        return pl.concat(done).sort("__i").drop("__i") if done else edits

    def _is_numeric(self, name: str) -> bool:
        """Whether most values of a column are numbers, so that a mended word may become one."""
        seen = numbers = 0
        for at, piece in enumerate(_pieces(self.path, self.is_lines)):
            if at > 2_000:
                break
            record = parse(piece.data, keep_numbers=False) if piece.is_record else None
            value = record.get(name) if record else None
            seen += value is not None
            numbers += isinstance(value, int | float) and not isinstance(value, bool)
        return numbers * 2 > seen


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of the file: a record, or what stands between records."""

    data: bytes
    is_record: bool


def parse(data: bytes, *, keep_numbers: bool = True) -> dict[str, Any] | None:
    """The object in these bytes; None where they hold none. Numbers come as the text they are spelt with."""
    try:
        text = data.decode("utf-8").strip()
        is_flat = b"[" not in data and data.count(b"{") == 1  # then no number is inside another value
        decoder = _FLAT if is_flat else SPELT
        record = decoder.decode(text) if keep_numbers else json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and not _is_torn(data, record) else None


def _is_torn(data: bytes, value: Any) -> bool:
    """Whether texts in it hold half a character, such as "\\ud83d": programs that cut texts leave such, and no table
    can hold them."""
    if b"\\ud" not in data and b"\\uD" not in data:
        return False
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _blocks(path: Path, is_lines: bool, bad: list[tuple[int, str]], columns: dict[str, None]) -> Iterator[pl.DataFrame]:
    """Text frames of the records, each with the keys that occur in it; one more column keeps the height.

    Bad records go to `bad` with the reason, and stand in the frames as nulls. Keys are added to `columns`.
    """
    held: list[dict[str, Any]] = []
    first = 0
    for piece in _pieces(path, is_lines):
        if not piece.is_record:
            continue
        record = parse(piece.data)
        if record is None:
            bad.append((first + len(held), why_bad(piece.data)))
        held.append(record or {})
        if len(held) == _BLOCK:
            yield _block(held, columns)
            first, held = first + len(held), []
    if held:
        yield _block(held, columns)


def _block(records: list[dict[str, Any]], columns: dict[str, None]) -> pl.DataFrame:
    names: dict[str, None] = {}
    for record in records:
        names.update(dict.fromkeys(record))
    columns.update(names)
    texts = [cells_of(name, records) for name in names]
    return pl.DataFrame([pl.int_range(len(records), eager=True).alias("\x00row"), *texts])


def cells_of(name: str, records: Sequence[dict[str, Any]]) -> pl.Series:
    """One column of parsed records, as text."""
    values = [record.get(name) for record in records]
    try:
        return pl.Series(name, values, dtype=pl.String)  # as a rule they are texts already
    except TypeError:
        return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _text(value: Any) -> str | None:
    return value if value is None or type(value) is str else cell(value)


def _with_columns(block: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    absent = [pl.lit(None, pl.String).alias(name) for name in names if name not in block.columns]
    return block.with_columns(absent).select(names)


def _pieces(path: Path, is_lines: bool) -> Iterator[Piece]:
    with reading(path, "JSON"), _unpacked(path) as file:
        if is_lines:
            head = file.read(3)
            if head == _BOM:
                yield Piece(head, is_record=False)
                head = b""
            if head:
                line = head if head.endswith(b"\n") else head + file.readline()
                lines = line.splitlines(keepends=True) if b"\n" in line[:-1] else [line]
                for part in lines:
                    yield Piece(part, bool(part.strip()))
            for line in file:
                yield Piece(line, bool(line.strip()))
        else:
            yield from _array(path, file.read())


def _array(path: Path, data: bytes) -> Iterator[Piece]:
    """Records of an array, and the bytes between them."""
    text = data.decode("utf-8-sig")
    start = len(data) - len(text.encode("utf-8"))
    decoder = json.JSONDecoder()
    at = text.index("[") + 1
    done = 0  # characters handed out
    if start:
        yield Piece(data[:start], is_record=False)
    while True:
        while text[at : at + 1] in " \t\r\n," and at < len(text):
            at += 1
        if text[at : at + 1] == "]" or at >= len(text):
            break
        try:
            _, end = decoder.raw_decode(text, at)
        except ValueError as error:
            line = text.count("\n", 0, at) + 1
            raise InputError(
                f"{path}, line {line}: the array is broken here ({error}). Mend the file by hand."
            ) from error
        yield Piece(text[done:at].encode("utf-8"), is_record=False)
        yield Piece(text[at:end].encode("utf-8"), is_record=True)
        at = done = end
    if text[at : at + 1] != "]":
        raise InputError(
            f"{path}: the array has no closing bracket: the file is cut off. Copy it again from its source."
        )
    yield Piece(text[done:].encode("utf-8"), is_record=False)


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    name = path.name.lower()
    with path.open("rb") as raw:
        if name.endswith(".gz"):
            with gzip.GzipFile(fileobj=raw) as file:
                yield cast(IO[bytes], file)
        elif name.endswith(".zst"):
            with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as stream:
                yield io.BufferedReader(cast(io.RawIOBase, stream))
        else:
            yield raw


@contextmanager
def _packed(target: Path, like: Path) -> Iterator[IO[bytes]]:
    name = like.name.lower()
    with target.open("wb") as raw:
        if name.endswith(".gz"):
            with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as file:
                yield cast(IO[bytes], file)
        elif name.endswith(".zst"):
            with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as stream:
                yield cast(IO[bytes], stream)
        else:
            yield raw


def _suffix(path: Path) -> str:
    return next((path.name[-len(end) :] for end in reversed(SUFFIXES) if path.name.lower().endswith(end)), path.suffix)


@dataclass(frozen=True)
class Json:
    """Opens `.json`, `.jsonl` and `.ndjson`, also packed with gzip or zstd."""

    name: ClassVar[str] = "json"

    def accepts(self, source: Any) -> bool:
        return has_suffix(source, SUFFIXES)

    def open(self, source: Any, options: ReadOptions) -> JsonTable:
        """Raises `InputError` where no line holds an object, or where an array is broken."""
        path = existing_file(source, "JSON")
        is_lines = _looks_like_lines(path)
        columns: dict[str, None] = {}
        bad: list[tuple[int, str]] = []
        kept: list[pl.DataFrame] | None = []
        rows = size = 0
        for block in _blocks(path, is_lines, bad, columns):
            rows += len(block)
            size += int(block.estimated_size())
            kept = [*kept, block] if kept is not None and size <= _KEPT else None
        if not columns:
            what = "its only record is no" if rows == 1 else f"none of its {rows:,} records is an"
            raise InputError(
                f"{path}: {what} object with keys. Kintsu reads one object a line, or an array of objects."
            )
        malformed = pl.DataFrame(bad, schema={"row": pl.Int64, "why": pl.String}, orient="row")
        ref = TableRef(path.name, version=bytes_version(path))
        return JsonTable(ref, path, is_lines, tuple(columns), rows, malformed, kept)


def _looks_like_lines(path: Path) -> bool:
    """An array begins with a bracket; anything else is read line by line."""
    with reading(path, "JSON"), _unpacked(path) as file:
        head = file.read(65_536).removeprefix(_BOM).lstrip()
        if not head.startswith(b"["):
            return True
        first_line = head.split(b"\n", 1)[0].strip()
    return path.name.lower().removesuffix(".gz").removesuffix(".zst").endswith(("l", "ndjson")) and first_line.endswith(
        b"]"
    )


def why_bad(data: bytes) -> str:
    """Why `parse` finds no record in these bytes."""
    try:
        value = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start}"
    except RecursionError:
        return "nested too deeply"
    except ValueError as error:
        return f"not JSON: {error}"
    if _is_torn(data, value):
        return "half a character in a text: an escape from \\ud800 to \\udfff without its other half"
    return "not an object: a record needs keys"
