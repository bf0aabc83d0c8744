"""Data frames in memory: polars, pandas, pyarrow, and anything with the Arrow PyCapsule interface.

What comes back is the kind that was given: `FrameTable.patched`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from kintsu.core.batch import Batch, TableRef, as_text
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, MissingExtra, UsageError
from kintsu.io.cells import parse_as
from kintsu.io.patch import Patch, beyond, check_old, fitting

__all__ = ["FrameTable", "Frames"]


@dataclass(frozen=True)
class FrameTable:
    """A frame that somebody holds in memory. `frame` is the same data as polars sees it; `given` the object itself."""

    ref: TableRef
    given: Any  # any frame library's class
    lazy: pl.LazyFrame
    schema: pl.Schema
    connector: str = "frames"
    suffix: str = ""
    path: None = None
    exact: bool = True
    malformed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"row": pl.Int64, "why": pl.String}))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.schema)

    @cached_property
    def rows(self) -> int:
        return int(self.lazy.select(pl.len()).collect().item())

    def batches(self, size: int = 131_072, columns: list[str] | None = None) -> Iterator[Batch]:
        first = 0
        for frame in self._frames(list(self.schema) if columns is None else columns, size):
            yield Batch(self.ref, frame, pl.int_range(first, first + len(frame), eager=True).alias("row"))
            first += len(frame)

    def _frames(self, names: list[str], size: int) -> Iterator[pl.DataFrame]:
        if isinstance(self.given, pl.LazyFrame):
            yield from self.lazy.select(names).collect_batches(chunk_size=size, maintain_order=True)
        else:
            yield from self.lazy.select(names).collect().iter_slices(size)

    def describe(self) -> dict[str, Any]:
        return {"format": "frame", "kind": _kind(self.given)}

    def fits(self, edits: pl.DataFrame) -> pl.Series:
        """Whether each edit can be put into this frame: a text that is no number does not fit a column of numbers."""
        return fitting(edits, self.schema)

    def patch(self, edits: pl.DataFrame, target: Path) -> pl.DataFrame:
        """Write the patched frame to `target` as Parquet, CSV or JSON lines by its suffix."""
        patch = Patch.of(edits, self.schema, self.ref.name)
        result = self._mended(patch)
        kind = Path(target).suffix.lower()
        writers: dict[str, Any] = {".csv": result.write_csv, ".jsonl": result.write_ndjson, ".arrow": result.write_ipc}
        writers.get(kind, result.write_parquet)(target)
        return patch.result()

    def _mended(self, patch: Patch) -> pl.DataFrame:
        return pl.concat(
            [pl.DataFrame(schema=patch.result_schema), *patch.stream(self._frames(list(self.schema), 1 << 20))]
        )

    def patched(self, edits: pl.DataFrame) -> tuple[Any, pl.DataFrame]:
        """A new frame of the kind that was given, with the edits applied, and the edits as carried out.

        The frame that was given is not touched. pandas: index, column labels and untouched columns stay as they are.

        Raises
        ------
        StaleRepair
            A cell does not hold its old text.
        """
        if _kind(self.given) == "pandas":
            return self._patched_pandas(edits)
        patch = Patch.of(edits, self.schema, self.ref.name)
        result = self._mended(patch)
        return _as_kind(result, self.given), patch.result()

    def _patched_pandas(self, edits: pl.DataFrame) -> tuple[Any, pl.DataFrame]:
        whole = set(edits["edit"].unique().to_list()) - {"set", "drop"}
        if whole:
            raise UsageError(f"a pandas frame takes edits of cells and dropped rows, not {', '.join(sorted(whole))}")
        patch = Patch.of(edits, self.schema, self.ref.name)
        result = self.given.copy()
        for name, part in patch.sets.items():
            at = self.columns.index(name)
            found = self.lazy.select(name).collect().to_series()
            if part["row"][-1] >= len(found):
                raise beyond(self.ref.name, len(found))
            check_old(self.ref.name, name, as_text(found.gather(part["row"])), part)
            fresh = parse_as(part["new"], self.schema[name])
            result.isetitem(at, _placed(result.iloc[:, at], part["row"].to_list(), fresh))
        if len(patch.dropped):
            list(patch.stream(self._frames(list(self.schema), 1 << 20)))  # checks and records the dropped rows
            keep = sorted(set(range(len(result))) - set(patch.dropped.to_list()))
            result = result.iloc[keep]
        return result, patch.result()


def _placed(column: Any, rows: list[int], fresh: pl.Series) -> Any:
    """A copy of a pandas column with new values; its dtype stays where it can hold them.

    A numpy column of integers or booleans has no null: it becomes the nullable type of pandas.
    """
    import pandas

    values = fresh.to_list()
    result = column.copy()
    nullable = {"i": str(column.dtype).replace("i", "I"), "u": str(column.dtype).replace("ui", "UI"), "b": "boolean"}
    kind = getattr(column.dtype, "kind", "O") if type(column.dtype).__module__.startswith("numpy") else "O"
    if kind in nullable and any(value is None for value in values):
        result = result.astype(nullable[kind])
    if isinstance(column.dtype, pandas.CategoricalDtype):
        known = set(column.dtype.categories)
        result = result.cat.add_categories(sorted({value for value in values if value is not None} - known))
    result.iloc[rows] = pandas.array(values, dtype=result.dtype)
    return result


def _kind(given: Any) -> str:
    """ "polars", "pandas", "pyarrow" or the class's own name, without importing anything."""
    if isinstance(given, pl.DataFrame | pl.LazyFrame):
        return "polars"
    for package in ("pandas", "pyarrow"):
        if package in sys.modules and type(given).__module__.split(".")[0] == package:
            return package
    return type(given).__name__


