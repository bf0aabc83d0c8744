"""The part a column plays in its table: key, category, code, free text, name of a year."""

from __future__ import annotations

from typing import Final

from kintsu.profile.semantic.kinds import named
from kintsu.profile.state import ColumnState

__all__ = ["role"]

_YEAR: Final = frozenset({"year", "jahr", "yr", "annee"})
_IDENTITY: Final = frozenset({"id", "key", "uuid", "guid", "nr", "no", "index", "pk", "identifier"})
FEW: Final = 100  # distinct values of a category at most, unless they are very frequent


def role(state: ColumnState, kind: str, patterns: list[tuple[str, int]]) -> str | None:
    """key, category, code, free_text, boolean, date, datetime, time, year; None for plain numbers and other text."""
    counts, votes = state["counts"], state["votes"]
    filled = counts.rows - counts.nulls - counts.blanks
    distinct, length = state["distinct"].count, state["lengths"].mean
    if not filled:
        return None
    if kind in ("boolean", "date", "datetime", "time"):
        return kind
    unique = distinct >= 0.95 * filled and filled >= 20
    if kind == "integer":
        return _of_integers(state, unique=unique)
    if kind == "float":
        return None
    if state["lengths"].n and length > 40 and distinct > 0.5 * filled:
        return "free_text"
    worded = sum(cells for pattern, cells in patterns if " " in pattern or "w+" in pattern)
    shaped = sum(cells for pattern, cells in patterns[:3] if "9" in pattern or "X" in pattern)
    share = shaped / max(filled, 1)
    if unique and share >= 0.5 and worded < 0.5 * filled:
        return "key"
    if distinct <= FEW and distinct <= 0.2 * filled:
        return "category"
    if share >= 0.8 and worded < 0.2 * filled and (votes.code or length <= 40):
        return "code"
    if distinct <= 0.02 * filled and distinct <= 10 * FEW:
        return "category"
    if worded > 0.5 * filled and length > 25 and distinct > 0.5 * filled:
        return "free_text"
    return "key" if unique and named(state.name, _IDENTITY) else None


def _of_integers(state: ColumnState, *, unique: bool) -> str | None:
    extremes, quantiles = state["extremes"], state["quantiles"]
    low, high = quantiles.at([0.05, 0.95])
    if named(state.name, _YEAR) and low >= 1000 and high <= 2200:
        return "year"
    if unique and (named(state.name, _IDENTITY) or _is_dense(state, extremes.low, extremes.high)):
        return "key"
    return None


def _is_dense(state: ColumnState, low: float, high: float) -> bool:
    """Numbers that were given out in turn: they fill at least half of their range."""
    return bool(high - low < 2 * state["distinct"].count + 10)
