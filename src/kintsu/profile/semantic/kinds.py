"""What a semantic type is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import polars as pl

__all__ = ["SHARE", "SemanticType", "by_pattern", "by_words", "named"]

Test = Callable[[pl.Expr], pl.Expr]

SHARE: Final = 0.5  # of the cells must fit: columns are judged with nearly half of their cells damaged


@dataclass(frozen=True)
class SemanticType:
    """A meaning that text can have.

    `fits` tells which texts could be of the type, `check` (one call per distinct text that fits) which really are.
    `hints` are words of a column name that speak for it; with `needs_hint` it is not considered without one, as its
    texts look like others.
    """

    name: str
    fits: Test
    hints: frozenset[str] = frozenset()
    needs_hint: bool = False
    share: float = SHARE
    check: Callable[[str], bool] | None = None


def by_pattern(regex: str) -> Test:
    """Whole texts (blanks around them aside) that match a regular expression."""
    whole = f"^(?:{regex})$"
    return lambda text: text.str.strip_chars().str.contains(whole)


def by_words(words: Callable[[], frozenset[str]]) -> Test:
    """Texts that are one of these words, in any case. The words, in lower case, are asked for at the first use."""
    return lambda text: text.str.strip_chars().str.to_lowercase().is_in(sorted(words()))


def named(column: str, hints: frozenset[str]) -> bool:
    """Whether the name of a column holds one of the words, as a whole word or, from 4 letters on, within one."""
    parts, joined = _words(column)
    return not parts.isdisjoint(hints) or any(len(hint) >= 4 and hint in joined for hint in hints)


@lru_cache(maxsize=16)
def _words(column: str) -> tuple[frozenset[str], str]:
    """The words of a column's name, also those of camel case, and the name without signs. All types ask in turn."""
    spread = "".join(f" {c}" if c.isupper() else c if c.isalnum() else " " for c in column)
    parts = {*spread.lower().split(), *"".join(c if c.isalnum() else " " for c in column).lower().split()}
    return frozenset(parts), "".join(c for c in column.lower() if c.isalnum())
