"""Text made of characters that the column does not use: control characters, broken encodings, odd sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.profile.values.selection import Judgements, findings_of, select

__all__ = ["TextAnomaly"]


@dataclass(frozen=True)
class TextAnomaly:
    """Text made of characters that the column does not use: control characters, broken encodings, odd sequences.

    Score: by the surprise of its character triples under the column's own; blind to fluent nonsense.
    """

    name: ClassVar[str] = "text_anomaly"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, kinds=("text_anomaly",))

    def find(self, batch: Batch, model: Judgements, reference: Reference) -> pl.DataFrame:
        return findings_of(batch, model, reference, self.name)
