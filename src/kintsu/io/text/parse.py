"""Chunks to frames of text columns."""

from __future__ import annotations

import codecs
from functools import lru_cache

import polars as pl

from kintsu.io.text.chunks import Plan, rescan
from kintsu.io.text.dialect import Dialect
from kintsu.io.text.encoding import legible
from kintsu.io.text.record import field_text, parse_record

__all__ = ["clean", "parse", "parse_slowly"]


def clean(data: bytes, plan: Plan, encoding: str) -> bytes:
    """Plain CSV in UTF-8 with one line per record."""
    if plan:
        view, at = memoryview(data), 0
        pieces: list[bytes | memoryview] = []
        for start, stop, replacement in plan:
            pieces += [view[at:start], replacement]
            at = stop
        data = b"".join([*pieces, view[at:]])
    if data.isascii():
        return data
    if encoding == "utf-8":
        try:
            codecs.utf_8_decode(data, "strict", True)
        except UnicodeDecodeError:
            return legible(data, encoding).encode("utf-8")
        return data
    return legible(data, encoding).encode("utf-8")


@lru_cache(maxsize=8)
def _schema(width: int) -> dict[str, type[pl.DataType]]:
    return {f"column_{i + 1}": pl.String for i in range(width)}


def parse(data: bytes, dialect: Dialect, names: tuple[str, ...], chosen: list[str], *, quoted: bool) -> pl.DataFrame:
    """The chosen columns of clean bytes; null where a field is empty and not quoted.

    Works by polars' reader, and by our own where that one refuses or counts differently.
    """
    if not chosen or not data:
        return pl.DataFrame(schema=dict.fromkeys(chosen, pl.String))
    place = {name: i for i, name in enumerate(names)}
    wanted = sorted(place[name] for name in chosen)
    if data.startswith(codecs.BOM_UTF8):  # the reader would take it for a mark and drop it; it is a character here
        data = codecs.BOM_UTF8 + data
    frame = pl.read_csv(
        data,
        has_header=False,
        schema=_schema(dialect.width),
        columns=None if len(wanted) == dialect.width else wanted,
        separator=dialect.delimiter,
        quote_char=dialect.quote if quoted else None,
    )
    frame.columns = [names[i] for i in wanted]
    return frame if frame.columns == chosen else frame.select(chosen)


def parse_slowly(data: bytes, dialect: Dialect, names: tuple[str, ...], chosen: list[str]) -> pl.DataFrame:
    """As `parse`, record by record: for what polars' reader refuses."""
    records = rescan(data, dialect)
    picks = [names.index(name) for name in chosen]
    columns: list[list[str | None]] = [[] for _ in chosen]
    for start in records.start.tolist():
        spans = parse_record(data, start, dialect.delimiter_byte, dialect.quote_byte).spans
        for column, pick in zip(columns, picks, strict=True):
            left, right = spans[pick]
            column.append(field_text(data[left:right], dialect.quote_byte, "utf-8"))
    return pl.DataFrame(dict(zip(chosen, columns, strict=True)), schema=dict.fromkeys(chosen, pl.String))
