"""Rows keep their identity while records are dropped, put back and added.

Row numbers are positions in one state of a file; they shift when a record goes. A key stays: row r of the first state
has key r * GAP, a record that comes in later gets a key between those of its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["GAP", "Numbering"]

Int64s = npt.NDArray[np.int64]

GAP: Final[int] = 1 << 20  # room for that many new records between two; 2**63 / GAP rows fit


def _none() -> Int64s:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Numbering:
    """Which records of the first state are absent now, and which came in.

    With `shifts` False a row number is the row's own identity (a database's row id) and nothing moves.
    """

    absent: Int64s = field(default_factory=_none)  # row numbers of the first state, ascending
    extra: Int64s = field(default_factory=_none)  # keys of records that came in, ascending
    shifts: bool = True

    def rows(self, keys: Int64s) -> Int64s:
        """Row number of each key in this state; of an absent key, the number it would get if it were put back alone."""
        if not self.shifts:
            return keys // GAP
        first = np.maximum(-(-keys // GAP), 0)  # rows of the first state that lie before this key
        return first - np.searchsorted(self.absent, first) + np.searchsorted(self.extra, keys)

    def keys(self, rows: Int64s) -> Int64s:
        """Key of each row number of this state."""
        if not self.shifts:
            return rows * GAP
        places = self.rows(self.extra)
        before = np.searchsorted(places, rows)
        position = rows - before  # among the rows of the first state that are present
        steps = self.absent - np.arange(len(self.absent))
        keys: Int64s = (position + np.searchsorted(steps, position, side="right")) * GAP
        if len(places):
            at = np.minimum(before, len(places) - 1)
            keys = np.where(places[at] == rows, self.extra[at], keys)
        return keys

    def without(self, keys: Int64s) -> Numbering:
        """The state after these records were dropped."""
        original = keys[keys % GAP == 0] // GAP
        gone = keys[keys % GAP != 0]
        absent = np.union1d(self.absent, original)
        return Numbering(absent, np.setdiff1d(self.extra, gone), self.shifts)

    def with_(self, keys: Int64s) -> Numbering:
        """The state after these records came in or back."""
        original = keys[keys % GAP == 0] // GAP
        fresh = keys[keys % GAP != 0]
        return Numbering(np.setdiff1d(self.absent, original), np.union1d(self.extra, fresh), self.shifts)

    def after(self, changes: pl.DataFrame) -> Numbering:
        """The state after the drops and adds of a change set (needs `edit` and `key`)."""
        dropped = changes.filter(pl.col("edit") == "drop")["key"].to_numpy()
        added = changes.filter(pl.col("edit") == "add")["key"].to_numpy()
        return self.without(dropped).with_(added)

    def new_keys(self, rows: Int64s) -> Int64s:
        """Keys for records that come in at these row numbers of the state that they make, ascending."""
        if not self.shifts:
            return rows * GAP
        kept = rows - np.arange(len(rows))  # row number here of the record that follows
        after = self.keys(kept)
        before = np.where(kept > 0, self.keys(np.maximum(kept - 1, 0)), after - GAP)
        limit = np.minimum(after, (before // GAP + 1) * GAP)  # never onto the key of a record that is absent now
        _, start, size = np.unique(kept, return_index=True, return_counts=True)
        rank = np.arange(len(rows)) - np.repeat(start, size)
        step = (limit - before) // (np.repeat(size, size) + 1)
        keys: Int64s = before + step * (rank + 1)
        return keys
