"""Edits into bytes: everything is copied, only the touched fields are cut out and replaced.

Row numbers. The edits of one call are numbered in the table that holds every record: those that are dropped and those
that are added. Without `add` that is the file being patched; without `drop` it is the file being made. So inverting a
change set keeps its numbers, and `patch(invert(edits))` gives the same bytes back. `shifted` translates numbers of a
file into numbers of the same file after records were dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.change import EDITS
from kintsu.core.errors import OutputError, StaleRepair, UsageError
from kintsu.io.files import writing
from kintsu.io.text.chunks import rescan
from kintsu.io.text.dialect import Dialect
from kintsu.io.text.dialects import Layout
from kintsu.io.text.indexed import Indexed
from kintsu.io.text.record import field_text
from kintsu.io.text.scan import FINE, Records
from kintsu.io.text.source import inner_bytes, open_inner, outer_bytes, write_inner

__all__ = ["field_of", "shifted", "splice"]

Int64s = npt.NDArray[np.int64]

_COPY: Final[int] = 4 << 20


def shifted(rows: Int64s, dropped: Int64s) -> Int64s:
    """Numbers in the file without the `dropped` rows (ascending) of rows of the file with them; -1 for a dropped one.

    >>> shifted(np.array([0, 2, 3, 5]), np.array([1, 3])).tolist()
    [0, 1, -1, 3]
    """
    gone = np.isin(rows, dropped)
    return np.where(gone, -1, rows - np.searchsorted(dropped, rows))


def field_of(text: str | None, dialect: Dialect, *, quoted: bool) -> bytes:
    """Bytes of a cell as this dialect spells it.

    Quoted where the old field was, and where the text needs it to be read back as itself. A null is an empty field.

    Raises
    ------
    UnicodeEncodeError
        The encoding has no such character.
    ValueError
        The dialect cannot hold the text: no quotes are allowed, or it has a zero byte.
    """
    if text is None:
        return b""
    content = text.encode(dialect.inner)
    if b"\0" in content:
        raise ValueError("text tables cannot hold zero bytes")
    quote = dialect.quote
    special = (dialect.delimiter, "\r", "\n", *(quote or ""))
    needs = not text or text[0].isspace() or text[-1].isspace() or any(c in text for c in special)
    if not needs and not (quoted and quote):
        return content
    if quote is None:
        if not text or any(c in text for c in special):
            raise ValueError("it needs quotes, which this file is read without")
        return content
    mark = quote.encode()
    return mark + content.replace(mark, mark + mark) + mark


@dataclass
class _Work:
    """The edits of one table, by source row, with room for the bytes that they meet."""

    kind: list[str]
    row: Int64s  # row of the file being patched; for "add" the row before which the record goes
    column: npt.NDArray[np.int64]  # -1 for whole rows
    name: list[str | None]
    old: list[str | None]
    new: list[str | None]
    old_raw: list[bytes | None]
    new_raw: list[bytes | None]
    numbered: list[int]  # row as given, for messages
    order: Int64s = field(default_factory=lambda: np.empty(0, np.int64))  # edits by row, adds first


def _work_of(edits: pl.DataFrame, table: Indexed) -> _Work:
    unknown = set(edits["edit"].unique().to_list()) - {"set", "drop", "add"}
    if unknown:
        raise UsageError(f"a text file cannot take edits of kind {sorted(map(str, unknown))}; it takes set, drop, add")
    place = {name: i for i, name in enumerate(table.columns)}
    strange = edits.filter((pl.col("edit") == "set") & ~pl.col("column").is_in(list(place)).fill_null(False))
    if len(strange):
        raise StaleRepair(f"no column {strange['column'][0]!r} in {table.ref.name}: the edits are of another table")
    encoding = table.dialect.encoding
    numbered = edits["row"].to_numpy()
    is_add = (edits["edit"] == "add").to_numpy()
    added = np.sort(numbered[is_add])
    row = numbered - np.searchsorted(added, numbered)
    if (np.diff(added) == 0).any() or np.isin(numbered[~is_add], added).any():
        raise UsageError("two edits share a row that one of them adds")
    column = edits["column"].replace_strict(place, default=-1, return_dtype=pl.Int64).fill_null(-1).to_numpy()
    column = np.where((edits["edit"] == "set").to_numpy(), column, -1)

    def inner(name: str) -> list[bytes | None]:
        return [None if raw is None else inner_bytes(raw, encoding) for raw in edits[name].to_list()]

    work = _Work(
        edits["edit"].to_list(),
        row,
        column,
        edits["column"].to_list(),
        edits["old"].to_list(),
        edits["new"].to_list(),
        inner("old_raw"),
        inner("new_raw"),
        numbered.tolist(),
    )
    work.order = np.lexsort((column, numbered, ~is_add, row))
    _refuse_clashes(work, is_add)
    return work


def _refuse_clashes(work: _Work, is_add: npt.NDArray[np.bool_]) -> None:
    order = work.order[~is_add[work.order]]
    row, column = work.row[order], work.column[order]
    twice = (np.diff(row) == 0) & ((np.diff(column) == 0) | (column[:-1] == -1))
    if twice.any():
        at = int(order[int(np.flatnonzero(twice)[0])])
        raise UsageError(f"two edits of row {work.numbered[at]} ({work.name[at] or 'the whole row'}): keep one of them")


def splice(table: Indexed, edits: pl.DataFrame, target: Path) -> pl.DataFrame:
    """Write the table with its edits to `target`; see `core.contracts.Table.patch` and this module's head."""
    work = _work_of(edits, table)
    rows = table.rows
    outside = np.flatnonzero((work.row < 0) | (work.row > rows) | ((work.row == rows) & (np.array(work.kind) != "add")))
    if len(outside):
        row = work.numbered[int(outside[0])]
        raise StaleRepair(f"row {row} does not exist in {table.ref.name}, which has {rows} records")
    with writing(target):
        _write(table, work, target)
        if table.dialect.torn:
            _check_records(table, work, target)
    encoding = table.dialect.encoding
    outer = [
        [None if raw is None else outer_bytes(raw, encoding) for raw in raws] for raws in (work.old_raw, work.new_raw)
    ]
    filled = [pl.Series(name, raws, dtype=pl.Binary) for name, raws in zip(("old_raw", "new_raw"), outer, strict=True)]
    return edits.with_columns(filled).select(list(EDITS))


