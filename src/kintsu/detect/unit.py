"""Numbers with a unit in a column of bare numbers, or units spelt in several ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.profile.values.selection import Judgements, findings_of, select

__all__ = ["UnitMismatch"]


@dataclass(frozen=True)
class UnitMismatch:
    """Numbers with a unit in a column of bare numbers, or units spelt in several ways.

    Score: .97 in a column of bare numbers, .6 to .8 where the whole column carries units and only spelling differs.
    """

    name: ClassVar[str] = "unit"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, kinds=("unit",))

    def find(self, batch: Batch, model: Judgements, reference: Reference) -> pl.DataFrame:
        return findings_of(batch, model, reference, self.name)
