"""Train the model of issues on labelled cases, and measure it on tables that it was not trained on."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from kintsu.core.errors import MissingExtra, UsageError
from kintsu.monitor.classify.cases import CLEAN, Cases
from kintsu.monitor.classify.model import CLASSES, FACTS, LEAST, Calibration, IssueModel
from kintsu.monitor.classify.networks import Networks, train_networks
from kintsu.monitor.classify.trees import Trees, of_boosting, of_forest
from kintsu.monitor.issue import ISSUES

__all__ = [
    "Parameters",
    "Scored",
    "calibration_error",
    "cross_validate",
    "fit",
    "fit_uncalibrated",
    "fold_of",
    "macro_f1",
    "metrics",
    "product_names",
]

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]

BINS: Final = 15


@dataclass(frozen=True)
class Parameters:
    """Of the ensemble. `n_folds` are those of the calibration: tables, never cases, are split.

    `n_networks` small networks for each issue join the trees (the extra `deep`; the shipped model has none).
    """

    n_rounds: int = 120
    n_leaves: int = 24
    learning_rate: float = 0.08
    min_leaf: int = 15
    feature_share: float = 0.3
    n_forest: int = 80
    forest_leaves: int = 250
    n_networks: int = 0
    n_folds: int = 5
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Scored:
    """What models that had not seen a case's table say of it: shape (cases, ISSUES), calibrated."""

    probabilities: Floats
    folds: npt.NDArray[np.int64]


def fit(
    cases: Cases, parameters: Parameters | None = None, about: Mapping[str, Any] | None = None
) -> tuple[IssueModel, Scored]:
    """A model trained on all cases, and what models that had not seen a case's table say of it.

    Raises
    ------
    UsageError
        Fewer tables than folds, or an issue without any case.
    MissingExtra
        LightGBM is not installed, or networks are asked for without torch.
    """
    p = parameters or Parameters()
    scored, members = _validated(cases, p)
    open_ = cases[cases.fact == ""]
    weights = _best_weights(members, _labels(open_))
    calibration = _calibrated(_mixed(members, weights), _labels(open_))
    told = {"parameters": asdict(p), "metrics": metrics(cases, scored), "n_cases": len(cases),
            "kinds": sorted(set(cases.kind.tolist()))} | dict(about or {})  # fmt: skip
    boosting, forest = _grow(open_, p)
    networks = _networks(open_, p)
    share = 0.0 if networks is None else 1 - weights[1]
    facts = _fact_precision(cases)
    return IssueModel(boosting, forest, weights[0], calibration, facts, told, networks, share), scored


def fit_uncalibrated(cases: Cases, parameters: Parameters | None = None) -> IssueModel:
    """The mean of both members as it is: quick, for comparisons of issues, not of probabilities."""
    boosting, forest = _grow(cases[cases.fact == ""], parameters or Parameters())
    plain = Calibration(1.0, np.zeros(len(CLASSES)))
    return IssueModel(boosting, forest, 0.5, plain, _fact_precision(cases))


def cross_validate(cases: Cases, parameters: Parameters | None = None) -> Scored:
    """Every case scored by a model, and calibrated on cases, of other tables."""
    return _validated(cases, parameters or Parameters())[0]


def metrics(cases: Cases, scored: Scored) -> dict[str, Any]:
    """Macro-F1 over the issues and calibration error, of all cases and of those that alarm (with all clean ones)."""
    seen = cases.alarm | (cases.kind == CLEAN)
    guess = np.array(ISSUES)[scored.probabilities.argmax(1)]
    named, confidence = product_names(scored.probabilities, cases.alarm)
    told: dict[str, Any] = {"n_clean": int((cases.kind == CLEAN).sum()), "n_alarming": int(seen.sum())}
    for name, said, sure in (
        ("classifier", guess, scored.probabilities.max(1)),
        ("judgement", named, confidence),
    ):
        for part, mine in (("all", np.ones(len(cases), dtype=bool)), ("alarming", seen)):
            f1, each = macro_f1(cases.issue[mine], said[mine])
            told[f"{name}_{part}"] = {
                "macro_f1": round(f1, 4),
                "calibration_error": round(calibration_error(sure[mine], (said == cases.issue)[mine]), 4),
                "f1": {issue: round(f, 4) for issue, (_, _, f) in each.items()},
            }
    return told


