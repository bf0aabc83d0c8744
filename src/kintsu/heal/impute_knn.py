"""Fill missing cells from the most similar rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Frozen, Reference
from kintsu.core.recipe import Recipe
from kintsu.heal.fillers.best import best_fillers
from kintsu.heal.filling import Filler, fills

__all__ = ["ImputeKnn"]


@dataclass(frozen=True)
class ImputeKnn:
    """Fills cells found missing from the seven most similar rows, where imputation is asked for and this does best.

    Score: for numbers the share of hidden cells filled within tolerance; for categories the neighbours' vote, scaled
    so that its mean is the accuracy on hidden cells.
    """

    name: ClassVar[str] = "impute_knn"

    def train(self, reference: Reference) -> dict[str, Filler]:
        if not reference.option("impute"):
            return {}
        return {name: filler for name, (kind, filler) in best_fillers(reference).items() if kind == "knn"}

    def frozen(self, model: dict[str, Filler], reference: Reference) -> Frozen:
        """The fillers, where imputation is asked for: in a stream nobody reads guesses that are not."""
        return Frozen(model) if reference.option("impute") else Frozen.nothing("guesses are not asked for (--impute)")

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: dict[str, Filler], reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        return fills(self.name, model, batch, findings)
