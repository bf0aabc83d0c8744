"""One record at a time, exactly as Python's csv reader takes it: for the few that the array scan cannot decide."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

__all__ = ["MAX_RECORD", "Record", "field_bytes", "field_text", "parse_record"]

MAX_RECORD: Final[int] = 64 << 20
"""Bytes after which a quote that has not been closed counts as never closed: it bounds memory."""


@dataclass(frozen=True, slots=True)
class Record:
    """Where a record lies. `spans` are its fields, quotes included; `stop` is the end without the line end.

    `closed` False: the text ended, or `MAX_RECORD` was reached, inside quotes. `strict` False: in a field of several
    lines something stands between the closing quote and the next delimiter.
    """

    spans: list[tuple[int, int]]
    stop: int
    closed: bool
    strict: bool


@cache
def _ends(delimiter: int) -> re.Pattern[bytes]:
    return re.compile(b"[" + re.escape(bytes([delimiter])) + rb"\r\n]")


def _close(data: bytes, position: int, quote: bytes, limit: int) -> int:
    """Position of the quote that closes the field whose text begins at `position`; -1 where there is none."""
    while True:
        at = data.find(quote, position, limit)
        if at < 0 or data[at + 1 : at + 2] != quote:
            return at
        position = at + 2


def parse_record(data: bytes, start: int, delimiter: int, quote: int | None) -> Record:
    """The record that begins at `start`."""
    ends, mark = _ends(delimiter), b"" if quote is None else bytes([quote])
    spans, position, strict = [], start, True
    limit = min(len(data), start + MAX_RECORD)
    while True:
        after = position
        if mark and data[position : position + 1] == mark:
            closing = _close(data, position + 1, mark, limit)
            if closing < 0:
                spans.append((position, limit))
                return Record(spans, limit, closed=False, strict=False)
            after = closing + 1
        match = ends.search(data, after)
        end = match.start() if match else len(data)
        if after not in (position, end):
            strict = strict and b"\n" not in data[position:end] and b"\r" not in data[position:end]
        spans.append((position, end))
        if match is None or data[end] != delimiter:
            return Record(spans, end, closed=True, strict=strict)
        position = end + 1


def field_bytes(raw: bytes, quote: int | None) -> bytes | None:
    """What a field says, without its quotes; None for an empty field that has none."""
    if not raw:
        return None
    mark = b"" if quote is None else bytes([quote])
    if not mark or raw[:1] != mark:
        return raw
    closing = _close(raw, 1, mark, len(raw))
    if closing < 0:
        return raw
    return raw[1:closing].replace(mark + mark, mark) + raw[closing + 1 :]


def field_text(raw: bytes, quote: int | None, encoding: str) -> str | None:
    """Text of a field as batches give it."""
    from kintsu.io.text.encoding import legible

    content = field_bytes(raw, quote)
    return None if content is None else legible(content, encoding)
