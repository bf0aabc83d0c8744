"""A sample of the distinct values of a column."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import polars as pl

from kintsu.core.batch import Column
from kintsu.core.errors import MergeError
from kintsu.profile.packing import pack, unpack
from kintsu.profile.summaries.top import _TABLE, _places
from kintsu.profile.tally import HASH_NAME, Tally, as_tally

__all__ = ["Values"]

_SCHEMA = {name: dtype for name, dtype in _TABLE.items() if name != "error"}


@dataclass(frozen=True, eq=False)
class Values:
    """The `size` distinct non-missing values with the smallest hashes, with their exact counts over all rows.

    All values while there are at most `size`; else a uniform sample of the distinct values, the same in any order and
    any split of the rows. Patterns and semantic types are read off it. (Bottom-k or KMV sample.)
    """

    name: ClassVar[str] = "values"
    grade: ClassVar[str] = "exact"

    size: int = 2_048
    table: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_SCHEMA))  # sorted by hash

    @property
    def is_complete(self) -> bool:
        """Whether these are certainly all distinct values."""
        return len(self.table) < self.size

    def add(self, column: Column | Tally) -> Values:
        cells = as_tally(column)
        if not len(cells):
            return self
        hashes, n = cells.distinct[0][: self.size], cells.distinct[1][: self.size]
        if len(self.table) == self.size:  # only hashes at or below our largest can matter
            held = np.searchsorted(hashes, np.uint64(self.table["hash"][-1]), side="right")
            hashes, n = hashes[:held], n[:held]
        if not len(hashes):
            return self
        values = cells.pick(_places(cells.hashes, hashes))
        return self.merge(Values(self.size, pl.DataFrame({"hash": hashes, "value": values, "n": n}, _SCHEMA)))

    def merge(self, other: Values) -> Values:
        if self.size != other.size:
            raise MergeError(f"cannot merge samples of {self.size} values with {other.size}")
        if not len(other.table) or not len(self.table):
            return self if len(self.table) else other
        both = (
            pl.concat([self.table, other.table])
            .group_by("hash")
            .agg(pl.col("value").first(), pl.col("n").sum())
            .sort("hash")
        )
        return Values(self.size, both.head(self.size))

    def to_bytes(self) -> bytes:
        facts = {"size": self.size, "hash": HASH_NAME, "values": self.table["value"].to_list()}
        return pack(self.name, 1, facts, {c: self.table[c].to_numpy() for c in ("hash", "n")})

    @classmethod
    def from_bytes(cls, data: bytes) -> Values:
        facts, arrays = unpack(data, cls.name, 1)
        if facts["hash"] != HASH_NAME:
            raise MergeError(f"these values rest on the hash {facts['hash']}, this release on {HASH_NAME}")
        table = pl.DataFrame({**arrays, "value": facts["values"]}, dict(_SCHEMA), strict=False)
        return cls(facts["size"], table.select(list(_SCHEMA)))
