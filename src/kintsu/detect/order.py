"""Dates, times and numbers in the wrong order: shipped before it was ordered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.frames import FINDINGS, concat, findings
from kintsu.core.memory import remembered
from kintsu.core.phrase import phrase
from kintsu.rules.discover.order import Order, orders
from kintsu.rules.evaluate import comparable

__all__ = ["OrderViolation"]


@dataclass(frozen=True)
class OrderViolation:
    """Rows that break an order which nearly all rows keep.

    Score: the share of rows that keep the order, times the share of blame: all of it for the one cell that lies outside
    the usual range of its column, else half for each of the two. Blind to orders of which more than 5 % of the rows
    are wrong (0.5 % for numbers and times of day).
    """

    name: ClassVar[str] = "order"
    kind: ClassVar[str] = "order"

    def train(self, reference: Reference) -> list[Order]:
        return remembered(reference, "orders", lambda: orders(reference))

    def find(self, batch: Batch, model: list[Order], reference: Reference) -> pl.DataFrame:
        names = {name: fmt for o in model for name, fmt in zip((o.first, o.second), o.formats)}
        scaled = {
            n: comparable(batch, n, f).to_numpy().astype(np.float64) for n, f in names.items() if n in batch.columns
        }
        parts = [
            part
            for order in model
            if order.first in scaled and order.second in scaled
            for part in self._violations(batch, order, scaled[order.first], scaled[order.second])
        ]
        found = concat(parts, FINDINGS)
        best = ["row", "column", "score", "group"]
        return (
            found.sort(best, descending=[False, False, True, False]).unique(["row", "column"], keep="first").sort(best)
        )

    def _violations(self, batch: Batch, order: Order, a: np.ndarray, b: np.ndarray) -> list[pl.DataFrame]:
        with np.errstate(invalid="ignore"):
            rows = np.flatnonzero(a > b)
        if not len(rows):
            return []
        strange = [(x[rows] < order.low[i]) | (x[rows] > order.high[i]) for i, x in enumerate((a, b))]
        why = phrase(
            "{} is {} but {} is {}: {} % of {} rows have " + order.text.replace("{", "(").replace("}", ")"),
            pl.lit(order.first),
            batch[order.first].text.gather(rows),
            pl.lit(order.second),
            batch[order.second].text.gather(rows),
            pl.lit(round(100 * order.agreement, 2)),
            pl.lit(order.support),
        )
        parts = []
        for i, name in enumerate((order.first, order.second)):
            other = strange[1 - i] & ~strange[i]
            blame = np.where(strange[i] & ~strange[1 - i], 1.0, 0.5) * order.agreement
            frame = pl.select(
                row=batch.row.gather(rows),
                score=pl.Series(blame),
                why=why,
                value=batch[name].text.gather(rows),
                group=phrase("{}:{}", pl.lit(order.text), batch.row.gather(rows)),
            ).filter(pl.Series(~other))
            parts.append(findings(frame, detector=self.name, kind=self.kind, column=name))
        return parts
