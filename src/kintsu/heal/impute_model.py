"""Fill missing cells with boosted trees that predict the column from the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Frozen, Reference
from kintsu.core.recipe import Recipe
from kintsu.heal.fillers.best import best_fillers
from kintsu.heal.filling import Filler, fills

__all__ = ["ImputeModel"]


@dataclass(frozen=True)
class ImputeModel:
    """Fills cells found missing by boosted trees, where imputation is asked for and this does best on hidden cells.

    LightGBM where it is installed, else scikit-learn's histogram boosting. Fitted on at most 9,000 rows of the
    sample; only the missing cells are predicted.

    Score: for numbers the share of hidden cells filled within tolerance (a tenth of the 5 % to 95 % range); for
    categories the claimed probability, scaled so that its mean is the accuracy on hidden cells.
    """

    name: ClassVar[str] = "impute_model"

    def train(self, reference: Reference) -> dict[str, Filler]:
        if not reference.option("impute"):
            return {}
        return {name: filler for name, (kind, filler) in best_fillers(reference).items() if kind == "model"}

    def frozen(self, model: dict[str, Filler], reference: Reference) -> Frozen:
        """The fillers, where imputation is asked for: in a stream nobody reads guesses that are not."""
        return Frozen(model) if reference.option("impute") else Frozen.nothing("guesses are not asked for (--impute)")

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: dict[str, Filler], reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        return fills(self.name, model, batch, findings)
