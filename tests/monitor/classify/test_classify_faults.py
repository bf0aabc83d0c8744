"""Every kind of fault damages a copy, the same one for the same numbers, and only the columns that it names."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

import kintsu.monitor.classify.cases  # noqa: F401 - registers all faults
from kintsu.monitor.classify.faults import FAULTS, Damaged, Delivery, damage
from kintsu.monitor.issue import ISSUES

WHOLE = {"duplicates", "volume"}


def batch(rows: int = 120, seed: int = 0) -> Delivery:
    rng = np.random.default_rng(seed)
    day = datetime(2026, 5, 4)
    frame = pl.DataFrame(
        {
            "id": np.arange(rows) + 5_000,
            "at": [day + timedelta(minutes=int(m)) for m in rng.integers(0, 1440, rows)],
            "price": np.round(rng.lognormal(2, 0.5, rows), 2),
            "weight": np.round(rng.normal(5, 1, rows), 3),
            "length": np.round(rng.normal(50, 4, rows), 3),
            "kind": rng.choice(["small box", "large box", "roll"], rows, p=[0.5, 0.3, 0.2]),
            "name": [f"{a} {b}" for a, b in zip(rng.choice(["Ann", "Bob"], rows), rng.choice(["Lee", "Roe"], rows))],
            "is_paid": rng.random(rows) < 0.5,
        }
    )
    return Delivery(frame, day + timedelta(days=1), day + timedelta(days=1, minutes=20))


PAST = pl.concat([batch(seed=seed).frame for seed in range(1, 6)])


def damaged(kind: str, seed: int) -> Damaged | None:
    return damage(kind, np.random.default_rng(seed), batch(), PAST)


def test_there_are_kinds_enough_for_every_issue():
    issues = [fault.issue for fault in FAULTS.values()]
    assert len(FAULTS) >= 40
    assert {issue: issues.count(issue) >= 3 for issue in ISSUES[:-1]} == dict.fromkeys(ISSUES[:-1], True)


@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_a_fault_changes_what_it_says(kind):
    clean = batch()
    done = [made for made in (damaged(kind, seed) for seed in range(12)) if made is not None]
    assert done, "it never finds anything to damage"
    for made in done:
        after = made.delivery
        if FAULTS[kind].issue == "timeliness":
            assert after.frame.equals(clean.frame) and after.arrived > clean.arrived
        elif FAULTS[kind].issue in WHOLE:
            assert after.frame.columns == clean.frame.columns and not after.frame.equals(clean.frame)
        elif FAULTS[kind].issue == "schema":
            assert after.frame.columns != clean.frame.columns and after.frame.height == clean.frame.height
        else:
            before, now = clean.frame, after.frame
            changed = {c for c in before.columns if before.schema[c] != now.schema[c] or not now[c].equals(before[c])}
            assert changed and changed <= set(made.columns) and after.frame.height == clean.frame.height


@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_the_same_numbers_give_the_same_damage(kind):
    one, two = damaged(kind, 5), damaged(kind, 5)
    assert (one is None) == (two is None)
    assert one is None or one.delivery.frame.equals(two.delivery.frame)


def test_nothing_to_damage_is_none():
    bare = Delivery(pl.DataFrame({"flag": [True] * 10}))
    rng = np.random.default_rng(0)
    for kind in ("other_scale", "slips", "hours_late", "stray_times", "swapped"):
        assert damage(kind, rng, bare, bare.frame) is None
