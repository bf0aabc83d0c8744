"""Accuracy: how many cells equal those of a reference table that is known to be right."""

from __future__ import annotations

import polars as pl

from kintsu.core.batch import Column
from kintsu.core.contracts import Table
from kintsu.core.errors import UsageError

__all__ = ["accuracy"]

_ROW = "__row"


def accuracy(table: Table, against: Table, keys: tuple[str, ...] = ()) -> float:
    """Share, in [0, 1], of the cells that equal the reference table's, over the columns that both have.

    Rows are matched by `keys` (the first row of each key, on both sides), else by position. Numbers are equal as
    numbers ("1.0" and "1"), everything else as text; two missing cells are equal. A row that the reference table has
    and this one has not counts as wrong in every cell; rows that the reference table does not know are not judged.
    Both tables are held in memory.

    Raises
    ------
    UsageError
        The tables share no column to compare, lack a key, or differ in length where no key is given.
    """
    shared = [name for name in against.columns if name in table.columns and name not in keys]
    for side in (table, against):
        absent = [name for name in keys if name not in side.columns]
        if absent:
            raise UsageError(f"no key column {absent[0]!r} in {side.ref.name}; columns: {', '.join(side.columns)}")
    if not shared:
        raise UsageError(f"{table.ref.name} and {against.ref.name} have no column in common to compare")
    if not keys and table.rows != against.rows:
        raise UsageError(
            f"{table.ref.name} has {table.rows} rows and {against.ref.name} has {against.rows}: "
            "name the columns that identify a row with --key"
        )
    on = list(keys) or [_ROW]
    ours, right = (_texts(side, [*keys, *shared]).unique(on, keep="first") for side in (table, against))
    both = right.join(ours.with_columns(__here=True), on=on, how="left", suffix=" (ours)", nulls_equal=True)
    here = both["__here"].fill_null(False)
    equal = sum(int((_equal(both[name], both[f"{name} (ours)"]) & here).sum()) for name in shared)
    cells = len(both) * len(shared)
    return equal / cells if cells else 1.0


def _texts(table: Table, names: list[str]) -> pl.DataFrame:
    """The named columns as text, missing cells as null, with the row position."""
    parts = []
    for batch in table.batches(columns=names):
        columns = [batch[name].text.zip_with(~batch[name].is_missing, _nothing(batch[name])) for name in names]
        parts.append(pl.DataFrame([batch.row.cast(pl.Int64).alias(_ROW), *columns]))
    schema: dict[str, type[pl.DataType]] = {_ROW: pl.Int64, **dict.fromkeys(names, pl.String)}
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def _nothing(column: Column) -> pl.Series:
    return pl.Series(column.name, [None] * len(column), dtype=pl.String)


def _equal(a: pl.Series, b: pl.Series) -> pl.Series:
    numbers = a.cast(pl.Float64, strict=False) == b.cast(pl.Float64, strict=False)
    return a.eq_missing(b) | numbers.fill_null(False)
