"""The most frequent values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Column
from kintsu.core.errors import MergeError
from kintsu.profile.packing import pack, unpack
from kintsu.profile.tally import HASH_NAME, Tally, as_tally

__all__ = ["Top"]

_TABLE: dict[str, type[pl.DataType]] = {"hash": pl.UInt64, "value": pl.String, "n": pl.Int64, "error": pl.Int64}

_EXAMPLES = 32


def _places(hashes: npt.NDArray[np.uint64], wanted: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Where each of the sorted `wanted` hashes first stands in `hashes`. All of them do."""
    suspects = np.zeros(65_536, bool)  # looks at the low bits first: nearly all cells are done then
    suspects[wanted & np.uint64(65_535)] = True
    index = np.flatnonzero(suspects[hashes & np.uint64(65_535)])
    place = np.minimum(np.searchsorted(wanted, hashes[index]), len(wanted) - 1)
    index = index[wanted[place] == hashes[index]]
    _, first = np.unique(hashes[index], return_index=True)
    return np.asarray(index[first])


@dataclass(frozen=True, eq=False)
class Top:
    """The `size` most frequent non-missing values with counts, each with a stated error.

    A count is a lower bound; the true one is at most `error` higher. A value that is not listed occurs at most
    `absent` times. Both are 0 while at most `size` values were seen. What is cut off a state is forgotten, so the
    answer depends on the split of the rows once values were cut (never by more than the errors say).

    References
    ----------
    Agarwal et al., Mergeable Summaries, ACM TODS 38(4), 2013 (merging of frequency summaries).
    """

    name: ClassVar[str] = "top"
    grade: ClassVar[str] = "bounded"

    size: int = 4_096
    table: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_TABLE))  # sorted by hash
    absent: int = 0

    def add(self, column: Column | Tally) -> Top:
        cells = as_tally(column)
        if not len(cells):
            return self
        hashes, n = cells.distinct
        absent = 0
        if len(hashes) > self.size:
            order = np.lexsort((hashes, -n)) if n.max() > 1 else np.arange(len(hashes))
            often = min(self.size, max(int((n > 1).sum()), _EXAMPLES))  # of values seen once a few are enough
            absent = int(n[order[often]])
            kept = np.sort(order[:often])
            hashes, n = hashes[kept], n[kept]
        values = cells.pick(_places(cells.hashes, hashes))
        table = pl.DataFrame({"hash": hashes, "value": values, "n": n, "error": np.zeros(len(n), np.int64)}, _TABLE)
        return self.merge(Top(self.size, table, absent))

    def merge(self, other: Top) -> Top:
        if self.size != other.size:
            raise MergeError(f"cannot merge the top {self.size} values with the top {other.size}")
        if not len(other.table) or not len(self.table):
            return self if len(self.table) else other  # a state without a table has seen nothing
        a = self.table.with_columns(pl.lit(other.absent).alias("lacks"))
        b = other.table.with_columns(pl.lit(self.absent).alias("lacks"))
        both = (
            pl.concat([a, b])
            .group_by("hash")
            .agg(
                pl.col("value").first(),
                pl.col("n").sum(),
                pl.when(pl.len() == 2)
                .then(pl.col("error").sum())
                .otherwise((pl.col("error") + pl.col("lacks")).sum())
                .alias("error"),
            )
        )
        return Top(self.size, both, self.absent + other.absent)._cut()

    def _cut(self) -> Top:
        if len(self.table) <= self.size:
            return Top(self.size, self.table.sort("hash"), self.absent)
        ranked = self.table.sort(["n", "hash"], descending=[True, False])
        lost = ranked.slice(self.size).select((pl.col("n") + pl.col("error")).max()).item()
        return Top(self.size, ranked.head(self.size).sort("hash"), max(self.absent, int(lost)))

    def items(self, k: int = 20) -> list[tuple[str, int]]:
        """The k most frequent values with their counts, most frequent first, then by value."""
        ranked = self.table.sort(["n", "value"], descending=[True, False]).head(k)
        return list(ranked.select("value", "n").iter_rows())

    def to_bytes(self) -> bytes:
        facts = {"size": self.size, "absent": self.absent, "hash": HASH_NAME, "values": self.table["value"].to_list()}
        return pack(self.name, 1, facts, {c: self.table[c].to_numpy() for c in ("hash", "n", "error")})

    @classmethod
    def from_bytes(cls, data: bytes) -> Top:
        facts, arrays = unpack(data, cls.name, 1)
        if facts["hash"] != HASH_NAME:
            raise MergeError(f"these top values rest on the hash {facts['hash']}, this release on {HASH_NAME}")
        table = pl.DataFrame({**arrays, "value": facts["values"]}, {**_TABLE}, strict=False).select(list(_TABLE))
        return cls(facts["size"], table, facts["absent"])
