"""A small made-up result with everything in it that a report can show."""

from __future__ import annotations

from typing import Any

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.frames import DECISIONS, FINDINGS
from kintsu.core.recipe import Recipe
from kintsu.profile.build import reference_of

STRIP = Recipe("units", "amount", "strip_unit", "strip ' EUR' from amount", "canonical", {"unit": " EUR"})
NULLS = Recipe("nulls", "city", "null_token", "make 'N/A' an empty cell in city", "canonical")
VOTE = Recipe("votes", "country", "vote", "country follows from city", "follows")
MEAN = Recipe("mean", "amount", "mean", "fill amount with its mean", "statistical")
RECIPES = {recipe.id: recipe for recipe in (STRIP, NULLS, VOTE, MEAN)}


def table(*, evil: str = "Oslo", rows: int = 40) -> Batch:
    """Orders with a unit, a null token, a contradiction and a hole."""
    frame = pl.DataFrame(
        {
            "id": [str(n) for n in range(rows)],
            "amount": [str(10 + n % 9) for n in range(rows)],
            "city": ["Lyon", "Oslo"] * (rows // 2),
            "country": ["France", "Norway"] * (rows // 2),
        }
    )
    amount = frame["amount"].to_list()
    amount[3], amount[5], amount[7] = "12 EUR", None, "9000"
    city, country = frame["city"].to_list(), frame["country"].to_list()
    city[4], country[9], city[1] = "N/A", "France", evil
    columns = [pl.Series("amount", amount), pl.Series("city", city), pl.Series("country", country)]
    return Batch.of(frame.with_columns(columns), "orders")


def result(*, evil: str = "Oslo", **more: Any) -> dict[str, Any]:
    """What a heal of `table` hands to the report."""
    batch = table(evil=evil)
    cells = [
        (3, "amount", "unit", "12 EUR", "12", STRIP, 0.99, "apply", "sure enough"),
        (4, "city", "disguised_missing", "N/A", None, NULLS, 0.97, "apply", "sure enough"),
        (9, "country", "dependency", "France", "Norway", VOTE, 0.96, "apply", "sure enough"),
        (5, "amount", "missing", None, "13.5", MEAN, 0.3, "suggest", "done only when asked for (--impute)"),
    ]
    found = [
        (row, column, kind, 0.9, None, f"{kind}_detector", None, f"evidence about {column} in row {row}", value, None)
        for row, column, kind, value, *_ in cells
    ]
    found += [
        (7, "amount", "outlier", 0.8, None, "outlier", None, "9000 is far from 10 to 18", "9000", None),
        (1, "city", "rare_category", 0.4, None, "rare", None, f"{evil} occurs once", evil, None),
        (11, None, "duplicate", 0.7, None, "duplicate", None, "the same as row 10", None, None),
        (None, "country", "step", 0.2, None, "step", None, "half the values changed", None, None),
    ]
    decided = [
        (row, column, "set", old, new, sure, sure, recipe.healer, recipe.id, f"evidence for {column}", None, act, why)
        for row, column, _, old, new, recipe, sure, act, why in cells
    ]

    def scan(columns: list[str] | None) -> Any:
        yield Batch(batch.table, batch.frame.select(columns) if columns else batch.frame, batch.row)

    return {
        "run": "20260102-abcd",
        "table": "orders",
        "input": "orders.csv",
        "output": "orders.healed.csv",
        "rows": len(batch),
        "columns": batch.columns,
        "findings": pl.DataFrame(found, schema=dict(FINDINGS), orient="row"),
        "decisions": pl.DataFrame(decided, schema=dict(DECISIONS), orient="row"),
        "recipes": RECIPES,
        "withdrawn": {},
        "scores": {"overall": 91.3, "completeness": 98.0, "validity": 88.0, "timeliness": None},
        "scores_after": {"overall": 97.0, "completeness": 98.0, "validity": 96.5, "timeliness": None},
        "reference": reference_of(scan, batch.table),
        "crash": {
            "broken": 60,
            "error_rate": {"estimate": 0.02, "interval": [0.01, 0.03]},
            "detection": {
                "recall": 0.8,
                "interval": [0.7, 0.9],
                "by_column": {"city": {"broken": 60, "recall": 0.8, "interval": [0.7, 0.9]}},
                "by_kind": {"swap_letters": {"broken": 60, "recall": 0.8, "interval": [0.7, 0.9]}},
            },
            "repair": {
                "precision": 0.95,
                "precision_interval": None,
                "recall": 0.55,
                "interval": None,
                "broken": {"recall": 0.5, "interval": [0.4, 0.6]},
                "by_column": {"city": {"broken": 60, "recall": 0.5, "interval": [0.4, 0.6]}},
                "by_kind": {"swap_letters": {"broken": 60, "recall": 0.5, "interval": [0.4, 0.6]}},
            },
            "forecast": [
                {"auto": 0.5, "applied": 12, "precision": 0.95, "precision_interval": [0.9, 0.98]}
                | {"recall": 0.55, "recall_interval": [0.5, 0.6]}
            ],
            "cells": [
                {"row": 3, "column": "city", "operation": "swap_letters", "original": "Rome", "value": "Roem"}
                | {"found": True, "mended": False}
            ],
            "by_healer": {},
        },
        "failed": [],
        "sensitive": (),
        "version": "0.1.0",
        **more,
    }
