"""Verdicts on one recipe and on an operation in all tables change what is believed next time, and fade."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.frames import repairs
from kintsu.core.recipe import Recipe
from kintsu.learn.memory import Curve, curves, judged, past

RECIPE = Recipe("typo", "city", "replace", "city: mend slips")
OTHER = Recipe("unit", "size", "strip_unit", "size: drop the unit")
RECIPES = {each.id: each for each in (RECIPE, OTHER)}


def verdict(measured, accepted, *, age_days=0.0, recipe="r-elsewhere", healer="typo", operation="replace"):
    return {
        "recipe": recipe, "healer": healer, "operation": operation, "measured": measured,
        "accepted": accepted, "cells": 3, "age_days": age_days,
    }  # fmt: skip


def proposed(confidence=0.9):
    frame = pl.DataFrame({"row": [0, 1], "column": ["city", "size"], "old": ["a", "b"], "new": ["c", "d"]})
    frame = frame.with_columns(score=pl.lit(confidence), confidence=pl.lit(confidence), recipe=pl.Series(list(RECIPES)))
    return repairs(frame, healer="typo")


def after(verdicts, confidence=0.9):
    told = judged(proposed(confidence), past([]), curves(verdicts), RECIPES)
    return dict(zip(told["column"], told["confidence"]))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0, 2000)), min_size=1, max_size=80))
def test_a_curve_rises_within_what_people_spoke_about_and_stays_a_probability(lines):
    (curve,) = curves([verdict(m, a, age_days=d) for m, a, d in lines]).values()
    grid = np.linspace(0, 1, 101)
    if curve.measured:
        grid = grid[(grid >= curve.measured[0]) & (grid <= curve.measured[-1])]
    found = curve.at(grid)
    assert ((found >= 0) & (found < 1)).all() and (np.diff(found) >= -1e-12).all()


def test_refusals_in_another_table_lower_the_operation_and_nothing_else():
    sure = after([verdict(0.9, False)] * 3)
    assert sure["city"] < 0.8 and sure["size"] == 0.9


def test_verdicts_as_good_as_measured_change_little():
    sure = after([verdict(0.9, i % 10 > 0) for i in range(20)])
    assert abs(sure["city"] - 0.9) < 0.02


def test_old_verdicts_fade():
    fresh, old = after([verdict(0.9, False)] * 3), after([verdict(0.9, False, age_days=3650)] * 3)
    assert fresh["city"] < old["city"] < 0.9 and old["city"] > 0.89


def test_with_enough_verdicts_confidence_is_what_people_said_yes_to():
    told = [verdict(m, i % 4 > 0) for m in (0.6, 0.9) for i in range(40)]
    assert abs(after(told)["city"] - 0.75) < 0.01
    assert after(told, 0.99)["city"] > 0.95  # beyond what they spoke about it is only shifted


def test_a_recipe_of_its_own_verdict_does_not_count_it_twice():
    own = [verdict(0.9, True, recipe=RECIPE.id)]
    told = judged(proposed(), past(own), curves(own), RECIPES)
    assert np.allclose(told["confidence"], [0.99, 0.9])


def test_no_verdict_is_no_change():
    assert Curve(0.0).at(np.array([0.3, 0.9])).round(6).tolist() == [0.3, 0.9]
    assert judged(proposed(), past([]), {}, RECIPES).equals(proposed())
