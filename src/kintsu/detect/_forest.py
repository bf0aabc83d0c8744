"""Isolation forest, grown level by level over all trees at once: arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Forest", "fit_forest"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_TREES = 100
_ROWS = 256  # drawn for each tree: more hide clusters of odd rows from one another (section 4 of the paper)
_CHUNK = 4_096  # rows scored at once: rows x trees positions stay in the processor's cache


@dataclass(frozen=True)
class Forest:
    """Random trees. Every level of every tree is one entry: node i leads to 2 i and 2 i + 1 on the next level.

    A leaf sends everything on to its first child, so that all rows end on the last level.

    Parameters
    ----------
    feature, threshold
        Per level, shape (trees x 2^level,): the column that a node looks at, and the largest value that goes left.
    path
        Length of the path to each end of the last level, with the expected rest where rows stayed together.
    usual
        Expected length of a path among so many rows as a tree was grown on.
    """

    feature: tuple[Ints, ...]
    threshold: tuple[Floats, ...]
    path: Floats
    usual: float

    def score(self, x: Floats) -> Floats:
        """Anomaly score of every row in (0, 1); about 0.5 is usual. `x` holds no NaN."""
        parts = [self._score(x[start : start + _CHUNK]) for start in range(0, len(x), _CHUNK)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _score(self, x: Floats) -> Floats:
        flat, row = x.ravel(), np.arange(len(x))[:, None] * x.shape[1]
        trees = len(self.feature[0])
        node = np.broadcast_to(np.arange(trees), (len(x), trees))
        for feature, threshold in zip(self.feature, self.threshold, strict=True):
            node = 2 * node + (flat[row + feature[node]] > threshold[node])
        score: Floats = 2.0 ** (-self.path[node].mean(axis=1) / self.usual)
        return score


def _expected(n: npt.NDArray[np.int64]) -> Floats:
    """Mean path length of an unsuccessful search in a binary tree of n rows (equation 1 of the paper)."""
    m = np.maximum(n, 3).astype(np.float64)
    many = 2 * (np.log(m - 1) + np.euler_gamma) - 2 * (m - 1) / m
    return np.where(n > 2, many, np.where(n == 2, 1.0, 0.0))


def fit_forest(x: Floats, seed: int, trees: int = _TREES) -> Forest:
    """Trees on random rows of `x`, each node split at a random place of a random column that varies in it.

    References
    ----------
    Liu, Ting, Zhou, "Isolation Forest", ICDM 2008, algorithms 1 to 3: 100 trees of 256 rows, as high as log2(256).
    """
    rng = np.random.default_rng(seed)
    size = min(_ROWS, len(x))
    levels = int(np.ceil(np.log2(max(size, 2))))
    drawn = np.concatenate([rng.permutation(len(x))[:size] for _ in range(trees)])
    node = np.repeat(np.arange(trees), size)  # rising throughout
    features, thresholds = [], []
    depth = np.zeros(trees)
    for level in range(levels):
        nodes, start = np.unique(node, return_index=True)
        values = x[drawn]
        low, high = np.minimum.reduceat(values, start), np.maximum.reduceat(values, start)
        varies = high > low
        pick = np.floor(rng.random(len(nodes)) * varies.sum(axis=1))
        column = (varies.cumsum(axis=1) > pick[:, None]).argmax(axis=1)
        line = np.arange(len(nodes))
        a, b = low[line, column], high[line, column]
        cut = a + rng.random(len(nodes)) * (b - a)
        splits = varies.any(axis=1)
        feature = np.zeros(trees << level, np.intp)
        threshold = np.full(trees << level, np.inf)
        feature[nodes[splits]] = column[splits]
        threshold[nodes[splits]] = np.where(cut < b, cut, a)[splits]  # rounding must not leave one side empty
        features.append(feature)
        thresholds.append(threshold)
        depth = np.repeat(depth + np.isfinite(threshold), 2)
        node = 2 * node + (values[np.arange(len(node)), feature[node]] > threshold[node])
        order = np.argsort(node, kind="stable")
        node, drawn = node[order], drawn[order]
    rest = _expected(np.bincount(node, minlength=trees << levels))
    return Forest(tuple(features), tuple(thresholds), depth + rest, float(_expected(np.array([size]))[0]))
