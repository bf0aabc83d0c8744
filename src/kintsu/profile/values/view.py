"""The distinct values of one column as all value-level methods see them, and a memory for what was learned of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import polars as pl

from kintsu.core.contracts import ColumnFacts, Reference
from kintsu.core.memory import remembered

__all__ = ["JUDGED", "NOTHING", "ColumnView", "besides", "cells", "cuts", "judged", "view_of"]

JUDGED: Final[dict[str, Any]] = {
    "value": pl.String,  # a distinct text of the column
    "kind": pl.String,  # kind of the finding, one of vocabulary.KINDS
    "score": pl.Float64,  # that the value is wrong, in [0, 1]
    "why": pl.String,
    "mend": pl.Boolean,  # a repair is proposed
    "new": pl.String,  # the repaired text; null: the cell becomes null
    "new_score": pl.Float64,  # that the repair is exactly right, in [0, 1]
    "operation": pl.String,  # standard name of the operation, such as "strip_unit"
    "says": pl.String,  # the operation in words, for the recipe
}
"""Schema of a judgement: what is wrong with which distinct values, and what they should be."""

NOTHING: Final = pl.DataFrame(schema=JUDGED)
"""The judgement that nothing is wrong."""

_GIVEN: Final = {name: pl.col(name).cast(dtype) for name, dtype in JUDGED.items()}  # made once: columns are short, ...
_ABSENT: Final = {  # ... and an expression costs as much as judging a few hundred values
    name: pl.lit(False if name == "mend" else None, dtype).alias(name) for name, dtype in JUDGED.items()
}


@dataclass(frozen=True)
class ColumnView:
    """Distinct non-blank texts of a column with their counts over all rows.

    `values` has `value` String and `n` Int64, sorted by value. `filled` is the sum of `n`; `nulls` counts the cells
    that are null or blank.
    """

    name: str
    values: pl.DataFrame
    filled: int
    nulls: int
    facts: ColumnFacts

    @property
    def rows(self) -> int:
        return self.filled + self.nulls

    @property
    def distinct(self) -> int:
        return len(self.values)

    @property
    def is_near_unique(self) -> bool:
        """Nearly every filled cell has a value of its own: names, keys, texts."""
        return self.distinct > 0.6 * max(self.filled, 1)

    @cached_property
    def is_wordy(self) -> bool:
        """Most cells hold letters side by side."""
        return self.share(pl.col("value").str.contains(r"\p{L}{2}")) > 0.5

    def probe(self, most: int) -> pl.DataFrame:
        """At most about `most` distinct values, evenly over their sorted order: the same for any order of rows."""
        return self.values.gather_every(-(-len(self.values) // most)) if len(self.values) > most else self.values

    def share(self, hit: pl.Expr) -> float:
        """Share of filled cells whose value satisfies `hit`, in [0, 1]; worked out once."""
        key = hit.meta.serialize()
        if key not in self._shares:
            total = self.values.select(pl.col("n").filter(hit).sum()).item()
            self._shares[key] = float(total) / max(self.filled, 1)
        return self._shares[key]

    @cached_property
    def _shares(self) -> dict[bytes, float]:
        return {}

    def without(self, values: pl.Series) -> ColumnView:
        """The column as if these values were not there."""
        kept = besides(self.values, values)
        return ColumnView(self.name, kept, int(kept["n"].sum()), self.nulls, self.facts)


def view_of(reference: Reference, name: str) -> ColumnView:
    """The view of one column, remembered."""

    def build() -> ColumnView:
        values = reference.values(name)
        # blanks sort before all signs, so only few values can be blank (or one or two exotic blanks)
        few = values.filter((pl.col("value") < "!") | (pl.col("value").str.len_bytes() <= 6))
        blank = few.filter(pl.col("value").str.strip_chars() == "")["value"]
        if len(blank):
            values = values.filter(~pl.col("value").is_in(blank.implode()))
        filled = int(values["n"].sum())
        return ColumnView(name, values, filled, max(reference.rows - filled, 0), reference.column(name))

    view: ColumnView = remembered(reference, ("view", name), build)
    return view


def judged(frame: pl.DataFrame, **constants: Any) -> pl.DataFrame:
    """`frame` with the schema of a judgement; constants fill columns, what is absent is null (`mend`: false)."""
    if not len(frame):
        return NOTHING
    given = set(frame.columns)
    return frame.select(
        pl.lit(constants[name], dtype).alias(name)
        if name in constants
        else (_GIVEN if name in given else _ABSENT)[name]
        for name, dtype in JUDGED.items()
    )


def besides(values: pl.DataFrame, named: pl.Series) -> pl.DataFrame:
    """The lines of `values` whose value is not among the named ones."""
    return values.filter(~pl.col("value").is_in(named.implode())) if len(named) else values


def cuts(values: pl.DataFrame, longest: int) -> pl.DataFrame:
    """All ways to cut 1 to `longest` characters off either end of `value`, something left: `rest`, `cut`, `at_end`."""
    value, sizes = pl.col("value"), range(1, longest + 1)
    rest = [value.str.head(-k) for k in sizes] + [value.str.slice(k) for k in sizes]
    cut = [value.str.tail(k) for k in sizes] + [value.str.head(k) for k in sizes]
    ends = pl.lit([True] * longest + [False] * longest)
    every = values.select("value", "n", rest=pl.concat_list(rest), cut=pl.concat_list(cut), at_end=ends)
    return every.explode("rest", "cut", "at_end").filter(pl.col("rest") != "")


def cells(row: pl.Series, text: pl.Series, table: pl.DataFrame) -> pl.DataFrame:
    """The cells whose text is one of `table`'s values: `row` and all columns of `table`."""
    if not len(table) or not len(row):
        return pl.DataFrame({"row": row.head(0)}).join(table.head(0), how="cross")
    found = pl.DataFrame([row.alias("row"), text.alias("value")])
    return found.join(table, on="value", how="inner", maintain_order="left")
