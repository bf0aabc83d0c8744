"""Writes codes and words as the column does: blanks, case, marks, the part that has the form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.recipe import Recipe
from kintsu.profile.values.selection import Judgements, repairs_of, select

__all__ = ["PatternFormat"]


@dataclass(frozen=True)
class PatternFormat:
    """Writes codes and words as the column does: blanks, case, marks, the part that has the form."""

    name: ClassVar[str] = "pattern_format"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, kinds=("format", "text_anomaly"), besides=("number_format", "date_format"))

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: Judgements, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        return repairs_of(batch, model, reference, self.name, nature="canonical")
