"""How the columns of numbers in a row hang together: each one told from the others, by ridge regression.

A shift of a quarter of a deviation drowns in the weather; that dew point, humidity and temperature no longer fit each
other does not. The models come from sums over rows (a Gram matrix a batch), so that any batch can be left out at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Relations", "relate"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MIN_ROWS: Final = 200  # rows of history below which nothing is learnt
MIN_CELLS: Final = 5  # cells of a batch below which the mean of a rest says nothing
NEAR: Final = 2  # batches beside a left-out one that are left out too: what is near in time is alike
EXPLAINED: Final = 0.5  # share of a column's variance that the others have to explain for its rest to say anything
CLIP: Final = 6.0  # deviations beyond which numbers and rests are told as this
RIDGE: Final = 1e-4
LEAST: Final = 0.01  # deviations that a rest has at least: numbers are rounded
STEPS: Final = 3  # of moving a column back: its square bends the way
FITS: Final = 3.0  # deviations within which columns fit each other
TINY: Final = 1e-12


@dataclass(frozen=True, eq=False)
class Relations:
    """Linear models of every column from all others and their squares, on standardised numbers.

    `is_log` marks columns whose logarithm is less skewed than they are. `explained` marks columns that are told by the
    others well enough for their rests to be judged.
    """

    names: list[str]
    is_log: Bools
    centre: Floats
    scale: Floats
    grams: Floats  # of [1, z, z^2 - 1], shape (batches, 1 + 2 columns, 1 + 2 columns)
    rows: Floats  # of each batch
    coefficients: Floats  # shape (columns, 1 + 2 columns)
    deviation: Floats  # of the rest of each column
    explained: Bools
    batches: Sequence[Floats]

    def levels(self, batches: Sequence[Floats], *, is_history: bool = False) -> tuple[list[tuple[str, str]], Floats]:
        """Mean rest and log mean absolute rest of each explained column, with the variance that one cell gives them.

        Keys (column, statistic) and an array of shape (batches, keys, 2), NaN where a batch tells too little. With
        `is_history` the batches are those that the models come from: each is told by the others.
        """
        at = np.flatnonzero(self.explained)
        keys = [(self.names[j], statistic) for j in at for statistic in ("rest", "rest_spread")]
        out = np.full((len(batches), len(keys), 2), np.nan)
        held = [i for i, rows in enumerate(batches) if len(rows)]
        if not len(at) or not held:
            return keys, out
        rows = np.vstack([batches[i] for i in held])
        starts = np.cumsum([0, *(len(batches[i]) for i in held)])
        z = _standard(rows, self.is_log, self.centre, self.scale)
        features, coefficients = _features(z), self._without_each() if is_history else self.coefficients[None]
        told = np.empty((len(rows), len(at)))
        for place, (low, high) in zip(held, pairwise(starts), strict=True):
            told[low:high] = features[low:high] @ coefficients[place if is_history else 0][at].T
        filled = np.isfinite(rows[:, at])
        rest = np.where(filled, np.clip((z[:, at] - told) / self.deviation[at], -CLIP, CLIP), 0.0)
        cells, total, square, size = (
            np.add.reduceat(x, starts[:-1], axis=0) for x in (filled.astype(float), rest, rest**2, np.abs(rest))
        )
        n = np.where(cells >= MIN_CELLS, cells, np.nan)
        mean = total / n
        out[held, 0::2, 0], out[held, 0::2, 1] = mean, np.maximum(square / n - mean**2, 0.0)
        out[held, 1::2, 0], out[held, 1::2, 1] = np.log(size / n + 0.05), np.where(np.isnan(n), np.nan, 0.5)
        return keys, out

    def _without_each(self) -> Floats:
        """The coefficients that the other batches give, without those beside it, for each batch of the history."""
        n, width = len(self.grams), self.grams.shape[1]
        keep = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) > NEAR
        grams = (keep.astype(float) @ self.grams.reshape(n, -1)).reshape(n, width, width)
        return _coefficients(grams, keep @ self.rows)

    def rests(self, rows: Floats, *, without: int | None = None) -> Floats:
        """What the others leave unexplained, in deviations, NaN where the cell is empty. Shape (rows, columns).

        `without` is a column that the models may not use.
        """
        coefficients = self.coefficients
        if without is not None:
            coefficients = _coefficients(self.grams.sum(0)[None], self.rows.sum()[None], without)[0]
        z = _standard(rows, self.is_log, self.centre, self.scale)
        return self._rests(z, np.isfinite(rows), coefficients, CLIP)

    def culprit(self, rows: Floats, suspects: Sequence[int]) -> int:
        """The number of the column that is most likely the wrong one.

        Without it the others fit each other again. Where that is so of several, it is the one that, moved back by its
        mean rest, makes all of them fit.
        """
        left = {j: self._misfit(rows, j) for j in suspects}
        bound = max(FITS, 1.5 * min(left.values()))
        return min((j for j in suspects if left[j] <= bound), key=lambda j: self._misfit_moved(rows, j))

    def _misfit_moved(self, rows: Floats, j: int) -> float:
        """Sum of squares of the mean rests, in deviations over past batches, when column `j` is moved to fit."""
        past = np.array([_means(self.rests(batch)) for batch in self.batches if len(batch)])
        usual = np.nan_to_num(_means(past))
        spread = np.sqrt(np.nan_to_num(_means((past - usual) ** 2))) + LEAST
        z, filled = _standard(rows, self.is_log, self.centre, self.scale), np.isfinite(rows)
        for _ in range(STEPS):
            off = float(np.nan_to_num(_means(self._rests(z, filled, self.coefficients, np.inf))[j]))
            moved = np.clip(z[:, j] - (off - usual[j]) * self.deviation[j], -CLIP, CLIP)
            z = np.where(np.arange(z.shape[1]) == j, moved[:, None], z)
        left = (_means(self._rests(z, filled, self.coefficients, CLIP)) - usual) / spread
        return float((np.nan_to_num(left[self.explained]) ** 2).sum())

    def _rests(self, z: Floats, filled: Bools, coefficients: Floats, clip: float) -> Floats:
        rests = (z - _features(z) @ coefficients.T) / self.deviation
        return np.where(filled, np.clip(rests, -clip, clip), np.nan)

    def _misfit(self, rows: Floats, without: int) -> float:
        """How far the mean rests of the other columns are off, in deviations over past batches."""
        past = np.array([_means(self.rests(batch, without=without)) for batch in self.batches if len(batch)])
        now = _means(self.rests(rows, without=without))
        known = np.isfinite(past).any(0) & np.isfinite(now) & self.explained
        known[without] = False
        if not known.any():
            return float("inf")
        z = np.abs(now[known] - _means(past[:, known])) / (np.nanstd(past[:, known], 0) + 0.02)
        return float(z.max())


def relate(names: list[str], batches: Sequence[Floats]) -> Relations | None:
    """Learn from the rows of past batches, each of shape (rows, columns); None where that is too little."""
    x = np.vstack(batches)
    if len(names) < 2 or len(x) < MIN_ROWS:
        return None
    logs = np.log(np.maximum(x, TINY))
    is_log = (np.where(np.isfinite(x), x, np.inf).min(0) > 0) & (np.abs(_skew(logs)) < np.abs(_skew(x)))
    seen = np.where(is_log, logs, x)
    centre = np.nan_to_num(_means(seen))
    scale = np.sqrt(_means((seen - centre) ** 2))
    scale = np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)
    features = _features(np.nan_to_num(np.clip((seen - centre) / scale, -CLIP, CLIP)))
    ends = np.cumsum([len(batch) for batch in batches])
    grams = np.array([f.T @ f for f in np.split(features, ends[:-1])])
    rows = np.array([float(len(batch)) for batch in batches])
    solved = _solve(grams.sum(0), float(rows.sum()))
    return Relations(names, is_log, centre, scale, grams, rows, *solved, batches)


def _means(x: Floats) -> Floats:
    """Means of the columns, NaN of one without cells."""
    filled = np.isfinite(x)
    n = filled.sum(0)
    return np.asarray(np.where(filled, x, 0.0).sum(0) / np.where(n, n, np.nan))


def _skew(x: Floats) -> Floats:
    from_mean = x - _means(x)
    told = from_mean / (np.sqrt(_means(from_mean * from_mean)) + TINY)
    return _means(told * told * told)


def _standard(rows: Floats, is_log: Bools, centre: Floats, scale: Floats) -> Floats:
    """Standardised numbers; empty cells hold 0, the mean."""
    x = np.where(is_log, np.log(np.maximum(rows, TINY)), rows)
    return np.nan_to_num(np.clip((x - centre) / scale, -CLIP, CLIP))


def _features(z: Floats) -> Floats:
    return np.hstack([np.ones((len(z), 1)), z, z**2 - 1])


def _coefficients(grams: Floats, rows: Floats, without: int | None = None) -> Floats:
    """Ridge coefficients of every column on all others, shape (grams, columns, features); 0 without rows.

    One inverse gives them all: of a positive definite matrix M with inverse P, what the features U tell of the features
    S is M_UU^-1 M_US = -P_US P_SS^-1. Here S is a column with its square.
    """
    grams = grams.copy()
    width = grams.shape[1]
    k = (width - 1) // 2
    if without is not None:  # unrelated to anything
        for feature in (1 + without, 1 + k + without):
            grams[:, feature, :] = grams[:, :, feature] = 0.0
    penalty = np.where(rows > 0, RIDGE * rows, 1.0)
    inverse = np.linalg.inv(grams + penalty[:, None, None] * np.eye(width))
    own, square = np.arange(1, 1 + k), np.arange(1 + k, 1 + 2 * k)
    a, b, c = inverse[:, own, own], inverse[:, own, square], inverse[:, square, square]
    scale = a * c - b * b
    to_own, to_square = inverse[:, own, :], inverse[:, square, :]
    out = -(to_own * (c / scale)[..., None] - to_square * (b / scale)[..., None])
    at = np.arange(k)
    out[:, at, own] = out[:, at, square] = 0.0
    out[rows <= 0] = 0.0
    return np.asarray(out)


def _solve(gram: Floats, rows: float) -> tuple[Floats, Floats, Bools]:
    """Coefficients, deviations of the rests, and which columns are explained."""
    k = (len(gram) - 1) // 2
    if rows == 0:
        return np.zeros((k, len(gram))), np.ones(k), np.zeros(k, dtype=bool)
    coefficients = _coefficients(gram[None], np.array([rows]))[0]
    at, own = np.arange(k), np.arange(1, 1 + k)
    left = -coefficients
    left[at, own] += 1
    rest = np.maximum(((left @ gram) * left).sum(1), 0.0)
    total = gram[own, own] - gram[0, own] ** 2 / rows
    return coefficients, np.sqrt(rest / rows) + LEAST, rest < (1 - EXPLAINED) * total
