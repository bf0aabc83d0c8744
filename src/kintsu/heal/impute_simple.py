"""Fill missing cells with the mean, median, mode or group median."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Frozen, Reference
from kintsu.core.recipe import Recipe
from kintsu.heal.fillers.best import best_fillers
from kintsu.heal.fillers.simple import simple_filler
from kintsu.heal.filling import MAX_SUGGESTED, Filler, fills, targets

__all__ = ["ImputeSimple"]


@dataclass(frozen=True)
class ImputeSimple:
    """Suggests the mean, median, mode or group median for cells found missing; applied only when asked for.

    Chosen per column by the share of known cells for which it is right (numbers: within a tenth of the 5 % to 95 %
    range). Unasked, columns with more than 20,000 empty cells get no suggestion. When imputation is asked for, the
    columns for which neighbours or a model do better are left to those.

    Score: that share.
    """

    name: ClassVar[str] = "impute_simple"

    def train(self, reference: Reference) -> dict[str, Filler]:
        if reference.option("impute"):
            return {name: filler for name, (kind, filler) in best_fillers(reference).items() if kind == "simple"}
        fillers = {}
        for target in targets(reference).values():
            facts = reference.column(target.name)
            if facts.nulls <= MAX_SUGGESTED:
                filler = simple_filler(reference, target)
                if filler is not None:
                    fillers[target.name] = filler
        return fillers

    def frozen(self, model: dict[str, Filler], reference: Reference) -> Frozen:
        """The fillers, where imputation is asked for: in a stream nobody reads guesses that are not."""
        return Frozen(model) if reference.option("impute") else Frozen.nothing("guesses are not asked for (--impute)")

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: dict[str, Filler], reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        return fills(self.name, model, batch, findings)
