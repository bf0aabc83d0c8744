"""Which judges to switch on for a table: those that find more of its damaged past, at no more false alarms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["Choice", "choose"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEVEL: Final = 0.05  # chance of switching on a judge that finds nothing
MARGIN: Final = 0.5  # of the way from the median clean score to the largest, that a score has to lie beyond it
MIN_CLEAN: Final = 8  # clean cases below which no threshold is known


@dataclass(frozen=True)
class Choice:
    """What a judge would add to those that are there, on cases that did not set its threshold.

    Attributes
    ----------
    threshold
        Score from which it would alarm, by all clean cases.
    false_alarms, recall
        Shares of the clean and of the damaged cases that alarm: without it, and with it.
    p
        Probability that it finds so many more damaged cases than clean ones by chance.
    """

    judge: str
    is_chosen: bool
    threshold: float
    false_alarms: tuple[float, float]
    recall: tuple[float, float]
    p: float

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; `threshold` is null where too few good batches set one."""
        return {
            "judge": self.judge,
            "is_chosen": self.is_chosen,
            "threshold": self.threshold if math.isfinite(self.threshold) else None,
            "false_alarms": {"without": self.false_alarms[0], "with": self.false_alarms[1]},
            "found": {"without": self.recall[0], "with": self.recall[1]},
            "p": self.p,
        }


def choose(
    scores: Mapping[str, Floats],
    is_damaged: Bools,
    is_alarmed: Bools,
    step: npt.NDArray[np.int64],
    *,
    level: float = LEVEL,
) -> list[Choice]:
    """Compare judges with those that are there, on the cases of a backtest of one table.

    A judge is chosen if it adds no false alarm and finds more damaged cases, by more than chance, beside all judges
    that were chosen before it; the one that finds most comes first.

    Parameters
    ----------
    scores
        Of each judge, shape (cases,).
    is_damaged, is_alarmed
        Whether a case was damaged, and whether the judges that are there alarm. Shape (cases,).
    step
        Place in time of each case. Steps before and after the middle set each other's thresholds: cases of one batch
        are alike, and so no case is judged by a threshold that its own batch set.

    Examples
    --------
    >>> is_damaged = np.tile([False, True], 20)
    >>> step, nobody = np.repeat(np.arange(20), 2), np.zeros(40, dtype=bool)
    >>> [c.is_chosen for c in choose({"sees": is_damaged * 9.0 + step % 3}, is_damaged, nobody, step)]
    [True]
    >>> [c.is_chosen for c in choose({"guesses": step % 7 * 1.0}, is_damaged, nobody, step)]
    [False]
    """
    alarmed = is_alarmed.copy()
    left = dict(scores)
    out: list[Choice] = []
    while left:
        tried = [_tried(name, held, is_damaged, alarmed, step, level) for name, held in left.items()]
        best, new = max(tried, key=lambda t: (t[0].is_chosen, t[0].recall[1], t[0].judge))
        if not best.is_chosen:
            return [*out, *(choice for choice, _ in sorted(tried, key=lambda t: t[0].judge))]
        out.append(best)
        alarmed = alarmed | new
        del left[best.judge]
    return out


def _tried(
    name: str, score: Floats, is_damaged: Bools, alarmed: Bools, step: npt.NDArray[np.int64], level: float
) -> tuple[Choice, Bools]:
    from scipy import stats  # slow to import, and only a backtest needs it

    is_late = step > np.median(np.unique(step))
    alarms = np.zeros(len(score), dtype=bool)
    for half in (is_late, ~is_late):
        alarms[half] = score[half] > _threshold(score[~half & ~is_damaged])
    new = alarms & ~alarmed
    table = [[int((new & kind).sum()), int((~new & ~alarmed & kind).sum())] for kind in (is_damaged, ~is_damaged)]
    p = float(stats.fisher_exact(table, alternative="greater").pvalue)
    before, after = _shares(alarmed, is_damaged), _shares(alarmed | new, is_damaged)
    is_chosen = after[0] <= before[0] and after[1] > before[1] and p < level
    threshold = _threshold(score[~is_damaged])
    return Choice(name, is_chosen, threshold, (before[0], after[0]), (before[1], after[1]), p), new


def _threshold(clean: Floats) -> float:
    if len(clean) < MIN_CLEAN:
        return float("inf")
    largest = float(clean.max())
    return largest + MARGIN * (largest - float(np.median(clean)))


def _shares(alarms: Bools, is_damaged: Bools) -> tuple[float, float]:
    """False alarms and recall."""
    return tuple(float(alarms[kind].mean()) if kind.any() else 0.0 for kind in (~is_damaged, is_damaged))  # type: ignore[return-value]
