"""The value that the sources of an entity, weighed by their reliability, speak for."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.frames import REPAIRS, empty, repairs
from kintsu.core.recipe import Recipe
from kintsu.rules.source_evidence import told
from kintsu.rules.source_model import SourceModel, judge_sources, train_sources

__all__ = ["SourceVote"]

MENTIONED = 0.05  # least score at which what another family of sources says is offered beside the likeliest value
SHOWN = 4  # members of a family that its recipe names


@dataclass(frozen=True)
class SourceVote:
    """Sets cells to the value that reliable sources report for the same entity, and fills empty cells with it.

    Score: the probability that the value is right, by many starts of truth discovery that temper each other: see
    `rules.sources`. Where families of sources of like size report different events, no value gets even odds; what
    each family says is offered as a recipe of its own, so that a person can say whom to trust.

    Parameters
    ----------
    least
        Proposals below this score are not made.
    """

    name: ClassVar[str] = "source_vote"

    least: float = 0.2

    def train(self, reference: Reference) -> SourceModel:
        return train_sources(reference)

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: SourceModel, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        judged = judge_sources(batch, model)
        judged = judged.filter(
            pl.col("score") >= pl.when("best").then(self.least).otherwise(MENTIONED),
            ~pl.col("old").eq_missing(pl.col("new")),
        )
        if model.reports is None or not len(judged):
            return [], empty(REPAIRS)
        entity, source = model.reports.entity, model.reports.source
        facts = judged.select("column", "missing", "camp").unique().sort("column", "missing", "camp")
        recipes = [
            self._vote(column, entity, source, fill=fill)
            if camp < 0
            else self._trust(column, entity, source, _members(model, column, camp))
            for column, fill, camp in facts.iter_rows()
        ]
        named = facts.with_columns(recipe=pl.Series([r.id for r in recipes]))
        proposed = judged.join(named, on=["column", "missing", "camp"], how="left", maintain_order="left")
        frame = proposed.select("row", "column", "old", "new", "score", "recipe", why=told(model.reports))
        return list({r.id: r for r in recipes}.values()), repairs(frame, healer=self.name)

    def _trust(self, column: str, entity: str, source: str, members: list[str]) -> Recipe:
        """Where families of sources say different things: one recipe per family, so that a person can choose."""
        shown = ", ".join(members[:SHOWN]) + (f" and {len(members) - SHOWN} more" if len(members) > SHOWN else "")
        family = blake2b("\0".join(members).encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()
        return Recipe(
            healer=self.name,
            column=column,
            operation=f"trust_{family}",
            text=f"Trust {shown} about {column}: set it to what these {source} say of the same {entity}.",
            parameters={"entity": entity, "source": source, "trust": members},
            kind="dependency",
        )

    def _vote(self, column: str, entity: str, source: str, *, fill: bool) -> Recipe:
        what = "Fill empty cells of" if fill else "Set"
        return Recipe(
            healer=self.name,
            column=column,
            operation="fill" if fill else "vote",
            text=f"{what} {column} {'with' if fill else 'to'} what reliable {source} say of the same {entity}.",
            parameters={"entity": entity, "source": source},
            kind="missing" if fill else "dependency",
        )


def _members(model: SourceModel, column: str, camp: int) -> list[str]:
    """Sources of a camp, by name."""
    known = next(c for c in model.columns if c.column == column)
    return known.sources.filter(pl.col("camp") == camp)["source"].sort().to_list()
