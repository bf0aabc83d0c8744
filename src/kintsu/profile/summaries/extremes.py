"""Smallest and largest value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Column, as_text
from kintsu.profile.packing import pack, unpack
from kintsu.profile.tally import Tally, as_tally

__all__ = ["Extremes"]


def _least(*values: float | str | None) -> float | str | None:
    held = [v for v in values if v is not None]
    return min(held) if held else None


def _most(*values: float | str | None) -> float | str | None:
    held = [v for v in values if v is not None]
    return max(held) if held else None


@dataclass(frozen=True)
class Extremes:
    """Smallest and largest finite number, and smallest and largest text by code points.

    `low` and `high` are None where there is no number; the text ones where the column is typed as numbers. Dates and
    times have their numbers (seconds since the epoch) and their ISO text.
    """

    name: ClassVar[str] = "extremes"
    grade: ClassVar[str] = "exact"

    low: float | None = None
    high: float | None = None
    first: str | None = None
    last: str | None = None

    def add(self, column: Column | Tally) -> Extremes:
        cells = as_tally(column)
        x, _ = cells.finite
        first, last = None, None
        if len(cells) and not cells.dtype.is_numeric():
            ends = pl.Series([cells.values.min(), cells.values.max()], dtype=cells.dtype)
            first, last = as_text(ends).to_list()
        low, high = (float(x[0]), float(x[-1])) if len(x) else (None, None)
        return self.merge(Extremes(low, high, first, last))

    def merge(self, other: Extremes) -> Extremes:
        return Extremes(
            _least(self.low, other.low),  # type: ignore[arg-type]
            _most(self.high, other.high),  # type: ignore[arg-type]
            _least(self.first, other.first),  # type: ignore[arg-type]
            _most(self.last, other.last),  # type: ignore[arg-type]
        )

    def to_bytes(self) -> bytes:
        return pack(self.name, 1, {"low": self.low, "high": self.high, "first": self.first, "last": self.last})

    @classmethod
    def from_bytes(cls, data: bytes) -> Extremes:
        return cls(**unpack(data, cls.name, 1)[0])
