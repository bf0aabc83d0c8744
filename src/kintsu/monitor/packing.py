"""What was measured of a batch, as bytes to keep: compressed JSON and arrays of numbers, so that reading runs no code.

Thirty of them are read for every batch that is judged: numbers in JSON took most of that time.
"""

from __future__ import annotations

import json
import struct
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import zstandard

from kintsu.monitor.measure import BatchMetrics, ColumnMetrics

__all__ = ["pack", "unpack"]

Floats = npt.NDArray[np.float64]

VERSION: Final = 2  # the first kept all numbers in the JSON


def pack(batch: BatchMetrics) -> bytes:
    """The metrics as bytes; `unpack` gives them back, numbers to the bit but for the sample, kept as float32."""
    told = {
        "version": VERSION,
        "rows": batch.rows,
        "duplicates": batch.duplicates,
        "content": batch.content,
        "due": None if batch.due is None else batch.due.isoformat(),
        "arrived": None if batch.arrived is None else batch.arrived.isoformat(),
        "columns": [_column(column) for column in batch.columns.values()],
        "numbers": batch.numbers,
    }
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    head = len(text).to_bytes(8, "little")
    numbers = [x for column in batch.columns.values() for x in _numbers(column)]
    most = np.finfo(np.float32).max
    body = b"".join(x.astype("<f8").tobytes() for x in numbers)
    sample = np.clip(batch.sample, -most, most).astype("<f4").tobytes()
    return zstandard.compress(head + text + body + sample, 3)


def _numbers(column: ColumnMetrics) -> list[Floats]:
    levels = np.array(list(column.levels.values()), dtype=np.float64).ravel()
    return [levels] if column.quantiles is None else [levels, column.quantiles]


def _column(column: ColumnMetrics) -> dict[str, Any]:
    return {
        "name": column.name,
        "dtype": column.dtype,
        "kind": column.kind,
        "rows": column.rows,
        "nulls": column.nulls,
        "distinct": column.distinct,
        "shares": dict(column.shares),
        "levels": list(column.levels),
        "quantiles": 0 if column.quantiles is None else len(column.quantiles),
        "values": dict(column.values),
        "patterns": dict(column.patterns),
    }


def unpack(body: bytes) -> BatchMetrics:
    """The metrics in these bytes.

    Raises
    ------
    ValueError
        They were written by a newer version, or are no metrics.
    """
    raw = zstandard.decompress(body)
    n = int.from_bytes(raw[:8], "little")
    held = json.loads(raw[8 : 8 + n].decode("utf-8", "surrogatepass"))
    if held.get("version") not in (1, VERSION):
        raise ValueError(f"metrics of version {held.get('version')}; this kintsu reads version {VERSION}")
    numbers, at, columns = tuple(held["numbers"]), 8 + n, {}
    for told in held["columns"]:
        columns[told["name"]], at = _restored(told, raw, at)
    sample = np.frombuffer(raw, "<f4", offset=at).astype(np.float64)
    return BatchMetrics(
        rows=held["rows"],
        duplicates=held["duplicates"],
        content=held["content"],
        due=_moment(held["due"]),
        arrived=_moment(held["arrived"]),
        columns=columns,
        numbers=numbers,
        sample=sample.reshape(-1, len(numbers)) if numbers else np.empty((0, 0)),
    )


def _restored(told: dict[str, Any], raw: bytes, at: int) -> tuple[ColumnMetrics, int]:
    """A column, and where the numbers of the next one begin."""
    levels, quantiles = told.pop("levels"), told.pop("quantiles")
    if isinstance(levels, dict):  # version 1
        held = None if quantiles is None else np.array(quantiles, dtype=np.float64)
        pairs = {name: (value, variance) for name, (value, variance) in levels.items()}
        return ColumnMetrics(**told, levels=pairs, quantiles=held), at
    pairs = dict(zip(levels, struct.iter_unpack("<dd", raw[at : at + 16 * len(levels)]), strict=True))
    at += 16 * len(levels)
    held = np.frombuffer(raw, "<f8", quantiles, at) if quantiles else None
    return ColumnMetrics(**told, levels=pairs, quantiles=held), at + 8 * quantiles


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
