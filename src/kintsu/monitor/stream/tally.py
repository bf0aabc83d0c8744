"""What came through a stream in a window of time: counts and moments that add up in any order, from any worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

import polars as pl

__all__ = ["OUTCOMES", "ColumnTally", "WindowTally", "tally_columns"]

OUTCOMES: Final = ("passed", "healed", "quarantined", "held")


@dataclass(frozen=True)
class ColumnTally:
    """Cells of one column as they came. `mean`, `m2` (squares of deviations), `low`, `high` are of its numbers.

    The empty one is `ColumnTally()`. Merging is associative and commutative: counts and extremes exactly, mean and m2
    to the rounding of floats.
    """

    cells: int = 0
    missing: int = 0
    changed: int = 0
    numbers: int = 0
    mean: float = 0.0
    m2: float = 0.0
    low: float | None = None
    high: float | None = None

    def merge(self, other: ColumnTally) -> ColumnTally:
        """Both parts together.

        References
        ----------
        Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample variances, 1979.
        """
        numbers = self.numbers + other.numbers
        share = other.numbers / numbers if numbers else 0.0
        apart = other.mean - self.mean
        lows = [x for x in (self.low, other.low) if x is not None]
        highs = [x for x in (self.high, other.high) if x is not None]
        return ColumnTally(
            self.cells + other.cells,
            self.missing + other.missing,
            self.changed + other.changed,
            numbers,
            self.mean * (1 - share) + other.mean * share,
            self.m2 + other.m2 + apart * apart * self.numbers * share,
            min(lows, default=None),
            max(highs, default=None),
        )


@dataclass(frozen=True)
class WindowTally:
    """Events by what became of them, and the cells of each column. The empty one is `WindowTally()`."""

    events: int = 0
    passed: int = 0
    healed: int = 0
    quarantined: int = 0
    held: int = 0
    changes: int = 0  # cells
    late_ms: int = 0  # summed over the events: from when they happened to when they were mended
    columns: Mapping[str, ColumnTally] = field(default_factory=dict)

    def merge(self, other: WindowTally) -> WindowTally:
        """Both parts together, as of two workers or of two micro-batches."""
        counts = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self) if f.name != "columns"}
        names = dict.fromkeys((*self.columns, *other.columns))
        none = ColumnTally()
        both = {name: self.columns.get(name, none).merge(other.columns.get(name, none)) for name in names}
        return WindowTally(**counts, columns=both)

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; `from_dict` reads it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> WindowTally:
        """The tally that `to_dict` wrote."""
        columns = {name: ColumnTally(**held) for name, held in plain["columns"].items()}
        return cls(**{**plain, "columns": columns})


def tally_columns(cells: pl.DataFrame, changes: pl.DataFrame) -> dict[str, ColumnTally]:
    """Tallies of columns of text; `changes` has a row with `column` for each cell that was changed."""
    if not cells.width:
        return {}
    changed = dict(changes.group_by("column").len().iter_rows())
    found = cells.select(pl.struct(_facts(name)).alias(name) for name in cells.columns).row(0, named=True)
    return {
        name: ColumnTally(cells=cells.height, changed=changed.get(name, 0), **facts) for name, facts in found.items()
    }


def _facts(name: str) -> list[pl.Expr]:
    number = pl.col(name).cast(pl.Float64, strict=False)
    finite = number.filter(number.is_finite())
    return [
        (pl.col(name).is_null().sum() + (pl.col(name) == "").sum()).alias("missing"),
        finite.len().alias("numbers"),
        finite.mean().fill_null(0.0).alias("mean"),
        (finite.var(ddof=0) * finite.len()).fill_null(0.0).alias("m2"),
        finite.min().alias("low"),
        finite.max().alias("high"),
    ]
