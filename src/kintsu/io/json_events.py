"""JSON events in micro-batches: many values to one frame of cells, and a mended value with only its cells replaced.

Cells are those that `io.json` reads from a file: text as it is spelt.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import polars as pl

from kintsu.io.json import cells_of, parse, why_bad
from kintsu.io.json_splice import replaced

__all__ = ["Decoded", "JsonEvents"]

LOOKED_AT: Final = 200  # values of a micro-batch whose kinds are looked at: numbers or strings
_FLAT = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


@dataclass(frozen=True)
class Decoded:
    """A micro-batch in columns.

    Attributes
    ----------
    cells
        A row for each value that could be read: the wanted columns, as text.
    rows
        Place of each row among the values.
    bad
        (place, why) of the others.
    shapes
        How many values have which fields, in which order.
    kinds
        (field, kind) -> how many of the values that were looked at hold that kind: number, string, boolean, nested.
    """

    cells: pl.DataFrame
    rows: list[int]
    bad: list[tuple[int, str]]
    shapes: Mapping[tuple[str, ...], int]
    kinds: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class JsonEvents:
    """One JSON object an event."""

    name: ClassVar[str] = "json"

    def decode(self, values: Sequence[bytes], columns: Sequence[str]) -> Decoded:
        """The cells of these columns; null where a field is absent or null."""
        records = [_record(value) for value in values]
        bad = [(place, why_bad(values[place])) for place, record in enumerate(records) if record is None]
        held = [record for record in records if record is not None]
        rows = [place for place, record in enumerate(records) if record is not None] if bad else range(len(held))
        cells = pl.DataFrame([cells_of(name, held) for name in columns])
        return Decoded(cells, list(rows), bad, Counter(map(tuple, held)), _kinds(values))

    def mended(self, value: bytes, changes: Iterable[tuple[str, str | None, str | None]], numeric: set[str]) -> bytes:
        """The value with (column, old, new) replaced: every other byte stays, a number stays a number."""
        return replaced("event", value, changes, dict.fromkeys(numeric, True))


def _record(value: bytes) -> dict[str, Any] | None:
    """As `parse`, which is asked where the value is nested, not plainly an object or has halves of characters: half of
    its time otherwise."""
    is_plain = b"[" not in value and value.count(b"{") == 1
    if not is_plain or (b"\\" in value and (b"\\ud" in value or b"\\uD" in value)):
        return parse(value)
    try:
        text = value.decode("utf-8")
        record, end = _FLAT.raw_decode(text)
    except (ValueError, RecursionError):
        return parse(value)
    return record if end == len(text) and type(record) is dict else parse(value)


def _kinds(values: Sequence[bytes]) -> Counter[tuple[str, str]]:
    """Kinds in some values, spread over all."""
    found: Counter[tuple[str, str]] = Counter()
    for value in values[:: max(len(values) // LOOKED_AT, 1)]:
        record = parse(value, keep_numbers=False) or {}
        found.update((name, _kind(cell)) for name, cell in record.items() if cell is not None)
    return found


def _kind(cell: Any) -> str:
    if isinstance(cell, bool):
        return "boolean"
    return "number" if isinstance(cell, int | float) else "string" if isinstance(cell, str) else "nested"
