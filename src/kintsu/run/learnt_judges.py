"""Judges that learn from the rows of a watched table, beside those that learn from its statistics."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Self

import numpy as np
import polars as pl

from kintsu.core.errors import KintsuError, UsageError
from kintsu.core.hashing import drawn_rows
from kintsu.monitor.deep.autoencoder import RowAutoencoder
from kintsu.monitor.deep.judge import Judge, Score, torch_or_error
from kintsu.monitor.deep.sequence import BatchSequence
from kintsu.monitor.judge import CERTAIN, MOST_CAUSES, BatchJudgement, Cause
from kintsu.run.batches import Arrival

__all__ = ["JUDGES", "KEPT", "LearntJudges", "RowsWatch", "bounded", "torn_apart"]

JUDGES: Final[Mapping[str, type[Judge]]] = {kind.name: kind for kind in (RowAutoencoder, BatchSequence)}
KEPT: Final = 30  # batches whose rows are learnt from
MOST_ROWS: Final = 2_000  # of a batch that are looked at
NAMED: Final = 2  # columns that a cause names: those that no longer fit each other
WORDS: Final = {
    RowAutoencoder.name: "the cells of a row no longer fit each other",
    BatchSequence.name: "the batch does not follow on them",
}
MOST_VALUES: Final = 20  # of a category
LEAST_TOLD: Final = 0.25  # of a category's uncertainty, by the one that goes with it


class LearntJudges:
    """Judges by name, fitted on the same past batches.

    Parameters
    ----------
    names
        Of `JUDGES`.

    Raises
    ------
    MissingExtra
        torch is not installed.
    UsageError
        There is no judge of such a name.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        unknown = [name for name in self.names if name not in JUDGES]
        if unknown:
            raise UsageError(f"there is no judge {unknown[0]!r}: there are {', '.join(JUDGES)}")
        torch_or_error()
        self.fitted: dict[str, Judge] = {}

    def fit(self, history: Sequence[pl.DataFrame]) -> Self:
        """Learn from past batches, oldest first; seconds for each judge."""
        self.fitted = {name: JUDGES[name]().fit(history) for name in self.names} if history else {}
        return self

    def score(self, batch: pl.DataFrame) -> dict[str, Score]:
        return {name: judge.score(batch) for name, judge in self.fitted.items()}


class RowsWatch:
    """The judges of one watched table, and the good batches that they learn from.

    Parameters
    ----------
    limits
        The score of each judge above which it alarms.
    good
        Batches that were right, oldest first: the last `KEPT` are read when they are needed, and left out where they
        cannot be read any more.
    """

    def __init__(self, limits: Mapping[str, float], good: Iterable[Arrival]) -> None:
        self.limits = limits
        self.judges = LearntJudges(limits)
        self.good = deque(good, maxlen=KEPT)
        self.frames: dict[str, pl.DataFrame | None] = {}
        self.is_fresh = False

    def learn(self, batch: Arrival) -> None:
        """Remember a batch as right."""
        self.good.append(batch)
        self.is_fresh = False

    def add_to(self, told: BatchJudgement, batch: pl.DataFrame) -> BatchJudgement:
        """A judgement with what these judges say: asked once there is enough history, and where no fact alarms."""
        if told.state != "judged" or told.score >= CERTAIN:
            return told
        if not self.is_fresh:
            self.frames = {each.name: self._rows(each) for each in self.good}
            self.judges.fit([frame for frame in self.frames.values() if frame is not None])
            self.is_fresh = True
        found = self.judges.score(bounded(batch))
        causes = [_cause(name, score, self.limits[name]) for name, score in found.items()]
        loud = sorted((cause for cause in causes if cause[0].strength > 1), key=lambda cause: -cause[0].strength)
        return _with_causes(told, loud) if loud else told

    def _rows(self, batch: Arrival) -> pl.DataFrame | None:
        if batch.name in self.frames:
            return self.frames[batch.name]
        try:
            return bounded(batch.load())
        except KintsuError:
            return None


def bounded(frame: pl.DataFrame) -> pl.DataFrame:
    """At most `MOST_ROWS` rows, chosen by their content: the same ones in whatever order they come."""
    if frame.height <= MOST_ROWS:
        return frame
    return frame[np.sort(drawn_rows(frame.hash_rows(seed=0).to_numpy(), MOST_ROWS))]


def torn_apart(past: pl.DataFrame) -> str | None:
    """Of the two categories that tell most of each other the one to shuffle; None where none go together.

    What tells is the uncertainty coefficient: the share of the entropy of one that is known from the other.
    """
    columns = [c for c in past.get_columns() if c.dtype == pl.String and 2 <= c.n_unique() <= MOST_VALUES]

    def entropy(*names: str) -> float:
        share = past.group_by(names).len()["len"].to_numpy() / past.height
        return float(-(share * np.log(share)).sum())

    alone = {c.name: entropy(c.name) for c in columns}
    told = [
        ((alone[a] + alone[b] - entropy(a, b)) / min(alone[a], alone[b]), a)
        for a, b in itertools.combinations(sorted(alone), 2)
    ]
    share, name = max(told, default=(0.0, ""))
    return name if share >= LEAST_TOLD else None


def _cause(judge: str, score: Score, limit: float) -> tuple[Cause, tuple[str, ...]]:
    columns = score.columns[:NAMED]
    where = f", most of all in {' and '.join(f'`{c}`' for c in columns)}" if columns else ""
    came = f"the rows no longer look like those before: {WORDS[judge]}{where}"
    return Cause(columns[0] if columns else None, judge, score.score / limit, came), columns


def _with_causes(told: BatchJudgement, loud: list[tuple[Cause, tuple[str, ...]]]) -> BatchJudgement:
    """Beside an alarm further causes; without one an alarm of drift, of which no probability is known."""
    causes = tuple(cause for cause, _ in loud)
    columns = [column for _, each in loud for column in each]
    score = max(told.score, *(cause.strength for cause in causes))
    if told.alarm:
        kept = told.causes[: MOST_CAUSES - len(causes)]
        named = tuple(dict.fromkeys([*told.columns, *columns]))
        return replace(told, score=score, columns=named, causes=(*kept, *causes))
    why = tuple(cause.message for cause in causes)
    return replace(
        told,
        alarm=True,
        score=score,
        issue="drift",
        columns=tuple(dict.fromkeys(columns)),
        causes=causes,
        confidence=0.0,
        why=why,
    )
