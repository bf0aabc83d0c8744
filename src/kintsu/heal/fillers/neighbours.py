"""The most similar rows whose cell is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.heal.filling import Encoding, Filler, Target, encoding_of, is_right, known_rows

__all__ = ["knn_filler"]

Floats = npt.NDArray[np.float64]

NEIGHBOURS: Final = 7
DONORS: Final = 4_000
MAX_ONE_HOT: Final = 20
MAX_EMPTY: Final = 50_000  # more cells than this are left to the model, which costs less per cell


@dataclass(frozen=True)
class Space:
    """Rows as points: measures by robust z (missing at the middle), categories one-hot."""

    encoding: Encoding
    middle: Floats
    spread: Floats

    def points(self, rows: Batch) -> Floats:
        matrix = self.encoding.matrix(rows)
        n_numbers = len(self.encoding.numbers)
        numbers = (matrix[:, :n_numbers] - self.middle) / self.spread
        parts = [np.clip(np.nan_to_num(numbers), -5, 5)]
        for i, codes in enumerate(self.encoding.categories.values()):
            code = matrix[:, n_numbers + i]
            parts.append((code[:, None] == np.arange(min(len(codes), MAX_ONE_HOT))[None, :]) / np.sqrt(2))
        return np.concatenate(parts, axis=1)


def _space(encoding: Encoding, rows: Batch) -> Space:
    numbers = encoding.matrix(rows)[:, : len(encoding.numbers)]
    if not len(numbers):
        return Space(encoding, np.zeros(numbers.shape[1]), np.ones(numbers.shape[1]))
    filled = np.where(np.isnan(numbers).all(axis=0), 0.0, numbers)
    low, middle, high = np.nanquantile(filled, [0.25, 0.5, 0.75], axis=0)
    spread = (high - low) / 1.35
    return Space(encoding, middle, np.where(spread > 0, spread, 1.0))


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The seven nearest rows of a sample whose cell is known: their median, or the category most of them hold."""

    operation: str
    says: str
    accuracy: float
    target: Target
    space: Space
    donors: Floats  # points of the rows
    known: npt.NDArray[Any]  # numbers, or codes of labels
    trust: float = 1.0  # accuracy on hidden cells to the mean share of votes for them

    @cached_property
    def _search(self) -> Any:
        """A fitted sklearn.neighbors.NearestNeighbors."""
        from sklearn.neighbors import NearestNeighbors

        return NearestNeighbors(n_neighbors=NEIGHBOURS).fit(self.donors)

    def fill(self, rows: Batch) -> pl.DataFrame:
        if not len(rows):
            return pl.DataFrame(schema={"new": pl.String, "score": pl.Float64})
        near = self.known[self._search.kneighbors(self.space.points(rows), return_distance=False)]
        if self.target.is_number:
            new = self.target.spell(pl.Series(np.median(near, axis=1)), decimal_comma=rows.decimal_comma)
            return pl.DataFrame({"new": new, "score": np.full(len(rows), self.accuracy)})
        votes = (near[:, :, None] == np.arange(len(self.target.labels))[None, None, :]).mean(axis=1)
        new = pl.Series(list(self.target.labels)).gather(votes.argmax(axis=1))
        return pl.DataFrame({"new": new, "score": np.clip(votes.max(axis=1) * self.trust, 0, 0.99)})


def knn_filler(reference: Reference, target: Target) -> Filler | None:
    """Fitted neighbours with their accuracy on hidden cells; None where there is nothing to compare rows by."""
    encoding = encoding_of(reference, target)
    fit, hidden = known_rows(reference, target)
    fit = Batch(fit.table, fit.frame.head(DONORS), fit.row.head(DONORS), fit.decimal_comma)
    if not encoding.width or len(fit) < 50 or not len(hidden) or reference.column(target.name).nulls > MAX_EMPTY:
        return None
    space = _space(encoding, fit)
    codes = {label: i for i, label in enumerate(target.labels)}
    column = fit[target.name]
    known = column.number if target.is_number else column.text.replace_strict(codes, return_dtype=pl.Int64)
    says = f"the {'median' if target.is_number else 'majority'} of the {NEIGHBOURS} most similar rows"
    filler = Neighbours("neighbours", says, 0.0, target, space, space.points(fit), known.to_numpy())
    filled = filler.fill(hidden)
    accuracy = float(is_right(target, hidden, filled["new"]).mean())
    claimed = max(float(filled["score"].mean() or 0.0), 1e-9)  # type: ignore[arg-type]
    return replace(filler, accuracy=accuracy, trust=1.0 if target.is_number else min(accuracy / claimed, 1.0))
