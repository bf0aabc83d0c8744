"""Volume forecasts measured: made-up daily counts, histories of other kinds, and the series of the Numenta benchmark.

    python bench/volume.py                      histories of our own making: false alarms, and what is found
    python bench/volume.py --nab DIR            numenta/NAB (DIR holds its data folders and labels/): windows found,
    false points python bench/volume.py --speed 20           CPU seconds of a day of many series, refits included

`judge(history, day, count) -> bool` is the contract for scorers of daily counts; `mstl`, `autoets`, `weekday`, ...
are the same with another method. A judge keeps the models of the series that it saw last, as a service would, and
finds them by the first days of the history.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import OrderedDict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from kintsu.monitor.forecast.model import METHODS, VolumeModel

KEPT = 64


class Judge:
    """Says whether a day's count is anomalous, given the history before it."""

    def __init__(self, method: str = "auto") -> None:
        self.method = method
        self.models: OrderedDict[tuple[Any, ...], tuple[tuple[Any, ...], VolumeModel]] = OrderedDict()

    def __call__(self, history: pl.DataFrame, day: Any, count: float) -> bool:
        key, state = tuple(history[:5].rows()), (history.height, history[-1:].rows())
        known = self.models.pop(key, None)
        if known is None:
            model = VolumeModel.fit(history, method=self.method)
        else:
            model = known[1] if known[0] == state else known[1].extend(history)
        self.models[key] = (state, model)
        if len(self.models) > KEPT:
            self.models.popitem(last=False)
        return model.judge(day, count).is_anomaly


judge = Judge()
weekday, mstl, autoets, autoarima, prophet = (Judge(method) for method in METHODS[1:])


def own(seed: int = 0) -> Iterator[tuple[str, pl.DataFrame, int]]:
    """(name, history, slots to judge) of kinds that the daily generator does not make."""
    rng = np.random.default_rng(seed)
    start = date(2024, 3, 4)

    def days(counts: np.ndarray, first: date = start) -> pl.DataFrame:
        return pl.DataFrame({"date": [first + timedelta(days=i) for i in range(len(counts))], "count": counts})

    def noisy(level: np.ndarray | float, n: int, sd: float = 0.08) -> np.ndarray:
        return np.round(level * np.exp(rng.normal(0, sd, n)))

    hours = [datetime(2025, 1, 6) + timedelta(hours=i) for i in range(24 * 56)]
    wave = np.exp(np.sin(2 * np.pi * np.arange(len(hours)) / 24)) * [0.5 if h.weekday() > 4 else 1.0 for h in hours]
    yield "hours, 8 weeks", pl.DataFrame({"date": hours, "count": rng.poisson(500 * wave)}), 168
    weeks = [start + timedelta(weeks=i) for i in range(120)]
    yield "weeks", pl.DataFrame({"date": weeks, "count": noisy(20_000, 120)}), 40
    week = np.array([1, 1.1, 1, 0.9, 1.2, 0.3, 0.2])
    yield "zeros on 30 % of days", days(noisy(3_000, 400) * (rng.random(400) > 0.3)), 120
    for mean in (0.3, 2, 8, 40):
        yield f"Poisson, {mean} a day", days(rng.poisson(mean, 400)), 120
    working = days(noisy(5_000, 500)).filter(pl.col("date").dt.weekday() < 6)
    yield "business days", working, 80
    yield "10 to 40 days", days(noisy(np.resize(week, 40) * 5_000, 40)), 30
    gap = days(noisy(np.resize(week, 500) * 5_000, 500))
    gap = gap.filter((pl.col("date") < start + timedelta(days=200)) | (pl.col("date") > start + timedelta(days=330)))
    yield "gap of four months, then 60 to 170 days", gap, 110
    yield "random walk", days(np.round(10_000 * np.exp(np.cumsum(rng.normal(0, 0.08, 500))))), 150
    yield "doubles in a year", days(noisy(np.resize(week, 500) * 2_000 * 2 ** (np.arange(500) / 365), 500)), 150
    yield "heavy tails (Student 3)", days(np.round(5_000 * np.exp(0.08 * rng.standard_t(3, 600)))), 200
    yield "step of +80 %, judged through it", days(noisy(np.where(np.arange(300) < 220, 5_000, 9_000), 300)), 120
    yield "constant", days(np.full(200, 1_000)), 60
    yield "all zero", days(np.zeros(200)), 60


