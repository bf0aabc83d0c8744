"""Distances between histograms over the same bins: counts in, numbers out, over the last axis.

PSI, Jensen-Shannon and Kolmogorov-Smirnov are those of `kintsu.profile.difference`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["l_infinity", "likelihood_ratio", "pearson", "wasserstein"]

Floats = npt.NDArray[np.float64]

MOST_DIVIDED: Final = 1.5  # a correction for small counts that is meant to be small


def _share(counts: Floats) -> Floats:
    return np.asarray(counts / np.maximum(counts.sum(-1, keepdims=True), 1.0))


def wasserstein(reference: Floats, current: Floats, at: Floats) -> Floats:
    """First Wasserstein distance: how far cells have to move on average, in the unit of `at`, the place of each bin.

    References
    ----------
    On a line it is the area between the cumulative shares: Vallender, Calculation of the Wasserstein distance between
    probability distributions on the line, Theory of Probability and its Applications 18, 1974.

    Examples
    --------
    >>> float(wasserstein(np.array([1.0, 0, 0]), np.array([0, 0, 1.0]), np.array([0.0, 1.0, 5.0])))
    5.0
    """
    off = np.cumsum(_share(reference), -1) - np.cumsum(_share(current), -1)
    return np.asarray((np.abs(off[..., :-1]) * np.diff(at)).sum(-1))


def l_infinity(reference: Floats, current: Floats) -> Floats:
    """Largest difference of the shares of one value, in [0, 1]: the drift measure of TensorFlow Data Validation.

    >>> round(float(l_infinity(np.array([8.0, 2.0]), np.array([6.0, 4.0]))), 6)
    0.2
    """
    return np.asarray(np.abs(_share(reference) - _share(current)).max(-1, initial=0.0))


def pearson(reference: Floats, current: Floats) -> Floats:
    """Pearson's chi2 of the table of two histograms, both of them samples.

    >>> round(float(pearson(np.array([10.0, 20.0]), np.array([20.0, 10.0]))), 4)
    6.6667
    """
    n, m = reference.sum(-1, keepdims=True), current.sum(-1, keepdims=True)
    share = (reference + current) / np.maximum(n + m, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [
            np.where(share > 0, (c - k * share) ** 2 / (k * share), 0.0) for c, k in ((reference, n), (current, m))
        ]
    return np.asarray(np.nan_to_num(terms[0] + terms[1]).sum(-1))


def likelihood_ratio(counts: Floats, reference: Floats) -> Floats:
    """The chi2 of likelihood ratios between each row of counts and the reference, both of them samples.

    Its tail is right where Pearson's is too heavy: a bin with eight expected cells and twenty-five found.

    References
    ----------
    Wilks, The large-sample distribution of the likelihood ratio, Annals of Mathematical Statistics 9, 1938; divided as
    of Williams, Improved likelihood ratio tests for complete contingency tables, Biometrika 63, 1976.

    Examples
    --------
    >>> float(likelihood_ratio(np.array([[50.0, 50.0]]), np.array([500.0, 500.0]))[0])
    0.0
    """
    n, m = counts.sum(-1, keepdims=True), reference.sum(-1, keepdims=True)
    share = (counts + reference) / (n + m)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(counts > 0, counts * np.log(counts / (n * share)), 0.0)
        terms += np.where(reference > 0, reference * np.log(reference / (m * share)), 0.0)
        smallness = np.where(share > 0, 1 / share, 0.0).sum(-1) - 1
    size = np.maximum(n[..., 0], 1.0)
    williams = 1 + smallness * (1 / size + 1 / m[..., 0]) / (6 * max(counts.shape[-1] - 1, 1))
    return np.asarray(np.maximum(2 * terms.sum(-1), 0.0) / np.minimum(williams, MOST_DIVIDED))
