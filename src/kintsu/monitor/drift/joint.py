"""Drift of the rows as a whole: can a classifier tell which table a row is from?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = ["Joint", "beside_past", "joint_drift"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

MIN_ROWS: Final = 60  # of either table, below which nothing is learnt
MOST_ROWS: Final = 3_000  # of either table that are looked at
FOLDS: Final = 3
SHARED: Final = 1 + FOLDS / (FOLDS - 1)  # folds share what they learn from, so their AUCs vary together
TREES: Final = 40
LEAF: Final = 8  # rows
EMPTY: Final = -0.1  # place of empty cells among ranks from 0 to 1
TOLD: Final = 0.05  # p-value from which columns are looked for
SHOWN: Final = 5
TINY: Final = 1e-3  # AUCs that are nearer to each other are alike
LEAST_DROP: Final = 0.1  # of the AUC above a half that is lost without a column that says something


@dataclass(frozen=True)
class Joint:
    """What a classifier that has to tell the tables apart reaches on rows that it has not seen.

    Attributes
    ----------
    auc
        Chance that it takes a current row for more current than one of the reference: 0.5 if it knows nothing.
    p
        Probability of so much by chance.
    columns
        Columns that give it away, with the AUC that is lost when each is shuffled, most telling first.
    rows
        Places of the most telling rows of the current table.
    """

    auc: float
    p: float
    columns: tuple[tuple[str, float], ...]
    rows: tuple[int, ...]


def joint_drift(
    names: list[str],
    reference: Floats,
    current: Floats,
    order: tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]],
    seed: int,
) -> Joint | None:
    """Judge rows of numbers, shape (rows, columns), NaN where empty, categories as whole numbers; None if too few.

    `order` holds a hash of each row: by it rows are chosen and put into folds, whatever their places.

    References
    ----------
    Lopez-Paz and Oquab, Revisiting classifier two-sample tests, ICLR 2017, with the AUC in place of the accuracy; its
    variance if there is nothing to learn is that of the Mann-Whitney statistic, widened for folds that share rows as of
    Nadeau and Bengio, Inference for the generalization error, Machine Learning 52, 2003.
    """
    picked = [np.argsort(h, kind="stable")[:MOST_ROWS] for h in order]
    n, m = (len(p) for p in picked)
    if min(n, m) < MIN_ROWS or not names:
        return None
    x = _ranks(np.vstack([reference[picked[0]], current[picked[1]]]))
    y = np.repeat([0, 1], [n, m])
    fold = np.concatenate([np.arange(n), np.arange(m)]) % FOLDS
    models = [_fitted(x[fold != k], y[fold != k], seed) for k in range(FOLDS)]
    score = np.empty(len(y))
    for k, model in enumerate(models):
        score[fold == k] = model.predict_proba(x[fold == k])[:, 1]
    aucs, variances = zip(*(_auc(score[fold == k], y[fold == k]) for k in range(FOLDS)), strict=True)
    auc, deviation = float(np.mean(aucs)), float(np.sqrt(np.sum(variances) * SHARED)) / FOLDS
    p = float(special.ndtr(-(auc - 0.5) / deviation)) if deviation else 1.0  # all rows are alike
    if p > TOLD:
        return Joint(auc, p, (), ())
    columns = _telling(names, models[0], x[fold == 0], y[fold == 0], seed)
    best = np.argsort(-score[n:], kind="stable")[:SHOWN]
    return Joint(auc, p, columns, tuple(picked[1][best].tolist()))


def beside_past(joint: Joint, past: Sequence[float]) -> Joint:
    """The same with a p-value that counts how well batches of the history were told from each other, by their AUCs."""
    off = (joint.auc - float(np.mean(past))) / max(float(np.std(past, ddof=1)), TINY) / (1 + 1 / len(past)) ** 0.5
    return replace(joint, p=max(joint.p, float(special.stdtr(len(past) - 1, -off))))


def _ranks(x: Floats) -> Floats:
    """Columns as ranks: the random splits of extremely random trees would all fall into the tail of a skewed one."""
    out = np.full(x.shape, EMPTY)
    for j in range(x.shape[1]):
        filled = np.isfinite(x[:, j])
        _, place, cells = np.unique(x[filled, j], return_inverse=True, return_counts=True)
        out[filled, j] = ((np.cumsum(cells) - cells / 2) / max(int(filled.sum()), 1))[place]
    return out


def _fitted(x: Floats, y: Codes, seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    # boosted histograms are quicker on one thread, but take every core: beside other processes that cost 20 CPU s
    model = ExtraTreesClassifier(
        TREES, max_features=None, min_samples_leaf=LEAF, class_weight="balanced", random_state=seed
    )
    return model.fit(x, y)


def _auc(score: Floats, y: Codes) -> tuple[float, float]:
    """Area under the ROC curve with halves for ties, and its variance if the scores know nothing of `y`."""
    _, place, cells = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(cells) - (cells - 1) / 2)[place]
    m, n = int(y.sum()), int(len(y) - y.sum())
    auc = (float(rank[y == 1].sum()) - m * (m + 1) / 2) / (n * m)
    total = n + m
    ties = float((cells.astype(float) ** 3 - cells).sum()) / (total * (total - 1))
    return auc, (total + 1 - ties) / (12 * n * m)


def _telling(names: list[str], model: Any, x: Floats, y: Codes, seed: int) -> tuple[tuple[str, float], ...]:
    """Columns by what the AUC loses when their cells are shuffled among rows that the model has not seen."""
    rng = np.random.default_rng(seed)
    whole = _auc(model.predict_proba(x)[:, 1], y)[0]
    drops = []
    for j, name in enumerate(names):
        part = x.copy()
        part[:, j] = rng.permutation(part[:, j])
        drops.append((name, whole - _auc(model.predict_proba(part)[:, 1], y)[0]))
    told = sorted(drops, key=lambda d: (-d[1], d[0]))[:SHOWN]
    return tuple(d for d in told if d[1] >= LEAST_DROP * max(whole - 0.5, 0.0) and d[1] > 0)