def _as_kind(frame: pl.DataFrame, given: Any) -> Any:
    if isinstance(given, pl.LazyFrame):
        return frame.lazy()
    if _kind(given) == "pyarrow":
        table = frame.to_arrow()
        return table.cast(given.schema) if table.schema.names == given.schema.names else table
    return frame


@dataclass(frozen=True)
class Frames:
    """Opens frames in memory."""

    name: ClassVar[str] = "frames"

    def accepts(self, source: Any) -> bool:
        return (
            isinstance(source, pl.DataFrame | pl.LazyFrame)
            or hasattr(source, "__arrow_c_stream__")
            or _kind(source) == "pandas"
        )

    def open(self, source: Any, options: ReadOptions) -> FrameTable:
        """Raises `InputError` where the object has no columns."""
        lazy = _lazy(source)
        schema = lazy.collect_schema()
        if not len(schema):
            raise InputError(f"this {type(source).__name__} has no columns: there is no table in it.")
        return FrameTable(TableRef(str(options.extra.get("name", "frame"))), source, lazy, schema)


def _lazy(source: Any) -> pl.LazyFrame:
    if isinstance(source, pl.LazyFrame):
        return source
    if isinstance(source, pl.DataFrame):
        return source.lazy()
    if _kind(source) == "pandas":
        return _from_pandas(source).lazy()
    frame = pl.DataFrame(source)
    return frame.lazy()


def _from_pandas(frame: Any) -> pl.DataFrame:
    """Column by column, so that one odd column does not cost the others; a mixed object column becomes text.

    Labels become text; a repeated one becomes `name_2`, as in a file.
    """
    names: list[str] = []
    for label in frame.columns:
        name = base = str(label)
        number = 2
        while name in names:
            name, number = f"{base}_{number}", number + 1
        names.append(name)
    columns = [_pandas_column(frame.iloc[:, at], name) for at, name in enumerate(names)]
    return pl.DataFrame(columns)


def _pandas_column(column: Any, name: str) -> pl.Series:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtra("pyarrow", "pandas") from error
    try:
        series = pl.Series(name, pl.from_pandas(column, nan_to_null=True))
        if not isinstance(series.dtype, pl.BaseExtension):  # periods and intervals read better as text
            return series
    except (pyarrow.ArrowException, pl.exceptions.PolarsError, TypeError, ValueError):
        pass  # cells of several types: text can hold them all
    texts = [None if gone else str(cell) for cell, gone in zip(column, column.isna(), strict=True)]
    return pl.Series(name, texts, dtype=pl.String)
