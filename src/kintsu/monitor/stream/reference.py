"""What a stream should look like, learnt from a table, and the verdict on each window of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.errors import UsageError
from kintsu.monitor.stream.bins import NULL, Binning, fit_bins, plain
from kintsu.monitor.stream.expected import Expected, expect
from kintsu.monitor.stream.window import Window

__all__ = ["BLOCK", "Fed", "StreamReference", "feed", "learn_stream", "log10_p"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BLOCK: Final = 500  # rows of a window: half a deviation is seen in one, or in the next
MIN_ROWS: Final = 200  # rows of a reference below which sixteen bins mean nothing


@dataclass(frozen=True, eq=False)
class StreamReference:
    """Bins of each column, and what a block should hold."""

    bins: Mapping[str, Binning]
    expected: Mapping[str, Expected]

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; `from_dict` reads it."""
        return {
            "bins": {name: held.to_dict() for name, held in self.bins.items()},
            "expected": {name: asdict(held) for name, held in self.expected.items()},
        }

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> StreamReference:
        bins = {name: Binning.from_dict(b) for name, b in held["bins"].items()}
        expected = {name: Expected(**{**e, "cells": tuple(e["cells"])}) for name, e in held["expected"].items()}
        return cls(bins, expected)


@dataclass(frozen=True)
class Fed:
    """What feeding a frame gave: the windows that it closed, the open one, and the last number of running columns.

    `counts` has shape (closed windows, codes) per column; `codes` are those of the frame's cells.
    """

    n_closed: int
    counts: Mapping[str, Ints]
    open: Window
    last: Mapping[str, float]
    codes: Mapping[str, Ints]


def learn_stream(frame: pl.DataFrame) -> StreamReference:
    """Learn from rows in the order in which they came: how far blocks differ is told by that order.

    Raises
    ------
    UsageError
        The table is too short, or has no column.
    """
    if frame.height < MIN_ROWS or not frame.width:
        raise UsageError(
            f"a stream is held against at least {MIN_ROWS} rows; the reference has {frame.height} rows and "
            f"{frame.width} columns. Take a stretch that was right; 5,000 rows and more are good."
        )
    frame = plain(frame)
    bins = {cells.name: fit_bins(cells) for cells in frame}
    encoded = frame.select(held.expression(frame.schema[name]).alias(name) for name, held in bins.items())
    return StreamReference(bins, {name: _expected(encoded[name], held) for name, held in bins.items()})


def _expected(cells: pl.Series, bins: Binning) -> Expected:
    codes, _ = bins.encode(cells)
    return expect(codes, bins.n_codes, once=bins.once, is_text=bins.kind == "text", block=BLOCK)


def feed(reference: StreamReference, window: Window, last: Mapping[str, float], frame: pl.DataFrame) -> Fed:
    """Count a frame into windows of `BLOCK` rows, of which `window` is the one that is open.

    Columns that the frame lacks are empty; others than the reference has are left aside.
    """
    at = (window.rows + np.arange(frame.height)) // BLOCK
    n_closed = (window.rows + frame.height) // BLOCK
    frame = plain(frame)
    schema = frame.schema
    held_columns = {name for name in reference.bins if name in schema}
    encoded = frame.select(reference.bins[name].expression(schema[name]).alias(name) for name in held_columns)
    counts, now, coded = {}, {}, {}
    for name, bins in reference.bins.items():
        if name in held_columns:
            codes, now[name] = bins.encode(encoded[name], last.get(name, np.nan))
        else:
            codes, now[name] = np.full(frame.height, NULL), last.get(name, np.nan)
        coded[name] = codes
        n = bins.n_codes
        place = at * n + codes
        held = np.bincount(place[codes >= 0] if bins.is_running else place, minlength=(n_closed + 1) * n)
        held = held.reshape(n_closed + 1, n)
        if name in window.counts:
            held[0] += window.counts[name]
        counts[name] = held
    left = Window((window.rows + frame.height) % BLOCK, {name: held[-1] for name, held in counts.items()})
    return Fed(n_closed, {name: held[:-1] for name, held in counts.items()}, left, now, coded)


def log10_p(reference: StreamReference, counts: Mapping[str, Ints]) -> Floats:
    """log10 of the p-value of each window, column and test, shape (windows, columns, tests)."""
    return np.stack([reference.expected[name].log10_p(held) for name, held in counts.items()], axis=1)
