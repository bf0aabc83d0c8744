"""Say what a window holds and what was expected, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from kintsu.monitor.stream.bins import BEYOND, FIRST, NULL, Binning
from kintsu.monitor.stream.expected import Expected

__all__ = ["tell_window"]


def tell_window(
    bins: Binning, expected: Expected, counts: npt.NDArray[np.int64], test: int
) -> tuple[str, float, float]:
    """What the share is of, the share expected, and the share found.

    `test` is 0 where the distribution moved, 1 for empty cells, 2 for cells that the reference does not hold.
    """
    total = max(int(counts.sum()), 1)
    if test == 1:
        return f"cells of `{bins.name}` are empty", expected.rate(NULL)[0], counts[NULL] / total
    if test == 2:
        filled = max(total - int(counts[NULL]), 1)
        if bins.kind == "text":
            what = f"cells of `{bins.name}` hold a value that was not there before"
        else:
            what = f"{_cells(bins)} lie outside {_shown(bins, bins.low)} to {_shown(bins, bins.high)}"
        return what, expected.rate(BEYOND)[0], counts[BEYOND] / filled
    held = np.array(expected.cells[FIRST:], dtype=float)
    share, found = held / max(held.sum(), 1.0), counts[FIRST:] / max(counts[FIRST:].sum(), 1)
    worst = int(np.argmax((found - share) ** 2 / np.maximum(share, 1e-3)))
    return _bin(bins, worst), float(share[worst]), float(found[worst])


def _cells(bins: Binning) -> str:
    if bins.kind == "length":
        return f"lengths of `{bins.name}`"
    return f"steps of `{bins.name}`" if bins.is_running else f"cells of `{bins.name}`"


def _bin(bins: Binning, place: int) -> str:
    if bins.kind == "text":
        own = [value for value, code in zip(bins.values, bins.codes, strict=True) if code == place + FIRST]
        return f"cells of `{bins.name}` are {own[0]!r}" + (
            f" or one of {len(own) - 1:,} other values" if own[1:] else ""
        )
    edges = [bins.low, *bins.edges, bins.high]
    low, high = (_shown(bins, x) for x in edges[place : place + 2])
    return f"{_cells(bins)} are {low}" if low == high else f"{_cells(bins)} lie from {low} to {high}"


def _shown(bins: Binning, x: float) -> str:
    if bins.kind != "time":
        return f"{x:,.4g}" if abs(x) < 1e6 else f"{x:.4g}"
    if bins.is_running or abs(x) < 86_400e6:
        return f"{x / 1e6:,.4g} s"
    return str((datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=x)).replace(tzinfo=None))
