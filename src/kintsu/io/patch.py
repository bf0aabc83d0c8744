"""Edits applied to a stream of typed frames: the kernel that every typed format shares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from kintsu.core.batch import as_text
from kintsu.core.change import EDITS
from kintsu.core.errors import OutputError, StaleRepair, UsageError
from kintsu.io.cells import fits, named_type, parse_as, replaced, spelt

__all__ = ["Patch", "beyond", "check_old", "fitting", "only_sets", "stale"]


def stale(table: str, column: str, row: int, expected: str | None, found: str | None) -> StaleRepair:
    """The error for a cell that does not hold what the edit expects."""
    return StaleRepair(
        f"{table}.{column}, row {row}: expected {expected!r} but found {found!r}. "
        "The data changed after the repair was proposed: propose again."
    )


def beyond(table: str, height: int) -> StaleRepair:
    """The error for edits of rows that the table does not have."""
    return StaleRepair(
        f"{table} has {height:,} rows, but some edits are of rows beyond that. "
        "The data changed after the repair was proposed: propose again."
    )


def check_old(table: str, column: str, found: pl.Series, expected: pl.DataFrame) -> None:
    """Raise `StaleRepair` where the found texts are not `expected["old"]`; null and "" differ."""
    wrong = (~found.eq_missing(expected["old"])).arg_true()
    if len(wrong):
        at = wrong[0]
        raise stale(table, column, expected["row"][at], expected["old"][at], found[at])


def only_sets(edits: pl.DataFrame, kind: str) -> None:
    """Raise `UsageError` for edits of whole rows or columns where a format knows only cells."""
    other = sorted(set(edits["edit"].unique().to_list()) - {"set"})
    if other:
        raise UsageError(f"{kind} takes only edits of cells, not {', '.join(map(str, other))}: save as CSV or Parquet.")


def fitting(edits: pl.DataFrame, schema: Mapping[str, Any], fixed: Iterable[str] = ()) -> pl.Series:
    """Whether each edit can be written into columns of these types; whole-row edits always can.

    `fixed` names columns that cannot be edited at all, such as those a partitioned folder keeps in its paths.
    """
    numbered = edits.select("column", "edit", "new").with_row_index("__i")
    result = pl.Series([True] * len(edits), dtype=pl.Boolean)
    cast = set(edits.filter(pl.col("edit") == "cast")["column"].drop_nulls().to_list())
    for (name,), part in numbered.filter(pl.col("edit") == "set").group_by("column"):
        dtype = pl.String() if name in cast else schema.get(str(name))
        good = pl.Series([False] * len(part)) if dtype is None or name in fixed else fits(part["new"], dtype)
        result = result.scatter(part["__i"].cast(pl.Int64), good)
    return result


def _refuse(edit: dict[str, Any], schema: pl.Schema, table: str, fixed: Iterable[str]) -> None:
    name, where = edit["column"], f"{table}.{edit['column']}, row {edit['row']}"
    if name not in schema:
        raise UsageError(f"{table} has no column {name!r}; columns: {', '.join(schema)}")
    if name in fixed:
        raise OutputError(f"{where}: this column is kept in the folder names and cannot be edited; leave it alone.")
    raise OutputError(
        f"{where}: {edit['new']!r} does not fit the column's type {schema[name]}. "
        "Leave this repair out, or save as CSV, which holds any text."
    )


def _casts(edits: pl.DataFrame, schema: pl.Schema, table: str) -> dict[str, Any]:
    wanted = edits.filter(pl.col("edit") == "cast").select("column", "new").rows()
    unknown = [new for _, new in wanted if named_type(new) is None]
    if unknown:
        raise UsageError(f"{table}: unknown type {unknown[0]!r} to cast to; write it as polars does, such as Float64")
    return {column: named_type(new) for column, new in wanted if column in schema}


def _spell(edits: pl.DataFrame, schema: pl.Schema, casts: Mapping[str, Any]) -> pl.DataFrame:
    """The edits in their order, with `new` of cells as the column will hold it."""
    numbered = edits.with_row_index("__i")
    spelling = [
        part.with_columns(spelt(part["new"], schema[str(name)]).alias("new"))
        if edit == "set" and name not in casts
        else part
        for (name, edit), part in numbered.group_by("column", "edit")
    ]
    return pl.concat(spelling).sort("__i").select(list(EDITS)) if spelling else edits.select(list(EDITS))


def _records(frame: pl.DataFrame) -> pl.Series:
    """Each row as a JSON object of its texts."""
    texts = pl.DataFrame([as_text(column) for column in frame])
    return pl.Series("raw", [json.dumps(row).encode() for row in texts.iter_rows(named=True)], dtype=pl.Binary)


@dataclass(frozen=True)
class Patch:
    """Edits made ready for one table: checked against its types, sorted, the texts parsed.

    `row` of an edit is the row's position in the table that has it: the source where rows are dropped, the result
    where rows are added (which is how undoing a drop puts each row back where it was).
    """

    table: str
    schema: pl.Schema
    edits: pl.DataFrame  # as handed in, `new` spelt as it will be read back
    sets: Mapping[str, pl.DataFrame]
    casts: Mapping[str, Any]
    dropped: pl.Series
    added: pl.DataFrame  # row, raw
    _met: dict[str, int] = field(default_factory=lambda: {"cells": 0, "rows": 0})  # edits carried out so far
    _gone: dict[int, bytes] = field(default_factory=dict)  # dropped rows as records

    @staticmethod
    def of(edits: pl.DataFrame, schema: pl.Schema, table: str, fixed: Iterable[str] = ()) -> Patch:
        """Raises `OutputError` for the first edit that does not fit, `UsageError` for two edits of one cell."""
        unfit = edits.filter(~fitting(edits, schema, fixed))
        if len(unfit):
            _refuse(unfit.row(0, named=True), schema, table, fixed)
        cells = edits.filter(pl.col("edit") == "set")
        if cells.select("row", "column").is_duplicated().any():
            raise UsageError(f"{table}: two edits change the same cell; merge them into one.")
        casts = _casts(edits, schema, table)
        spelling = _spell(edits, schema, casts)
        sets = {str(name): part.sort("row") for (name,), part in spelling.filter(edit="set").group_by("column")}
        dropped = edits.filter(pl.col("edit") == "drop")["row"].sort()
        added = edits.filter(pl.col("edit") == "add").select("row", raw="new_raw").sort("row")
        return Patch(table, schema, spelling, sets, casts, dropped, added)

    @property
    def result_schema(self) -> pl.Schema:
        return pl.Schema({name: self.casts.get(name, dtype) for name, dtype in self.schema.items()})

    def stream(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The frames with the edits applied, in order. Reads one frame at a time.

        Raises
        ------
        StaleRepair
            A cell does not hold its old text, or an edited row does not exist. Frames before it were handed out
            already, so the caller must throw the output away.
        """
        self._met.update(cells=0, rows=0)
        position = 0  # in the source
        for frame in frames:
            rows = self._rows(position, len(frame))
            position += len(frame)
            yield self._mend(frame, rows)
        tail = self.added[self._met["rows"] :]
        if len(tail) and tail["row"][-1] == position + len(self.added) - 1:
            empty = pl.DataFrame(schema=self.result_schema)
            yield self._insert(empty, pl.Series([], dtype=pl.Int64), tail)
            self._met["rows"] += len(tail)
        self._check_all_met(position)

    def _rows(self, position: int, height: int) -> pl.Series:
        """Identity of `height` source rows from `position`: their place in the table that also has the added rows."""
        source = pl.int_range(position, position + height, eager=True)
        if not len(self.added):
            return source
        before = self.added["row"] - pl.int_range(len(self.added), eager=True)
        return source + before.search_sorted(source, side="right").cast(pl.Int64)

    def _mend(self, frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
        changed = [self._column(frame[name], part, rows) for name, part in self.sets.items()]
        typed = frame.with_columns(changed).with_columns(
            self._cast(frame[name], part) for name, part in self.casts.items() if name not in self.sets
        )
        if len(self.added) and len(rows):
            inside = self.added[self._met["rows"] :].filter(pl.col("row") < rows[-1])
            typed = self._insert(typed, rows, inside)
            self._met["rows"] += len(inside)
        if len(self.dropped):
            gone = rows.is_in(self.dropped.implode())
            self._check_dropped(frame, rows, gone)
            self._met["rows"] += int(gone.sum())
            typed = typed.filter(~gone)
        return typed

    def _column(self, series: pl.Series, part: pl.DataFrame, rows: pl.Series) -> pl.Series:
        dtype = self.casts.get(series.name, series.dtype)
        at = rows.search_sorted(part["row"]).cast(pl.Int64) if len(rows) else pl.Series([], dtype=pl.Int64)
        if not len(rows):
            return series.cast(dtype)
        here = (at < len(rows)) & (rows.gather(at.clip(0, len(rows) - 1)) == part["row"])
        part, at = part.filter(here), at.filter(here)
        check_old(self.table, series.name, as_text(series.gather(at)), part)
        self._met["cells"] += len(part)
        if series.name in self.casts:
            return self._cast(replaced(as_text(series), at, part["new"]), dtype)
        return replaced(series, at, parse_as(part["new"], dtype)) if len(part) else series

    def _cast(self, series: pl.Series, dtype: Any) -> pl.Series:
        text = as_text(series)
        result = parse_as(text, dtype)
        lost = text.filter(text.is_not_null() & result.is_null())
        if len(lost):
            raise OutputError(
                f"{self.table}.{series.name}: {lost[0]!r} does not fit {dtype}, so the column cannot be cast. "
                "Mend these values first, or leave the column's type."
            )
        return result

    def _check_dropped(self, frame: pl.DataFrame, rows: pl.Series, gone: pl.Series) -> None:
        expected = self.edits.filter((pl.col("edit") == "drop") & pl.col("row").is_in(rows.filter(gone).implode()))
        found = _records(frame.filter(gone))
        known = expected.sort("row")["old_raw"]
        wrong = (known.is_not_null() & ~known.eq_missing(found)).arg_true()
        if len(wrong):
            raise StaleRepair(
                f"{self.table}, row {expected.sort('row')['row'][wrong[0]]}: the row to drop does not hold what it "
                "held when this was proposed. The data changed: propose again."
            )
        self._gone.update(zip(rows.filter(gone).to_list(), found.to_list(), strict=True))

    def _insert(self, frame: pl.DataFrame, rows: pl.Series, added: pl.DataFrame) -> pl.DataFrame:
        if not len(added):
            return frame
        schema = self.result_schema
        records = [json.loads(raw) if raw else {} for raw in added["raw"].to_list()]
        fresh = pl.DataFrame(
            [parse_as(pl.Series(n, [r.get(n) for r in records], dtype=pl.String), d) for n, d in schema.items()]
        )
        order = pl.concat([rows.cast(pl.Int64), added["row"]]).arg_sort()
        return pl.concat([frame.cast(schema), fresh])[order]

    def _check_all_met(self, height: int) -> None:
        cells, rows = sum(map(len, self.sets.values())), len(self.dropped) + len(self.added)
        if self._met["cells"] < cells or self._met["rows"] < rows:
            raise beyond(self.table, height)

    def result(self) -> pl.DataFrame:
        """The edits as they were carried out; call it when the stream is used up.

        `new` is spelt as the column holds it, and a dropped row has its cells in `old_raw` as a JSON object of texts,
        from which undo adds it again.
        """
        if not self._gone:
            return self.edits
        raws = pl.DataFrame(
            {"row": list(self._gone), "raw": list(self._gone.values())}, schema={"row": pl.Int64, "raw": pl.Binary}
        )
        joined = self.edits.join(raws, on="row", how="left", maintain_order="left")
        is_drop = pl.col("edit") == "drop"
        return joined.with_columns(old_raw=pl.when(is_drop).then("raw").otherwise("old_raw")).select(list(EDITS))
