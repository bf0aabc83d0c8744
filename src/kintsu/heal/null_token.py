"""Empties cells that hold a word, sign or number for a missing value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.recipe import Recipe
from kintsu.profile.values.selection import Judgements, repairs_of, select

__all__ = ["NullToken"]


@dataclass(frozen=True)
class NullToken:
    """Empties cells that hold a word, sign or number for a missing value."""

    name: ClassVar[str] = "null_token"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, operations=("null_token",))

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: Judgements, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        return repairs_of(batch, model, reference, self.name, nature="canonical")
