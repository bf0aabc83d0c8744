"""Ways in which a batch goes wrong, each with parameters that are drawn anew every time.

A fault takes a random generator, a batch and rows of past batches, and returns a damaged batch with the columns
that it damaged; it raises `NothingToDamage` where the table offers nothing to damage. Kinds are named so that a
kind can be left out of a training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import polars as pl
import polars.selectors as cs

__all__ = ["FAULTS", "Damaged", "Delivery", "Fault", "damage", "fault"]


@dataclass(frozen=True, eq=False)
class Delivery:
    """A batch as it was delivered."""

    frame: pl.DataFrame
    due: datetime | None = None
    arrived: datetime | None = None


@dataclass(frozen=True, eq=False)
class Damaged:
    """`columns` are the damaged ones, none where the whole batch is."""

    delivery: Delivery
    columns: tuple[str, ...] = ()


class NothingToDamage(Exception):
    """The table has no column that this kind of fault can damage."""


Make = Callable[[np.random.Generator, Delivery, pl.DataFrame], Damaged]


@dataclass(frozen=True)
class Fault:
    """One kind of damage and the issue that it should be named."""

    kind: str
    issue: str
    make: Make


FAULTS: Final[dict[str, Fault]] = {}


def fault(issue: str) -> Callable[[Make], Make]:
    """Registers a function under its own name."""

    def register(make: Make) -> Make:
        kind = getattr(make, "__name__", "")
        if kind in FAULTS:
            raise ValueError(f"two faults are named {kind!r}")
        FAULTS[kind] = Fault(kind, issue, make)
        return make

    return register


def damage(kind: str, rng: np.random.Generator, batch: Delivery, past: pl.DataFrame) -> Damaged | None:
    """A damaged copy of a batch, or None where this kind changes nothing in it.

    `past` holds rows of the batches before, with the same columns.
    """
    try:
        made = FAULTS[kind].make(rng, batch, past)
    except NothingToDamage:
        return None
    after = made.delivery
    is_same = after.frame.schema == batch.frame.schema and after.frame.equals(batch.frame)
    return None if is_same and after.arrived == batch.arrived else made


def with_frame(batch: Delivery, frame: pl.DataFrame, *columns: str) -> Damaged:
    return Damaged(replace(batch, frame=frame), columns)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Drawn so that every factor between the two is as likely."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def some_rows(rng: np.random.Generator, frame: pl.DataFrame, share: float) -> pl.Series:
    """True for that share of the rows, one at least."""
    chosen = np.zeros(frame.height, dtype=bool)
    n = min(max(round(share * frame.height), 1), frame.height)
    chosen[rng.permutation(frame.height)[:n]] = True
    return pl.Series(chosen)


def one_of(rng: np.random.Generator, names: list[str]) -> str:
    if not names:
        raise NothingToDamage
    return names[int(rng.integers(len(names)))]


def numbers(frame: pl.DataFrame, least: int = 4) -> list[str]:
    """Columns of numbers with at least so many different ones."""
    return [s.name for s in frame.select(cs.numeric()) if s.drop_nulls().n_unique() >= least]


def texts(frame: pl.DataFrame, most_share: float = 1.0) -> list[str]:
    """Columns of text with two values and more, of which at most that share are different."""
    kept = []
    for s in frame.select(cs.string()):
        n = s.drop_nulls().n_unique()
        if 2 <= n <= max(most_share * frame.height, 20):
            kept.append(s.name)
    return kept


def times(frame: pl.DataFrame) -> list[str]:
    return [s.name for s in frame.select(cs.date() | cs.datetime()) if s.drop_nulls().n_unique() > 1]


def as_number(aggregate: Any) -> float:
    """An aggregate of polars, whose type it does not tell; none is 0."""
    return float(aggregate or 0)


def put(frame: pl.DataFrame, column: str, rows: pl.Series, values: pl.Expr | pl.Series) -> pl.DataFrame:
    """Other values in the chosen rows; cells that are empty stay so."""
    kept = pl.col(column)
    return frame.with_columns(pl.when(rows & kept.is_not_null()).then(values).otherwise(kept).alias(column))


def as_floats(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.with_columns(pl.col(column).cast(pl.Float64))


@fault("timeliness")
def hours_late(rng: np.random.Generator, batch: Delivery, past: pl.DataFrame) -> Damaged:
    return _later(batch, between(rng, 1.5, 20))


@fault("timeliness")
def days_late(rng: np.random.Generator, batch: Delivery, past: pl.DataFrame) -> Damaged:
    return _later(batch, 24.0 * int(rng.integers(1, 8)) + rng.uniform(-2, 2))


@fault("timeliness")
def next_run(rng: np.random.Generator, batch: Delivery, past: pl.DataFrame) -> Damaged:
    """The run of a scheduler was missed; the next one, six to twelve hours on, delivered."""
    return _later(batch, float(rng.choice([3.0, 4.0, 6.0, 8.0, 12.0])))


def _later(batch: Delivery, hours: float) -> Damaged:
    if batch.arrived is None or batch.due is None:
        raise NothingToDamage
    return Damaged(replace(batch, arrived=batch.arrived + timedelta(hours=hours)))
