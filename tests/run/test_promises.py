"""Objectives over the stored history of a watched table say the same as over the batches themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from kintsu.io.store.history import open_history
from kintsu.monitor.attain import attain, facts_frame
from kintsu.monitor.measure import measure
from kintsu.monitor.objectives import read_sentence
from kintsu.run import watching
from kintsu.run.batches import MonitorSettings

FIRST = date(2026, 10, 20)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def frame(day: int) -> pl.DataFrame:
    filled = 90 if day % 6 == 0 else 99
    return pl.DataFrame(
        {
            "price": [float((7 * i + day) % 31) for i in range(100)],
            "email": [f"p{i}-{day}@x.org" if i < filled else None for i in range(100)],
        }
    )


@pytest.mark.parametrize(
    "text",
    [
        "completeness of email >= .99, 80 % of days a month",
        "rows >= 100, 90 % of days over 30 days",
        "mean of price between 10 and 20",
        "distinct share of email = 1, every weekday a quarter",
        "no duplicates, 99 % of batches a week",
    ],
)
def test_the_store_and_the_batches_agree(text, tmp_path):
    folder = tmp_path / "orders"
    folder.mkdir()
    measured = []
    for day in range(30):
        if day == 17:  # a day without a batch
            continue
        start = FIRST + timedelta(days=day)
        frame(day).write_csv(folder / f"{start}.csv")
        due = datetime(start.year, start.month, start.day, tzinfo=UTC) + timedelta(days=1)
        measured.append(measure(frame(day), due=due))
    home = tmp_path / "store"
    watching.add("orders", MonitorSettings(str(folder / "*.csv")), home=home)
    watching.backfill("orders", home=home, now=NOW)
    history = open_history(home)
    stored = attain(read_sentence(text), history.course(history.watched("orders")), NOW)
    history.engine.dispose()
    direct = attain(read_sentence(text), facts_frame(measured), NOW)
    outlook = replace(stored.outlook, next_low=direct.outlook.next_low, next_high=direct.outlook.next_high)
    assert replace(stored, outlook=outlook) == direct  # numbers are stored with seven digits
    assert stored.outlook.next_low == pytest.approx(direct.outlook.next_low, rel=1e-5)
    assert direct.n_counted > 0
