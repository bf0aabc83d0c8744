"""Counts of right values per left group, and the ranking of candidate values by several left sides at once.

Kernels: integer codes and counts in, arrays out; no names, no text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["VoteTable", "rank", "weight_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

TOP = 3  # values per group that can win a vote; further ones never have the most support


@dataclass(frozen=True)
class VoteTable:
    """How often each right code occurs in each left group, as sorted packed keys (compressed rows by group).

    Parameters
    ----------
    key, n
        `group * width + right`, ascending, and its number of rows.
    empty
        Rows per group whose right cell is missing, shape (groups,).
    width
        Larger than every right code.
    """

    key: Ints
    n: Ints
    empty: Ints
    width: int

    @staticmethod
    def of(group: Ints, right: Ints, n: Ints, groups: int, width: int) -> VoteTable:
        """From distinct or repeated (group, right) pairs; a negative right is a missing cell."""
        kept = (group >= 0) & (right >= 0)
        packed, weight = group[kept] * width + right[kept], n[kept]
        key, inverse = np.unique(packed, return_inverse=True)
        count = np.bincount(inverse, weights=weight, minlength=len(key)).astype(np.int64)
        missing = (group >= 0) & (right < 0)
        empty = np.bincount(group[missing], weights=n[missing], minlength=groups).astype(np.int64)
        return VoteTable(key, count, empty, width)

    @property
    def groups(self) -> int:
        return len(self.empty)

    @cached_property
    def total(self) -> Ints:
        """Rows per group with a right value."""
        return np.bincount(self.key // self.width, weights=self.n, minlength=self.groups).astype(np.int64)

    @cached_property
    def top(self) -> Ints:
        """The most frequent right codes per group, shape (groups, TOP); -1 where there are fewer. Ties: smaller."""
        group = self.key // self.width
        order = np.lexsort((self.key, -self.n, group))
        ranked = group[order]
        start = np.searchsorted(ranked, np.arange(self.groups))
        place = np.arange(len(order)) - start[ranked]
        kept = place < TOP
        result = np.full((self.groups, TOP), -1, np.int64)
        result[ranked[kept], place[kept]] = (self.key % self.width)[order[kept]]
        return result

    @cached_property
    def settled(self) -> Floats:
        """Share of each right code's rows, of those with others in their group, where it is the group's commonest.

        Near 1 for a legal value, near 0 for one that is always an error, 0.5 where no group can tell.
        """
        group, right = self.key // self.width, self.key % self.width
        shared = self.total[group] >= 2
        rows = np.bincount(right[shared], weights=self.n[shared], minlength=self.width)
        usual = shared & (self.top[group, 0] == right) & (self.n >= 2)
        agreeing = np.bincount(right[usual], weights=self.n[usual], minlength=self.width)
        return np.asarray(np.where(rows > 0, agreeing / np.maximum(rows, 1), 0.5))

    def count(self, group: Ints, right: Ints) -> Ints:
        """Rows with this right code in this group; 0 where either is negative. Broadcasts."""
        wanted = group * self.width + right
        at = np.searchsorted(self.key, wanted)
        at = np.minimum(at, max(len(self.key) - 1, 0))
        if not len(self.key):
            return np.zeros(np.broadcast(group, right).shape, np.int64)
        found = (self.key[at] == wanted) & (group >= 0) & (right >= 0)
        return np.where(found, self.n[at], 0)


def weight_of(corrected: float) -> float:
    """Weight of a left side's log share, from its corrected strength: a third of its log-odds, 0.5 at even odds."""
    return float(max(0.5 + 0.25 * np.log((corrected + 0.02) / (1.02 - corrected)), 0.05))


def rank(
    tables: list[VoteTable], weights: list[float], groups: list[Ints], observed: Ints, cast: Ints
) -> tuple[Ints, Floats, Ints, Ints, Ints]:
    """Support of every candidate value of every row.

    `groups[t]` are the row's groups in table t (negative: none), `observed` its right codes (negative: missing or
    never seen), `cast` the codes it was counted as. The row's own vote is taken out. Returns

    - candidates, shape (rows, c): the observed code first, then the top values of each group; -1 for none
    - support, shape (rows, c): sum over tables of weight x log smoothed count; -inf for no candidate
    - votes and voters, shape (tables, rows, c) and (tables, rows): others in the group with this value, with any
    - empty, shape (tables, rows): others in the group without a value
    """
    own = cast >= 0
    parts = [observed[:, None]]
    for table, group in zip(tables, groups):
        parts.append(np.where((group >= 0)[:, None], table.top[np.maximum(group, 0)], -1))
    candidates = np.concatenate(parts, axis=1)
    support = np.zeros(candidates.shape)
    votes = np.zeros((len(tables), *candidates.shape), np.int64)
    voters = np.zeros((len(tables), len(observed)), np.int64)
    empty = np.zeros((len(tables), len(observed)), np.int64)
    same = own[:, None] & (candidates == cast[:, None])
    for t, (table, group, weight) in enumerate(zip(tables, groups, weights)):
        count = np.maximum(table.count(group[:, None], candidates) - same, 0)
        known = group >= 0
        votes[t], voters[t] = count, np.where(known, np.maximum(table.total[group] - own, 0), 0)
        empty[t] = np.where(known, np.maximum(table.empty[group] - ~own, 0), 0)
        support += weight * np.log(count + 0.5)
    repeated = np.zeros(candidates.shape, bool)
    for c in range(1, candidates.shape[1]):
        repeated[:, c] = (candidates[:, :c] == candidates[:, c : c + 1]).any(axis=1)
    support[(candidates < 0) | repeated] = -np.inf
    support[:, 0] = np.where(observed >= 0, support[:, 0], -np.inf)
    return candidates, support, votes, voters, empty
