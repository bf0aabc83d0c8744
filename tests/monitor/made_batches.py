"""A made-up shop: a batch of orders a day, with weekdays, a trend, relations between columns and gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

START = datetime(2026, 1, 5)  # a Monday


@dataclass(frozen=True)
class Delivery:
    frame: pl.DataFrame
    due: datetime
    arrived: datetime


def delivery(day: int, seed: int = 0, rows: int = 200) -> Delivery:
    """The batch of one day, counted from the start."""
    rng = np.random.default_rng([seed, day])
    date = START + timedelta(days=day)
    n = int(rng.poisson(rows * (0.6 if date.weekday() >= 5 else 1.0)))
    quantity = rng.integers(1, 9, n)
    price = np.round(rng.lognormal(3, 0.5, n), 2)
    weight = np.round(quantity * rng.normal(2.0, 0.1, n), 3)
    status = rng.choice(["open", "paid", "sent", "returned"], n, p=[0.2, 0.4, 0.35, 0.05])
    note = [None if rng.random() < 0.3 else f"NL-{rng.integers(10_000):04d}" for _ in range(n)]
    frame = pl.DataFrame(
        {
            "id": np.arange(n) + 1_000 * day,
            "at": [date + timedelta(seconds=int(s)) for s in np.sort(rng.integers(0, 86_400, n))],
            "day": np.full(n, date.day),
            "status": status,
            "city": rng.choice(["Lyon", "Paris", "Nice", "Lille", "Brest"], n),
            "quantity": quantity,
            "price": price,
            "total": np.round(quantity * price, 2),
            "weight": weight,
            "note": pl.Series(note, dtype=pl.String),
        }
    )
    due = date + timedelta(days=1)
    return Delivery(frame, due, due + timedelta(minutes=float(30 * rng.lognormal(0, 0.3))))
