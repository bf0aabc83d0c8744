"""What was measured of a batch, as bytes to keep: compressed JSON, so that reading runs no code."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

import numpy as np
import zstandard

from kintsu.monitor.measure import BatchMetrics, ColumnMetrics

__all__ = ["pack", "unpack"]

VERSION: Final = 1


def pack(batch: BatchMetrics) -> bytes:
    """The metrics as bytes; `unpack` gives them back, numbers to the bit but for the sample, kept as float32."""
    body = {
        "version": VERSION,
        "rows": batch.rows,
        "duplicates": batch.duplicates,
        "content": batch.content,
        "due": None if batch.due is None else batch.due.isoformat(),
        "arrived": None if batch.arrived is None else batch.arrived.isoformat(),
        "columns": [_column(column) for column in batch.columns.values()],
        "numbers": batch.numbers,
    }
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    head = len(text).to_bytes(8, "little")
    most = np.finfo(np.float32).max
    return zstandard.compress(head + text + np.clip(batch.sample, -most, most).astype("<f4").tobytes(), 3)


def _column(column: ColumnMetrics) -> dict[str, Any]:
    return {
        "name": column.name,
        "dtype": column.dtype,
        "kind": column.kind,
        "rows": column.rows,
        "nulls": column.nulls,
        "distinct": column.distinct,
        "shares": dict(column.shares),
        "levels": {name: list(pair) for name, pair in column.levels.items()},
        "quantiles": None if column.quantiles is None else column.quantiles.tolist(),
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
    if held.get("version") != VERSION:
        raise ValueError(f"metrics of version {held.get('version')}; this kintsu reads version {VERSION}")
    numbers = tuple(held["numbers"])
    sample = np.frombuffer(raw, "<f4", offset=8 + n).astype(np.float64)
    return BatchMetrics(
        rows=held["rows"],
        duplicates=held["duplicates"],
        content=held["content"],
        due=_moment(held["due"]),
        arrived=_moment(held["arrived"]),
        columns={column["name"]: _restored(column) for column in held["columns"]},
        numbers=numbers,
        sample=sample.reshape(-1, len(numbers)) if numbers else np.empty((0, 0)),
    )


def _restored(column: dict[str, Any]) -> ColumnMetrics:
    quantiles = column.pop("quantiles")
    levels = {name: (value, variance) for name, (value, variance) in column.pop("levels").items()}
    return ColumnMetrics(
        **column, levels=levels, quantiles=None if quantiles is None else np.array(quantiles, dtype=np.float64)
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
