"""Cells outside the patterns found in a column of codes, numbers, dates or words of one spelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.profile.values.selection import Judgements, findings_of, select

__all__ = ["FormatMismatch"]


@dataclass(frozen=True)
class FormatMismatch:
    """Cells outside the patterns found in a column of codes, numbers, dates or words of one spelling.

    Score: .97 where one reading leads into the pattern, else by how few cells stand outside; blind to wrong values of
    the right form.
    """

    name: ClassVar[str] = "format"

    def train(self, reference: Reference) -> Judgements:
        return select(reference, kinds=("format",))

    def find(self, batch: Batch, model: Judgements, reference: Reference) -> pl.DataFrame:
        return findings_of(batch, model, reference, self.name)
