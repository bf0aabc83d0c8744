"""Kernels of row anomaly scores: arrays in, arrays out. Larger is odder everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Ecdf", "Histograms", "TailScale", "fit_ecdf", "fit_histograms", "fit_tail_scale"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ecdf:
    """Empirical distribution of every column, for ECOD.

    References
    ----------
    Li, Zhao, Hu, Botta, Ionescu, Chen, "ECOD: Unsupervised Outlier Detection Using Empirical Cumulative Distribution
    Functions", IEEE TKDE 2022 (arXiv 2201.00382), algorithm 1. Here the distribution is that of the training rows,
    so that any batch of rows gets the same scores.
    """

    ordered: tuple[Floats, ...]  # per column, rising, missing left out
    is_left_skewed: npt.NDArray[np.bool_]

    def surprises(self, x: Floats) -> tuple[Floats, Floats]:
        """-log of the left and of the right tail probability of every cell, shape of `x`; 0 where missing."""
        left, right = np.zeros(x.shape), np.zeros(x.shape)
        for j, known in enumerate(self.ordered):
            n = len(known)
            if not n:
                continue
            column = x[:, j]
            there = ~np.isnan(column)
            upto = np.searchsorted(known, column, side="right")
            below = np.searchsorted(known, column, side="left")
            left[:, j] = np.where(there, -np.log((upto + 1) / (n + 2)), 0.0)
            right[:, j] = np.where(there, -np.log((n - below + 1) / (n + 2)), 0.0)
        return left, right

    def cells(self, x: Floats) -> Floats:
        """-log of the smaller tail probability of every cell."""
        left, right = self.surprises(x)
        return np.maximum(left, right)

    def score(self, x: Floats) -> Floats:
        """The largest of the left, the right and the skewness-chosen sum over columns, shape (rows,)."""
        left, right = self.surprises(x)
        chosen = np.where(self.is_left_skewed, left, right)
        score: Floats = np.maximum(np.maximum(left.sum(axis=1), right.sum(axis=1)), chosen.sum(axis=1))
        return score


def fit_ecdf(x: Floats) -> Ecdf:
    """ECOD's distributions and skewness signs of the columns of `x`, missing cells left out."""
    ordered = tuple(np.sort(column[~np.isnan(column)]) for column in x.T)
    skew = [float(((c - c.mean()) ** 3).mean()) if len(c) else 0.0 for c in ordered]
    return Ecdf(ordered, np.array([s < 0 for s in skew], np.bool_))


@dataclass(frozen=True)
class Histograms:
    """Histogram of every column, for HBOS.

    References
    ----------
    Goldstein and Dengel, "Histogram-based Outlier Score (HBOS)", KI 2012: sum of log(1 / height) over columns, static
    bins, heights normalised to a maximum of 1. Here a bin without rows has the height of half a row.
    """

    edges: tuple[Floats, ...]
    depths: tuple[Floats, ...]  # -log height of every bin, one more on each side for what lies beyond

    def cells(self, x: Floats) -> Floats:
        """-log height of every cell; 0 where missing."""
        result = np.zeros(x.shape)
        for j, (edges, depth) in enumerate(zip(self.edges, self.depths, strict=True)):
            column = x[:, j]
            at = np.searchsorted(edges, column, side="right")
            at = np.where(column == edges[-1], len(edges) - 1, at)
            result[:, j] = np.where(np.isnan(column), 0.0, depth[np.minimum(at, len(depth) - 1)])
        return result

    def score(self, x: Floats) -> Floats:
        """Sum over columns, shape (rows,)."""
        score: Floats = self.cells(x).sum(axis=1)
        return score


def fit_histograms(x: Floats, *, bins: int = 20) -> Histograms:
    """Histograms of the columns of `x` between their 0.5 % and 99.5 % quantiles."""
    edges, depths = [], []
    for column in x.T:
        known = column[~np.isnan(column)]
        low, high = np.quantile(known, [0.005, 0.995]) if len(known) else (0.0, 1.0)
        edge = np.linspace(low, high if high > low else low + 1.0, bins + 1)
        inside = np.histogram(known, edge)[0].astype(np.float64)
        below, above = float((known < edge[0]).sum()), float((known > edge[-1]).sum())
        height = np.maximum(np.concatenate([[below], inside, [above]]), 0.5)
        edges.append(edge)
        depths.append(-np.log(height / height.max()))
    return Histograms(tuple(edges), tuple(depths))


@dataclass(frozen=True)
class TailScale:
    """Turns scores of any detector into -log tail probabilities, with an exponential tail beyond the 95 % quantile."""

    ordered: Floats
    start: float
    mean_excess: float

    def surprise(self, score: Floats) -> Floats:
        """-log of the probability that a training row scores as high, at least 0."""
        n = len(self.ordered)
        rank = np.searchsorted(self.ordered, score, side="left")
        body = -np.log((n - np.minimum(rank, n - 1)) / n)
        tail = -np.log(0.05) + np.maximum(score - self.start, 0.0) / self.mean_excess
        result: Floats = np.where(score > self.start, tail, np.minimum(body, -np.log(0.05)))
        return result


def fit_tail_scale(score: Floats) -> TailScale:
    """Fit to the scores of training rows; the excess is matched at the 95 % and 99 % quantiles."""
    q95, q99 = (float(q) for q in np.quantile(score, [0.95, 0.99]))
    return TailScale(np.sort(score), q95, max((q99 - q95) / np.log(5), 1e-9 + 1e-6 * abs(q95)))
