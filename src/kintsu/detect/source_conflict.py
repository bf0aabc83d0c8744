"""Cells that contradict what the sources of an entity say together, and cells that some sources leave empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.frames import FINDINGS, concat, findings
from kintsu.rules.source_evidence import told
from kintsu.rules.source_model import SourceModel, judge_sources, train_sources

__all__ = ["SourceConflict"]


@dataclass(frozen=True)
class SourceConflict:
    """Cells of a table in which several sources report the same entities that are doubted or empty.

    Score: the probability that the cell is wrong; for an empty one, the share of reports of its entity that have a
    value there, or the probability of that value where it is higher. Blind to errors that all sources share.

    Parameters
    ----------
    least
        Least score of a finding.
    """

    name: ClassVar[str] = "source_conflict"

    least: float = 0.5

    def train(self, reference: Reference) -> SourceModel:
        return train_sources(reference)

    def find(self, batch: Batch, model: SourceModel, reference: Reference) -> pl.DataFrame:
        judged = judge_sources(batch, model).filter("best", pl.col("wrong") >= self.least)
        if model.reports is None or not len(judged):
            return concat([], FINDINGS)
        found = judged.select(
            "row",
            "column",
            score="wrong",
            kind=pl.when("missing").then(pl.lit("missing")).otherwise(pl.lit("dependency")),
            why=told(model.reports),
            value="old",
        )
        return findings(found, detector=self.name)
