"""Odd rows of plain numbers: one fitted score for any number of rows, with a p-value and the column behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from kintsu.detect._forest import Forest, fit_forest
from kintsu.detect._kernels import Ecdf, TailScale, fit_ecdf, fit_tail_scale

__all__ = ["RowScorer", "fit_row_scorer"]

Floats = npt.NDArray[np.float64]

MAX_ROWS: Final = 10_000  # rows that are learnt from
TREES: Final = 400  # four times as many as usual: two forests of 100 differ by .01 of ROC AUC
DONORS: Final = 2_000  # rows among which neighbours are looked for
NEIGHBOURS: Final = 20
FOREST_WEIGHT: Final = 4  # neighbours find what lies between clusters, and mistake more of the rest
CHUNK: Final = 2_048
BEYOND: Final = 0.01
HUGE: Final = 1e100  # numbers beyond are told as this one: sums of their cubes have to be finite
FAR: Final = 10.0  # deviations beyond which rows are equally far from their neighbours


@dataclass(frozen=True, eq=False)
class RowScorer:
    """A fitted score of rows: the weighted mean of -log tail probabilities of an isolation forest and of neighbours.

    Rows are arrays of shape (rows, columns), NaN where a cell is empty.
    """

    centre: Floats
    scale: Floats
    forest: Forest
    forest_scale: TailScale
    donors: Floats
    neighbours_scale: TailScale
    columns: Ecdf
    learnt: Floats  # surprise of each training row
    ordered: Floats  # the same, rising

    def surprise(self, rows: Floats) -> Floats:
        """Mean -log tail probability, shape (rows,); larger is odder."""
        z = _standard(rows, self.centre, self.scale)
        return _combined(
            self.forest_scale.surprise(self.forest.score(z)),
            self.neighbours_scale.surprise(_distances(z, self.donors)),
            len(self.learnt),
        )

    def p_values(self, surprise: Floats) -> Floats:
        """Share of training rows that are at least as odd, never 0: a conformal p-value for rows like these."""
        n = len(self.ordered)
        return np.asarray((n - np.searchsorted(self.ordered, surprise, side="left") + 1) / (n + 1))

    def oddest_column(self, rows: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
        """The column whose value is rarest on its own in each row, and the share of training rows as extreme."""
        cells = self.columns.cells(rows)
        first = cells.argmax(axis=1)
        return first, np.exp(-cells[np.arange(len(rows)), first])


def fit_row_scorer(x: Floats, *, seed: int = 0) -> RowScorer:
    """Fit to training rows, which may hold odd ones.

    References
    ----------
    Liu, Ting, Zhou, "Isolation Forest", ICDM 2008; Ramaswamy, Rastogi, Shim, "Efficient Algorithms for Mining Outliers
    from Large Data Sets", SIGMOD 2000 (distance to the k-th neighbour). That a forest with neighbours suffices for
    global and local outliers: Bouman, Bukhsh, Heskes, "Unsupervised Anomaly Detection Algorithms on Real-world Data",
    JMLR 25, 2024 (abstract).
    """
    rng = np.random.default_rng(seed)
    if len(x) > MAX_ROWS:
        x = x[np.sort(rng.permutation(len(x))[:MAX_ROWS])]
    seen = np.clip(np.where(np.isfinite(x), x, np.nan), -HUGE, HUGE)
    filled = np.isfinite(seen).sum(axis=0)
    centre = np.nansum(seen, axis=0) / np.maximum(filled, 1)
    scale = np.sqrt(np.nansum((seen - centre) ** 2, axis=0) / np.maximum(filled, 1))
    scale = np.where(scale > 0, scale, 1.0)
    z = _standard(seen, centre, scale)
    forest = fit_forest(z, seed, TREES)
    of_forest = forest.score(z)
    donors = z[np.sort(rng.permutation(len(z))[:DONORS])]
    near = _distances(z, donors)
    forest_scale, neighbours_scale = fit_tail_scale(of_forest), fit_tail_scale(near)
    learnt = _combined(forest_scale.surprise(of_forest), neighbours_scale.surprise(near), len(z))
    columns = fit_ecdf(seen)
    return RowScorer(centre, scale, forest, forest_scale, donors, neighbours_scale, columns, learnt, np.sort(learnt))


def _combined(forest: Floats, near: Floats, n: int) -> Floats:
    """Weighted mean. Beyond the rarest of n rows a surprise counts little more: no one of the two decides alone."""
    most = np.log(2 * n)
    forest, near = (np.minimum(s, most) + BEYOND * np.maximum(s - most, 0.0) for s in (forest, near))
    return np.asarray((FOREST_WEIGHT * forest + near) / (FOREST_WEIGHT + 1))


def _standard(x: Floats, centre: Floats, scale: Floats) -> Floats:
    """Standardised; an empty cell holds the mean, an infinite one is as far away as any."""
    z = (np.clip(x, -HUGE, HUGE) - centre) / scale
    return np.asarray(np.nan_to_num(np.clip(z, -1e6, 1e6)))


def _distances(z: Floats, donors: Floats) -> Floats:
    """Distance to the 20th nearest donor, not counting a donor that is the row itself."""
    donors = np.clip(donors, -FAR, FAR)
    squares = (donors**2).sum(axis=1)
    k = min(NEIGHBOURS, len(donors) - 1)
    out = np.zeros(len(z))
    for start in range(0, len(z), CHUNK):
        rows = np.clip(z[start : start + CHUNK], -FAR, FAR)
        d = (rows**2).sum(axis=1)[:, None] + squares - 2 * rows @ donors.T
        out[start : start + CHUNK] = np.sqrt(np.maximum(np.partition(d, k, axis=1)[:, k], 0.0))
    return out
