"""The statistics of a batch, and which of them are judged together."""

from __future__ import annotations

from typing import Final

__all__ = ["FAMILY", "MINUS_LOG10_P", "ONE_SIDED", "family"]

FAMILY: Final[dict[str, str]] = {
    "rows": "volume",
    "late": "timeliness",
    "duplicate": "duplicates",
    "null": "missing",
    "fresh": "fresh",  # cells whose value was never seen
    "odd": "odd",  # cells whose pattern was never seen
    "foreign": "odd",
    "blank": "odd",
    "upper": "odd",
    "mean": "place",
    "q05": "place",
    "q25": "place",
    "q50": "place",
    "q75": "place",
    "q95": "place",
    "distance": "place",  # largest difference of the cumulative shares from the history's (Kolmogorov-Smirnov)
    "spread": "extreme",
    "low": "extreme",
    "high": "extreme",
    "calendar": "calendar",  # cells that repeat the part of the date that their column repeats
    "moved": "mix",  # total difference of the shares of common values from the history's
    "rest": "joint",  # what the other columns leave unexplained
    "rest_spread": "joint",
    "distinct": "repeat",
    "top": "repeat",
    "length": "length",
    "length_spread": "length",
    "shortest": "length",
    "longest": "length",
}
"""Statistic -> its family: the statistics within which the least likely one is looked for."""

ONE_SIDED: Final = frozenset(
    {"null", "late", "fresh", "odd", "foreign", "blank", "duplicate", "top", "distance", "moved", "rest_spread"}
)
"""Less of these is never an alarm."""

MINUS_LOG10_P: Final[dict[str, float]] = {
    "volume": 2.8,
    "timeliness": 2.0,
    "duplicates": 2.0,
    "missing": 2.0,
    "fresh": 2.0,
    "odd": 2.2,
    "calendar": 3.0,
    "place": 3.1,
    "extreme": 5.0,
    "mix": 2.8,
    "repeat": 3.0,
    "length": 3.3,
    "joint": 3.1,
}
"""Family -> -log10 of the probability (of any of its statistics being so far off by chance) at which it alarms.

Together they alarmed on 8 of 180 clean batches of three tables (bench/RESULTS.md). Families of a single well-behaved
number get more of that than those whose tails are heavier than the model says (extremes).
"""


def family(statistic: str) -> str:
    """The family of a statistic; "=value" is the share of a common value.

    >>> family("q25"), family("=open")
    ('place', 'mix')
    """
    return "mix" if statistic.startswith("=") else FAMILY[statistic]
