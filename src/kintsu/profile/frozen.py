"""A reference that knows no rows any more: what is left of a table when its treatment is replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.core.contracts import Reference
from kintsu.core.errors import UsageError
from kintsu.profile.column import ColumnProfile

__all__ = ["FrozenReference", "RowsNeeded", "frozen"]


class RowsNeeded(UsageError):
    """A member asked a frozen reference for rows; what it learned from them belongs into its model."""


@dataclass(frozen=True, eq=False)
class FrozenReference:
    """`core.contracts.Reference` of a table that was trained on before: facts and choices."""

    table: TableRef
    columns: tuple[str, ...]
    rows: int
    seed: int
    facts: Mapping[str, ColumnProfile]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sample(self) -> Batch:
        return self._gone("a sample")

    def column(self, name: str) -> ColumnProfile:
        if name not in self.facts:
            raise UsageError(f"no column {name!r} in {self.table.name}; columns: {', '.join(self.columns)}")
        return self.facts[name]

    def is_exact(self, name: str) -> bool:
        return False  # rows that come later may hold other values

    def values(self, name: str) -> pl.DataFrame:
        return self._gone(f"the values of {name}")

    def counts(self, names: tuple[str, ...]) -> pl.DataFrame:
        return self._gone(f"combinations of {', '.join(names)}")

    def scan(self, columns: list[str]) -> Iterator[Batch]:
        return self._gone(f"all rows of {', '.join(columns)}")

    def option(self, name: str) -> Any:
        return self.options.get(name)

    def _gone(self, what: str) -> NoReturn:
        raise RowsNeeded(
            f"{what} of {self.table.name} were asked for, and a treatment that is replayed has no rows: "
            "what find or propose needs of them has to be in the model that train returns"
        )


def frozen(reference: Reference) -> FrozenReference:
    """What is left of a reference without its rows."""
    chosen = ("keys", "identifiers", "sensitive", "order_column", "rules", "day_first", "multivariate")
    options = {name: reference.option(name) for name in (*chosen, "impute", "cap", "drop_duplicates")}
    return FrozenReference(
        table=replace(reference.table, version=""),
        columns=tuple(reference.columns),
        rows=reference.rows,
        seed=reference.seed,
        facts={name: reference.column(name) for name in reference.columns},  # type: ignore[misc]
        options={name: value for name, value in options.items() if value is not None},
    )
