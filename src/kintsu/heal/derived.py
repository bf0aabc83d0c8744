"""Values that follow from the other cells of the row: formulas between numbers, texts put together from others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.frames import REPAIRS, empty, repairs
from kintsu.core.recipe import Recipe
from kintsu.rules.balance import BalanceModel, balance, train
from kintsu.rules.derive import DeriveModel, derive
from kintsu.rules.derive import train as train_derive

__all__ = ["DerivedText", "Formula"]


@dataclass(frozen=True)
class Formula:
    """Sets the cell that alone explains a broken formula to the value that mends it, and fills empty cells.

    Score: the estimated probability that this cell is the wrong one and its new value right; see `rules.balance`.

    Parameters
    ----------
    least
        Proposals below this score are not made.
    """

    name: ClassVar[str] = "formula"

    least: float = 0.5

    def train(self, reference: Reference) -> BalanceModel:
        return train(reference)

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: BalanceModel, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        chosen = balance(batch, model).filter((pl.col("score") >= self.least) & pl.col("new").is_not_null())
        return _proposals(chosen, self.name)


@dataclass(frozen=True)
class DerivedText:
    """Sets a text to what the other columns of its row put together, or a part to what the text says.

    Score: the estimated probability that this cell is the wrong one and its new value right; see `rules.derive`.

    Parameters
    ----------
    least
        Proposals below this score are not made.
    """

    name: ClassVar[str] = "derived_text"

    least: float = 0.5

    def train(self, reference: Reference) -> DeriveModel:
        return train_derive(reference)

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: DeriveModel, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        return _proposals(derive(batch, model).filter(pl.col("score") >= self.least), self.name)


def _proposals(chosen: pl.DataFrame, healer: str) -> tuple[list[Recipe], pl.DataFrame]:
    """One recipe per column and formula, and the repairs (lines as `rules.balance.BALANCED` has them)."""
    if not len(chosen):
        return [], empty(REPAIRS)
    recipes = {
        (column, formula): Recipe(
            healer=healer,
            column=column,
            operation="formula",
            text=f"Set {column} so that {formula}.",
            parameters={"formula": formula},
        )
        for column, formula in chosen.select("column", "formula").unique().sort("column", "formula").iter_rows()
    }
    ids = pl.DataFrame(
        [(column, formula, recipe.id) for (column, formula), recipe in recipes.items()],
        schema=["column", "formula", "recipe"],
        orient="row",
    )
    frame = chosen.join(ids, on=["column", "formula"], how="left", maintain_order="left").select(
        "row", "column", "old", "new", "score", "recipe", why="shown"
    )
    return list(recipes.values()), repairs(frame, healer=healer)