def _validated(cases: Cases, p: Parameters) -> tuple[Scored, list[Floats]]:
    """Scores of all cases, and those of each member before calibration where the schema decides nothing."""
    out = np.zeros((len(cases), len(ISSUES)))
    folds = fold_of(cases.table, p.n_folds)
    is_open = cases.fact == ""
    open_, mine = cases[is_open], folds[is_open]
    members, labels = _out_of_fold(open_, mine, p), _labels(open_)
    at = np.array([ISSUES.index(c) for c in CLASSES])
    told = np.zeros((len(open_), len(ISSUES)))
    for k in range(p.n_folds):
        others = [m[mine != k] for m in members]
        weights = _best_weights(others, labels[mine != k])
        calibration = _calibrated(_mixed(others, weights), labels[mine != k])
        here = np.flatnonzero(mine == k)
        told[np.ix_(here, at)] = calibration(_mixed([m[here] for m in members], weights))
    out[is_open] = told
    for k in range(p.n_folds):
        precision = _fact_precision(cases[folds != k])
        for fact in FACTS:
            here = (folds == k) & (cases.fact == fact)
            out[here] = (1 - precision[fact]) / (len(ISSUES) - 1)
            out[here, ISSUES.index(fact)] = precision[fact]
    return Scored(out, folds), members


def product_names(probabilities: Floats, alarm: npt.NDArray[np.bool_]) -> tuple[Texts, Floats]:
    """The issue as a judgement names it, and its probability: "none" where there is no alarm, else the best other."""
    none = ISSUES.index("none")
    other = np.where(np.arange(len(ISSUES)) == none, -1.0, probabilities).argmax(1)
    best = np.where(alarm, other, none)
    return np.array(ISSUES)[best], probabilities[np.arange(len(best)), best]


def fold_of(tables: Texts, n_folds: int) -> npt.NDArray[np.int64]:
    """The fold of each case's table: tables in the order of their hashes, dealt out in turn."""
    names = sorted(set(tables.tolist()), key=lambda name: (zlib.crc32(name.encode()), name))
    if len(names) < n_folds:
        raise UsageError(f"{len(names)} tables are too few for {n_folds} folds: give more tables, or fewer folds")
    fold = {name: i % n_folds for i, name in enumerate(names)}
    return np.array([fold[name] for name in tables.tolist()])


def macro_f1(truth: Texts, said: Texts) -> tuple[float, dict[str, tuple[float, float, float]]]:
    """The mean F1 over the issues that are there, and precision, recall and F1 of each."""
    each = {}
    for issue in ISSUES:
        right = float(((truth == issue) & (said == issue)).sum())
        if (truth == issue).any():
            p, r = right / max((said == issue).sum(), 1), right / (truth == issue).sum()
            each[issue] = (float(p), float(r), float(2 * p * r / (p + r)) if right else 0.0)
    return float(np.mean([f for _, _, f in each.values()])), each


