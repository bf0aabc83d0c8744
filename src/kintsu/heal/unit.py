"""Strips units from numbers, or spells them in one way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.recipe import Recipe
from kintsu.profile.values.selection import Judgements, repairs_of, select

__all__ = ["Unit"]


@dataclass(frozen=True)
class Unit:
    """Strips units from numbers, or spells them in one way."""

    name: ClassVar[str] = "unit"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, operations=("strip_unit", "spell_unit"))

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: Judgements, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        return repairs_of(batch, model, reference, self.name, nature="canonical")
