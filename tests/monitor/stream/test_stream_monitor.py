"""A stream is judged alike however it is cut, and its windows add up."""

from __future__ import annotations

import itertools
import sys
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kintsu as kt
from kintsu.core.errors import MergeError, MissingExtra, UsageError
from kintsu.run.stream_monitor import StreamAlert, StreamMonitor

START = datetime(2026, 3, 1)


def stream(rows: int, seed: int = 0) -> pl.DataFrame:
    """A clean stream: numbers, a category, a key, times that run on, and gaps."""
    rng = np.random.default_rng(seed)
    gaps = np.cumsum(rng.exponential(2.0, rows))
    return pl.DataFrame(
        {
            "x": rng.normal(size=rows),
            "n": rng.poisson(2, rows),
            "status": rng.choice(["open", "paid", "sent", "lost"], rows, p=[0.3, 0.45, 0.235, 0.015]),
            "town": [f"town {k % 700}" for k in rng.zipf(1.3, rows)],
            "key": [f"K{k}" for k in rng.integers(0, 10**6, rows)],
            "id": np.arange(rows) + 17,
            "at": [START + timedelta(seconds=s) for s in gaps.tolist()],
            "flag": rng.random(rows) < 0.3,
            "gap": pl.Series(rng.normal(size=rows)).scatter(np.flatnonzero(rng.random(rows) < 0.1), None),
        }
    )


WHOLE = stream(12_000)
REFERENCE, CLEAN = WHOLE[:6_000], WHOLE[6_000:]
FAULTY = CLEAN[:2_300].vstack(CLEAN[2_300:].with_columns(pl.col("x") + 1.0))


def fed(rows: pl.DataFrame, cuts: list[int], **options: object) -> tuple[StreamMonitor, list[StreamAlert]]:
    monitor = kt.StreamMonitor(REFERENCE, **options)
    edges = [0, *sorted(cuts), len(rows)]
    alerts = [a for low, high in itertools.pairwise(edges) for a in monitor.add(rows[low:high])]
    return monitor, alerts


def test_a_clean_stream_gives_no_alert():
    assert fed(CLEAN, [])[1] == []


@settings(max_examples=15)
@given(st.lists(st.integers(0, 3_500), max_size=12))
def test_cutting_changes_nothing(cuts):
    rows = FAULTY[:3_500]
    whole, alerts = fed(rows, [])
    cut, same = fed(rows, cuts)
    assert same == alerts
    assert alerts
    assert cut.to_bytes() == whole.to_bytes()
    assert cut.counts().equals(whole.counts())


def test_cutting_changes_nothing_of_rates():
    pytest.importorskip("river")
    whole, alerts = fed(FAULTY, [], rates=True, time="at")
    cut, same = fed(FAULTY, list(range(0, len(FAULTY), 37)), rates=True, time="at")
    assert same == alerts
    assert cut.to_bytes() == whole.to_bytes()


def changed(**columns: pl.Expr) -> pl.DataFrame:
    return CLEAN.with_columns(**columns)


def part(share: float) -> pl.Expr:
    return pl.int_range(pl.len()) % round(1 / share) == 0


