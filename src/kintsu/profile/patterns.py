"""Character patterns that are found, not given: what the values of a column are shaped like.

A pattern is written with the classes ``A`` (upper-case letter), ``a`` (lower-case letter), ``9`` (digit) and ``X``
(letter or digit); every other character stands for itself. A run has its length: ``AA-99999``, ``9{10}``,
``9{3,4}``, or ``a+`` where lengths differ widely. ``w+`` is two or more words.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

__all__ = ["character_shape", "find_patterns"]

_ENOUGH: Final = 0.6  # share of cells that the 20 most frequent patterns must cover, else they are generalised
_LEADS: Final = 0.3  # share that the first pattern has in a column of one kind of code
_ONE: Final = 0.9  # share from which on a single generalised pattern says more than many exact ones
_USUAL: Final = 0.9  # share of a pattern's cells that one exact width must have to stand for them all
_RARE: Final = 0.01  # share of a pattern's cells below which a width is left out of its range
_MOST: Final = 20
_RUN: Final = re.compile("A+|a+|9+|X+")
_REPEAT: Final = re.compile(r"([Aa9X])\1+")
_WORDS: Final = re.compile(r"(?:[Aa]+[,;.!?]? )+[Aa]+[.!?]?")
_SINGLE: Final = re.compile("[Aa9]")

Shapes = dict[str, int]
"""Cells of each distinct shape."""


def character_shape(text: pl.Expr) -> pl.Expr:
    """Each character replaced by its class: "Ab-12" becomes "Aa-99"."""
    return (
        text.str.replace_all(r"[\p{Lu}\p{Lt}]", "A")
        .str.replace_all(r"[\p{Ll}\p{Lo}\p{Lm}]", "a")
        .str.replace_all(r"\p{Nd}", "9")
        .str.replace_all(r"\s", " ")
    )


def find_patterns(values: pl.Series, n: pl.Series, *, most: int = _MOST) -> list[tuple[str, int]]:
    """(pattern, cells) of distinct `values` with counts `n`, most frequent first.

    Costs a handful of regular expressions over the values: hand over a few thousand at most. Texts are looked at up
    to their 100th character.

    >>> find_patterns(pl.Series(["AB-12345", "XY-99999", "n/a"]), pl.Series([5, 4, 1]))
    [('AA-99999', 9), ('a/a', 1)]
    """
    if not len(values):
        return []
    frame = pl.DataFrame({"text": values.str.slice(0, 100), "n": n.cast(pl.Int64)})
    counted = frame.select("n", shape=character_shape(pl.col("text"))).group_by("shape").agg(pl.col("n").sum())
    shapes: Shapes = dict(counted.select("shape", "n").iter_rows())
    total = sum(shapes.values())
    found = _runs(shapes, most)
    covered = sum(cells for _, cells in found)
    if covered >= _ENOUGH * total and found[0][1] >= _LEADS * total:
        return found
    merged: Shapes = {}
    for shape, cells in shapes.items():
        wide = _SINGLE.sub("X", _WORDS.sub("w", shape))
        merged[wide] = merged.get(wide, 0) + cells
    wider = _runs(merged, most)
    return wider if covered < _ENOUGH * total or wider[0][1] >= _ONE * total else found


def _runs(shapes: Shapes, most: int) -> list[tuple[str, int]]:
    """Shapes grouped by their runs, whatever the lengths, and written with the range of each length."""
    grouped: dict[str, Shapes] = {}
    for shape, cells in shapes.items():
        grouped.setdefault(_REPEAT.sub(r"\1", shape), {})[shape] = cells
    counted = {key: sum(part.values()) for key, part in grouped.items()}
    top = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [(_written(key, _ranges(grouped[key], cells)), cells) for key, cells in top]


def _ranges(shapes: Shapes, total: int) -> list[tuple[int, int]]:
    """Least and greatest usual length of each run of shapes that have the same runs."""
    usual = min(shapes, key=lambda shape: (-shapes[shape], shape))
    if shapes[usual] >= _USUAL * total:
        return [(len(run), len(run)) for run in _RUN.findall(usual)]
    places: list[dict[int, int]] = []
    for shape, cells in shapes.items():
        for place, run in enumerate(_RUN.findall(shape)):
            if place == len(places):
                places.append({})
            places[place][len(run)] = places[place].get(len(run), 0) + cells
    ranges = []
    for lengths in places:
        least, most = _RARE * sum(lengths.values()), max(lengths.values())
        kept = [length for length, cells in lengths.items() if cells >= least or cells == most]  # no stray widths
        ranges.append((min(kept), max(kept)))
    return ranges


def _written(key: str, ranges: list[tuple[int, int]]) -> str:
    """A key such as "A-9" with its lengths, such as "AA-99999"."""
    left = iter(ranges)
    return "".join(_run(char, *next(left)) if char in "Aa9X" else ("w+" if char == "w" else char) for char in key)


def _run(char: str, low: int, high: int) -> str:
    if low == high:
        return char * low if low <= 5 else f"{char}{{{low}}}"
    return f"{char}{{{low},{high}}}" if high - low <= 3 else f"{char}+"
