"""How the columns of numbers in a row hang together: each one told from the others, by ridge regression.

A shift of a quarter of a deviation drowns in the weather; that dew point, humidity and temperature no longer fit each
other does not. The models come from sums over rows (a Gram matrix a batch), so that any batch can be left out at once.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
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

    def levels(self, rows: Floats, *, place: int | None = None) -> dict[tuple[str, str], tuple[float, float]]:
        """Mean rest and log mean absolute rest of each explained column, with the variance that one cell gives them.

        `place` is the rows' own place in the history.
        """
        out: dict[tuple[str, str], tuple[float, float]] = {}
        if not len(rows):
            return out
        rests = self.rests(rows, place=place)
        for j in np.flatnonzero(self.explained):
            rest = rests[np.isfinite(rests[:, j]), j]
            if len(rest) >= MIN_CELLS:
                out[self.names[j], "rest"] = (float(rest.mean()), float(rest.var()))
                out[self.names[j], "rest_spread"] = (float(np.log(np.abs(rest).mean() + 0.05)), 0.5)
        return out

    def rests(self, rows: Floats, *, without: int | None = None, place: int | None = None) -> Floats:
        """What the others leave unexplained, in deviations, NaN where the cell is empty. Shape (rows, columns).

        `without` is a column that the models may not use; `place` is the rows' own place in the history, which is left
        out of the models.
        """
        coefficients = self.coefficients
        if without is not None or place is not None:
            keep = np.ones(len(self.grams), dtype=bool)
            if place is not None:
                keep[max(0, place - NEAR) : place + NEAR + 1] = False
            coefficients = _solve(self.grams[keep].sum(0), float(self.rows[keep].sum()), without)[0]
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
    features = [_features(_standard(batch, is_log, centre, scale)) for batch in batches]
    grams = np.array([f.T @ f for f in features])
    rows = np.array([float(len(f)) for f in features])
    solved = _solve(grams.sum(0), float(rows.sum()), None)
    return Relations(names, is_log, centre, scale, grams, rows, *solved, batches)


def _means(x: Floats) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column without cells has no mean
        return np.asarray(np.nanmean(x, 0))


def _skew(x: Floats) -> Floats:
    from_mean = x - _means(x)
    width = np.sqrt(_means(from_mean**2)) + TINY
    return _means((from_mean / width) ** 3)


def _standard(rows: Floats, is_log: Bools, centre: Floats, scale: Floats) -> Floats:
    """Standardised numbers; empty cells hold 0, the mean."""
    x = np.where(is_log, np.log(np.maximum(rows, TINY)), rows)
    return np.nan_to_num(np.clip((x - centre) / scale, -CLIP, CLIP))


def _features(z: Floats) -> Floats:
    return np.hstack([np.ones((len(z), 1)), z, z**2 - 1])


def _solve(gram: Floats, rows: float, without: int | None) -> tuple[Floats, Floats, Bools]:
    """Coefficients, deviations of the rests, and which columns are explained."""
    k = (len(gram) - 1) // 2
    coefficients, deviation, explained = np.zeros((k, len(gram))), np.ones(k), np.zeros(k, dtype=bool)
    if rows == 0:
        return coefficients, deviation, explained
    for j in range(k):
        left_out = {1 + j, 1 + k + j} | ({1 + without, 1 + k + without} if without is not None else set())
        used = np.array([i for i in range(len(gram)) if i not in left_out])
        inner = gram[np.ix_(used, used)]
        to = gram[used, 1 + j]
        b = np.linalg.solve(inner + RIDGE * rows * np.eye(len(used)), to)
        coefficients[j, used] = b
        total = gram[1 + j, 1 + j]
        rest = max(float(total - 2 * b @ to + b @ inner @ b), 0.0)
        deviation[j] = np.sqrt(rest / rows) + LEAST
        explained[j] = rest < (1 - EXPLAINED) * (total - gram[0, 1 + j] ** 2 / rows)
    return coefficients, deviation, explained
