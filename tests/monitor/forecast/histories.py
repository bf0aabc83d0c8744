"""Histories of counts whose making is known."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

MONDAY = date(2024, 1, 1)


def daily(
    n: int, level: float = 5_000, sd: float = 0.08, *, seed: int = 0, start: date = MONDAY, weekend: float = 0.4
) -> pl.DataFrame:
    """`n` days with fewer rows at weekends and log-normal noise."""
    rng = np.random.default_rng(seed)
    days = [start + timedelta(days=i) for i in range(n)]
    week = np.array([weekend if day.weekday() > 4 else 1.0 for day in days])
    return pl.DataFrame({"date": days, "count": np.round(level * week * np.exp(rng.normal(0, sd, n))).astype(int)})


def hourly(n: int, level: float = 800, sd: float = 0.1, *, seed: int = 0) -> pl.DataFrame:
    """`n` hours with a daily wave."""
    rng = np.random.default_rng(seed)
    hours = [datetime(2025, 1, 6) + timedelta(hours=i) for i in range(n)]
    wave = np.exp(np.sin(2 * np.pi * np.arange(n) / 24))
    return pl.DataFrame({"date": hours, "count": np.round(level * wave * np.exp(rng.normal(0, sd, n))).astype(int)})


def after(history: pl.DataFrame, n: int = 1) -> date:
    """The n-th day after a history."""
    return history["date"].max() + timedelta(days=n)


def times(history: pl.DataFrame, days: list[date], factor: float) -> pl.DataFrame:
    """The history with the counts of some days multiplied."""
    changed = pl.col("date").is_in(days)
    return history.with_columns(
        pl.when(changed).then(pl.col("count") * factor).otherwise(pl.col("count")).round().cast(pl.Int64)
    )
