"""Numbers that are usual for the column, but not for the group their row belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.frames import FINDINGS, concat, findings
from kintsu.core.phrase import phrase
from kintsu.profile.contexts import Context, contexts, in_context

__all__ = ["Contextual"]


@dataclass(frozen=True)
class Contextual:
    """Numbers far from the median of the rows that share the column's best grouping, such as price by article.

    The grouping is the column that narrows the numbers most (at least to half). Residuals are standardised by the
    group's own spread, shrunk towards that of all groups; their tails are extrapolated to the number of rows
    (`profile.fences`). A negative number whose positive twin is usual for its group is found as well. Groups of fewer
    than three rows say nothing.

    Score: 1 / (1 + e ** 0.25), e being the expected number of clean cells as far out: from 0.76 at the fence to 1.

    Parameters
    ----------
    error
        Expected number of clean cells flagged by column and side.
    """

    name: ClassVar[str] = "contextual"
    kind: ClassVar[str] = "contextual"

    error: float = 0.003

    def train(self, reference: Reference) -> dict[str, Context]:
        return contexts(reference)

    def find(self, batch: Batch, model: dict[str, Context], reference: Reference) -> pl.DataFrame:
        parts = []
        for name, context in model.items():
            if name not in batch.columns or context.by not in batch.columns:
                continue
            every = in_context(batch, context)
            flipped = self._flipped(every, context)
            parts.append(findings(flipped, detector=self.name, kind=self.kind, column=name))
            cells = every
            z = cells["z"].to_numpy()
            low, high = context.fences.lower, context.fences.upper
            with np.errstate(invalid="ignore"):
                cells = cells.filter(pl.Series((z < low) | (z > high)))
            expected = context.fences.surprise(cells["z"].to_numpy())
            score = pl.Series("score", 1 / (1 + np.maximum(expected, 0) ** 0.25))
            cells = cells.with_columns(score).filter(pl.Series(expected < self.error))
            why = phrase(
                "{} is {} for " + _quoted(context.by) + " {}: its {} rows have a median of {}",
                "value",
                pl.when(pl.col("z") > 0).then(pl.lit("far too much")).otherwise(pl.lit("far too little")),
                "group",
                "n",
                (pl.col("median").exp() if context.is_log else pl.col("median")).round_sig_figs(4),
            )
            if not len(cells):
                continue
            found = cells.select("row", "score", why.alias("why"), "value")
            parts.append(findings(found, detector=self.name, kind=self.kind, column=name))
        return concat(parts, FINDINGS)

    def _flipped(self, cells: pl.DataFrame, context: Context) -> pl.DataFrame:
        """Negative numbers that would be usual for their group without the sign; the group itself is positive."""
        z = (pl.col("number").abs().log() - pl.col("median")) / pl.col("spread")
        near = (pl.col("number") < 0) & (z.abs() < 3) & (pl.col("spread") < 0.5)
        cells = cells.filter(near if context.is_log else pl.lit(False))
        if not len(cells):
            return cells.select("row", pl.lit(0.0).alias("score"), pl.lit("").alias("why"), "value")
        why = phrase(
            "{} is negative; the other numbers for " + _quoted(context.by) + " {} are positive, with a median of {}",
            "value",
            "group",
            pl.col("median").exp().round_sig_figs(4),
        )
        return cells.select("row", pl.lit(0.95).alias("score"), why.alias("why"), "value")


def _quoted(name: str) -> str:
    """A column's name for use in `pl.format`, which reads braces."""
    return name.replace("{", "(").replace("}", ")")
