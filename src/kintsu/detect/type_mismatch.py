"""Cells that are not of the type that nearly all cells of their column have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.profile.values.selection import Judgements, findings_of, select

__all__ = ["TypeMismatch"]


@dataclass(frozen=True)
class TypeMismatch:
    """Cells that are not of the type that nearly all cells of their column have.

    Score: how sure it is that the column has the type; blind in columns that mix types by habit.
    """

    name: ClassVar[str] = "type_mismatch"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, kinds=("type",))

    def find(self, batch: Batch, model: Judgements, reference: Reference) -> pl.DataFrame:
        return findings_of(batch, model, reference, self.name)
