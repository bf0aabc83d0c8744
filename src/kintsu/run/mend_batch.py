"""Mend a batch that alarmed: detect, decide, remediate, validate; each of the four is told, and recorded with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from kintsu.core.errors import OutputError, UsageError
from kintsu.monitor.baseline import Baseline
from kintsu.monitor.judge import BatchJudgement
from kintsu.monitor.measure import BatchMetrics
from kintsu.monitor.remedy import ACTIONS, Remedy, carry_out, propose
from kintsu.run.batches import Arrival
from kintsu.run.sidecar import write_table
from kintsu.run.watching import reopen

__all__ = ["BatchMending", "Tried", "mend_batch", "mend_frame"]

ROUNDS: Final = 5  # remedies after each other, of a batch with several things wrong
KEPT_ROWS: Final = 20_000  # of the last good batch, beside which cells are mended
IDLE: Final = ("hold", "retrain")
Weigh = Callable[[pl.DataFrame], tuple[BatchMetrics, BatchJudgement]]


@dataclass(frozen=True)
class Tried:
    """A remedy, and what the monitor said of the batch after it. `outcome`: "applied", "helps", "no help", "asked"."""

    remedy: Remedy
    outcome: str
    after: BatchJudgement | None
    changed: int  # cells or rows

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        after = None if self.after is None else {"alarm": self.after.alarm, "message": self.after.message}
        return self.remedy.to_dict() | {"outcome": self.outcome, "after": after, "changed": self.changed}


@dataclass(frozen=True, eq=False)
class BatchMending:
    """What was detected, decided and done, and whether the batch is normal now.

    Attributes
    ----------
    detected, validated
        What the monitor says of the batch before and after.
    tried
        The remedies in the order in which they were tried.
    action
        "none" (nothing was wrong), "mended", "held" or "suggested".
    frame, quarantined
        The batch after what was applied, and the rows that it puts into quarantine.
    rows, names
        Place of each row of `frame` in the batch as it came; what its columns were called there.
    """

    detected: BatchJudgement
    tried: tuple[Tried, ...]
    validated: BatchJudgement
    action: str
    frame: pl.DataFrame
    quarantined: pl.DataFrame
    rows: pl.Series
    names: dict[str, str]

    @property
    def message(self) -> str:
        """One sentence."""
        if self.action == "none":
            return "nothing to mend"
        done = "; ".join(each.remedy.message for each in self.tried if each.outcome == "applied")
        if self.action == "mended":
            return f"mended: {done}; the batch is as usual now"
        helps = [each.remedy for each in self.tried if each.outcome == "helps"]
        idle = [each.remedy.message for each in self.tried if each.remedy.action in IDLE]
        offered = f"would help: {helps[0].message} (--apply {helps[0].action})" if helps else "; ".join(idle[:1])
        return f"{done}; still unusual. {offered}" if done else offered

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values, without the rows."""
        return {
            "action": self.action,
            "message": self.message,
            "detected": self.detected.to_dict(),
            "decided": [each.to_dict() for each in self.tried],
            "remediated": {"rows": self.frame.height, "quarantined": self.quarantined.height},
            "validated": self.validated.to_dict(),
        }


def mend_frame(
    baseline: Baseline,
    frame: pl.DataFrame,
    weigh: Weigh,
    *,
    good: pl.DataFrame | None = None,
    allow: Sequence[str] = (),
    key: str | None = None,
) -> BatchMending:
    """Mend a batch against what is normal for it. The frame that was given is not changed.

    What is safe is carried out. What is not is tried on a copy, so that it can be said whether it would help; it is
    carried out where its action is in `allow`.

    Parameters
    ----------
    weigh
        What the monitor measures of some rows in the place of the batch, and says of them.
    good
        Rows of the last good batch.
    key
        A column by which rows are found again in it.
    """
    unknown = [action for action in allow if action not in ACTIONS or action in IDLE]
    if unknown:
        known = ", ".join(action for action in ACTIONS if action not in IDLE)
        raise UsageError(f"there is no action {unknown[0]!r} that could be applied; there is {known}")
    metrics, detected = weigh(frame)
    now, quarantined, tried = detected, frame.clear(), list[Tried]()
    rows, names = pl.int_range(frame.height, dtype=pl.Int64, eager=True), {name: name for name in frame.columns}
    key = key or _key(frame, good)
    for _ in range(ROUNDS):
        step = _step(propose(baseline, metrics, now, key=key), frame, good, now, weigh, allow, tried)
        if step is None:
            break
        made, kept = step
        done = tried[-1].remedy
        if done.action == "rename":
            names[done.parameters["to"]] = names.pop(str(done.column))
        quarantined = pl.concat([quarantined, frame.filter(~kept)], how="diagonal_relaxed")
        frame, rows = made, rows.filter(kept)
        metrics, now = weigh(frame)
    applied = any(each.outcome == "applied" for each in tried)
    action = "none" if not detected.alarm else "mended" if applied and not now.alarm else "suggested"
    if action == "suggested" and not any(each.outcome in ("applied", "helps") for each in tried):
        action = "held"
    names = {name: names[name] for name in frame.columns}
    return BatchMending(detected, tuple(tried), now, action, frame, quarantined, rows, names)