def calibration_error(confidence: Floats, is_right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error over 15 bins of equal width."""
    at = np.minimum((confidence * BINS).astype(int), BINS - 1)
    off = [abs(confidence[at == b].sum() - is_right[at == b].sum()) for b in range(BINS)]
    return float(sum(off) / max(len(confidence), 1))


def _labels(cases: Cases) -> npt.NDArray[np.int64]:
    of = {issue: i for i, issue in enumerate(CLASSES)}
    return np.array([of.get(issue, of["none"]) for issue in cases.issue.tolist()], dtype=np.int64)


def _weights(cases: Cases) -> Floats:
    """Every issue counts the same, however many kinds of fault it has."""
    weight = np.ones(len(cases))
    for issue in set(cases.issue.tolist()):
        mine = cases.issue == issue
        weight[mine] = len(cases) / mine.sum()
    return np.asarray(weight / weight.mean())


def _grow(cases: Cases, p: Parameters) -> tuple[Trees, Trees]:
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtra("lightgbm", "boost") from error
    from sklearn.ensemble import RandomForestClassifier

    x, y, w = cases.x.astype(np.float64), _labels(cases), _weights(cases)
    settings = {
        "objective": "multiclass", "num_class": len(CLASSES), "num_leaves": p.n_leaves, "verbosity": -1,
        "learning_rate": p.learning_rate, "min_data_in_leaf": p.min_leaf, "feature_fraction": p.feature_share,
        "use_missing": False, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": p.seed,
        "lambda_l2": 1.0, "bagging_fraction": 0.7, "bagging_freq": 1,
    }  # fmt: skip
    booster = lightgbm.train(settings, lightgbm.Dataset(x, y, weight=w), num_boost_round=p.n_rounds)
    forest = RandomForestClassifier(p.n_forest, max_leaf_nodes=p.forest_leaves, min_samples_leaf=3, max_features=0.15,
                                    random_state=p.seed, n_jobs=1)  # fmt: skip
    forest.fit(x, y, sample_weight=w)
    if len(forest.classes_) != len(CLASSES):
        missing = sorted(set(CLASSES) - {CLASSES[c] for c in forest.classes_})
        raise UsageError(f"the tables give no cases of {', '.join(missing)}: add tables that such faults can befall")
    return of_boosting(booster, len(CLASSES)), of_forest(forest)


def _out_of_fold(cases: Cases, folds: npt.NDArray[np.int64], p: Parameters) -> list[Floats]:
    """Probabilities of each member for every case, from models that had not seen its table."""
    members = [np.zeros((len(cases), len(CLASSES))) for _ in range(3 if p.n_networks else 2)]
    for k in range(p.n_folds):
        boosting, forest = _grow(cases[folds != k], p)
        x = cases.x[folds == k].astype(np.float64)
        members[0][folds == k] = special.softmax(boosting.sums(x), axis=1)
        members[1][folds == k] = forest.sums(x)
        networks = _networks(cases[folds != k], p)
        if networks is not None:
            members[2][folds == k] = networks.shares(x)
    return members


def _networks(cases: Cases, p: Parameters) -> Networks | None:
    if not p.n_networks:
        return None
    x, labels, weight = cases.x.astype(np.float64), _labels(cases), _weights(cases)
    return train_networks(x, labels, weight, len(CLASSES), n_members=p.n_networks, seed=p.seed)


def _mixed(members: list[Floats], weights: list[float]) -> Floats:
    """The mean of the first two, of that and the third, and so on; a weight is that of the mean so far."""
    mean = members[0]
    for weight, member in zip(weights, members[1:], strict=True):
        mean = np.asarray(weight * mean + (1 - weight) * member)
    return mean


def _loss(p: Floats, labels: npt.NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(p[np.arange(len(p)), labels], LEAST)).mean())


def _best_weights(members: list[Floats], labels: npt.NDArray[np.int64]) -> list[float]:
    grid, weights = np.linspace(0, 1, 11).tolist(), list[float]()
    for n in range(2, len(members) + 1):
        tried = [_loss(_mixed(members[:n], [*weights, w]), labels) for w in grid]
        weights.append(grid[int(np.argmin(tried))])
    return weights


def _calibrated(scores: Floats, labels: npt.NDArray[np.int64]) -> Calibration:
    """Slope and offsets with the least log loss."""

    def made(at: Floats) -> Calibration:
        return Calibration(float(at[0]), np.append(at[1:], 0.0))

    start = np.append(1.0, np.zeros(len(CLASSES) - 1))
    best = optimize.minimize(lambda at: _loss(made(at)(scores), labels), start, method="L-BFGS-B")
    return made(best.x)


def _fact_precision(cases: Cases) -> dict[str, float]:
    """How often a fact is the issue, after one right and one wrong case more."""
    out = {}
    for fact in FACTS:
        mine = cases.issue[cases.fact == fact]
        out[fact] = float(((mine == fact).sum() + 1) / (len(mine) + 2))
    return out
