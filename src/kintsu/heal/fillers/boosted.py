"""Boosted trees that predict a column from the others."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.heal.filling import Encoding, Filler, Floats, Target, encoding_of, is_right, known_rows

__all__ = ["model_filler"]


@cache
def _lightgbm() -> Any:
    """The LightGBM module; None where it is not installed or cannot be loaded."""
    try:
        import lightgbm
    except ImportError:
        return None
    except OSError as error:  # installed, but the system's OpenMP library is missing, as in slim images
        warnings.warn(f"LightGBM cannot be loaded ({error}); using scikit-learn's boosting instead", stacklevel=2)
        return None
    return lightgbm


def _one_thread() -> Any:
    """OpenMP threads that wait for each other cost scikit-learn's boosting more than they give at this size."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def _learner(target: Target, encoding: Encoding, seed: int) -> Any:
    lightgbm = _lightgbm()
    if lightgbm is not None:
        kind = lightgbm.LGBMRegressor if target.is_number else lightgbm.LGBMClassifier
        return kind(
            n_estimators=120,
            learning_rate=0.08,
            num_leaves=31,
            min_child_samples=10,
            objective="regression_l1" if target.is_number else None,  # the median: "right" is a matter of nearness
            random_state=seed,
            deterministic=True,
            force_row_wise=True,
            n_jobs=1,  # 9,000 rows: more threads wait for each other longer than they work
            verbosity=-1,
        )
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    common = {"max_iter": 120, "learning_rate": 0.08, "random_state": seed, "early_stopping": False}
    if target.is_number:
        return HistGradientBoostingRegressor(loss="absolute_error", **common)
    return HistGradientBoostingClassifier(**common)


@dataclass(frozen=True, eq=False)
class Trees:
    """Boosted trees of LightGBM as its own text: numbers, or the codes of `labels` for a column of categories."""

    text: str
    labels: tuple[int, ...] = ()

    @cached_property
    def _booster(self) -> Any:
        return _lightgbm().Booster(model_str=self.text)

    @property
    def classes_(self) -> tuple[int, ...]:
        return self.labels

    def predict(self, matrix: Floats) -> Floats:
        return np.asarray(self._booster.predict(matrix, num_threads=1))

    def predict_proba(self, matrix: Floats) -> Floats:
        told = self.predict(matrix)
        return told if told.ndim == 2 else np.column_stack([1 - told, told])


@dataclass(frozen=True, eq=False)
class Boosted:
    """Boosted trees on the other columns, their gaps kept as gaps."""

    operation: str
    says: str
    accuracy: float
    target: Target
    encoding: Encoding
    learner: Any
    trust: float = 1.0  # accuracy on hidden cells to the mean probability claimed for them

    def fill(self, rows: Batch) -> pl.DataFrame:
        if not len(rows):
            return pl.DataFrame(schema={"new": pl.String, "score": pl.Float64})
        matrix = self.encoding.matrix(rows)
        if self.target.is_number:
            new = self.target.spell(pl.Series(self.learner.predict(matrix)), decimal_comma=rows.decimal_comma)
            return pl.DataFrame({"new": new, "score": np.full(len(rows), self.accuracy)})
        probability = self.learner.predict_proba(matrix)
        label = np.asarray(self.learner.classes_)[probability.argmax(axis=1)]
        new = pl.Series(list(self.target.labels)).gather(label.astype(np.int64))
        return pl.DataFrame({"new": new, "score": np.clip(probability.max(axis=1) * self.trust, 0, 0.99)})


def model_filler(reference: Reference, target: Target) -> Filler | None:
    """Fitted trees with their accuracy on hidden cells; None where there is nothing to learn from."""
    encoding = encoding_of(reference, target)
    fit, hidden = known_rows(reference, target)
    if not encoding.width or len(fit) < 100 or not len(hidden):
        return None
    column = fit[target.name]
    if target.is_number:
        y = column.number.to_numpy()
    else:
        codes = {label: i for i, label in enumerate(target.labels)}
        y = column.text.replace_strict(codes, return_dtype=pl.Int64).to_numpy()
        if len(np.unique(y)) < 2:
            return None
    learner = _learner(target, encoding, reference.seed)
    with _one_thread():
        learner.fit(encoding.matrix(fit), y)
    if _lightgbm() is not None:
        labels = () if target.is_number else tuple(int(code) for code in learner.classes_)
        learner = Trees(learner.booster_.model_to_string(), labels)
    says = "a prediction from the row's other columns (boosted trees)"
    filler = Boosted("model", says, 0.0, target, encoding, learner)
    filled = filler.fill(hidden)
    accuracy = float(is_right(target, hidden, filled["new"]).mean())
    claimed = max(float(filled["score"].mean() or 0.0), 1e-9)  # type: ignore[arg-type]
    trust = 1.0 if target.is_number else min(accuracy / claimed, 1.0)
    return replace(filler, accuracy=accuracy, trust=trust)
