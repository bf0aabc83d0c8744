"""Decide whether a batch may pass, from its history, its objectives and its score."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, UsageError
from kintsu.monitor.attain import attain, facts_frame, is_kept
from kintsu.monitor.facts import facts
from kintsu.monitor.gate import GateResult, decide
from kintsu.monitor.judge import BatchJudgement, judge, learn_batches
from kintsu.monitor.measure import BatchMetrics, measure
from kintsu.monitor.objectives import Objective, read_sentence
from kintsu.run.batches import start_of
from kintsu.run.monitor import Monitor
from kintsu.run.stored import weigh
from kintsu.run.typed import typed_frame
from kintsu.run.watch_settings import watch_settings

__all__ = ["gate", "moment", "past_files"]

WINDOW: Final = 60  # batches that are learnt, as a monitor does
USUAL: Final = timedelta(days=1)  # a period, where the names of earlier files do not tell another


def gate(
    batch: Any,
    *,
    monitor: Monitor | None = None,
    history: Iterable[Any] | None = None,
    watched: str | None = None,
    record: bool = False,
    home: Path | str | None = None,
    objectives: Path | str | Sequence[str | Objective] | None = None,
    table: str | None = None,
    fail_under: float | None = None,
    while_learning: str = "pass",
    due: datetime | None = None,
    arrived: datetime | None = None,
    now: datetime | None = None,
    seed: int = 0,
    read: ReadOptions | None = None,
) -> GateResult:
    """Whether a batch may pass: `passed`, `decision` ("pass", "hold" or "stop"), `reason` and `exit_code`.

    Nothing is remembered, unless `record` is asked for; a pipeline calls this before it passes the batch on.

    Parameters
    ----------
    batch
        A frame, a path or anything else that `kt.profile` takes; or what a monitor said of it (a `BatchJudgement`).
    monitor
        What is normal, if it was learnt before.
    history
        Or the batches before it, oldest first, all of them right: frames or paths. Days and hours in the names of files
        tell when each was due.
    watched
        Or the name of a watched table: what `kintsu monitor run` would hold the batch against, by its settings.
    record
        Keep the batch and what was said of it with the watched table, as `kintsu monitor run` would have. Of files.
    home
        Where the history of watched tables is: a folder or a PostgreSQL URL; else KINTSU_HOME, else `.kintsu` here.
    objectives
        A YAML file with the section `objectives:`, or sentences such as "rows >= 1000". The batch has to keep each.
    table
        Whose objectives they are, where the file has those of several tables; else those of the watched one.
    fail_under
        The least overall score of `kt.check`, 0 to 100.
    while_learning
        "pass", "hold" or "stop" while there are too few batches to judge by.
    due, arrived
        End of the period that the batch covers (else from its name), and when it came. An objective about
        arrival takes `now` where `arrived` is not given; beside a watched table a file came when it was last written.
    now
        The time at which objectives are judged, in UTC where it has no time zone; else `arrived`, else the clock's.

    Examples
    --------
    >>> import polars as pl, kintsu as kt
    >>> kt.gate(pl.DataFrame({"email": ["a@x.org", None]}), objectives=["completeness of email >= .98"])
    GateResult(stop: it misses the objective completeness of email >= 0.98)
    """
    known = [given for given in (monitor, history, watched) if given is not None]
    if len(known) > 1:
        raise UsageError("give one of a monitor, a history and a watched table")
    if record and watched is None:
        raise UsageError("to record a batch, say of which watched table it is: `watched` (--watched)")
    promised = _objectives(objectives, table or watched)
    if isinstance(batch, BatchJudgement):
        if known or promised or fail_under is not None:
            raise UsageError("a judgement was made already: give the batch itself to judge it by more than that")
        return decide(batch, while_learning=while_learning)
    if not known and not promised and fail_under is None:
        raise UsageError("nothing to judge by: give a history, a watched table or a monitor, objectives, or fail_under")
    at = _utc(now or arrived or datetime.now(UTC))
    if watched is not None:
        seen = weigh(
            batch,
            watched,
            due=_utc(due) if due is not None else None,
            arrived=_utc(arrived) if arrived is not None else None,
            now=at,
            home=home,
            read=read,
        )
        if record:
            seen.record(at, watch_settings(objectives).policy() if isinstance(objectives, Path | str) else None)
        missed = [objective.condition for objective in promised if not _keeps(objective, seen.metrics)]
        attained = [attain(objective, seen.facts(objective), at, seed=seed) for objective in promised]
        score = _score(batch, fail_under, seed, read)
        told = seen.judgement
        return decide(told, missed, score, fail_under=fail_under, while_learning=while_learning, attained=attained)
    past, length = _past(history, read)
    if due is None and (start := _start(batch)) is not None:
        due = start + length
    judgement, missed, attained = None, [], []
    if monitor is not None or history is not None or promised:
        metrics = measure(
            typed_frame(batch, read), due=_like(due, monitor, past), arrived=_like(arrived, monitor, past)
        )
        if monitor is not None or history is not None:
            judgement = judge(monitor.prepare() if monitor is not None else learn_batches(past), metrics)
        metrics = replace(metrics, due=due and _utc(due), arrived=_utc(arrived) if arrived is not None else at)
        missed = [objective.condition for objective in promised if not _keeps(objective, metrics)]
        if metrics.due is not None:
            every = facts_frame([*past, metrics])
            attained = [attain(objective, every, at, seed=seed) for objective in promised]
    score = _score(batch, fail_under, seed, read)
    return decide(judgement, missed, score, fail_under=fail_under, while_learning=while_learning, attained=attained)


def _score(batch: Any, fail_under: float | None, seed: int, read: ReadOptions | None) -> float | None:
    """The overall score, where it is asked for."""
    if fail_under is None:
        return None
    from kintsu.run.check import check

    return check(batch, seed=seed, read=read, keep=False).scores.get("overall")


def past_files(patterns: Iterable[str], source: str) -> list[Path]:
    """The files before `source`, oldest first: of folders (with its suffix) and patterns such as "orders/*.csv".

    Where all names hold a day, they are in the order of days and hours, without that of `source` and later ones. Else
    they are in the order of their names, numbers as numbers.

    Raises
    ------
    InputError
        There is none.
    """
    asked = list(patterns)
    mine = Path(source)
    found: dict[Path, Path] = {}
    for pattern in asked:
        is_folder = Path(pattern).is_dir()
        wanted = f"{glob.escape(pattern)}/*{glob.escape(mine.suffix)}" if is_folder else pattern
        there = glob.glob(wanted, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        found |= {Path(path).resolve(): Path(path) for path in there if Path(path).is_file()}
    found.pop(mine.resolve(), None)
    starts = {path: _start(path) for path in found.values()}
    own = _start(mine)
    if own is not None and all(starts.values()):
        starts = {path: start for path, start in starts.items() if start is not None and start < own}
    if not starts:
        raise InputError(f"no earlier file in {', '.join(asked)}: check the folder and the pattern")
    first = datetime.min.replace(tzinfo=UTC)
    return sorted(starts, key=lambda path: (starts[path] or first, _natural(str(path))))[-WINDOW:]


def moment(text: str, option: str) -> datetime:
    """A time from ISO 8601 text, in UTC where it names no zone.

    Raises
    ------
    UsageError
        It is no time.
    """
    try:
        return _utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise UsageError(f"{option} takes a time such as 2026-11-22T06:00, not {text!r}") from error


def _objectives(given: Path | str | Sequence[str | Objective] | None, table: str | None) -> tuple[Objective, ...]:
    if given is None:
        return ()
    if isinstance(given, Path | str):
        return watch_settings(given).objectives_of(table)
    return tuple(read_sentence(each) if isinstance(each, str) else each for each in given)


def _past(history: Iterable[Any] | None, read: ReadOptions | None) -> tuple[list[BatchMetrics], timedelta]:
    """The measured batches of a history, and the length of their periods.

    When they were due is known of all, each another time, or of none.
    """
    batches = list(history or ())[-WINDOW:]
    starts = [_start(each) for each in batches]
    known = sorted({start for start in starts if start is not None})
    if len(known) < len(batches):
        return [measure(typed_frame(each, read)) for each in batches], USUAL
    length = min((after - before for before, after in pairwise(known)), default=USUAL)
    ends = [start + length for start in starts if start is not None]
    return [measure(typed_frame(each, read), due=end) for each, end in zip(batches, ends, strict=True)], length


def _like(given: datetime | None, monitor: Monitor | None, past: list[BatchMetrics]) -> datetime | None:
    """A time as the batches before have theirs: as given to a monitor, in UTC beside days in names, else none."""
    if given is None or monitor is not None:
        return given
    return _utc(given) if not past or past[0].due is not None else None


def _keeps(objective: Objective, metrics: BatchMetrics) -> bool:
    """Whether the batch keeps an objective; one about what it does not have it does not keep.

    Raises
    ------
    UsageError
        It is about the arrival, and nothing says when the batch was due.
    """
    if objective.measure == "arrives" and metrics.due is None:
        raise UsageError(f"{objective.condition!r} needs to know when the batch was due: give `due` (--due)")
    return is_kept(objective, facts(metrics), metrics.due) is True


def _start(batch: Any) -> datetime | None:
    """The start of its period from the name of a file, or from that of its folder (dt=2026-11-21/part.parquet)."""
    if not isinstance(batch, str | Path):
        return None
    path = Path(batch)
    return start_of(path.name) or start_of(path.parent.name)


def _natural(text: str) -> list[tuple[int, str]]:
    """A key by which batch-9 comes before batch-10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)]


def _utc(given: datetime) -> datetime:
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
