"""A table as one frame with typed columns."""

from __future__ import annotations

from typing import Any

import polars as pl

from kintsu.core.batch import as_text
from kintsu.core.contracts import ReadOptions, Table
from kintsu.io.frames import FrameTable
from kintsu.io.open import open_table

__all__ = ["text_frame", "text_rows", "typed", "typed_frame"]


def typed_frame(source: Any, read: ReadOptions | None = None) -> pl.DataFrame:
    """All rows of a table, in memory. Text files have no types: a column is of one if every filled cell of it is."""
    if isinstance(source, pl.DataFrame):
        return source
    table = open_table(source, read)
    frame = _whole(table)
    if isinstance(table, FrameTable) or any(dtype != pl.String for dtype in frame.dtypes):
        return frame
    return frame.select(typed(column) for column in frame)


def _whole(table: Table) -> pl.DataFrame:
    """All rows; a table without any has its columns still."""
    parts = [part.frame for part in table.batches()]
    if not parts:
        return pl.DataFrame(schema=dict.fromkeys(table.columns, pl.String))
    return pl.concat(parts, how="vertical_relaxed")


def text_frame(source: Any, read: ReadOptions | None = None) -> pl.DataFrame | None:
    """All cells of a text file as they stand there; None where the source has types of its own."""
    frame = _whole(open_table(source, read))
    return frame if all(dtype == pl.String for dtype in frame.dtypes) else None


def text_rows(source: Any, read: ReadOptions | None = None) -> pl.DataFrame:
    """All rows of any table as lossless text."""
    return pl.DataFrame([as_text(column) for column in _whole(open_table(source, read))])


def typed(text: pl.Series) -> pl.Series:
    """A column of text as numbers or moments, if every filled cell of it is one."""
    filled = text.str.strip_chars().replace("", None)
    if filled.null_count() == len(filled):
        return text
    numbers = filled.cast(pl.Float64, strict=False)
    if numbers.null_count() == filled.null_count():
        return numbers
    try:
        times = filled.str.to_datetime(strict=False, time_unit="us")
    except pl.exceptions.ComputeError:  # the first filled cell looks like no date
        return text
    return times if times.null_count() == filled.null_count() else text
