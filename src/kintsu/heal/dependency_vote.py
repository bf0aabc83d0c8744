"""The value that rows with the same key have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.frames import REPAIRS, empty, repairs
from kintsu.core.recipe import Recipe
from kintsu.rules.judge import VoteModel, judge, train
from kintsu.rules.probability import evidence

__all__ = ["DependencyVote"]


@dataclass(frozen=True)
class DependencyVote:
    """Sets a cell to the value that the columns determining it speak for; fills empty cells in the same way.

    Score: the estimated probability that the value is right; see `rules.judge`.

    Parameters
    ----------
    least
        Proposals below this score are not made: they would only be noise among the suggestions.
    """

    name: ClassVar[str] = "dependency_vote"

    least: float = 0.5

    def train(self, reference: Reference) -> VoteModel:
        return train(reference)

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: VoteModel, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        recipes = {
            (t.column, " + ".join(s.columns)): self._recipe(t.column, s.columns) for t in model.targets for s in t.sides
        }
        judged = judge(batch, model).filter(pl.col("score") >= self.least)
        if not len(judged):
            return [], empty(REPAIRS)
        ids = pl.DataFrame(
            [(column, side, recipe.id) for (column, side), recipe in recipes.items()],
            schema=["column", "side", "recipe"],
            orient="row",
        )
        proposed = judged.join(ids, on=["column", "side"], how="left", maintain_order="left")
        used = set(proposed["recipe"].unique())
        frame = proposed.select("row", "column", "old", "new", "score", "recipe", why=evidence())
        return [r for r in recipes.values() if r.id in used], repairs(frame, healer=self.name)

    def _recipe(self, column: str, left: tuple[str, ...]) -> Recipe:
        key = " and ".join(left)
        return Recipe(
            healer=self.name,
            column=column,
            operation="vote",
            text=f"Set {column} to the value that rows with the same {key} have.",
            parameters={"left": list(left)},
        )
