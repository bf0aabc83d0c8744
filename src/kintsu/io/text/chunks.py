"""The file in chunks that end at records, each remembered by where it lies and by what keeps it from plain parsing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

import numpy as np

from kintsu.io.text.dialect import Dialect
from kintsu.io.text.record import field_bytes
from kintsu.io.text.scan import FIELDS, FINE, NUL, UNCLOSED, Records, scan
from kintsu.io.text.source import BLOCK

__all__ = ["Chunk", "Plan", "kept_plan", "plan_of", "rescan", "scanned", "why_malformed"]

Plan = list[tuple[int, int, bytes]]

_PLAN_CAP: Final[int] = 20_000  # replacements kept per chunk; beyond it a chunk is scanned again on each pass


@dataclass(frozen=True)
class Chunk:
    """A stretch of the file that holds whole records.

    `plan` lists what must be replaced before the bytes are plain CSV: (start, stop, replacement), ascending. None: too
    long to keep, scan again.
    """

    offset: int
    length: int
    first: int  # row number of its first record
    rows: int
    quoted: bool
    plan: Plan | None


def scanned(file: IO[bytes], dialect: Dialect, offset: int) -> Iterator[tuple[int, bytes, Records]]:
    """(offset, data, records) of each chunk from `offset` on; `data` is cut to the bytes that the records take."""
    rest, wanted = b"", BLOCK
    while True:
        block = _read(file, wanted)
        final = len(block) < wanted
        data = rest + block if rest else block
        records = _scan(data, dialect, final=final)
        used = records.consumed
        if used:
            yield offset, data[:used] if used < len(data) else data, records
        if final:
            return
        offset, rest = offset + used, data[used:]
        wanted = BLOCK if used else max(BLOCK, len(rest))  # a long record doubles what is read


def _read(file: IO[bytes], size: int) -> bytes:
    """Exactly `size` bytes, fewer only at the end."""
    data = file.read(size)
    if len(data) == size or not data:
        return data
    parts = [data]
    while (missing := size - sum(map(len, parts))) and (more := file.read(missing)):
        parts.append(more)
    return b"".join(parts)


def rescan(data: bytes, dialect: Dialect) -> Records:
    """The records of one chunk again."""
    return _scan(data, dialect, final=True)


def _scan(data: bytes, dialect: Dialect, *, final: bool) -> Records:
    delimiter, quote = dialect.delimiter_byte, dialect.quote_byte
    return scan(data, dialect.width, delimiter, quote, final=final, torn=dialect.torn)


def plan_of(data: bytes, records: Records, dialect: Dialect) -> Plan:
    """What makes the chunk plain CSV with one line per record.

    Blank lines and what follows the last record go, malformed records become lines of nulls, fields that only a lenient
    reader takes are quoted properly, and a lone carriage return that ends a record becomes a newline.
    """
    plan: Plan = []
    delimiter, quote = bytes([dialect.delimiter_byte]), dialect.quote_byte
    blank = np.flatnonzero(records.begin < records.start)
    plan += [(b, s, b"") for b, s in zip(records.begin[blank].tolist(), records.start[blank].tolist(), strict=True)]
    nulls = delimiter * (dialect.width - 1)
    bad = np.flatnonzero(records.why != FINE)
    plan += [(s, e, nulls) for s, e in zip(records.start[bad].tolist(), records.stop[bad].tolist(), strict=True)]
    for index, spans in records.loose.items():
        if records.why[index] == FINE:
            fields = delimiter.join(_quoted(field_bytes(data[s:e], quote), quote) for s, e in spans)
            plan.append((int(records.start[index]), int(records.stop[index]), fields))
    if b"\r" in data:
        a = np.frombuffer(data, np.uint8)
        ended = records.stop < records.after
        lone = records.stop[ended & (records.after - records.stop == 1)]
        lone = lone[a[lone] == 13]
        plan += [(at, at + 1, b"\n") for at in lone.tolist()]
    if records.consumed > (end := int(records.after[-1]) if len(records) else 0):
        plan.append((end, records.consumed, b""))
    return sorted(plan)


def _quoted(content: bytes | None, quote: int | None) -> bytes:
    if content is None or quote is None:
        return content or b""
    mark = bytes([quote])
    return mark + content.replace(mark, mark + mark) + mark


def kept_plan(plan: Plan) -> Plan | None:
    """The plan, where it is short enough to keep."""
    return plan if len(plan) <= _PLAN_CAP else None


def why_malformed(code: int, fields: int, width: int) -> str:
    """One sentence for a person."""
    if code == UNCLOSED:
        return "a quote opens in this record and is never closed properly"
    if code == NUL:
        return "the record holds a zero byte, which text never does"
    assert code == FIELDS
    return f"the record has {fields} field{'s' * (fields != 1)} where {width} are expected"
