"""Rows whose numbers do not add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.frames import FINDINGS, concat, findings
from kintsu.rules.balance import BalanceModel, balance, train

__all__ = ["ArithmeticViolation"]


@dataclass(frozen=True)
class ArithmeticViolation:
    """The cell that most likely breaks a formula of its row, and empty cells that a formula fixes.

    Score: the probability that this cell is the wrong one, in [0, 1]. Where no cell stands out, the likeliest is
    reported with its low score. Blind to two errors that cancel out.

    Parameters
    ----------
    least
        Least score of a finding; a broken row whose likeliest cell is below it is not reported.
    """

    name: ClassVar[str] = "arithmetic"

    least: float = 0.35

    def train(self, reference: Reference) -> BalanceModel:
        return train(reference)

    def find(self, batch: Batch, model: BalanceModel, reference: Reference) -> pl.DataFrame:
        balanced = balance(batch, model)
        likeliest = pl.col("score") == pl.col("score").max().over("group")
        sure = pl.when("missing").then(pl.col("score") >= 0.4).otherwise(pl.col("score") >= self.least)
        found = balanced.filter(likeliest & sure).select(
            "row",
            "column",
            "score",
            kind=pl.when("missing").then(pl.lit("missing")).otherwise(pl.lit("arithmetic")),
            why=pl.concat_str(
                "shown", pl.lit(": "), "column", pl.lit(" would be "), pl.col("new").fill_null("unknown")
            ),
            value=pl.when(~pl.col("missing")).then("old"),
            group="group",
        )
        return concat([findings(found, detector=self.name)], FINDINGS)
