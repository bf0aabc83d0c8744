"""Whether rows that contradict their group come later or earlier than all that agree: then the fact has changed.

The newest row of a customer who moved holds another city than all rows before it, rightly. An error does not choose
the last row of its group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch, Column
from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.profile.dates import parse
from kintsu.profile.values.judgement import moment_format
from kintsu.rules.coding import Codes, likeness

__all__ = ["SLIP", "Clock", "Spans", "clock_of", "moments_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Share of contradicting rows that are changed facts, where the table shows nothing: slips are commoner
LEAST_CHANGED = 0.02
SLIP = 0.65  # least likeness of a value that no other row has to the one it is a slip of
NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Clock:
    """The column that says when a row was written, and its format (None where it is typed)."""

    column: str
    format: str | None

    def moments(self, column: Column) -> Ints:
        """Physical time of every cell; `NO_TIME` where it says none."""
        moments = parse(column.text, self.format) if self.format else column.series
        return moments.to_physical().cast(pl.Int64).fill_null(NO_TIME).to_numpy()


def clock_of(reference: Reference) -> Clock | None:
    """The column of dates with the most distinct values; None where there is none. Remembered."""

    def build() -> Clock | None:
        found = []
        for name in reference.columns:
            is_temporal = reference.sample[name].series.dtype in (pl.Date, pl.Datetime)
            facts = reference.column(name)
            if facts.is_numeric or facts.distinct < 5:
                continue
            usual = None if is_temporal else moment_format(reference, name)
            if is_temporal or (usual is not None and "%y" in usual.format.lower()):
                found.append((facts.distinct, name, usual.format if usual else None))
        best = max(found, default=None, key=lambda f: (f[0], f[1]))
        return Clock(best[1], best[2]) if best else None

    clock: Clock | None = remembered(reference, "clock", build)
    return clock


@dataclass(frozen=True)
class Spans:
    """When each value was written in each group: first and last moment and rows of sorted keys `group * width + code`.

    `later` and `earlier` are the shares of contradicting rows that come after (before) all rows with the commonest
    value of their group because the fact has changed.
    """

    key: Ints
    first: Ints
    last: Ints
    n: Ints
    width: int
    later: float = LEAST_CHANGED
    earlier: float = LEAST_CHANGED / 2

    @staticmethod
    def of(group: Ints, code: Ints, moment: Ints, top: Ints, seen: Ints, codes: Codes) -> Spans:
        """From the rows of a sample; `top` is the commonest code per group, `seen` the rows per code."""
        width = len(codes)
        use = (group >= 0) & (code >= 0) & (moment != NO_TIME)
        key = group[use] * width + code[use]
        order = np.lexsort((moment[use], key))
        key, at = key[order], moment[use][order]
        start = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.empty(0, np.int64)
        end = np.r_[start[1:], len(key)] - 1 if len(start) else start
        spans = Spans(key[start], at[start], at[end], (end - start + 1).astype(np.int64), width)
        # rows that contradict the commonest value of their group with a value that is no slip of it
        voted = np.where(group >= 0, top[np.maximum(group, 0)], -1)
        odd = np.flatnonzero(use & (voted >= 0) & (code != voted))
        alike = likeness(codes.decode(code[odd]), codes.decode(voted[odd])).to_numpy()
        odd = odd[(seen[code[odd]] >= 2) | (alike < SLIP)]
        later, earlier, n = spans._outside(group[odd], voted[odd], moment[odd])
        if not len(n):
            return spans
        by_chance = (1 / (n + 1)).sum()
        changed = [(hit.sum() - by_chance) / max(len(n) - by_chance, 1.0) for hit in (later, earlier)]
        floors = (LEAST_CHANGED, LEAST_CHANGED / 2)
        late, early = (float(np.clip(share, floor, 0.98)) for share, floor in zip(changed, floors))
        return Spans(spans.key, spans.first, spans.last, spans.n, width, late, early)

    def _outside(
        self, group: Ints, code: Ints, moment: Ints
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], Ints]:
        """Whether each moment lies after, or before, all rows of this group with this code; and how many those are."""
        if not len(self.key):
            none = np.zeros(len(group), bool)
            return none, none, np.zeros(len(group), np.int64)
        wanted = group * self.width + code
        at = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
        known = (self.key[at] == wanted) & (group >= 0) & (code >= 0) & (moment != NO_TIME)
        return known & (moment > self.last[at]), known & (moment < self.first[at]), np.where(known, self.n[at], 0)

    def unchanged(self, group: Ints, code: Ints, moment: Ints) -> Floats:
        """Probability that a row which contradicts the voted code is no changed fact, in [0, 1]."""
        later, earlier, n = self._outside(group, code, moment)
        return np.where(later, _error(self.later, n), np.where(earlier, _error(self.earlier, n), 1.0))


def _error(changed: float, n: Ints) -> Floats:
    """Probability of an error in a row outside the span of n others: an error lies there once in n + 1 times."""
    by_chance = (1 - changed) / (n + 1.0)
    return np.asarray(by_chance / (by_chance + changed))


def moments_of(batch: Batch, clock: Clock | None) -> Ints | None:
    """Time of every row; None where the batch has no clock."""
    if clock is None or clock.column not in batch.columns:
        return None
    return clock.moments(batch[clock.column])
