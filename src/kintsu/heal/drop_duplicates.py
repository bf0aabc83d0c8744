"""Drop the copies of a row, keep the original."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Frozen, Reference
from kintsu.core.frames import REPAIRS, empty, repairs
from kintsu.core.recipe import Recipe

__all__ = ["DropDuplicates"]


@dataclass(frozen=True)
class DropDuplicates:
    """Drops rows that were found to equal an earlier row. A removal: done only when asked for.

    Score: that of the finding, at most 0.99: equal rows are now and then meant.
    """

    name: ClassVar[str] = "drop_duplicates"

    def train(self, reference: Reference) -> None:
        return None

    def frozen(self, model: None, reference: Reference) -> Frozen:
        """Nothing: see the detector of duplicates."""
        return Frozen.nothing("equal rows are found among the rows of one table")

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: None, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        found = findings.filter(
            (pl.col("kind") == "duplicate") & pl.col("column").is_null() & pl.col("row").is_not_null()
        )
        found = found.sort("row", "score", "detector", descending=[False, True, False]).unique("row", keep="first")
        found = found.filter(pl.col("row").is_in(batch.row.implode()))
        if not len(found):
            return [], empty(REPAIRS)
        recipe = Recipe(
            self.name, None, "drop_copies", "Drop rows that equal an earlier row, and keep the first.", "removal"
        )
        proposed = found.select("row", pl.lit("drop").alias("edit"), pl.col("score").clip(0.0, 0.99), pl.col("why"))
        return [recipe], repairs(proposed, healer=self.name, recipe=recipe.id)