CHANGES = {
    "mean by half a deviation": (changed(x=pl.col("x") + 0.5), "x", "distribution"),
    "mean by two deviations": (changed(x=pl.col("x") + 2), "x", "distribution"),
    "variance": (changed(x=pl.col("x") * 1.5), "x", "distribution"),
    "null flood": (changed(status=pl.when(~part(0.25)).then("status")), "status", "null"),
    "a few empty cells": (changed(x=pl.when(~part(0.05)).then("x")), "x", "null"),
    "no empty cells where a tenth was": (changed(gap=pl.col("gap").fill_null(0.01)), "gap", "null"),
    "NaN for numbers": (changed(x=pl.when(~part(0.1)).then("x").otherwise(float("nan"))), "x", "null"),
    "category shift": (changed(status=pl.when(part(0.5)).then(pl.lit("sent")).otherwise("status")), "status", None),
    "new category": (changed(status=pl.when(part(0.05)).then(pl.lit("void")).otherwise("status")), "status", "new"),
    "a flood of one town": (changed(town=pl.when(part(0.2)).then(pl.lit("town 600")).otherwise("town")), "town", None),
    "other counts": (changed(n=pl.col("n") + 1), "n", "distribution"),
    "far outliers": (changed(x=pl.when(part(0.05)).then(1e6).otherwise("x")), "x", "new"),
    "truncated keys": (changed(key=pl.col("key").str.head(4)), "key", None),
    "ids that skip": (changed(id=pl.col("id") * 2), "id", "new"),
    "a clock at half the pace": (changed(at=pl.lit(START) + (pl.col("at") - START) * 2), "at", "distribution"),
    "truth turned round": (changed(flag=~pl.col("flag")), "flag", "distribution"),
    "numbers as words": (changed(x=pl.lit("n/a")), "x", "null"),
    "a column is gone": (CLEAN.drop("status"), "status", "null"),
    "no column is left": (CLEAN.select(other="x"), "x", "null"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_finds_a_change_within_two_windows(change):
    rows, column, statistic = CHANGES[change]
    alerts = fed(rows, [100])[1]
    assert alerts
    first = alerts[0]
    assert first.rows[1] <= 1_000
    assert first.delay == first.rows[1]
    assert first.columns[0] == column
    assert statistic in (None, first.causes[0].statistic)
    assert f"`{column}`" in first.message and "was expected" in first.message


def test_a_flood_of_a_rare_value_among_two_is_found():
    reference = pl.DataFrame({"c": ["no"] * 2_999 + ["yes"]})
    flood = pl.DataFrame({"c": ["no", "no", "no", "yes"] * 200})
    assert [a.causes[0].statistic for a in kt.StreamMonitor(reference).add(flood)] == ["distribution"]
    assert kt.StreamMonitor(reference).add(reference) == []


def test_one_alert_a_window_whatever_changed():
    alerts = fed(CLEAN.with_columns(x=pl.col("x") + 3, status=pl.lit(None, dtype=pl.String)), [])[1]
    assert [a.rows for a in alerts] == [(start, start + 500) for start in range(0, 6_000, 500)]
    assert all({"x", "status"} <= set(a.columns) for a in alerts)
    assert [a.delay for a in alerts] == list(range(500, 6_001, 500))


def state(monitor: StreamMonitor) -> bytes:
    return monitor.to_bytes()


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 900)), min_size=3, max_size=3))
def test_partitions_merge_in_any_order(parts):
    a, b, c = (fed(FAULTY[start : start + n], [])[0] for start, n in parts)
    assert state(a.merge(b)) == state(b.merge(a))
    assert state(a.merge(b).merge(c)) == state(a.merge(b.merge(c)))
    assert a.merge(b).n_rows == a.n_rows + b.n_rows


def test_counts_of_partitions_add_up_to_those_of_the_whole():
    rows = CLEAN.drop("id", "at")  # these run on: the step across the cut is in neither part
    monitor = kt.StreamMonitor(REFERENCE.drop("id", "at"))
    halves = [StreamMonitor.from_bytes(monitor.to_bytes()) for _ in range(2)]
    monitor.add(rows)
    halves[0].add(rows[:2_777]), halves[1].add(rows[2_777:])
    assert halves[0].merge(halves[1]).counts().equals(monitor.counts())


def test_the_empty_monitor_is_the_identity_of_counts():
    some, empty = fed(CLEAN[:1_234], [])[0], kt.StreamMonitor(REFERENCE)
    assert some.merge(empty).counts().equals(some.counts())
    assert some.merge(empty).n_rows == some.n_rows


def test_other_references_refuse_to_merge():
    with pytest.raises(MergeError, match="same reference"):
        kt.StreamMonitor(REFERENCE).merge(kt.StreamMonitor(REFERENCE[:3_000]))


