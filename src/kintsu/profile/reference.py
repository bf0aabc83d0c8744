"""What detectors and healers are handed: the profile, a sample, counts over all rows, and the user's choices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from kintsu.core.batch import Batch, TableRef, as_text
from kintsu.core.errors import UsageError
from kintsu.profile.column import ColumnProfile
from kintsu.profile.state import ValueTable
from kintsu.profile.table import Profile

__all__ = ["LocalReference"]

COMBINATIONS_CAP = 1_000_000  # distinct combinations of several columns that are counted over all rows


@dataclass(frozen=True)
class LocalReference:
    """`core.contracts.Reference` over batches that can be read again.

    `values` costs nothing: it was collected while profiling. `counts` of several columns is computed on the sample
    where that is the whole table; else it starts a new pass over the table (`scan(columns)`), once: ask for several
    combinations with `prefetch` and they share the pass.
    """

    table: TableRef
    columns: tuple[str, ...]
    rows: int
    seed: int
    sample: Batch
    profile: Profile
    scan: Callable[[list[str]], Iterator[Batch]]
    options: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, ValueTable] = field(default_factory=dict)
    _values: dict[str, pl.DataFrame] = field(default_factory=dict, repr=False, compare=False)
    _counted: dict[tuple[str, ...], pl.DataFrame] = field(default_factory=dict, repr=False, compare=False)
    _sampled: set[tuple[str, ...]] = field(default_factory=set, repr=False, compare=False)

    @property
    def profiles(self) -> Mapping[str, ColumnProfile]:
        """The profile of each column."""
        return self.profile.columns

    @property
    def is_whole(self) -> bool:
        """Whether the sample is the whole table."""
        return len(self.sample) == self.rows

    def column(self, name: str) -> ColumnProfile:
        if name not in self.profiles:
            raise UsageError(f"no column {name!r} in {self.table.name}; columns: {', '.join(self.columns)}")
        return self.profiles[name]

    def option(self, name: str) -> Any:
        return self.options.get(name)

    def is_exact(self, name: str) -> bool:
        return self.is_whole or (name in self.tables and self.tables[name].is_exact)

    def values(self, name: str) -> pl.DataFrame:
        self.column(name)
        if name not in self._values:
            if name in self.tables and self.tables[name].is_exact:
                self._values[name] = self.tables[name].frame()
            else:
                counted = self.sample[name].counts
                self._values[name] = counted.with_columns(pl.col("n").cast(pl.Int64))
        return self._values[name]

    def counts(self, names: tuple[str, ...]) -> pl.DataFrame:
        if names not in self._counted:
            self.prefetch([names])
        return self._counted[names]

    def prefetch(self, requests: Iterable[tuple[str, ...]]) -> None:
        """Count several combinations of columns in one pass; `counts` then finds them ready."""
        wanted = sorted({names for names in requests if names not in self._counted})
        for name in sorted({name for names in wanted for name in names}):
            self.column(name)
        if not wanted:
            return
        open_totals: dict[tuple[str, ...], pl.DataFrame | None] = dict.fromkeys(wanted)
        for batch in [self.sample] if self.is_whole else self.scan(sorted({n for names in wanted for n in names})):
            for names, total in list(open_totals.items()):
                open_totals[names] = _added(total, batch, names)
                if len(open_totals[names]) > COMBINATIONS_CAP and not self.is_whole:  # type: ignore[arg-type]
                    self._sampled.add(names)
                    del open_totals[names]
        for names in wanted:
            total = open_totals.get(names)
            if names in self._sampled:
                total = _added(None, self.sample, names)
            self._counted[names] = _texts(total, names)


def _added(total: pl.DataFrame | None, batch: Batch, names: tuple[str, ...]) -> pl.DataFrame:
    """Counts so far with those of a batch."""
    frame = batch.frame.select(
        as_text(batch.frame[n]) if batch.frame[n].dtype.is_nested() else batch.frame[n] for n in names
    )
    part = frame.group_by(names).agg(pl.len().cast(pl.Int64).alias("__n"))
    if total is None:
        return part
    return pl.concat([total, part]).group_by(names).agg(pl.col("__n").sum())


def _texts(total: pl.DataFrame | None, names: tuple[str, ...]) -> pl.DataFrame:
    if total is None:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String) | {"n": pl.Int64})
    return pl.DataFrame([*(as_text(total[name]) for name in names), total["__n"].alias("n")]).sort(
        names, nulls_last=False
    )
