"""Null tokens (`N/A`, `?`) and numbers or dates that stand for a missing value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.profile.values.selection import Judgements, findings_of, select

__all__ = ["DisguisedMissing"]


@dataclass(frozen=True)
class DisguisedMissing:
    """Null tokens (`N/A`, `?`) and numbers or dates that stand for a missing value.

    Score: .97 for a token among numbers or values of one form, lower for words among words; blind to legal values used
    as placeholders, such as a default first name.
    """

    name: ClassVar[str] = "disguised_missing"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, kinds=("disguised_missing",))

    def find(self, batch: Batch, model: Judgements, reference: Reference) -> pl.DataFrame:
        return findings_of(batch, model, reference, self.name)
