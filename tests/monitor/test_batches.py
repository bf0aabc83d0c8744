"""A monitor leaves clean batches alone and names what is wrong with damaged ones."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from made_batches import Delivery, delivery

from kintsu.monitor.issue import ISSUES
from kintsu.monitor.judge import BatchJudgement, judge, learn_batches
from kintsu.monitor.measure import BatchMetrics, measure

HISTORY = 30
TODAY = 45  # a Thursday; 30 batches before it


def metrics(batch: Delivery) -> BatchMetrics:
    return measure(batch.frame, due=batch.due, arrived=batch.arrived)


@pytest.fixture(scope="module")
def baseline():
    return learn_batches([metrics(delivery(day)) for day in range(TODAY - HISTORY, TODAY)])


def damaged(**columns: pl.Expr) -> Delivery:
    today = delivery(TODAY)
    return replace(today, frame=today.frame.with_columns(**columns))


def share(part: float) -> pl.Expr:
    """About this share of the rows."""
    return pl.int_range(pl.len()) % round(1 / part) == 0


def empty(name: str, part: float) -> pl.Expr:
    return pl.when(~share(part)).then(name)


def put(name: str, part: float, value: object) -> pl.Expr:
    return pl.when(share(part)).then(pl.lit(value)).otherwise(name)


def rows(keep: pl.DataFrame) -> Delivery:
    return replace(delivery(TODAY), frame=keep)


TODAYS = delivery(TODAY).frame
FAULTS = {
    "a few empty cells where none were": (damaged(status=empty("status", 0.05)), "missing", "status"),
    "a column without a cell": (damaged(price=pl.lit(None, dtype=pl.Float64)), "missing", "price"),
    "cents for euros": (damaged(price=pl.col("price") * 100), "drift", "price"),
    "pounds for kilos": (damaged(weight=pl.col("weight") * 2.2046), "drift", "weight"),
    "a total that no longer fits": (damaged(total=pl.col("total") * 1.2), "drift", "total"),
    "some numbers far off": (
        damaged(weight=pl.when(share(0.05)).then(pl.col("weight") * 200).otherwise("weight")),
        "outlier",
        "weight",
    ),
    "a value never seen": (damaged(status=put("status", 0.1, "UNKNOWN")), "pattern", "status"),
    "one misspelt value": (
        damaged(city=pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("Prais")).otherwise("city")),
        "pattern",
        "city",
    ),
    "another format": (damaged(note=pl.col("note").str.replace("NL-", "#")), "pattern", "note"),
    "one category took over": (damaged(status=put("status", 0.5, "returned")), "drift", "status"),
    "a stuck sensor": (damaged(weight=put("weight", 0.5, 12.5)), "drift", "weight"),
    "numbers as text": (damaged(price=pl.col("price").cast(pl.String)), "type_mismatch", "price"),
    "a lost column": (rows(TODAYS.drop("price")), "schema", "price"),
    "a new column": (damaged(extra=pl.lit(1)), "schema", "extra"),
    "a renamed column": (rows(TODAYS.rename({"city": "town"})), "schema", "city"),
    "rows twice": (rows(pl.concat([TODAYS, TODAYS.head(60)])), "duplicates", None),
    "half the rows": (rows(TODAYS.head(TODAYS.height // 2)), "volume", None),
    "no rows": (rows(TODAYS.head(0)), "volume", None),
    "rows of last week too": (rows(pl.concat([delivery(TODAY - 7).frame, TODAYS])), "volume", None),
    "a day late": (
        replace(delivery(TODAY), arrived=delivery(TODAY).arrived + timedelta(days=1)),
        "timeliness",
        None,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_batch_alarms_with_its_issue_and_column(baseline, fault):
    batch, issue, column = FAULTS[fault]
    judged = judge(baseline, metrics(batch))
    assert judged.alarm and judged.score > 1
    assert judged.issue == issue, judged.message
    assert column is None or judged.columns[0] == column
    assert judged.causes[0].message == judged.message


def test_clean_batches_rarely_alarm():
    """At most 3 of 60: the bar is 5 %."""
    batches = [metrics(delivery(day)) for day in range(HISTORY + 60)]
    alarms = 0
    for day in range(HISTORY, HISTORY + 60):
        alarms += judge(learn_batches(batches[day - HISTORY : day]), batches[day]).alarm
    assert alarms <= 3


def test_most_damages_are_found_in_every_seed():
    found = []
    for seed in range(1, 4):
        baseline = learn_batches([metrics(delivery(day, seed)) for day in range(HISTORY)])
        today = delivery(HISTORY, seed)
        for name, change in {
            "nulls": {"city": empty("city", 0.05)},
            "scale": {"price": pl.col("price") * 10},
            "typo": {"status": put("status", 0.02, "opne")},
            "shift": {"weight": pl.col("weight") + pl.col("weight").std()},
            "swap": {"price": pl.col("total"), "total": pl.col("price")},
        }.items():
            judged = judge(baseline, metrics(replace(today, frame=today.frame.with_columns(**change))))
            found.append((seed, name, judged.alarm))
    assert np.mean([alarm for *_, alarm in found]) >= 0.9, found


def test_judging_changes_nothing(baseline):
    batch = metrics(FAULTS["cents for euros"][0])
    before = copy.deepcopy(baseline)
    first, second = judge(baseline, batch), judge(baseline, batch)
    assert first == second == judge(before, batch)


def test_the_order_of_rows_and_columns_does_not_matter(baseline):
    batch, _, _ = FAULTS["a few empty cells where none were"]
    shuffled = batch.frame.select(reversed(batch.frame.columns)).sample(fraction=1, shuffle=True, seed=1)
    a, b = judge(baseline, metrics(batch)), judge(baseline, metrics(replace(batch, frame=shuffled)))
    assert (a.alarm, a.issue, a.columns[0]) == (b.alarm, b.issue, b.columns[0])
    assert a.score == pytest.approx(b.score)


def test_another_unit_of_a_whole_column_changes_no_judgement():
    def scaled(batch: Delivery) -> BatchMetrics:
        return metrics(replace(batch, frame=batch.frame.with_columns(pl.col("price", "total", "weight") * 1000)))

    history = [delivery(day) for day in range(TODAY - HISTORY, TODAY)]
    batch = FAULTS["a total that no longer fits"][0]
    a = judge(learn_batches([metrics(one) for one in history]), metrics(batch))
    b = judge(learn_batches([scaled(one) for one in history]), scaled(batch))
    assert (a.alarm, a.issue, a.columns[0]) == (b.alarm, b.issue, b.columns[0])
    assert a.score == pytest.approx(b.score, rel=0.05)


def test_messages_tell_numbers_in_the_table_s_units(baseline):
    assert "cells of `status` are empty; 0.0 %" in judge(baseline, metrics(FAULTS[next(iter(FAULTS))][0])).message
    assert "it was renamed" in judge(baseline, metrics(FAULTS["a renamed column"][0])).message
    late = judge(baseline, metrics(FAULTS["a day late"][0])).message
    assert late.startswith("it came 24") and " min was expected" in late
    volume = judge(baseline, metrics(FAULTS["no rows"][0])).message
    assert volume.startswith("0 rows came; ")
    half = judge(baseline, metrics(FAULTS["half the rows"][0]))
    assert " rows came; " in half.message and half.causes[1].column == "at"  # the hours that are missing come after it


@pytest.mark.parametrize("n", [0, 1, 2, 6])
def test_a_short_history_is_a_state_of_its_own_and_judges_facts(n):
    baseline = learn_batches([metrics(delivery(day)) for day in range(n)])
    quiet = judge(baseline, metrics(FAULTS["cents for euros"][0]))
    assert not quiet.alarm and quiet.state == "learning" and f"{n} of 7 batches" in quiet.message
    lost = judge(baseline, metrics(FAULTS["a lost column"][0]))
    assert lost.alarm == (n > 0)


def test_a_judgement_is_json(baseline):
    import json

    told = judge(baseline, metrics(FAULTS["rows twice"][0])).to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told["issue"] in ISSUES and told["causes"]


def ugly() -> dict[str, list[Delivery]]:
    days = [delivery(day, rows=30) for day in range(12)]
    text = [pl.col("price").cast(pl.String)] * 2
    return {
        "one date for all": [replace(one, due=days[0].due, arrived=days[0].arrived) for one in days],
        "the clock goes backwards": list(reversed(days)),
        "months between batches": [replace(one, due=one.due + timedelta(days=97 * i)) for i, one in enumerate(days)],
        "no dates": [replace(one, due=None, arrived=None) for one in days],
        "a column that is always empty": [
            replace(one, frame=one.frame.with_columns(price=pl.lit(None, dtype=pl.Float64))) for one in days
        ],
        "a column that appears late": [
            replace(one, frame=one.frame.drop("price")) if i < 6 else one for i, one in enumerate(days)
        ],
        "a type back and forth": [
            replace(one, frame=one.frame.with_columns(text[0])) if i % 2 else one for i, one in enumerate(days)
        ],
        "no rows ever": [replace(one, frame=one.frame.head(0)) for one in days],
        "one row": [replace(one, frame=one.frame.head(1)) for one in days],
        "huge numbers": [
            replace(one, frame=one.frame.with_columns(price=pl.col("price") * 1e306, total=pl.lit(-1e308)))
            for one in days
        ],
    }


@pytest.mark.parametrize("kind", ugly())
def test_an_ugly_history_is_learnt_and_its_next_batch_judged(kind):
    *history, last = ugly()[kind]
    judged = judge(learn_batches([metrics(one) for one in history]), metrics(last))
    assert isinstance(judged, BatchJudgement) and judged.state == "judged"
    if kind not in ("the clock goes backwards", "months between batches"):
        assert not judged.alarm, judged.message


def test_a_thousand_columns():
    def wide(day: int) -> BatchMetrics:
        rng = np.random.default_rng(day)
        return measure(pl.DataFrame({f"c{i}": rng.normal(size=20) for i in range(1_000)}))

    baseline = learn_batches([wide(day) for day in range(8)])
    assert not judge(baseline, wide(9)).alarm


@pytest.mark.parametrize("kind", FAULTS)
def test_a_judgement_comes_back_as_it_was_told(baseline, kind):
    told = judge(baseline, metrics(FAULTS[kind][0]))
    assert BatchJudgement.from_dict(told.to_dict()).to_dict() == told.to_dict()
