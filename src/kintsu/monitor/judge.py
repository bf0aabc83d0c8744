"""Judge a batch against a baseline: one answer a batch, facts before likelihoods, causes ranked and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from kintsu.monitor.baseline import Baseline, Surprise, learn
from kintsu.monitor.classify.model import IssueModel, shipped_model
from kintsu.monitor.forecast.model import VolumeForecast
from kintsu.monitor.issue import WHOLE, suspects
from kintsu.monitor.measure import BatchMetrics, ColumnMetrics
from kintsu.monitor.schema import SchemaChange, fact_of, schema_changes
from kintsu.monitor.tell import BAND, sentence, tell
from kintsu.monitor.traits import ColumnTraits

__all__ = ["CERTAIN", "MIN_HISTORY", "MOST_CAUSES", "BatchJudgement", "Cause", "judge", "learn_batches"]

MIN_HISTORY: Final = 7  # batches below which only facts are judged: errors of fewer forecasts tell no spread
CERTAIN: Final = 100.0  # strength of a fact
MOST_CAUSES: Final = 10
MOST_EXAMPLES: Final = 3
MOST_FACTS: Final = 3  # that say why


@dataclass(frozen=True)
class Cause:
    """One reason of an alarm, in words, with its strength (1 and more alarms).

    `expected` is the range that was expected, "" where there is none to tell (a column that is gone). `examples` are
    at most three of the values or patterns that were never seen before, the most frequent first.
    """

    column: str | None
    statistic: str
    strength: float
    came: str
    expected: str = ""
    examples: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """What came and what was expected, in one sentence."""
        return sentence(self.statistic, self.came, self.expected)


@dataclass(frozen=True)
class BatchJudgement:
    """What a monitor says of one batch.

    Attributes
    ----------
    alarm
        Whether somebody should look.
    score
        Strength of the strongest cause; above 1 it alarms.
    issue
        One of `issue.ISSUES`; "none" without an alarm.
    columns
        Suspects, most suspect first.
    causes
        At most ten, strongest first; without an alarm what came nearest to one.
    state
        "judged", or "learning" while the history is too short for anything but facts.
    n_batches
        Batches of the history.
    notes
        What is no reason for an alarm, and yet worth knowing: columns in another order.
    confidence
        Calibrated probability of the issue, faults being as common as in training; 0 while nothing is judged, and where
        only a judge of rows alarms.
    why
        A few sentences on what speaks most for the issue, the weightiest first; none without an alarm.
    """

    alarm: bool
    score: float
    issue: str
    columns: tuple[str, ...]
    causes: tuple[Cause, ...]
    state: str
    n_batches: int
    notes: tuple[str, ...] = ()
    confidence: float = 0.0
    why: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """One sentence: what came and what was expected."""
        if self.alarm:
            return self.causes[0].message
        if self.state == "learning":
            return f"learning: {self.n_batches} of {MIN_HISTORY} batches seen; only the schema is judged so far"
        return f"nothing unusual against {self.n_batches} batches"

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "alarm": self.alarm,
            "score": round(self.score, 3),
            "issue": self.issue,
            "confidence": round(self.confidence, 4),
            "why": list(self.why),
            "columns": list(self.columns),
            "message": self.message,
            "causes": [
                {
                    "column": c.column,
                    "statistic": c.statistic,
                    "strength": round(c.strength, 3),
                    "message": c.message,
                    "examples": list(c.examples),
                }
                for c in self.causes
            ],
            "state": self.state,
            "n_batches": self.n_batches,
            "notes": list(self.notes),
        }

    @staticmethod
    def from_dict(told: Mapping[str, Any]) -> BatchJudgement:
        """The judgement that `to_dict` told: strengths are rounded, and what was expected is part of what came."""
        causes = tuple(
            Cause(c["column"], c["statistic"], c["strength"], c["message"], examples=tuple(c["examples"]))
            for c in told["causes"]
        )
        texts: dict[str, Any] = {name: tuple(told[name]) for name in ("columns", "notes", "why")}
        plain: dict[str, Any] = {
            name: told[name] for name in ("alarm", "score", "issue", "state", "n_batches", "confidence")
        }
        return BatchJudgement(**plain, **texts, causes=causes)


def learn_batches(history: Sequence[BatchMetrics]) -> Baseline | None:
    """The baseline of past batches, oldest first; None without any."""
    return learn(history) if history else None


def judge(
    baseline: Baseline | None,
    batch: BatchMetrics,
    *,
    sensitivity: float = 1.0,
    volume: VolumeForecast | None = None,
    model: IssueModel | None = None,
) -> BatchJudgement:
    """Judge a batch. Nothing is remembered: the batch is in no baseline until the caller learns it.

    Parameters
    ----------
    sensitivity
        Factor on the strength of every surprise; facts are not touched by it.
    volume
        What a longer history says of the number of rows; it is then asked in the place of the baseline.
    model
        Names the issue, and never decides whether it alarms; without one the shipped model does.
    """
    if baseline is None:
        return BatchJudgement(False, 0.0, "none", (), (), "learning", 0)
    baseline = baseline.on(batch.day)
    n = baseline.known.n_batches
    state = "judged" if n >= MIN_HISTORY else "learning"
    model = model or shipped_model()
    changes = schema_changes(baseline.known, batch)
    if changes:
        return _of_facts(changes, state, n, model)
    if state == "learning":
        return BatchJudgement(False, 0.0, "none", (), (), state, n)
    repeated = _repeated(baseline, batch)
    if repeated is not None:
        return _fact("duplicates", (), (repeated,), state, n, model)
    unscaled = _with_volume(baseline.surprises(batch), batch, volume)
    found = [replace(s, strength=s.strength * sensitivity) for s in unscaled] if sensitivity != 1 else unscaled
    columns = suspects(baseline, batch, found)
    score = max((s.strength for s in found), default=0.0)
    named = model.name(baseline, batch, unscaled, columns, alarms=score > 1)
    reasons = [s for s in found if s.is_loud] or found
    causes = tuple(_cause(baseline, batch, s) for s in _ranked(reasons, columns, named.issue)[:MOST_CAUSES])
    notes = _notes(baseline, batch)
    return BatchJudgement(
        score > 1, max(score, 0.0), named.issue, tuple(columns), causes, state, n, notes, named.confidence, named.why
    )


def _repeated(baseline: Baseline, batch: BatchMetrics) -> Cause | None:
    """A batch that holds the very rows of an earlier one, in a table where that has never been so: a stuck source."""
    before = baseline.known.contents.get(batch.content)
    if not batch.rows or baseline.known.repeats or before is None or batch.due in (None, before):
        return None
    message = f"it holds the very rows of the batch that was due {before:%Y-%m-%d %H:%M}; no batch so far did that"
    return Cause(None, "repeated", CERTAIN, message)


def _notes(baseline: Baseline, batch: BatchMetrics) -> tuple[str, ...]:
    if list(batch.columns) == list(baseline.known.columns):
        return ()
    return ("the columns came in another order than in the last batch",)


def _with_volume(found: list[Surprise], batch: BatchMetrics, volume: VolumeForecast | None) -> list[Surprise]:
    """The surprises with what the forecast of the volume says of the rows, where it knows enough."""
    if volume is None or volume.state != "ready" or volume.expected is None or volume.expected_range is None:
        return found
    rest = [s for s in found if s.statistic != "rows"]
    if not volume.is_anomaly:
        return rest
    least, most = (float(np.log(x + 1)) for x in volume.expected_range)
    came, width = float(np.log(batch.rows + 1)), max((most - least) / (2 * BAND), 1e-3)
    z = (came - float(np.log(volume.expected + 1))) / width
    strength = max(1.01, abs(z) / BAND)
    return sorted(
        [*rest, Surprise("", "rows", strength, z, (least + most) / 2, came, width)],
        key=lambda s: (-s.strength, s.column, s.statistic),
    )


def _of_facts(changes: list[SchemaChange], state: str, n: int, model: IssueModel) -> BatchJudgement:
    causes = tuple(Cause(c.column, c.statistic, CERTAIN, c.message) for c in changes[:MOST_CAUSES])
    columns = tuple(dict.fromkeys(c.column for c in changes))
    return _fact(fact_of(changes), columns, causes, state, n, model)


def _fact(
    issue: str, columns: tuple[str, ...], causes: tuple[Cause, ...], state: str, n: int, model: IssueModel
) -> BatchJudgement:
    why = tuple(cause.message for cause in causes[:MOST_FACTS])
    sure = model.certainty(issue)
    return BatchJudgement(True, CERTAIN, issue, columns, causes, state, n, confidence=sure, why=why)


def _ranked(found: list[Surprise], columns: list[str], issue: str) -> list[Surprise]:
    """What alarms of the first suspect before what alarms of others; then by strength. Of an issue of the whole batch
    what alarms of the whole batch comes first."""
    first = columns[0] if columns else ""
    before = ("",) if issue in WHOLE else ()
    return sorted(
        found, key=lambda s: (not s.is_loud, s.column not in before, s.column not in ("", first), -s.strength)
    )


def _cause(baseline: Baseline, batch: BatchMetrics, surprise: Surprise) -> Cause:
    column = surprise.column or None
    traits = baseline.known.columns.get(surprise.column)
    examples = _examples(traits, batch.columns.get(surprise.column), surprise.statistic)
    return Cause(column, surprise.statistic, surprise.strength, *tell(surprise, traits), examples)


def _examples(known: ColumnTraits | None, now: ColumnMetrics | None, statistic: str) -> tuple[str, ...]:
    if known is None or now is None or statistic not in ("fresh", "odd"):
        return ()
    held, seen = (now.values, known.first_value) if statistic == "fresh" else (now.patterns, known.first_pattern)
    new = {value: n for value, n in held.items() if value not in seen}
    return tuple(sorted(new, key=lambda value: (-new[value], value))[:MOST_EXAMPLES])