def rolled(frame: pl.DataFrame, n: int, method: str = "auto") -> Iterator[tuple[Any, float, VolumeModel]]:
    """The last `n` slots one by one, with the model of all before."""
    model = None
    for i in range(frame.height - n, frame.height):
        model = VolumeModel.fit(frame[:i], method=method) if model is None else model.extend(frame[:i])
        day, count = frame.row(i)
        yield day, count, model


def own_table(method: str) -> list[dict[str, Any]]:
    """Share of alarms on each kind of history: as it is, and with the count multiplied."""
    told = []
    for name, frame, n in own():
        began = time.process_time()
        rows = []
        for day, count, model in rolled(frame, n, method):
            factors = (1, 0, 0.5, 2, 10) if count else (1,)
            rows.append([model.judge(day, round(count * factor)).is_anomaly for factor in factors])
        full = np.array([row for row in rows if len(row) == 5], float).reshape(-1, 5)
        found = dict(zip(("x0", "x0.5", "x2", "x10"), full.mean(axis=0)[1:].round(3).tolist())) if len(full) else {}
        false = float(np.mean([row[0] for row in rows]))
        told.append({"history": name, "judged": n, "false": round(false, 4), **found, "cpu_ms": _ms(began, n)})
    return told


def nab_table(folder: Path) -> Iterator[dict[str, Any]]:
    """Windows found and false points of every series after its first three tenths, by hour, beyond 60 days by day."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    for path in sorted(folder.glob("*/*.csv")):
        windows = [(_time(a), _time(b)) for a, b in labels[f"{path.parent.name}/{path.name}"]]
        raw = pl.read_csv(path, try_parse_dates=True).with_columns(pl.col("timestamp").cast(pl.Datetime("us")))
        every = "1d" if raw["timestamp"][-1] - raw["timestamp"][0] > timedelta(days=60) else "1h"
        by_slot = raw.group_by(pl.col("timestamp").dt.truncate(every).alias("date"))
        frame = by_slot.agg(pl.col("value").sum().clip(0).alias("count")).sort("date")
        frame = frame.with_columns(pl.col("date").cast(pl.Date)) if every == "1d" else frame
        length = timedelta(days=1) if every == "1d" else timedelta(hours=1)
        n = frame.height - int(0.3 * frame.height)
        began = time.process_time()
        judged = [(_start(day), model.judge(day, count).is_anomaly) for day, count, model in rolled(frame, n)]
        inside = [[k for k, (a, b) in enumerate(windows) if at + length > a and at <= b] for at, _ in judged]
        hits = {k for (_, alarm), held in zip(judged, inside) if alarm for k in held}
        false = sum(alarm for (_, alarm), held in zip(judged, inside) if not held)
        usual = sum(not held for held in inside)
        within = {k for held in inside for k in held}
        found = f"{len(hits)}/{len(within)}"
        yield {"series": path.stem, "by": every, "windows": found, "false": f"{false}/{usual}", "cpu_ms": _ms(began, n)}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.split(".")[0])


def _start(day: Any) -> datetime:
    return day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)


def _ms(began: float, n: int) -> float:
    return round((time.process_time() - began) * 1e3 / n, 1)


def speed(n: int, method: str) -> dict[str, float]:
    """CPU milliseconds of one judgement over a week: one choice of effects, six updates, seven verdicts."""
    rng = np.random.default_rng(0)
    days = [date(2024, 1, 1) + timedelta(days=i) for i in range(730)]
    week = np.array([0.9, 1, 1, 1, 1.1, 0.5, 0.4])[np.arange(730) % 7]
    frames = [
        pl.DataFrame(
            {"date": days, "count": rng.poisson(np.exp(rng.uniform(6, 13)) * week * np.exp(rng.normal(0, 0.1, 730)))}
        )
        for _ in range(n)
    ]
    list(rolled(frames[0], 1, method))  # the calendars of the world are read once
    began = time.process_time()
    for frame in frames:
        for day, count, model in rolled(frame, 7, method):
            model.judge(day, count)
    ms = _ms(began, 7 * n)
    return {"series": n, "cpu_ms": ms, "cpu_min_for_10000_a_day": round(ms * 10_000 / 60_000, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nab", type=Path, metavar="DIR")
    parser.add_argument("--speed", type=int, metavar="SERIES")
    parser.add_argument("--method", default="auto", choices=METHODS)
    chosen = parser.parse_args()
    if chosen.speed:
        print(json.dumps(speed(chosen.speed, chosen.method)))
        return
    for row in nab_table(chosen.nab) if chosen.nab else own_table(chosen.method):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