def _step(
    remedies: list[Remedy],
    frame: pl.DataFrame,
    good: pl.DataFrame | None,
    now: BatchJudgement,
    weigh: Weigh,
    allow: Sequence[str],
    tried: list[Tried],
) -> tuple[pl.DataFrame, pl.Series] | None:
    """Try the remedies; carry out the first that helps and may be. None where nothing more is to be done.

    Returns the rows after it, and which of those before are still there.
    """
    known = {(each.remedy.action, each.remedy.column) for each in tried}
    for remedy in remedies:
        if (remedy.action, remedy.column) in known:
            continue
        if remedy.action in IDLE:
            tried.append(Tried(remedy, "asked", None, 0))
            continue
        made, kept = _mended(remedy, frame, good) if remedy.action == "mend" else carry_out(remedy, frame, good)
        after = weigh(made)[1]
        changed = int((~kept).sum()) or _n_changed(frame, made)
        if changed == 0 or (after.alarm and not _is_better(now, after)):
            tried.append(Tried(remedy, "no help", after, changed))
        elif remedy.is_safe or remedy.action in allow:
            tried.append(Tried(remedy, "applied", after, changed))
            return made, kept
        else:
            tried.append(Tried(remedy, "helps", after, changed))
    return None


def _is_better(before: BatchJudgement, after: BatchJudgement) -> bool:
    """The first cause is gone, and what is left is no stronger than before."""
    first = (before.causes[0].column, before.causes[0].statistic)
    left = {(cause.column, cause.statistic) for cause in after.causes if cause.strength > 1}
    return first not in left and after.score <= before.score


def _n_changed(before: pl.DataFrame, after: pl.DataFrame) -> int:
    """Cells that differ; all of the rows where columns were renamed, left out or of another type."""
    if before.schema != after.schema:
        return before.height
    return sum(int((before[name].ne_missing(after[name])).sum()) for name in before.columns)


def _key(frame: pl.DataFrame, good: pl.DataFrame | None) -> str | None:
    """The first column that is unique in both and whose values come again."""
    if good is None or not good.height:
        return None
    for name in frame.columns:
        if name in good.columns and frame.schema[name] == good.schema[name] and not frame.schema[name].is_float():
            ours, theirs = frame[name].drop_nulls(), good[name].drop_nulls()
            if len(ours) and ours.is_unique().all() and theirs.is_unique().all() and ours.is_in(theirs.implode()).any():
                return name
    return None


def _mended(remedy: Remedy, frame: pl.DataFrame, good: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.Series]:
    """The suspect column mended with the last good rows in sight."""
    from kintsu.run.heal import heal

    column = str(remedy.column)
    before = frame.clear() if good is None else good.head(KEPT_ROWS).select(frame.columns).cast(frame.schema)
    mended = heal(pl.concat([before, frame]), only=(column,), crash_test=frame.height >= 200).frame
    return mended.slice(before.height), pl.Series([True]).new_from_index(0, frame.height)


def mend_batch(
    name: str,
    batch: str,
    *,
    home: Path | str | None = None,
    out: Path | str | None = None,
    allow: Sequence[str] = (),
    key: str | None = None,
    by: str = "",
    force: bool = False,
    now: datetime | None = None,
) -> BatchMending:
    """Mend a batch of a watched table. The delivered file stays as it is; the mended batch is written to `out`.

    Raises
    ------
    UsageError, OutputError
        No such batch; `out` exists and `force` is not given.
    """
    reopened = reopen(name, batch, home=home, now=now)
    if reopened.baseline is None:
        raise UsageError(f"{name!r} has no batches to compare with: `kintsu monitor backfill {name}` learns from them")
    watch, arrival = reopened.watch, reopened.arrival

    def weigh(rows: pl.DataFrame) -> tuple[BatchMetrics, BatchJudgement]:
        return watch.weigh(replace(arrival, load=lambda: rows))

    done = mend_frame(reopened.baseline, arrival.load(), weigh, good=reopened.good, allow=allow, key=key)
    if out is not None:
        _write(done, Path(out), arrival, force=force)
    at = now or datetime.now(UTC)
    watch.history.remember(watch.table, batch, done.to_dict() | {"by": by, "at": at.isoformat()})
    return done


def _write(done: BatchMending, out: Path, arrival: Arrival, *, force: bool) -> None:
    """The mended batch, and beside it the rows in quarantine where there are any.

    Cells that no remedy touched are written as they were read.
    """
    aside = out.with_name(f"{out.stem}.quarantine{out.suffix}")
    for path in (out, aside):
        if path.suffix not in (".csv", ".parquet"):
            raise UsageError(f"a mended batch is written as .csv or .parquet, not {path.name!r}")
        if path.exists() and not force:
            raise OutputError(f"{path} exists already: choose another name, or say --force")
    frame, quarantined = done.frame, done.quarantined
    raw = None if arrival.raw is None else arrival.raw()
    if raw is not None:
        gone = (
            pl.int_range(raw.height, dtype=pl.Int64, eager=True)
            .to_frame("row")
            .filter(~pl.col("row").is_in(done.rows.implode()))
        )
        quarantined = raw[gone["row"]]
        frame = _as_read(done, arrival.load(), raw)
    write_table(frame, out)
    if quarantined.height:
        write_table(quarantined, aside)


def _as_read(done: BatchMending, before: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
    """The batch as text: each cell as it was read, unless it holds another value now."""
    columns = []
    for name, was in done.names.items():
        text, old, new = raw[was][done.rows], before[was][done.rows], done.frame[name]
        if old.dtype != new.dtype:  # it was read again as another type: the same text, if it means that
            old = text.str.strip_chars().cast(new.dtype, strict=False)
        same = old.eq_missing(new)
        columns.append(text.zip_with(same, new.cast(pl.String)).alias(name))
    return pl.DataFrame(columns)
