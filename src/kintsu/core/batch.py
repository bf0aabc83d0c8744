"""A batch of rows, and one column of it with the views that detectors share."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

__all__ = ["Batch", "Column", "TableRef", "as_text", "parse_numbers"]


@dataclass(frozen=True, slots=True)
class TableRef:
    """Which table: tenant, name as people know it, and version (content hash of a file, empty where unknown)."""

    name: str
    tenant: str = "local"
    version: str = ""


_NO_JSON = ("Binary", "Duration", "Object", "Int128")  # polars panics when it writes these inside JSON


def _plain(cell: object) -> object:
    """What JSON has no word for, inside a nested cell: bytes as base64, nested series as lists, the rest as text."""
    if isinstance(cell, bytes):
        return base64.b64encode(cell).decode("ascii")
    return cell.to_list() if isinstance(cell, pl.Series) else str(cell)


def as_text(series: pl.Series) -> pl.Series:
    """Lossless text of any column: floats in shortest round-trip form, nested values as JSON, binary as base64.

    Null stays null and NaN becomes "NaN".

    >>> as_text(pl.Series([0.1, None, float("nan")])).to_list()
    ['0.1', None, 'NaN']
    """
    dtype = series.dtype
    if dtype == pl.String:
        return series
    if dtype == pl.Binary:
        return series.bin.encode("base64")
    if dtype.is_nested():
        if any(leaf in str(dtype) for leaf in _NO_JSON):
            cells = [None if cell is None else json.dumps(cell, default=_plain) for cell in series.to_list()]
            return pl.Series(series.name, cells, dtype=pl.String)
        wrapped = pl.DataFrame({"value": series}).select(pl.struct("value").struct.json_encode().alias("value"))
        text = wrapped["value"].str.slice(len('{"value":')).str.head(-1)
        return pl.select(pl.when(series.is_not_null()).then(text)).to_series().alias(series.name)
    if dtype == pl.Time:
        return series.dt.to_string("%H:%M:%S%.f")  # a cast cuts off what is below a second
    if dtype == pl.Duration:
        return series.dt.to_string("polars")
    return series.cast(pl.String)


def parse_numbers(text: pl.Series, *, decimal_comma: bool = False) -> pl.Series:
    """Float64 of plain machine numbers ("-1.5", "1e3"); null where the text is anything else.

    Surrounding blanks are allowed. Thousands separators, units and words are *not* numbers here: they are findings.
    With `decimal_comma`, "1,5" is 1.5 and "1.5" is not a number.
    """
    stripped = text.str.strip_chars()
    if decimal_comma:
        has_point = stripped.str.contains(".", literal=True)
        stripped = stripped.str.replace(",", ".", literal=True).set(has_point, None)
    return stripped.cast(pl.Float64, strict=False)


class Column:
    """One column of a batch. Views are computed once, on first use, and shared by all detectors.

    `series` is the data as read: text for text formats, typed for the others. `text` is its lossless text.
    """

    __slots__ = ("__dict__", "decimal_comma", "series")

    def __init__(self, series: pl.Series, *, decimal_comma: bool = False) -> None:
        self.series = series
        self.decimal_comma = decimal_comma

    @property
    def name(self) -> str:
        return self.series.name

    def __len__(self) -> int:
        return len(self.series)

    @cached_property
    def text(self) -> pl.Series:
        """Lossless text, null where the cell is null."""
        return as_text(self.series)

    @cached_property
    def number(self) -> pl.Series:
        """Float64, null where the cell is null or is not a plain number (booleans and times are not)."""
        dtype = self.series.dtype
        if dtype == pl.String:
            return parse_numbers(self.series, decimal_comma=self.decimal_comma)
        if dtype.is_numeric():
            return self.series.cast(pl.Float64)
        return pl.Series(self.name, [None] * len(self.series), dtype=pl.Float64)

    @cached_property
    def is_missing(self) -> pl.Series:
        """True where the cell is null or blank text."""
        if self.series.dtype == pl.String:
            return (self.series.str.strip_chars() == "").fill_null(True)
        return self.series.is_null()

    @cached_property
    def counts(self) -> pl.DataFrame:
        """Distinct non-null texts with their number of rows: `value` String, `n` UInt32; sorted by value."""
        counted = self.text.drop_nulls().alias("value").value_counts(name="n", sort=False)
        return counted.sort("value")


@dataclass(frozen=True)
class Batch:
    """Some rows of a table.

    `frame` holds the data as read, one polars column per table column. `row` is the stable identity of each row: its
    position in the file or frame, from 0, given once at read and carried. Rows need not be contiguous (samples are
    batches too).
    """

    table: TableRef
    frame: pl.DataFrame
    row: pl.Series
    decimal_comma: bool = False
    _columns: dict[str, Column] = field(default_factory=dict, repr=False, compare=False)

    @staticmethod
    def of(frame: pl.DataFrame, name: str = "table", *, first_row: int = 0) -> Batch:
        """A batch of a whole frame, rows numbered from `first_row`."""
        return Batch(TableRef(name), frame, pl.int_range(first_row, first_row + len(frame), eager=True).alias("row"))

    @property
    def columns(self) -> list[str]:
        return self.frame.columns

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, name: str) -> Column:
        if name not in self._columns:
            self._columns[name] = Column(self.frame[name], decimal_comma=self.decimal_comma)
        return self._columns[name]

    def __iter__(self) -> Iterator[Column]:
        return (self[name] for name in self.columns)

    def read_together(self) -> Batch:
        """The batch, with the views of its text columns read in one go: a call costs more than a few rows do."""
        names = [name for name in self.columns if self.frame[name].dtype == pl.String]
        blank = self.frame.select((pl.col(name).str.strip_chars() == "").fill_null(True) for name in names)
        for name in names:
            vars(self[name])["is_missing"] = blank[name]
        return self

    def texts(self, names: list[str] | None = None) -> pl.DataFrame:
        """The named columns (all by default) as lossless text, with the row identity first, as `__row`."""
        chosen = self.columns if names is None else names
        return pl.DataFrame([self.row.alias("__row"), *(self[name].text for name in chosen)])
