"""A watched table as plain data for pictures: courses with bands and alarms, a calendar, distributions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.errors import OutputError
from kintsu.diagnose.report.watched import render
from kintsu.io.store.batch_rows import HELD, NORMAL, Watched
from kintsu.io.store.history import History, open_history
from kintsu.monitor.judge import MIN_HISTORY
from kintsu.monitor.measure import RANKS, BatchMetrics, ColumnMetrics
from kintsu.monitor.packing import unpack
from kintsu.monitor.series import forecast
from kintsu.run.sidecar import write_text

__all__ = ["bands", "expected", "picture", "report"]

Floats = npt.NDArray[np.float64]

BAND: Final = 3.0  # deviations on either side of what was expected
WINDOW: Final = 60  # batches that an expectation looks back
MOST_EXPECTED: Final = 400  # last batches of which it is told what was expected: .3 s of work
MOST_COURSES: Final = 12
MOST_COLUMNS: Final = 12
MOST_ALARMS: Final = 50
BINS: Final = 24
SHARES: Final = ("completeness:", "distinct:", "top:", "duplicates", "foreign:", "upper:", "blank:")
SCORES: Final = ("score:", "after:")
MOST_VALUES: Final = 8


def report(name: str, out: Path | str, *, days: int = 180, home: Path | str | None = None, force: bool = False) -> Path:
    """Write a watched table as one HTML page: no script, nothing fetched, light and dark.

    Raises
    ------
    OutputError
        `out` exists and `force` is not given.
    """
    path = Path(out)
    if path.exists() and not force:
        raise OutputError(f"{path} exists already: choose another name, or say --force")
    write_text(render(picture(name, days=days, home=home)), path)
    return path


def picture(
    name: str,
    *,
    days: int = 180,
    facts: Sequence[str] | None = None,
    home: Path | str | None = None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """What a page about a watched table shows, as a JSON object.

    Keys: table, made_at, n_batches, n_alarms, waiting; `alarms` (batch, at, issue, state, message, columns, causes),
    newest first; `calendar` (day, state, batches, issue); `courses` (fact, points: batch, at, value, low, high, state),
    where low and high tell what was expected before the batch came, null while learning; `distributions` of the last
    batch against those before it.

    Parameters
    ----------
    days
        How far back.
    facts
        Those whose course is wanted; else the rows, and what alarms were about.
    """
    history = open_history(home)
    table = history.watched(name)
    made = now or datetime.now(UTC)
    whole = history.course(table)
    last = whole["at"].max()
    since = last - timedelta(days=days) if isinstance(last, datetime) else made
    course = whole.filter(pl.col("at") > since)
    alarms = _alarms(history, table, course)
    chosen = list(facts) if facts is not None else _telling(whole, alarms)
    return {
        "table": table.name,
        "source": table.settings["source"],
        "made_at": made.isoformat(timespec="seconds"),
        "n_batches": whole.height,
        "n_alarms": int(whole["alarm"].sum()),
        "waiting": course.filter(pl.col("state") == HELD)["name"].to_list(),
        "alarms": alarms,
        "calendar": _calendar(course),
        "courses": _courses(whole, [fact for fact in chosen if fact in whole.columns], since),
        "distributions": _distributions(history, table, course),
    }


def _alarms(history: History, table: Watched, course: pl.DataFrame) -> list[dict[str, Any]]:
    told = []
    for row in course.filter("alarm").reverse().head(MOST_ALARMS).iter_rows(named=True):
        batch = history.batch(table, row["name"])
        judged = {} if batch is None or batch.judgement is None else batch.judgement
        told.append(
            {
                "batch": row["name"],
                "at": row["at"].isoformat(),
                "issue": row["issue"],
                "state": row["state"],
                "message": judged.get("message", ""),
                "columns": judged.get("columns", []),
                "causes": judged.get("causes", []),
            }
        )
    return told


def _telling(course: pl.DataFrame, alarms: Sequence[dict[str, Any]]) -> list[str]:
    """The rows, what alarms were about, then completeness and middle of the columns, in their order."""
    about = [
        f"{'completeness' if cause['statistic'] == 'null' else cause['statistic']}:{cause['column']}"
        for alarm in alarms
        for cause in alarm["causes"]
        if cause["column"]
    ]
    moving = [name for name in course.columns if name.startswith(("completeness:", "mean:", "distinct:"))]
    lively = [name for name in moving if course[name].drop_nulls().n_unique() > 1]
    facts = dict.fromkeys(["rows", "late_h", *about, *lively])
    return [fact for fact in facts if fact in course.columns][:MOST_COURSES]


def bands(values: Floats, weekdays: Sequence[int] | None = None) -> tuple[Floats, Floats]:
    """What was expected of each value before it came: low and high, in the shape (batches, facts); NaN at first."""
    low, high = np.full_like(values, np.nan), np.full_like(values, np.nan)
    for i in range(MIN_HISTORY, len(values)):
        first = max(0, i - WINDOW)
        before = None if weekdays is None else weekdays[first:i]
        told = forecast(values[first:i], before).on(None if weekdays is None else weekdays[i])
        width = BAND * np.maximum(told.deviation, 1e-12)
        low[i], high[i] = told.expected - width, told.expected + width
    return low, high


Bounds = dict[str, list[float | None]]


def expected(course: pl.DataFrame, facts: Sequence[str], *, last: int) -> tuple[Bounds, Bounds]:
    """Low and high of each fact for the `last` rows of a course: what was expected before each batch, or heal, came.

    `course` is one of watched batches (`watching.trend`) or of heals and checks (`kept_runs.course`). Null for the
    first rows of all, and for those before the last 400.
    """
    names = [fact for fact in facts if fact in course.columns]
    told = min(last, MOST_EXPECTED)
    if not names or not told:
        return {}, {}
    _, low, high = _band(course.tail(told + WINDOW), names)
    before: list[float | None] = [None] * (last - told)
    of_all = ({fact: before + _finite(found[-told:, k]) for k, fact in enumerate(names)} for found in (low, high))
    return next(of_all), next(of_all)


def _band(course: pl.DataFrame, facts: list[str]) -> tuple[Floats, Floats, Floats]:
    """Values, low and high, a column for each fact. Alarmed batches are no part of what is expected next."""
    values = usual = course.select(pl.col(facts).cast(pl.Float64)).to_numpy()
    if "state" in course.columns:
        usual = np.where(course["state"].is_in(NORMAL).to_numpy()[:, None], values, np.nan)
    dated = "due" in course.columns and course["due"].null_count() == 0
    low, high = bands(usual, (course["at"].dt.weekday() - 1).to_list() if dated else None)
    for starts, most in ((SHARES, 1.0), (SCORES, 100.0)):
        for k in (k for k, name in enumerate(facts) if name.startswith(starts)):
            low[:, k], high[:, k] = np.clip(low[:, k], 0.0, most), np.clip(high[:, k], 0.0, most)
    return values, low, high


def _courses(course: pl.DataFrame, facts: list[str], since: datetime) -> list[dict[str, Any]]:
    if not facts or course.is_empty():
        return []
    values, low, high = _band(course, facts)
    shown = (course["at"] > since).to_numpy()
    heads = course.filter(pl.Series(shown)).select("name", "at", "state").rows()
    return [
        {
            "fact": fact,
            "points": [
                {"batch": name, "at": at.isoformat(), "value": v, "low": a, "high": b, "state": state}
                for (name, at, state), v, a, b in zip(
                    heads, *(_finite(x[shown, k]) for x in (values, low, high)), strict=True
                )
            ],
        }
        for k, fact in enumerate(facts)
    ]


def _finite(x: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in x]


def _calendar(course: pl.DataFrame) -> list[dict[str, Any]]:
    """A day each; the worst state of its batches: held, rejected, accepted, learnt."""
    order = pl.Enum(["held", "rejected", "accepted", "learnt"])
    days = (
        course.with_columns(day=pl.col("at").dt.strftime("%Y-%m-%d"), rank=pl.col("state").cast(order))
        .sort("rank", "at")
        .group_by("day")
        .agg(pl.col("state", "issue", "name").first(), batches=pl.len())
        .sort("day")
    )
    return days.to_dicts()


def _distributions(history: History, table: Watched, course: pl.DataFrame) -> list[dict[str, Any]]:
    """The last batch against those that were learnt before it, the columns that alarmed first."""
    if course.is_empty():
        return []
    name = course["name"][-1]
    row = history.batch(table, name)
    if row is None or row.sketch is None:
        return []
    now = unpack(row.sketch)
    before = [unpack(body) for body in history.sketches(table, WINDOW, before=row.at)]
    suspects = [] if row.judgement is None else row.judgement["columns"]
    names = [column for column in dict.fromkeys([*suspects, *now.columns]) if column in now.columns][:MOST_COLUMNS]
    found = [_distribution(column, now, before) for column in names]
    return [{"batch": name} | each for each in found if each is not None]


def _distribution(name: str, now: BatchMetrics, before: Sequence[BatchMetrics]) -> dict[str, Any] | None:
    column = now.columns[name]
    others = [batch.columns[name] for batch in before if name in batch.columns]
    others = [other for other in others if other.kind == column.kind and other.filled]
    if not others or not column.filled:
        return None
    filled = {"type": "filled", "rows": 1000, "before": _thousandths(others), "after": _thousandths([column])}
    if column.quantiles is not None:
        shape = _numbers(column, others)
    elif column.values and column.distinct < column.filled / 2:  # else it is a key or free text
        shape = _values(column, others)
    else:
        return {"column": name, "filled": filled, "plot": None}
    return {"column": name, "filled": filled, "plot": shape}


def _thousandths(columns: Sequence[ColumnMetrics]) -> int:
    return round(1000 * float(np.mean([each.filled / max(each.rows, 1) for each in columns])))


def _numbers(column: ColumnMetrics, others: Sequence[ColumnMetrics]) -> dict[str, Any] | None:
    """Cells of a thousand in each of `BINS` equal steps, before and in this batch."""
    usual = np.mean([each.quantiles for each in others if each.quantiles is not None], 0)
    assert column.quantiles is not None
    low, high = min(usual[0], column.quantiles[0]), max(usual[-1], column.quantiles[-1])
    if not high > low:
        return None
    edges = np.linspace(low, high, BINS + 1)
    before, after = (
        np.round(1000 * np.diff(np.interp(edges, q, RANKS, left=0.0, right=1.0))).astype(int).tolist()
        for q in (usual, column.quantiles)
    )
    return {"type": "numbers", "low": float(low), "high": float(high), "below": 0, "above": 0} | {
        "before": before,
        "after": after,
        "bad": [0] * BINS,
    }


def _values(column: ColumnMetrics, others: Sequence[ColumnMetrics]) -> dict[str, Any]:
    """Cells of a thousand that hold each of the most frequent values."""
    values = sorted({*column.values, *(value for other in others for value in other.values)})
    share = {
        value: (
            float(np.mean([other.values.get(value, 0) / other.filled for other in others])),
            column.values.get(value, 0) / column.filled,
        )
        for value in values
    }
    most = sorted(share, key=lambda value: (-max(share[value]), value))[:MOST_VALUES]
    items = [
        {"text": value, "before": round(1000 * share[value][0]), "after": round(1000 * share[value][1]), "bad": 0}
        for value in most
    ]
    return {"type": "values", "items": items, "rest": len(share) - len(items)}
