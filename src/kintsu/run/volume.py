"""Forecasts of the rows of named tables: counts are kept as a model of the registry, and asked again later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

import kintsu
from kintsu.core.errors import UsageError
from kintsu.io.store.batch_rows import NORMAL, WATCHED
from kintsu.io.store.history import History
from kintsu.io.store.models import About, ModelStore, ModelVersion
from kintsu.monitor.forecast.model import VolumeForecast, VolumeModel

__all__ = ["judge_volume", "train_volume"]

PREFIX: Final = "volume:"
CHECKED: Final = 28  # last days that are judged, each by those before it, to tell how often it alarms
LEAST: Final = 4  # counts below which nothing can be said

Counts = Sequence[tuple[date, float]]


def train_volume(
    table: str,
    counts: Counts | None = None,
    *,
    days: int | None = None,
    country: str | None = None,
    by: str,
    home: Path,
) -> ModelVersion:
    """Keep the counts of a table as the model that `judge_volume` asks, and make it the live version.

    Parameters
    ----------
    counts
        (day, rows); those of the watched table of this name where None.
    days
        How many of the last days are taken; all where None.

    Raises
    ------
    UsageError
        There are fewer than four counts.
    """
    history = History(home)
    known = sorted(counts if counts is not None else _of_watched(history, table))
    if days is not None and known:
        first = known[-1][0] - timedelta(days=days)
        known = [each for each in known if each[0] > first]
    if len(known) < LEAST:
        raise UsageError(f"{len(known)} counts of {table!r}: a forecast needs {LEAST}; send more days")
    body = json.dumps({"country": country, "counts": [[day.isoformat(), count] for day, count in known]}).encode()
    about = About(
        metrics=_measured(known, country),
        parameters={"country": country},
        data={"table": table, "days": len(known), "from": str(known[0][0]), "to": str(known[-1][0])},
        lineage={"kintsu": kintsu.__version__},
    )
    registry = ModelStore(history)
    made = registry.register(PREFIX + table, body, about, by=by)
    return registry.promote(made.name, made.version, by=by, why="trained")


def judge_volume(
    table: str, count: float, *, at: date | None = None, counts: Counts | None = None, country: str | None = None,
    home: Path,
) -> VolumeForecast:  # fmt: skip
    """Whether a table has as many rows as it should on day `at`, which is that after the last known one where None.

    By `counts`, else by those that were trained, else by those of the watched table of this name.

    Raises
    ------
    UsageError
        Nothing is known of the days before.
    """
    if counts is None:
        counts, country = _kept(History(home), table, country)
    known = sorted(counts)
    at = at or (known[-1][0] + timedelta(days=1) if known else None)
    before = [each for each in known if at is not None and each[0] < at]
    if at is None or not before:
        raise UsageError(f"nothing is known of {table!r} before that day: send `historical_data`, or train it")
    return VolumeModel.fit(_frame(before), country=country, before=at).judge(at, count)


def _kept(history: History, table: str, country: str | None) -> tuple[Counts, str | None]:
    registry, name = ModelStore(history), PREFIX + table
    live = registry.live([name]).get(name)
    if live is None:
        return _of_watched(history, table), country
    held: dict[str, Any] = json.loads(registry.body(name, live.version))
    return [(date.fromisoformat(day), count) for day, count in held["counts"]], country or held["country"]


def _of_watched(history: History, table: str) -> Counts:
    if table not in {each.name for each in history.tables(WATCHED)}:
        raise UsageError(f"no counts of {table!r} are known: send `historical_data`, or watch the table")
    course = history.course(history.watched(table), []).filter(pl.col("state").is_in(NORMAL))
    by_day = course.group_by(pl.col("at").dt.date()).agg(pl.col("rows").sum()).sort("at")
    return [(day, float(rows)) for day, rows in by_day.iter_rows()]


def _frame(counts: Counts) -> pl.DataFrame:
    return pl.DataFrame({"date": [day for day, _ in counts], "count": [float(count) for _, count in counts]})


def _measured(known: Counts, country: str | None) -> dict[str, Any]:
    """How often the last days would have alarmed, each judged by those before it."""
    last = known[-min(CHECKED, len(known) - LEAST) :] if len(known) > LEAST else []
    told = []
    for day, count in last:
        before = [each for each in known if each[0] < day]
        told.append(VolumeModel.fit(_frame(before), country=country, before=day).judge(day, count).is_anomaly)
    return {"days_judged": len(told), "alarms": sum(told)}
