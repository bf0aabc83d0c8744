"""How many cells are what."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import ClassVar

import numpy as np

from kintsu.core.batch import Column
from kintsu.profile.packing import pack, unpack
from kintsu.profile.tally import Tally, as_tally

__all__ = ["Counts"]


@dataclass(frozen=True)
class Counts:
    """Cells by what they hold. `numbers` counts finite plain numbers; zeros and negatives are among them."""

    name: ClassVar[str] = "counts"
    grade: ClassVar[str] = "exact"

    rows: int = 0
    nulls: int = 0
    blanks: int = 0  # text of white space only
    numbers: int = 0
    nan: int = 0
    inf: int = 0
    zeros: int = 0
    negatives: int = 0

    def add(self, column: Column | Tally) -> Counts:
        cells = as_tally(column)
        number, n = cells.number.to_numpy(), cells.weights  # nulls become NaN here: told apart below
        absent = cells.number.is_null().to_numpy()
        _, finite = cells.finite
        part = Counts(
            rows=cells.rows,
            nulls=cells.nulls,
            blanks=cells.blanks,
            numbers=int(finite.sum()),
            nan=int(n[np.isnan(number) & ~absent].sum()),
            inf=int(n[np.isinf(number)].sum()),
            zeros=int(n[number == 0].sum()),
            negatives=int(n[(number < 0) & np.isfinite(number)].sum()),
        )
        return self.merge(part)

    def merge(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def to_bytes(self) -> bytes:
        return pack(self.name, 1, asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Counts:
        return cls(**unpack(data, cls.name, 1)[0])
