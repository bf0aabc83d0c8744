"""Put together what the distinct values of a column say."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Final

import polars as pl

from kintsu.profile.dates import find_format, parse
from kintsu.profile.patterns import find_patterns
from kintsu.profile.semantic import checked, contact, network, place, quantity
from kintsu.profile.semantic.kinds import SHARE, SemanticType, named
from kintsu.profile.semantic.role import role
from kintsu.profile.state import ColumnState
from kintsu.profile.values.null_tokens import is_null_token
from kintsu.profile.values.units import unit_of

__all__ = ["Reading", "judge"]

_TYPES: Final[tuple[SemanticType, ...]] = (
    *network.TYPES,
    *checked.TYPES,
    *contact.TYPES,
    *quantity.TYPES,
    *place.TYPES,
)
_OF_NUMBERS: Final = frozenset({"postcode", "phone", "coordinates", "payment_card", "isbn", "issn", "ean"})
_PROBE: Final = 500  # most distinct texts whose check digits are tried to tell what a column is
_PROVEN: Final = 3  # fewer distinct texts may have right check digits by chance
SAME: Final = 0.8  # of the cells have one text behind their number: a unit, whatever it means
KNOWN: Final = 0.5  # of them have a usual unit there
_MOMENTS: Final = ("date", "datetime", "time")


@dataclass(frozen=True)
class Reading:
    """What was read off the values: patterns with cells, a date format, a semantic type."""

    semantic_type: str | None = None
    patterns: list[tuple[str, int]] = field(default_factory=list)
    format: str | None = None  # of dates and times
    format_share: float = 0.0
    first: str | None = None  # earliest and latest moment, ISO
    last: str | None = None


def judge(state: ColumnState, kind: str) -> Reading:
    """The reading of a column whose type is `kind`.

    Cells per pattern are counted over all rows while the distinct values are complete, else scaled up from the
    sampled ones.
    """
    table = state["values"].table
    table = table.filter(~is_null_token(pl.col("value"))) if len(table) else table
    values, n = table["value"], table["n"]
    if not len(table):
        return Reading()
    is_text = "String" in state.dtype
    found = find_format(values, n) if kind in _MOMENTS and is_text else None
    patterns = find_patterns(values, n) if is_text else []
    if not state["values"].is_complete:
        counts = state["counts"]
        scale = (counts.rows - counts.nulls - counts.blanks) / max(int(n.sum()), 1)
        patterns = [(pattern, round(cells * scale)) for pattern, cells in patterns]
    meaning = None if kind in (*_MOMENTS, "boolean") else _meaning(state.name, values, n, kind)
    first, last = _span(values, found.format) if found else (None, None)
    return Reading(
        semantic_type=meaning or role(state, kind, patterns),
        patterns=patterns,
        format=found.format if found else None,
        format_share=found.share if found else 0.0,
        first=first,
        last=last,
    )


def _meaning(name: str, values: pl.Series, n: pl.Series, kind: str) -> str | None:
    """The first semantic type that enough cells fit; numbers can only have few of them."""
    numeric = kind in ("integer", "float")
    least = {i: SHARE if named(name, t.hints) else t.share for i, t in enumerate(_TYPES) if _is_tried(t, name, numeric)}
    if not least:
        return None
    frame = pl.DataFrame({"text": values, "n": n})
    fits = frame.select(_fits(i) for i in least)
    total = int(n.sum())
    for i, share in least.items():
        semantic, hit = _TYPES[i], fits[str(i)]
        if not hit.any():
            continue
        kept = frame.filter(hit)
        if semantic.check and kept["n"].sum() >= share * total:
            tried = kept.gather_every(-(-len(kept) // _PROBE))
            right = tried.filter(
                pl.Series([semantic.check(text) for text in tried["text"].to_list()], dtype=pl.Boolean)
            )
            passing = int(right["n"].sum()) / max(int(tried["n"].sum()), 1)
            if len(right) < _PROVEN or passing * int(kept["n"].sum()) < share * total:
                continue
        if kept["n"].sum() >= share * total and _is_plausible(semantic.name, kept):
            return semantic.name
    return None


@cache
def _fits(i: int) -> pl.Expr:
    """Which texts could be of a type: built once, as building it costs more than judging a short column."""
    return _TYPES[i].fits(pl.col("text")).fill_null(False).alias(str(i))


def _is_tried(semantic: SemanticType, name: str, numeric: bool) -> bool:
    hinted = named(name, semantic.hints)
    if semantic.needs_hint and not hinted:
        return False
    proven = hinted or not semantic.hints or semantic.check is not None
    return not numeric or (semantic.name in _OF_NUMBERS and proven)


def _is_plausible(name: str, cells: pl.DataFrame) -> bool:
    """Numbers with units have few units for their numbers, known ones or always the same.

    Codes such as "12A" have as many endings as values, and in "12 Oak Lane" what follows the number is a name.
    """
    if name != "number_with_unit":
        return True
    unit = pl.col("text").str.strip_chars().str.extract(r"([^\d.,\s].*)$").str.to_lowercase()
    units = cells.group_by(unit.alias("unit")).agg(pl.col("n").sum())
    if len(units) > max(3, len(cells) / 5):
        return False
    known = pl.Series([unit_of(text or "") is not None for text in units["unit"].to_list()], dtype=pl.Boolean)
    same, usual = units.select(
        same=pl.col("n").max() >= SAME * pl.col("n").sum(),
        usual=pl.col("n").filter(known).sum() >= KNOWN * pl.col("n").sum(),
    ).row(0)
    return bool(same or usual)


def _span(values: pl.Series, fmt: str) -> tuple[str | None, str | None]:
    """Earliest and latest moment among the values looked at, ISO; None for formats without a year."""
    if "%H" in fmt and "%d" not in fmt.replace("%-", "%"):
        return None, None
    moments = parse(values, fmt).drop_nulls()
    return (str(moments.min()), str(moments.max())) if len(moments) and "%Y" in fmt else (None, None)
