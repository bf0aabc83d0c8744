"""How well would a watched table be watched? Its own past batches are damaged in known ways, and judged.

As `kintsu crash-test` does for cells: nobody else's figures hold for this table.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.errors import UsageError
from kintsu.io.store.batch_rows import NORMAL, Watched
from kintsu.io.store.history import History, open_history
from kintsu.monitor.classify.kinds import FAULTS, Delivery, damage
from kintsu.monitor.classify.model import IssueModel
from kintsu.monitor.deep.choose import Choice, choose
from kintsu.monitor.judge import MIN_HISTORY, BatchJudgement, judge, learn_batches
from kintsu.monitor.measure import BatchMetrics, measure
from kintsu.run.batches import Arrival, MonitorSettings, arrivals
from kintsu.run.learnt_judges import JUDGES, KEPT, LearntJudges, bounded, torn_apart
from kintsu.run.live_model import live_issue_model

__all__ = ["Backtest", "backtest", "backtest_batches", "delivered", "good_batches"]

Floats = npt.NDArray[np.float64]

PAST_ROWS: Final = 5_000  # of the batches before, which a fault may draw from
FOLLOWED: Final = 20  # faults that were missed at first, which are followed over the next batches
PATIENCE: Final = 5  # batches over which one is followed
FALSE_ALARMS: Final = 0.05  # share of good batches that may alarm
GAIN: Final = 0.01  # of F1, below which another sensitivity is not worth a change
DEEP_STEPS: Final = 20  # good batches, the newest ones, that learnt judges are asked about at least
SENSITIVITIES: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)


@dataclass(frozen=True, eq=False)
class Backtest:
    """What a backtest found.

    Attributes
    ----------
    kinds
        A row for each kind of fault: kind, issue, n (batches damaged), found (share that alarmed), right_column (share
        of the found ones whose first suspect is a damaged column; null for faults of whole batches), right_issue.
    scores
        Of the good batches; above 1 is a false alarm.
    delay
        Batches until the first alarm where a fault stays, mean over the faults; `PATIENCE` + 1 where it was never seen.
    sensitivity, recommended
        The one in use, and the one that finds most with at most one false alarm in 20 good batches.
    by_sensitivity
        sensitivity, false_alarms (share of good batches), found (share, kinds counting the same), f1 (with one damaged
        batch for each good one).
    judges
        What each learnt judge would add: with `deep` only.
    """

    kinds: pl.DataFrame
    scores: Floats
    delay: float
    sensitivity: float
    recommended: float
    by_sensitivity: pl.DataFrame
    judges: tuple[Choice, ...] = ()

    @property
    def n_good(self) -> int:
        return len(self.scores)

    @property
    def false_alarms(self) -> int:
        return int((self.scores > 1).sum())

    @property
    def chosen(self) -> dict[str, float]:
        """The learnt judges that win on this table, and the score above which each alarms."""
        return {each.judge: each.threshold for each in self.judges if each.is_chosen}

    @property
    def found(self) -> float | None:
        """Share of the damaged batches that alarmed, every kind counting the same."""
        return _mean(self.kinds["found"])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {
            "good_batches": self.n_good,
            "false_alarms": self.false_alarms,
            "found": self.found,
            "right_column": _mean(self.kinds["right_column"]),
            "right_issue": _mean(self.kinds["right_issue"]),
            "delay": self.delay,
            "sensitivity": self.sensitivity,
            "recommended_sensitivity": self.recommended,
            "by_sensitivity": self.by_sensitivity.to_dicts(),
            "kinds": self.kinds.to_dicts(),
            "judges": [each.to_dict() for each in self.judges],
        }


@dataclass(frozen=True)
class _Case:
    kind: str
    step: int
    score: float
    is_column_right: bool | None
    is_issue_right: bool
    learnt: dict[str, float] = field(default_factory=dict)  # scores of learnt judges


def backtest(
    name: str,
    *,
    steps: int = 10,
    seed: int = 0,
    home: Path | str | None = None,
    now: datetime | None = None,
    apply: bool = False,
    deep: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> Backtest:
    """Damage the past batches of a watched table and judge them.

    The good batches are those that are learnt from; one that alarmed and was accepted counts as a false alarm, one that
    was rejected or waits is left out. Nothing is remembered, but the recommended sensitivity and with `deep` the chosen
    judges, where `apply` is given.

    Parameters
    ----------
    steps
        Batches that are damaged, the newest ones: each in every way.
    deep
        Try judges that learn from rows, too (the extra `deep`), beside those that are always there; one minute or two.
        They are also asked about two columns of text that no longer go together, which leaves all statistics as they
        were. One that adds no false alarm and finds more, by more than chance, is chosen.

    Raises
    ------
    UsageError
        There are too few batches: 8 at least.
    MissingExtra
        `deep` without torch.
    """
    history = open_history(home)
    table = history.watched(name)
    settings = MonitorSettings(**table.settings)
    good = good_batches(history, table, now=now)
    model, _ = live_issue_model(history, name)
    result = backtest_batches(good, settings, steps=steps, seed=seed, deep=deep, model=model, progress=progress)
    judges = result.chosen if deep else dict(settings.judges)
    better = replace(settings, sensitivity=result.recommended, judges=judges)
    if apply and better != settings:
        history.watch(name, better.to_dict(), replace=True)
    return result


def good_batches(history: History, table: Watched, *, now: datetime | None = None) -> list[Arrival]:
    """The batches of a table that are learnt from and still there, oldest first."""
    course = history.course(table, []).filter(pl.col("state").is_in(NORMAL))
    # when a batch arrived is what was seen then: files may have been copied since
    arrived = dict(course.select("name", pl.col("arrived").str.to_datetime(time_zone="UTC")).iter_rows())
    found = arrivals(MonitorSettings(**table.settings), now=now or datetime.now(UTC))
    return [replace(each, arrived=arrived[each.name]) for each in found if each.name in arrived]


def backtest_batches(
    batches: Sequence[Arrival],
    settings: MonitorSettings,
    *,
    steps: int = 10,
    seed: int = 0,
    deep: bool = False,
    model: IssueModel | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Backtest:
    """As `backtest`, of batches that are at hand, oldest first; `model` names the issues, else the shipped one."""
    if len(batches) <= MIN_HISTORY:
        raise UsageError(f"a backtest needs more than {MIN_HISTORY} good batches, there are {len(batches)}")
    if steps < 1:
        raise UsageError(f"steps is the number of batches to damage, at least 1, not {steps}")
    learnt = LearntJudges(JUDGES) if deep else None
    bench = _Bench(batches[-(settings.window + MIN_HISTORY) :], settings, seed, learnt, model)
    damaged = range(max(MIN_HISTORY, len(bench.batches) - steps), len(bench.batches))
    asked = range(min(damaged.start, max(MIN_HISTORY, len(bench.batches) - DEEP_STEPS)), len(bench.batches))
    good, cases = [], list[_Case]()
    for step in range(MIN_HISTORY, len(bench.batches)):
        if progress is not None:
            progress(bench.batches[step].name, (step - MIN_HISTORY) / (len(bench.batches) - MIN_HISTORY))
        bench.stand_before(step, is_learnt=step in asked)
        good.append(bench.case("", step, bench.deliveries[step], bench.metrics[step], ()))
        cases += bench.damage_all(step) if step in damaged else []
    delay = bench.delay(cases)
    scores = np.array([case.score for case in good])
    by_sensitivity = _by_sensitivity(scores, cases, settings.sensitivity)
    return Backtest(
        kinds=_kinds(cases),
        scores=scores,
        delay=delay,
        sensitivity=settings.sensitivity,
        recommended=_recommended(by_sensitivity, settings.sensitivity),
        by_sensitivity=by_sensitivity,
        judges=_judges(good, [*cases, *bench.torn]) if deep else (),
    )


class _Bench:
    """The batches in memory, and the baseline before one of them."""

    def __init__(
        self,
        batches: Sequence[Arrival],
        settings: MonitorSettings,
        seed: int,
        learnt: LearntJudges | None,
        model: IssueModel | None,
    ) -> None:
        self.batches, self.settings, self.seed, self.model = batches, settings, seed, model
        self.deliveries = [delivered(each) for each in batches]
        self.metrics = [self._measured(each) for each in self.deliveries]
        self.learnt = learnt
        self.torn: list[_Case] = []

    def stand_before(self, step: int, *, is_learnt: bool) -> None:
        self.baseline = learn_batches(self.metrics[max(0, step - self.settings.window) : step])
        if self.learnt is not None:
            before = self.deliveries[max(0, step - KEPT) : step] if is_learnt else []
            self.learnt.fit([bounded(each.frame) for each in before])

    def judge(self, batch: BatchMetrics) -> BatchJudgement:
        return judge(self.baseline, batch, sensitivity=self.settings.sensitivity, model=self.model)

    def damage_all(self, step: int) -> list[_Case]:
        cases = []
        for kind in sorted(FAULTS):
            made = self._damaged(kind, step, step)
            if made is None:
                continue
            cases.append(self.case(kind, step, *made))
        if self.learnt is not None:
            self._tear(step)
        return cases

    def case(self, kind: str, step: int, delivery: Delivery, metrics: BatchMetrics, columns: tuple[str, ...]) -> _Case:
        """What is said of a batch that was damaged in these columns; `kind` is "" for one that was not."""
        told = self.judge(metrics)
        is_column_right = (told.columns[:1] or ("",))[0] in columns if columns and told.alarm else None
        scores = {} if self.learnt is None else self.learnt.score(bounded(delivery.frame))
        learnt = {name: each.score for name, each in scores.items()}
        is_issue_right = kind in FAULTS and told.issue == FAULTS[kind].issue
        return _Case(kind, step, told.score, is_column_right, is_issue_right, learnt)

    def _tear(self, step: int) -> None:
        """Two columns that no longer go together, where any do: only judges of rows can see it."""
        good = self.deliveries[step]
        name = torn_apart(self._past(step))
        if name is not None and name in good.frame.columns:
            rng = np.random.default_rng([self.seed, step])
            mixed = pl.Series(name, good.frame[name])[rng.permutation(good.frame.height)]
            delivery = replace(good, frame=good.frame.with_columns(mixed))
            self.torn.append(self.case("torn_apart", step, delivery, self._measured(delivery), (name,)))

    def _past(self, step: int) -> pl.DataFrame:
        """Rows of the batches before, of those that have the same columns."""
        columns = self.deliveries[step].frame.columns
        before = [each.frame for each in self.deliveries[max(0, step - 10) : step] if each.frame.columns == columns]
        past = pl.concat(before, how="vertical_relaxed") if before else self.deliveries[step].frame.clear()
        return past.tail(PAST_ROWS)

    def _damaged(self, kind: str, step: int, first: int) -> tuple[Delivery, BatchMetrics, tuple[str, ...]] | None:
        """The batch at `step` damaged as the one at `first` was: the same draws."""
        rng = np.random.default_rng([self.seed, first, zlib.crc32(kind.encode())])
        made = damage(kind, rng, self.deliveries[step], self._past(step))
        return None if made is None else (made.delivery, self._measured(made.delivery), made.columns)

    def _measured(self, delivery: Delivery) -> BatchMetrics:
        held = self.settings.sensitive
        return measure(delivery.frame, due=delivery.due, arrived=delivery.arrived, sensitive=held)

    def delay(self, cases: Sequence[_Case]) -> float:
        """Mean number of batches until the first alarm, of faults that stay from batch to batch."""
        missed = [case for case in cases if case.score <= 1 and case.step + 1 < len(self.batches)]
        at_once = sum(case.score > 1 for case in cases)
        rng = np.random.default_rng(self.seed)
        followed = [missed[i] for i in sorted(rng.permutation(len(missed))[:FOLLOWED])]
        took = [self._followed(case) for case in followed]
        if not cases:
            return float("nan")
        late = float(np.mean(took)) if took else float(PATIENCE + 1)
        return (at_once + late * (len(cases) - at_once)) / len(cases)

    def _followed(self, case: _Case) -> int:
        window = list(self.metrics[max(0, case.step - self.settings.window) : case.step])
        for i, step in enumerate(range(case.step, min(case.step + PATIENCE, len(self.batches)))):
            made = self._damaged(case.kind, step, case.step)
            if made is None:
                break
            self.baseline = learn_batches(window)
            if self.judge(made[1]).alarm:
                return i + 1
            window.append(made[1])  # nobody saw it, so it is learnt from
        return PATIENCE + 1


def delivered(arrival: Arrival) -> Delivery:
    """A batch, read; it can only be late where it was due."""
    return Delivery(arrival.load(), arrival.due, arrival.arrived if arrival.due is not None else None)


def _judges(good: Sequence[_Case], damaged: Sequence[_Case]) -> tuple[Choice, ...]:
    """Which learnt judges to switch on, by the batches that they were asked about."""
    asked = [case for case in (*good, *damaged) if case.learnt]
    if not asked:
        return ()
    scores = {name: np.array([case.learnt[name] for case in asked]) for name in JUDGES}
    is_damaged, is_alarmed = (
        np.array(each) for each in zip(*((c.kind != "", c.score > 1) for c in asked), strict=True)
    )
    return tuple(choose(scores, is_damaged, is_alarmed, np.array([case.step for case in asked])))


def _kinds(cases: Sequence[_Case]) -> pl.DataFrame:
    schema = {"kind": pl.String, "score": pl.Float64, "column": pl.Boolean, "is_issue_right": pl.Boolean}
    rows = [(case.kind, case.score, case.is_column_right, case.is_issue_right) for case in cases]
    found = pl.col("score") > 1
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .group_by("kind")
        .agg(
            n=pl.len(),
            found=found.mean(),
            right_column=pl.col("column").filter(found).mean(),
            right_issue=pl.col("is_issue_right").filter(found).mean(),
        )
        .with_columns(issue=pl.col("kind").replace_strict({kind: each.issue for kind, each in FAULTS.items()}))
        .select("kind", "issue", "n", "found", "right_column", "right_issue")
        .sort("found", "kind")
    )


def _by_sensitivity(scores: Floats, cases: Sequence[_Case], used: float) -> pl.DataFrame:
    """Scores are proportional to the sensitivity, but for facts, which alarm at any."""
    by_kind: dict[str, list[float]] = {}
    for case in cases:
        by_kind.setdefault(case.kind, []).append(case.score)
    rows = []
    for sensitivity in sorted({*SENSITIVITIES, used}):
        limit = used / sensitivity
        false = float((scores > limit).mean())
        found = float(np.mean([np.mean(np.array(each) > limit) for each in by_kind.values()])) if by_kind else 0.0
        rows.append((sensitivity, false, found, 2 * found / max(1 + found + false, 1e-9)))
    return pl.DataFrame(rows, schema=["sensitivity", "false_alarms", "found", "f1"], orient="row")


def _recommended(by_sensitivity: pl.DataFrame, used: float) -> float:
    """The best F1 among those with few false alarms; what is in use where another one gains little."""
    quiet = by_sensitivity.filter(pl.col("false_alarms") <= FALSE_ALARMS)
    if quiet.is_empty():
        return float(by_sensitivity["sensitivity"][0])
    best = quiet.sort("f1", "sensitivity", descending=[True, False]).row(0, named=True)
    mine = quiet.filter(pl.col("sensitivity") == used)
    if mine.height and best["f1"] < mine["f1"][0] + GAIN:
        return used
    return float(best["sensitivity"])


def _mean(values: pl.Series) -> float | None:
    mean = values.mean()
    return float(mean) if isinstance(mean, float) else None
