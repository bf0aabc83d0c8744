"""Words and signs that people write for "no value"."""

from __future__ import annotations

from typing import Final

import polars as pl

__all__ = ["MARKS", "SENTINEL_DATES", "SENTINEL_NUMBERS", "SURE", "WORDS", "is_null_token", "null_strength"]


def _set(words: str) -> frozenset[str]:
    return frozenset(word.strip() for word in words.split("|"))


SURE: Final = _set(
    "n/a|#n/a|#na|n.a.|n/a.|n.a|nan|null|<null>|(null)|[null]|\\n|<na>|<n/a>|(n/a)|#null!|#value!|#ref!|#div/0!|#name?"
    "|#num!|(blank)|(empty)|<none>|<empty>|n/v|n.v.|k.a.|n.d.|not available|not applicable|keine angabe|non disponible"
    "|no data|no value|no aplica|ikke oplyst|brak danych"
)
"""Never a value of its own, in any column."""

MARKS: Final = _set("-|--|---|----|–|—|?|??|???|.|..|...|*|_|__|/|//|#|~|∅|!|n/|./.|-/-")
"""Signs alone: in a column of numbers nothing else can be meant, but some tables spell a category so."""

WORDS: Final = _set(
    "na|none|nil|nul|unknown|unk|missing|empty|blank|undefined|unspecified|undisclosed|nodata|tbd|tba|tbc|void|unbekannt"
    "|inconnu|desconocido|sconosciuto|onbekend|okänd|leer|fehlt|vide|not specified|not provided|not given|not known"
    "|not stated|not recorded|to be determined|s/o|nd"
)
"""Words that are a legal category in some columns ("none" of a column of allergies; "NA" as Namibia)."""

SENTINEL_NUMBERS: Final = (
    *(sign * float("9" * width) for width in range(2, 11) for sign in (1, -1)),
    *(-1.0, -9.0, 8888.0, -8888.0, 7777.0, -7777.0, 32767.0, -32768.0, 2147483647.0, -2147483648.0, 1e99),
)
"""Numbers that stand for "no value" where they spike at an edge of the domain, apart from the rest."""

SENTINEL_DATES: Final = tuple(
    sorted(
        _set(
            "1900-01-01|1970-01-01|1899-12-30|1899-12-31|1800-01-01|0001-01-01|9999-12-31|2999-12-31|1111-11-11"
            "|1753-01-01|0000-00-00"
        )
    )
)
"""Dates that programs write for "no date", ISO form."""


_ALL: Final = pl.Series(sorted(SURE | MARKS | WORDS)).implode()  # made once: every column asks


def _folded(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars().str.to_lowercase()


def is_null_token(text: pl.Expr) -> pl.Expr:
    """Whether a text is any known null token, without regard to case and blanks around it."""
    return _folded(text).is_in(_ALL)


def null_strength(text: pl.Expr) -> pl.Expr:
    """How rarely the token is a legal value of a text column: 1 sure, 0.6 a mark, 0.4 a word, 0 no token."""
    folded = _folded(text)
    return (
        pl.when(folded.is_in(sorted(SURE)))
        .then(1.0)
        .when(folded.is_in(sorted(MARKS)))
        .then(0.6)
        .when(folded.is_in(sorted(WORDS)))
        .then(0.4)
        .otherwise(0.0)
    )
