"""Values of a column of few categories that are far rarer than all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.profile.values.selection import Judgements, findings_of, select

__all__ = ["RareCategory"]


@dataclass(frozen=True)
class RareCategory:
    """Values of a column of few categories that are far rarer than all others.

    Score: by the gap between the value's count and that of the next rarer category; blind to wrong but usual values.
    """

    name: ClassVar[str] = "rare_category"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, kinds=("rare_category",))

    def find(self, batch: Batch, model: Judgements, reference: Reference) -> pl.DataFrame:
        return findings_of(batch, model, reference, self.name)