def _write(table: Indexed, work: _Work, target: Path) -> None:
    """One pass: chunks without edits are copied as they are."""
    dialect, chunks, low = table.dialect, table.chunks, 0
    rows = work.row[work.order]
    with (
        open_inner(table.file, dialect.compression, dialect.encoding) as source,
        write_inner(target, dialect.compression, dialect.encoding) as file,
    ):
        sink = _Sink(file)
        _copy(source, sink, table.offset)
        if not chunks:
            sink.write(b"".join(_piece(work, int(at)) for at in work.order))
        for i, chunk in enumerate(chunks):
            high = int(np.searchsorted(rows, chunks[i + 1].first)) if i + 1 < len(chunks) else len(rows)
            if low == high:
                _copy(source, sink, chunk.length)
                continue
            data = source.read(chunk.length)
            _patch(data, rescan(data, dialect), work, work.order[low:high], chunk.first, table, sink)
            low = high


def _check_records(table: Indexed, work: _Work, target: Path) -> None:
    """Torn lines beside other edits could join records that were apart; then numbers would lie, so refuse.

    Raises
    ------
    OutputError
        The new file does not have the records that it should have.
    """
    made = Indexed(target, table.ref.name, Layout(table.dialect, table.columns, table.offset))
    expected = table.rows + work.kind.count("add") - work.kind.count("drop")
    if made.rows != expected:
        raise OutputError(
            f"{table.ref.name} has quotes that are never closed, and these edits would make {made.rows} records of "
            f"{expected}. Mend the records that are reported as malformed by hand first."
        )