@pytest.mark.parametrize("options", [{}, {"rates": True, "time": "at"}])
def test_a_monitor_read_from_bytes_goes_on(options):
    if options:
        pytest.importorskip("river")
    monitor, _ = fed(FAULTY[:3_210], [700], **options)
    read = StreamMonitor.from_bytes(monitor.to_bytes())
    assert read.to_bytes() == monitor.to_bytes()
    assert read.add(FAULTY[3_210:]) == monitor.add(FAULTY[3_210:])
    assert read.to_bytes() == monitor.to_bytes()


def test_bytes_of_another_version_are_refused():
    data = kt.StreamMonitor(REFERENCE).to_bytes()
    with pytest.raises(MergeError, match="version"):
        StreamMonitor.from_bytes(data.replace(b'"version": 1', b'"version": 9', 1))


def test_a_short_reference_is_refused():
    with pytest.raises(UsageError, match="at least 200 rows"):
        kt.StreamMonitor(REFERENCE[:50])


def test_rates_need_river(monkeypatch):
    monkeypatch.setitem(sys.modules, "river.drift", None)
    with pytest.raises(MissingExtra, match=r"pip install 'kintsu\[stream\]'"):
        kt.StreamMonitor(REFERENCE, rates=True)
    assert kt.StreamMonitor(REFERENCE).add(CLEAN) == []


def test_a_slow_change_that_no_window_shows_is_found_by_its_rate():
    pytest.importorskip("river")
    rows = stream(60_000, seed=5)
    reference, before, after = rows[:10_000], rows[10_000:30_000], rows[30_000:]
    after = after.with_columns(gap=pl.when(pl.int_range(pl.len()) % 33 != 0).then("gap"))
    assert kt.StreamMonitor(reference).add(pl.concat([before, after])) == []
    monitor = kt.StreamMonitor(reference, rates=True)
    assert monitor.add(before) == []
    alerts = monitor.add(after)
    assert [c.statistic for a in alerts for c in a.causes][:1] == ["null rate"]
    assert alerts[0].columns == ("gap",)


def test_lateness_and_pace_are_rates():
    pytest.importorskip("river")
    rows = stream(50_000, seed=6).select("at", "x")
    monitor = kt.StreamMonitor(rows[:5_000], rates=True, time="at")
    found = set()
    for start in range(5_000, 50_000, 100):
        batch = rows[start : start + 100]
        late = timedelta(seconds=30 if start < 25_000 else 90)
        alerts = monitor.add(batch, arrived=batch["at"][-1] + late)
        found |= {(start >= 25_000, cause.statistic) for a in alerts for cause in a.causes}
    assert found == {(True, "lateness")}


@pytest.mark.parametrize("rho", [0.5, 0.9, 0.99])
def test_rows_that_are_like_their_neighbours_do_not_alarm(rho):
    rng = np.random.default_rng(7)
    x = np.zeros(60_000)
    for i, noise in enumerate(rng.normal(size=len(x) - 1)):
        x[i + 1] = rho * x[i] + noise
    rows = pl.DataFrame({"x": x})
    assert kt.StreamMonitor(rows[:20_000]).add(rows[20_000:]) == []


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("c", [None] * 400, dtype=pl.Float64),
        pl.Series("c", [None] * 400, dtype=pl.String),
        pl.Series("c", [7] * 400),
        pl.Series("c", ["only"] * 400),
        pl.Series("c", [""] * 400),
        pl.Series("c", [[1, 2]] * 400),
        pl.Series("c", [b"ab"] * 400),
        pl.Series("c", [START] * 400),
        pl.Series("c", [timedelta(hours=1)] * 400),
        pl.Series("c", [START.time()] * 400),
    ],
    ids=lambda c: f"{c.dtype} {c.to_list()[0]}",
)
def test_a_constant_column_of_any_type_stays_quiet_until_it_changes(column):
    monitor = kt.StreamMonitor(column.to_frame())
    assert monitor.add(column.to_frame()[:300]) == []
    assert monitor.add(column.to_frame()[:200]) == []
    was_empty = column.null_count() > 0 or (column.dtype == pl.String and column[0] == "")
    other = pl.Series("c", ["x"] * 600) if was_empty else pl.Series("c", [None] * 600)
    assert len(monitor.add(other.to_frame())) == (column.dtype != pl.Float64)  # words are no numbers: still empty
