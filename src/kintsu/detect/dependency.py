"""Cells that contradict what other rows say: the same zip code, another city."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.frames import FINDINGS, concat, findings
from kintsu.rules.derive import derive
from kintsu.rules.judge import VoteModel, judge, train
from kintsu.rules.probability import evidence

__all__ = ["DependencyViolation"]


@dataclass(frozen=True)
class DependencyViolation:
    """Cells whose determining columns speak for another value, and empty cells that they would fill.

    Texts put together from other columns of the row (a code from a state and a number) are judged here too.

    Score: the probability that the row contradicts what the others have, in [0, 1], lowered where the rest of the row
    says that the key is wrong and not this cell. Where nothing says which of the two it is, the cell is a finding, but
    the healer, which needs to know, proposes nothing. Blind to errors that most rows of a group share, and to groups
    of one row.

    Parameters
    ----------
    least
        Least score of a finding.
    """

    name: ClassVar[str] = "dependency"

    least: float = 0.5

    def train(self, reference: Reference) -> VoteModel:
        return train(reference)

    def find(self, batch: Batch, model: VoteModel, reference: Reference) -> pl.DataFrame:
        contradicted = judge(batch, model).with_columns(score="suspicion", why=evidence())
        judged = contradicted.filter(pl.col("score") >= self.least)
        derived = derive(batch, model.derived).rename({"shown": "why"}).filter(pl.col("score") >= self.least)
        columns = ["row", "column", "old", "missing", "score", "why"]
        both = pl.concat([judged.select(columns), derived.select(columns)])
        order = ["row", "column", "score", "why"]
        best = both.sort(order, descending=[False, False, True, False]).unique(["row", "column"], keep="first")
        found = best.sort("row", "column").select(
            "row",
            "column",
            "score",
            kind=pl.when("missing").then(pl.lit("missing")).otherwise(pl.lit("dependency")),
            why="why",
            value="old",
        )
        return concat([findings(found, detector=self.name)], FINDINGS)
