"""Lengths of texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import polars as pl

from kintsu.core.batch import Column
from kintsu.profile.packing import pack, unpack
from kintsu.profile.tally import Ints, Tally, as_tally

__all__ = ["Lengths"]


@dataclass(frozen=True, eq=False)
class Lengths:
    """Characters per non-missing text: how many texts of each length (up to 255), the smallest, largest and sum.

    Columns that are typed as numbers or times have no lengths: the summary stays empty.
    """

    name: ClassVar[str] = "lengths"
    grade: ClassVar[str] = "exact"

    counts: Ints = field(default_factory=lambda: np.zeros(256, np.int64))  # the last holds all longer ones
    total: int = 0
    least: int | None = None
    most: int | None = None

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """Characters per text; 0 where there is none."""
        return self.total / self.n if self.n else 0.0

    def add(self, column: Column | Tally) -> Lengths:
        cells = as_tally(column)
        if cells.dtype != pl.String or not len(cells):
            return self
        lengths = cells.values.str.len_chars().cast(pl.Int64).to_numpy()
        n = cells.weights
        counts = np.bincount(np.minimum(lengths, 255), weights=n, minlength=256).astype(np.int64)
        return self.merge(Lengths(counts, int((lengths * n).sum()), int(lengths.min()), int(lengths.max())))

    def merge(self, other: Lengths) -> Lengths:
        held = [s for s in (self, other) if s.least is not None]
        return Lengths(
            self.counts + other.counts,
            self.total + other.total,
            min((s.least for s in held), default=None),  # type: ignore[type-var]
            max((s.most for s in held), default=None),  # type: ignore[type-var]
        )

    def to_bytes(self) -> bytes:
        return pack(
            self.name, 1, {"total": self.total, "least": self.least, "most": self.most}, {"counts": self.counts}
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Lengths:
        facts, arrays = unpack(data, cls.name, 1)
        return cls(arrays["counts"], **facts)
