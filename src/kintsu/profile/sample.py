"""A sample of the rows of a table that is the same in any row order."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from kintsu.core.batch import Batch, TableRef, as_text
from kintsu.core.errors import MergeError
from kintsu.core.hashing import mix
from kintsu.profile.tally import own, runs

__all__ = ["RowSample"]

_HASH, _ROW, _N = "__hash", "__row", "__n"


def _hashes(frame: pl.DataFrame, seed: int) -> np.ndarray:
    """Content hash of each row."""
    if not frame.width:
        return np.zeros(len(frame), np.uint64)
    plain = frame.select(
        as_text(s) if s.dtype.is_nested() or s.dtype in (pl.Categorical, pl.Object) else s for s in frame
    )
    return mix(plain.hash_rows(seed=seed).to_numpy(), seed)


@dataclass(frozen=True, eq=False)
class RowSample:
    """The `size` distinct rows with the smallest content hashes, each with how often it occurs.

    Rows with equal content have one hash and are kept once with their exact count, so a table of few distinct rows is
    sampled in proportion and neither order nor split of the rows matters. (Only the row number that is kept for a
    repeated content, the smallest, belongs to one of its rows.)
    """

    size: int = 50_000
    seed: int = 0
    frame: pl.DataFrame = field(default_factory=pl.DataFrame)  # columns, then __hash, __row, __n; sorted by __hash

    @property
    def is_complete(self) -> bool:
        """Whether every distinct row of the table is here."""
        return len(self.frame) < self.size

    def add(self, batch: Batch) -> RowSample:
        """With the rows of a batch."""
        if not len(batch):
            return self
        hashes = _hashes(batch.frame, self.seed)
        if len(self.frame) >= self.size:
            index = np.flatnonzero(hashes <= np.uint64(self.frame[_HASH][-1]))
        else:
            index = np.arange(len(hashes))
        if len(index) > self.size:
            lowest = runs(np.sort(hashes[index]), None)[0]
            if len(lowest) > self.size:
                index = index[hashes[index] <= lowest[self.size - 1]]
        if not len(index):
            return self
        content, first, n = np.unique(hashes[index], return_index=True, return_counts=True)
        keep = index[first].astype(np.uint32)
        rows = batch.row.gather(keep).cast(pl.Int64)
        if int(n.max()) > 1:  # the smallest row number of equal rows, whatever their order in the batch
            order = pl.DataFrame({_HASH: hashes[index], _ROW: batch.row.gather(index.astype(np.uint32)).cast(pl.Int64)})
            rows = order.group_by(_HASH).agg(pl.col(_ROW).min()).sort(_HASH)[_ROW]
        part = pl.DataFrame([own(s) for s in batch.frame[keep]]).with_columns(
            pl.Series(_HASH, content, dtype=pl.UInt64), rows.alias(_ROW), pl.Series(_N, n, dtype=pl.Int64)
        )
        return self.merge(RowSample(self.size, self.seed, part))

    def merge(self, other: RowSample) -> RowSample:
        if (self.size, self.seed) != (other.size, other.seed):
            raise MergeError(
                f"cannot merge a sample of {self.size} rows under seed {self.seed} "
                f"with one of {other.size} rows under seed {other.seed}"
            )
        if not len(other.frame) or not len(self.frame):
            held = self if len(self.frame) else other
            return RowSample(self.size, self.seed, held.frame.head(self.size))
        # a column that one part lacks is null there; the reserved columns may then stand before it
        both = pl.concat([self.frame, other.frame], how="diagonal_relaxed").sort(_HASH, _ROW)
        hashes = both[_HASH].to_numpy()
        starts = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1])))
        if len(starts) < len(both):
            n = np.add.reduceat(both[_N].to_numpy(), starts)
            both = both[starts.astype(np.uint32)].with_columns(pl.Series(_N, n, dtype=pl.Int64))
        return RowSample(self.size, self.seed, both.head(self.size))

    def batch(self, table: TableRef, *, rows: int, decimal_comma: bool = False) -> Batch:
        """At most `size` rows, repeated contents in proportion; sorted by row number.

        Copies of a row beyond the first get row numbers from `rows` on, which no row of the table has.
        """
        if not len(self.frame):
            return Batch(table, self.frame, pl.Series("row", [], dtype=pl.Int64), decimal_comma)
        n = self.frame[_N].to_numpy()
        total = int(n.sum())
        index = (
            np.arange(len(n))
            if total == len(n)
            else np.repeat(np.arange(len(n)), n)
            if total <= 4 * self.size
            else None
        )
        if index is None:
            quota = np.floor(n * (self.size / total)).astype(np.int64)
            index = np.repeat(np.arange(len(n)), np.maximum(quota, 1))
        copy = np.concatenate(([False], index[1:] == index[:-1]))
        if len(index) > self.size:
            rank = np.arange(len(index)) - np.maximum.accumulate(np.where(copy, 0, np.arange(len(index))))
            priority = mix(self.frame[_HASH].to_numpy()[index], rank.astype(np.uint64))
            index = index[np.sort(np.argsort(priority, kind="stable")[: self.size])]
            copy = np.concatenate(([False], index[1:] == index[:-1]))
        held = self.frame[index.astype(np.uint32)]
        row = held[_ROW].to_numpy().copy()
        row[copy] = rows + np.arange(int(copy.sum()))
        held = held.with_columns(pl.Series(_ROW, row)).sort(_ROW)
        return Batch(table, held.drop(_HASH, _ROW, _N), held[_ROW].alias("row"), decimal_comma)
