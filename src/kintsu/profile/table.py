"""The profile of a table: a mergeable state, and the facts read off it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from kintsu.core.batch import Batch, TableRef
from kintsu.core.errors import UsageError
from kintsu.core.hashing import text_hash
from kintsu.profile.column import ColumnProfile
from kintsu.profile.facts import facts
from kintsu.profile.sample import RowSample
from kintsu.profile.state import ColumnAccumulator, ColumnState, ValueTable

__all__ = ["Profile", "Profiler"]

PROFILE_SAMPLE = 10_000  # rows that missingness and associations are read off: a share is then within .5 points


@dataclass(frozen=True, eq=False)
class Profile:
    """A mergeable summary of a table: rows, a state per column, and a sample of the rows.

    Columns that are absent from a part were not seen there: a column's own `rows` says how many rows it had.
    """

    table: TableRef
    rows: int
    states: Mapping[str, ColumnState]
    sample: RowSample

    def merge(self, other: Profile) -> Profile:
        """The profile of both parts; neither operand changes."""
        names = [*self.states, *(name for name in other.states if name not in self.states)]
        parts = {name: [p.states[name] for p in (self, other) if name in p.states] for name in names}
        states = {name: held[0] if len(held) == 1 else held[0].merge(held[1]) for name, held in parts.items()}
        return Profile(self.table, self.rows + other.rows, states, self.sample.merge(other.sample))

    @cached_property
    def columns(self) -> Mapping[str, ColumnProfile]:
        """What is known of each column, in table order."""
        return {name: facts(state) for name, state in self.states.items()}

    def column(self, name: str) -> ColumnProfile:
        """What is known of one column."""
        if name not in self.columns:
            raise UsageError(f"no column {name!r} in {self.table.name}; columns: {', '.join(self.columns)}")
        return self.columns[name]

    @property
    def signature(self) -> str:
        """Hash of the column names and types in order, as 16 hex digits: another one means another schema."""
        parts = (f"{len(name)}:{name}:{profile.type}" for name, profile in self.columns.items())
        return f"{text_hash('|'.join(parts)):016x}"


class Profiler:
    """Builds a profile batch by batch.

    Parameters
    ----------
    sample_size, seed
        Rows of the sample and its seed.
    keep_values
        Keep the distinct values of columns while they stay below a cap (for a reference).
    threads
        Columns summarised at a time.
    """

    def __init__(
        self,
        table: TableRef,
        *,
        sample_size: int = PROFILE_SAMPLE,
        seed: int = 0,
        keep_values: bool = False,
        threads: int = 2,
    ) -> None:
        self._table, self._keep, self._threads = table, keep_values, threads
        self._rows = 0
        self._sample = RowSample(sample_size, seed)
        self._columns: dict[str, ColumnAccumulator] = {}

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch."""
        self._rows += len(batch)
        for series in batch.frame:
            if series.name not in self._columns:
                self._columns[series.name] = ColumnAccumulator(
                    series.name, series.dtype, decimal_comma=batch.decimal_comma, keep_values=self._keep
                )
        tasks = [(self._columns[column.name], column) for column in batch]
        if self._threads > 1 and len(batch) > 10_000:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(lambda task: task[0].add(task[1]), tasks))
        else:
            for accumulator, column in tasks:
                accumulator.add(column)
        self._sample = self._sample.add(batch)

    def values(self) -> dict[str, ValueTable]:
        """The distinct values of each column, where they were kept."""
        return {name: c.values for name, c in self._columns.items() if c.values is not None}

    def profile(self) -> Profile:
        """The profile of all batches so far."""
        states = {name: column.state() for name, column in self._columns.items()}
        return Profile(self._table, self._rows, states, self._sample)
