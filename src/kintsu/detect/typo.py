"""Misspelt values: rare neighbours of frequent ones, and values that a mined noise operation explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.profile.values.selection import Judgements, findings_of, select

__all__ = ["Typo"]


@dataclass(frozen=True)
class Typo:
    """Misspelt values: rare neighbours of frequent ones, and values that a mined noise operation explains.

    Score: share of such neighbours that chance does not explain; blind in columns of free text, keys and codes whose
    digits differ.
    """

    name: ClassVar[str] = "typo"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, kinds=("typo", "domain"))

    def find(self, batch: Batch, model: Judgements, reference: Reference) -> pl.DataFrame:
        return findings_of(batch, model, reference, self.name)
