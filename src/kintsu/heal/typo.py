"""Replaces a misspelt value by the frequent value it is a misspelling of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.recipe import Recipe
from kintsu.profile.values.selection import Judgements, repairs_of, select

__all__ = ["TypoToNeighbour"]


@dataclass(frozen=True)
class TypoToNeighbour:
    """Replaces a misspelt value by the frequent value it is a misspelling of."""

    name: ClassVar[str] = "typo"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, operations=("typo",))

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: Judgements, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        return repairs_of(batch, model, reference, self.name, nature="follows")
