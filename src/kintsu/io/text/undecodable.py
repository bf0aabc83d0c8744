"""Cells whose bytes are not text in the file's encoding."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from kintsu.io.text.dialect import Dialect
from kintsu.io.text.record import field_text
from kintsu.io.text.scan import FINE, Records, spans_of

__all__ = ["BAD_CELLS", "bad_cells"]

BAD_CELLS: Final[dict[str, type[pl.DataType]]] = {
    "row": pl.Int64,
    "column": pl.String,
    "value": pl.String,
    "why": pl.String,
}


def _stray(data: bytes, encoding: str) -> list[int]:
    """Positions of the bytes that do not decode."""
    found, at = [], 0
    while True:
        try:
            data[at:].decode(encoding)
        except UnicodeDecodeError as error:
            found.append(at + error.start)
            at += error.end
        else:
            return found


def bad_cells(data: bytes, records: Records, dialect: Dialect, names: tuple[str, ...], first: int) -> pl.DataFrame:
    """The cells of one chunk that hold such bytes; malformed records are left out."""
    empty = pl.DataFrame(schema=BAD_CELLS)
    if data.isascii() or not len(records):
        return empty
    try:
        data.decode(dialect.inner)
    except UnicodeDecodeError as error:
        begin = error.start
    else:
        return empty
    rows: list[tuple[int, str, str | None, str]] = []
    a = np.frombuffer(data, np.uint8)
    high = np.flatnonzero(a[begin:] >= 0x80) + begin
    suspects = np.unique(np.searchsorted(records.stop, high, side="right"))
    for index in suspects[suspects < len(records)].tolist():
        if records.why[index] != FINE:
            continue
        start, stop = int(records.start[index]), int(records.stop[index])
        stray = _stray(data[start:stop], dialect.inner)
        if not stray:
            continue
        spans = records.loose.get(index) or list(spans_of(records, index))
        for name, (left, right) in zip(names, spans, strict=True):
            bad = [data[start + at] for at in stray if left <= start + at < right]
            if bad:
                shown = " ".join(f"0x{byte:02X}" for byte in bad[:4])
                what = f"the byte{'s' * (len(bad) > 1)} {shown}"
                why = f"{what} cannot be read as {dialect.encoding}; taken as Windows-1252"
                text = field_text(data[left:right], dialect.quote_byte, dialect.inner)
                rows.append((index + first, name, text, why))
    return pl.DataFrame(rows, schema=BAD_CELLS, orient="row")
