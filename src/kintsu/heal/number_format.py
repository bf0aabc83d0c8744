"""Prints numbers as the rest of their column does: separators, stray characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.recipe import Recipe
from kintsu.profile.values.selection import Judgements, repairs_of, select

__all__ = ["NumberFormat"]


@dataclass(frozen=True)
class NumberFormat:
    """Prints numbers as the rest of their column does: separators, stray characters."""

    name: ClassVar[str] = "number_format"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, operations=("number_format", "drop_character"))

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: Judgements, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        return repairs_of(batch, model, reference, self.name, nature="canonical")
