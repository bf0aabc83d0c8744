"""Ways to break a cell on purpose: the crash test's own library of everyday mistakes.

Each operation maps texts to broken texts, all at once; a text that it cannot break comes back unchanged and is left
out by the caller. The library names everyday mistakes only, none that a particular table is known to have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl

from kintsu.core.phrase import phrase

__all__ = ["NUMBER_OPERATIONS", "OPERATIONS", "TEXT_OPERATIONS", "break_texts"]

Operation = Callable[[pl.Series, pl.Series, np.random.Generator], pl.Series]
_LETTERS: Final = np.array(list("abcdefghijklmnopqrstuvwxyz"))


def _places(texts: pl.Series, rng: np.random.Generator) -> pl.Series:
    """A character position in each text, from 0."""
    length = texts.str.len_chars().fill_null(0).to_numpy()
    return pl.Series("place", (rng.random(len(texts)) * np.maximum(length, 1)).astype(np.int64))


def _cut(texts: pl.Series, place: pl.Series, skip: int) -> tuple[pl.Expr, pl.Expr]:
    """The text before `place`, and the text from `skip` characters after it."""
    return pl.lit(texts).str.head(pl.lit(place)), pl.lit(texts).str.slice(pl.lit(place + skip))


def _evaluate(expression: pl.Expr) -> pl.Series:
    return pl.select(expression.alias("broken")).to_series()


def drop_letter(texts: pl.Series, _: pl.Series, rng: np.random.Generator) -> pl.Series:
    """One character lost."""
    head, tail = _cut(texts, _places(texts, rng), 1)
    return _evaluate(pl.concat_str(head, tail))


def double_letter(texts: pl.Series, _: pl.Series, rng: np.random.Generator) -> pl.Series:
    """One character typed twice."""
    place = _places(texts, rng)
    head, tail = _cut(texts, place, 0)
    return _evaluate(pl.concat_str(head, pl.lit(texts).str.slice(pl.lit(place), 1), tail))


def change_letter(texts: pl.Series, _: pl.Series, rng: np.random.Generator) -> pl.Series:
    """One character replaced by a random letter."""
    letter = pl.Series(_LETTERS[rng.integers(0, 26, len(texts))])
    head, tail = _cut(texts, _places(texts, rng), 1)
    return _evaluate(pl.concat_str(head, pl.lit(letter), tail))


def swap_letters(texts: pl.Series, _: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Two neighbouring characters in the wrong order."""
    place = _places(texts.str.head(-1), rng)
    head, tail = _cut(texts, place, 2)
    one = pl.lit(texts).str.slice(pl.lit(place), 1)
    two = pl.lit(texts).str.slice(pl.lit(place + 1), 1)
    return _evaluate(pl.concat_str(head, two, one, tail))


def pad(texts: pl.Series, _: pl.Series, __: np.random.Generator) -> pl.Series:
    """A blank before and after."""
    return _evaluate(phrase(" {} ", pl.lit(texts)))


def other_case(texts: pl.Series, _: pl.Series, __: np.random.Generator) -> pl.Series:
    """All upper case, or all lower case where it is upper already."""
    upper = pl.lit(texts).str.to_uppercase()
    return _evaluate(pl.when(upper == pl.lit(texts)).then(pl.lit(texts).str.to_lowercase()).otherwise(upper))


def empty_cell(texts: pl.Series, _: pl.Series, __: np.random.Generator) -> pl.Series:
    """The value is lost."""
    return pl.Series("broken", [None] * len(texts), dtype=pl.String)


def null_word(texts: pl.Series, _: pl.Series, __: np.random.Generator) -> pl.Series:
    """The value is lost and a word says so."""
    return pl.Series("broken", ["N/A"] * len(texts), dtype=pl.String)


def other_value(texts: pl.Series, domain: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Another value of the same column stands in its place."""
    return domain.gather(rng.integers(0, len(domain), len(texts))).alias("broken")


def ten_times(texts: pl.Series, _: pl.Series, rng: np.random.Generator) -> pl.Series:
    """A number with its point in the wrong place, or with the wrong sign."""
    factor = pl.Series(rng.choice([10.0, 100.0, 1000.0, -1.0], len(texts)))
    number = texts.cast(pl.Float64, strict=False) * factor
    whole = ~texts.str.contains(".", literal=True)
    as_integer = number.cast(pl.Int64, strict=False).cast(pl.String)
    return _evaluate(pl.when(pl.lit(whole)).then(pl.lit(as_integer)).otherwise(pl.lit(number.round(6).cast(pl.String))))


TEXT_OPERATIONS: Final[dict[str, Operation]] = {
    "drop_letter": drop_letter,
    "double_letter": double_letter,
    "change_letter": change_letter,
    "swap_letters": swap_letters,
    "pad": pad,
    "other_case": other_case,
    "empty_cell": empty_cell,
    "null_word": null_word,
    "other_value": other_value,
}
NUMBER_OPERATIONS: Final[dict[str, Operation]] = {
    "change_letter": change_letter,
    "pad": pad,
    "empty_cell": empty_cell,
    "null_word": null_word,
    "ten_times": ten_times,
}
OPERATIONS: Final = TEXT_OPERATIONS | NUMBER_OPERATIONS


def break_texts(name: str, texts: pl.Series, domain: pl.Series, rng: np.random.Generator) -> pl.Series:
    """`texts` after the operation `name`. `domain` is a pool of other values of the column.

    >>> rng = np.random.default_rng(0)
    >>> break_texts("pad", pl.Series(["ab"]), pl.Series(["ab"]), rng).to_list()
    [' ab ']
    """
    return OPERATIONS[name](texts, domain, rng)
