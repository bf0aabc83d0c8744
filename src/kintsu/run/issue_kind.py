"""The model of issues as a kind of model: how it is trained, measured, and how its confidence is held against use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from kintsu.core.errors import UsageError
from kintsu.io.store.batch_rows import ACCEPTED, REJECTED, BatchRow
from kintsu.monitor.classify.cases import CLEAN, Cases
from kintsu.monitor.classify.model import CLASSES, LEAST, IssueModel, shipped_model
from kintsu.monitor.classify.train import Parameters, calibration_error, macro_f1, product_names
from kintsu.monitor.issue import ISSUES
from kintsu.run.issues_model import LEAST_CASES, train_on

__all__ = ["Measured", "drift_of_confidence", "measure_issues", "read_issues", "train_issues"]

Floats = npt.NDArray[np.float64]

UNSURE: Final = 0.1  # share of the held-back cases that mark what counts as unsure
ENOUGH: Final = 20  # alarms from which something is said
LEVEL: Final = 0.01


@dataclass(frozen=True, eq=False)
class Measured:
    """What a model makes of cases: `loss` of each (less is better), the batch that each comes from, and figures."""

    loss: Floats
    batch: npt.NDArray[np.str_]
    is_right: npt.NDArray[np.bool_]
    metrics: Mapping[str, Any]


def train_issues(cases: Cases, *, seed: int, about: Mapping[str, Any], parameters: Parameters | None = None) -> bytes:
    """A model of issues, trained on these cases."""
    if len(cases) < LEAST_CASES:
        raise UsageError(f"{len(cases)} cases are too few, at least {LEAST_CASES} are needed: more tables or batches")
    return train_on(cases, replace(parameters or Parameters(), seed=seed), about).to_bytes()


def read_issues(body: bytes | None, where: str) -> IssueModel:
    """The model in a body, checked; without one the model that comes with Kintsu."""
    return shipped_model() if body is None else IssueModel.from_bytes(body, where)


def measure_issues(model: IssueModel, cases: Cases) -> Measured:
    """How well a model names the faults that alarm, where it is asked: not where the schema decides.

    The loss is the negative logarithm of the probability of the right issue.
    """
    cases = cases[cases.alarm & (cases.fact == "") & (cases.kind != CLEAN)]
    p = model.probabilities(cases.x.astype(np.float64))
    told = np.zeros((len(cases), len(ISSUES)))
    told[:, [ISSUES.index(c) for c in CLASSES]] = p
    named, confidence = product_names(told, np.ones(len(cases), dtype=bool))
    is_right = named == cases.issue
    loss = -np.log(np.maximum(told[np.arange(len(cases)), [ISSUES.index(i) for i in cases.issue.tolist()]], LEAST))
    batch = np.char.add(np.char.add(cases.table, "\n"), cases.cut)
    return Measured(loss, batch, is_right, _metrics(cases, named, confidence, is_right, loss, batch))


def _metrics(
    cases: Cases,
    named: npt.NDArray[np.str_],
    confidence: Floats,
    is_right: npt.NDArray[np.bool_],
    loss: Floats,
    batch: npt.NDArray[np.str_],
) -> dict[str, Any]:
    n = len(cases)
    told: dict[str, Any] = {"n_cases": n, "n_batches": len(np.unique(batch))}
    if not n:
        return told
    return told | {
        "right": round(float(is_right.mean()), 4),
        "macro_f1": round(macro_f1(cases.issue, named)[0], 4),
        "log_loss": round(float(loss.mean()), 4),
        "calibration_error": round(calibration_error(confidence, is_right), 4),
        "mean_confidence": round(float(confidence.mean()), 4),
        "unsure_below": round(float(np.quantile(confidence, UNSURE)), 4),
        "issues": {issue: round(float((named == issue).mean()), 4) for issue in ISSUES if (named == issue).any()},
    }


def drift_of_confidence(alarms: Sequence[BatchRow], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Recent alarms beside what the model had on held-back cases when it was trained.

    It is less sure than it was if more alarms than chance allows lie below the confidence that one in ten held-back
    cases lay below. `precision` is the share of the alarms that people confirmed, of those decided on. The issues are
    told and not tested: in training every kind of fault is as common.
    """
    named = [row for row in alarms if row.judgement and _is_named(row.judgement)]
    sure = np.array([row.judgement["confidence"] for row in named if row.judgement], dtype=float)
    right, wrong = (sum(row.state == state for row in alarms) for state in (REJECTED, ACCEPTED))
    issues = [row.issue for row in named]
    told: dict[str, Any] = {
        "alarms": len(named),
        "mean_confidence": round(float(sure.mean()), 4) if len(sure) else None,
        "mean_confidence_at_training": metrics.get("mean_confidence"),
        "unsure": None,
        "p_value": None,
        "issues": {issue: round(issues.count(issue) / len(issues), 4) for issue in ISSUES if issue in issues},
        "issues_at_training": metrics.get("issues"),
        "confirmed": right,
        "denied": wrong,
        "precision": right / (right + wrong) if right + wrong else None,
        "is_less_sure": None,
    }
    limit = metrics.get("unsure_below")
    if len(sure) < ENOUGH or limit is None:
        return told
    from scipy import stats  # slow to import, and most processes do without

    unsure = int((sure < limit).sum())
    p = float(stats.binomtest(unsure, len(sure), UNSURE, alternative="greater").pvalue)
    return told | {"unsure": round(unsure / len(sure), 4), "p_value": round(p, 6), "is_less_sure": p < LEVEL}


def _is_named(judgement: Mapping[str, Any]) -> bool:
    """Whether the model was asked: it is not where the schema, or rows that came before, decide."""
    first = judgement["causes"][0]["statistic"] if judgement["causes"] else ""
    return judgement["issue"] in CLASSES and first != "repeated" and "confidence" in judgement