class _Sink:
    """A file that remembers the last byte written."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.last = file, -1

    def write(self, data: bytes | memoryview) -> None:
        if len(data):
            self.file.write(data)
            self.last = data[-1]


def _copy(source: IO[bytes], sink: _Sink, size: int) -> None:
    while size > 0 and (data := source.read(min(size, _COPY))):
        sink.write(data)
        size -= len(data)


def _piece(work: _Work, at: int) -> bytes:
    raw = work.new_raw[at]
    if raw is None:
        raise UsageError(f"row {work.numbered[at]} is to be added, but its bytes (new_raw) are not given")
    return raw


def _patch(data: bytes, records: Records, work: _Work, order: Int64s, first: int, table: Indexed, sink: _Sink) -> None:
    """Write the bytes of one chunk with its edits; fills in the raw bytes of the edits."""
    view = memoryview(data)
    rows = work.row[order] - first
    begin = np.append(records.begin, records.after[-1] if len(records) else 0)
    is_set = work.column[order] >= 0
    left, right = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    bad = is_set & (records.why[np.minimum(rows, len(records) - 1)] != FINE) if len(records) else is_set
    if bad.any():
        at = int(order[int(np.flatnonzero(bad)[0])])
        raise StaleRepair(f"row {work.numbered[at]} is malformed: its cells cannot be edited, only the whole record")
    left[is_set], right[is_set] = records.spans(rows[is_set], work.column[order][is_set])
    whole = ~is_set
    left[whole] = begin[rows[whole]]
    right[whole] = begin[np.minimum(rows[whole] + 1, len(begin) - 1)]
    done = 0
    for at, start, stop in zip(order.tolist(), left.tolist(), right.tolist(), strict=True):
        kind = work.kind[at]
        start = max(start, done)
        sink.write(view[done:start])
        if kind == "add":
            sink.write(_piece(work, at))
            done = start
            continue
        if kind == "drop":
            stop = _past_joined(data, stop, sink.last)
        found = data[start:stop]
        _check(work, at, found, table)
        work.old_raw[at] = found
        if kind == "set":
            sink.write(_replacement(work, at, found, table))
        done = stop
    sink.write(view[done:])


def _past_joined(data: bytes, stop: int, last: int) -> int:
    """End of a dropped record where the line before it ends in a lone \\r and a blank \\n follows.

    Left behind, the two would become one line end, and nothing could be put back between them.
    """
    while last == 13 and data[stop : stop + 1] == b"\n":
        stop += 1
    return stop


def _check(work: _Work, at: int, found: bytes, table: Indexed) -> None:
    """The record or field must hold what the edit expects: its exact bytes where they are given, else its text."""
    expected = work.old_raw[at]
    where = f"{work.name[at]}, row {work.numbered[at]}" if work.kind[at] == "set" else f"row {work.numbered[at]}"
    advice = "The file changed after the repair was proposed: propose again, or undo the later change first."
    if expected is not None:
        if expected != found:
            raise StaleRepair(f"{where}: expected {_shown(expected)} but found {_shown(found)}. {advice}")
        return
    if work.kind[at] != "set":
        return
    text = field_text(found, table.dialect.quote_byte, table.dialect.inner)
    if text != work.old[at]:
        raise StaleRepair(f"{where}: expected {work.old[at]!r} but found {text!r}. {advice}")


def _shown(raw: bytes) -> str:
    return repr(raw[:80].decode("utf-8", "replace")) + ("..." if len(raw) > 80 else "")


def _replacement(work: _Work, at: int, found: bytes, table: Indexed) -> bytes:
    raw = work.new_raw[at]
    if raw is None:
        dialect = table.dialect
        quoted = dialect.quote is not None and found.startswith(dialect.quote.encode())
        where = f"{work.name[at]}, row {work.numbered[at]}"
        try:
            raw = field_of(work.new[at], dialect, quoted=quoted)
        except UnicodeEncodeError as error:
            raise OutputError(
                f"{where}: {error.object[error.start]!r} cannot be written in {dialect.encoding}, the file's encoding. "
                "Reject this repair, or convert the file to UTF-8 first."
            ) from error
        except ValueError as error:
            raise OutputError(f"{where}: {work.new[at]!r} cannot be written: {error}. Reject this repair.") from error
        work.new_raw[at] = raw
    return raw
