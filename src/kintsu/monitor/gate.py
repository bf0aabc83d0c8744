"""Whether a batch may pass: what was judged of it, and why that stops it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kintsu.core.errors import UsageError
from kintsu.monitor.attain import Attainment
from kintsu.monitor.judge import BatchJudgement

__all__ = ["DECISIONS", "GateResult", "Reason", "decide"]

DECISIONS: Final = ("pass", "hold", "stop")
"""Mildest first. To hold is to wait: the batch may be right, and is not yet known to be whole."""

UNFINISHED: Final = frozenset({"volume", "timeliness"})
"""Issues of a batch that may still become whole: rows that are missing or late may come."""


@dataclass(frozen=True)
class Reason:
    """Why a batch is not passed on. `source` is "batch", "objective" or "score"."""

    decision: str
    source: str
    message: str


@dataclass(frozen=True, repr=False)
class GateResult:
    """Whether a batch may pass.

    Attributes
    ----------
    decision
        "pass", "hold" (wait and look: it came late or with too few or too many rows, or nothing is known of its table
        yet and that was asked to hold) or "stop".
    reasons
        What stands in the way, the gravest first; empty where it passes.
    judgement, attained, score
        What it was judged by; None or empty where it was not judged by that.
    """

    decision: str
    reasons: tuple[Reason, ...]
    judgement: BatchJudgement | None = None
    attained: tuple[Attainment, ...] = ()
    score: float | None = None

    @property
    def passed(self) -> bool:
        return self.decision == "pass"

    @property
    def exit_code(self) -> int:
        """0 where it passes, else 1."""
        return 0 if self.passed else 1

    @property
    def reason(self) -> str:
        """One sentence."""
        if self.reasons:
            return self.reasons[0].message
        return self.judgement.message if self.judgement is not None else "nothing stands in the way"

    def __repr__(self) -> str:
        return f"GateResult({self.decision}: {self.reason})"

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `kintsu gate --json`."""
        return {
            "decision": self.decision,
            "passed": self.passed,
            "exit_code": self.exit_code,
            "reason": self.reason,
            "reasons": [{"decision": r.decision, "source": r.source, "message": r.message} for r in self.reasons],
            "judgement": None if self.judgement is None else self.judgement.to_dict(),
            "objectives": [attainment.to_dict() for attainment in self.attained],
            "score": self.score,
        }


def decide(
    judgement: BatchJudgement | None = None,
    missed: Sequence[str] = (),
    score: float | None = None,
    *,
    fail_under: float | None = None,
    while_learning: str = "pass",
    attained: Sequence[Attainment] = (),
) -> GateResult:
    """Decide about a batch.

    Parameters
    ----------
    judgement
        What a monitor said of it: an alarm stops it, or holds it where it may still become whole.
    missed
        Objectives that this batch does not keep, in words: each stops it. That a budget was used up by others does not.
    score, fail_under
        Overall score of its check, and the least that passes.
    while_learning
        "pass", "hold" or "stop" while the history is too short to judge.
    """
    if while_learning not in DECISIONS:
        raise UsageError(f"while_learning is one of {', '.join(DECISIONS)}, not {while_learning!r}")
    reasons = [Reason("stop", "objective", f"it misses the objective {each}") for each in missed]
    if judgement is not None and judgement.alarm:
        issue = judgement.issue.replace("_", " ")
        decision = "hold" if judgement.issue in UNFINISHED else "stop"
        reasons.insert(0, Reason(decision, "batch", f"{issue}: {judgement.message}"))
    elif judgement is not None and judgement.state == "learning" and while_learning != "pass":
        reasons.append(Reason(while_learning, "batch", judgement.message))
    if fail_under is not None and score is not None and score < fail_under:
        reasons.append(Reason("stop", "score", f"the score {score:.1f} is below {fail_under:g}"))
    reasons.sort(key=lambda reason: -DECISIONS.index(reason.decision))
    gravest = reasons[0].decision if reasons else "pass"
    return GateResult(gravest, tuple(reasons), judgement, tuple(attained), score)
