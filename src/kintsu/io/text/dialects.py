"""From a file's head and the user's options to a full dialect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError
from kintsu.io.text.dialect import Dialect
from kintsu.io.text.encoding import BOMS, canonical, guess, wide_without_bom
from kintsu.io.text.record import field_text, parse_record
from kintsu.io.text.sniff import (
    looks_like_header,
    modal_width,
    sniff_decimal_comma,
    sniff_delimiter,
    sniff_quote,
    split,
)
from kintsu.io.text.source import compression_of, open_inner

__all__ = ["Layout", "layout_of"]

SAMPLE: Final[int] = 1 << 20  # bytes that decide the encoding
SNIFF: Final[int] = 128 << 10  # bytes that decide the rest; whole lines
_PIECES: Final[int] = 16  # places over the whole file where the encoding is looked at


@dataclass(frozen=True)
class Layout:
    """A dialect with what the head of this file adds to it."""

    dialect: Dialect
    columns: tuple[str, ...]
    offset: int  # where the data begin: behind byte order mark and header


def layout_of(path: Path, shown: str, suffix: str, options: ReadOptions) -> Layout:
    """Look at the file and settle what the options leave open.

    Options always win; a whole description (see `Table.describe`) leaves nothing open.
    """
    with path.open("rb") as file:
        raw = file.read(4096)
    compression = compression_of(raw)
    _refuse_unpacked(path, compression, shown)
    described = options.extra.get("description")
    if described:
        dialect = replace(Dialect.from_dict(described), compression=compression)
        head = _head(path, compression, dialect.encoding)
        return _with_names(head, dialect, settled=True)
    if compression:
        with open_inner(path, compression, "utf-8") as inner:
            raw = inner.read(4096)
            if not raw:
                raise InputError(f"{shown} is empty once unpacked: there is no table in it")
    encoding, bom = _encoding(path, raw, compression, options)
    head = _head(path, compression, encoding)
    _refuse_binary(head, shown)
    dialect = _sniffed(head, Dialect(encoding=encoding, bom=bom, compression=compression), suffix, options)
    return _with_names(head, dialect, settled=False, header=options.header)


def _encoding(path: Path, raw: bytes, compression: str | None, options: ReadOptions) -> tuple[str, bool]:
    for mark, name in BOMS:
        if raw.startswith(mark):
            return name, True
    if options.encoding:
        return canonical(options.encoding), False
    wide = wide_without_bom(raw)
    if wide:
        return wide, False
    return guess(_samples(path, compression)), False


def _samples(path: Path, compression: str | None) -> list[bytes]:
    """The head and some places further on, so that a file whose first accent comes late is still known."""
    with open_inner(path, compression, "utf-8") as file:
        found = [_whole(file.read(SAMPLE))]
        size = path.stat().st_size
        if compression is None and size > SAMPLE:
            for i in range(1, _PIECES + 1):
                file.seek(SAMPLE + (size - SAMPLE) * i // (_PIECES + 1))
                found.append(_whole(file.read(SAMPLE // _PIECES), cut_start=True))
    return found


def _whole(piece: bytes, *, cut_start: bool = False) -> bytes:
    """The piece without characters that were cut in two: they would look like stray bytes."""
    first = 0
    while cut_start and first < min(3, len(piece)) and 0x80 <= piece[first] < 0xC0:
        first += 1
    last = len(piece)
    for back in range(1, min(4, len(piece)) + 1):
        if piece[-back] >= 0xC0:
            last = len(piece) - back
            break
        if piece[-back] < 0x80:
            break
    return piece[first:last]


def _head(path: Path, compression: str | None, encoding: str) -> bytes:
    with open_inner(path, compression, encoding) as file:
        return file.read(SAMPLE)


def _refuse_unpacked(path: Path, compression: str | None, shown: str) -> None:
    """A name that promises a compressed file and bytes that are none: cut off, or something else."""
    promised = {".gz": "gz", ".gzip": "gz", ".zst": "zst", ".zstd": "zst"}.get(path.suffix.lower())
    if promised and compression is None:
        kind = "gzip" if promised == "gz" else "Zstandard"
        raise InputError(f"{shown} is not a {kind} file, though its name says so. Compress it again, or rename it.")


def _refuse_binary(head: bytes, shown: str) -> None:
    """Pictures, archives and the like: many control characters that no text has."""
    sample = head[:65536]
    control = sum(sample.count(bytes([c])) for c in range(32) if c not in (1, 9, 10, 12, 13, 27, 31))
    if control > max(32, 0.05 * len(sample)):  # a few zero bytes are damage, not another format
        raise InputError(f"{shown} is not text: it looks like a binary file. Name a CSV file, or give its real suffix.")


def _sniffed(head: bytes, known: Dialect, suffix: str, options: ReadOptions) -> Dialect:
    body = head[3:] if head.startswith(b"\xef\xbb\xbf") else head
    sample = body if len(body) <= SNIFF else body[: max(body.rfind(b"\n", 0, SNIFF), body.rfind(b"\r", 0, SNIFF)) + 1]
    sample = sample or body
    quote = sniff_quote(sample) if options.quote is None else options.quote or None  # "" asks for none
    delimiter = options.delimiter or sniff_delimiter(sample, quote, known.inner, suffix)
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    ends = {"\r\n": sample.count(b"\r\n")}
    ends |= {"\n": sample.count(b"\n") - ends["\r\n"], "\r": sample.count(b"\r") - ends["\r\n"]}
    dialect = replace(
        known,
        delimiter=delimiter,
        quote=quote,
        line_end=max(("\n", "\r\n", "\r"), key=lambda end: ends[end]),
        day_first=options.day_first,
    )
    rows = split(sample, delimiter, quote, known.inner, 500)
    header = looks_like_header(rows) if options.header is None else options.header
    comma = sniff_decimal_comma(rows) if options.decimal_comma is None else options.decimal_comma
    width = max(modal_width(sample, delimiter, dialect.quote_byte), 1)
    return replace(dialect, header=header, decimal_comma=comma, width=width)


def _with_names(head: bytes, dialect: Dialect, *, settled: bool, header: bool | None = None) -> Layout:
    """Column names from the first record, and where the data begin behind it."""
    start = 3 if dialect.inner == "utf-8" and head.startswith(b"\xef\xbb\xbf") else 0
    if not dialect.header:
        return Layout(dialect, named([None] * dialect.width), start)
    at = start
    while head[at : at + 1] in (b"\r", b"\n"):  # blank lines before the header
        at += 1
    record = parse_record(head, at, dialect.delimiter_byte, dialect.quote_byte)
    if not record.closed:
        record = parse_record(head, at, dialect.delimiter_byte, None)
    texts = [field_text(head[left:right], dialect.quote_byte, dialect.inner) for left, right in record.spans]
    width = dialect.width
    if not settled:  # a header that is shorter than the records lacks names; one that is longer is right
        width = max(width, len(texts))
    after = record.stop + (2 if head[record.stop : record.stop + 2] == b"\r\n" else 1)
    texts = (texts + [None] * width)[:width]
    return Layout(replace(dialect, width=width), named(texts), min(after, len(head)))


def named(texts: list[str | None]) -> tuple[str, ...]:
    """Column names: a missing one is `column_<n>`, a repeated one gets `_2`, `_3`, ...; all distinct.

    >>> named(["a", None, "a", "a_2", ""])
    ('a', 'column_2', 'a_3', 'a_2', 'column_5')
    """
    plain = {text for text in texts if text}
    taken: set[str] = set()
    result = []
    for position, text in enumerate(texts, 1):
        name = text or f"column_{position}"
        if name in taken or (not text and name in plain):
            name = next(f"{name}_{n}" for n in count(2) if f"{name}_{n}" not in taken | plain)
        taken.add(name)
        result.append(name)
    return tuple(result)
