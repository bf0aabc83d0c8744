"""Sentences of evidence, made for whole columns at once."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import polars as pl

__all__ = ["number_of", "phrase", "quoted"]

_LONGEST: Final = 60  # characters of a value that a sentence quotes


def phrase(template: str, *parts: pl.Expr | pl.Series | str) -> pl.Expr:
    """Text with each `{}` filled in by a column (by name), an expression or a series; null where one of them is null.

    Stands in for `pl.format`, which panics (polars 2.1) on a text column whose first chunk is empty, as a filter
    over several chunks leaves it; `pl.concat_str` does not. It can go once that is mended upstream.

    >>> pl.DataFrame({"n": [3], "what": ["rows"]}).select(phrase("{} of {} {}", "n", pl.lit(4), "what")).item()
    '3 of 4 rows'
    """
    texts = template.split("{}")
    if len(texts) != len(parts) + 1:
        raise ValueError(f"{len(texts) - 1} places in {template!r} and {len(parts)} parts to fill in")
    told: list[pl.Expr | pl.Series] = [_fixed(texts[0])] if texts[0] else []
    for part, text in zip(parts, texts[1:], strict=True):
        told.append(pl.col(part) if isinstance(part, str) else part)
        if text:
            told.append(_fixed(text))
    return pl.concat_str(told)


def number_of(n: pl.Expr | str, one: str, many: str) -> pl.Expr:
    """A number with the words that fit it.

    >>> pl.DataFrame({"n": [1, 2]}).select(told=number_of("n", "cell holds", "cells hold"))["told"].to_list()
    ['1 cell holds', '2 cells hold']
    """
    number = pl.col(n) if isinstance(n, str) else n
    return phrase("{} {}", number, pl.when(number == 1).then(_fixed(one)).otherwise(_fixed(many)))


def quoted(value: pl.Expr | str) -> pl.Expr:
    """A value in quotes, cut where it is long; nothing is quoted where it is null.

    >>> pl.DataFrame({"v": ["a", None]}).select(told=quoted("v"))["told"].to_list()
    ["'a'", "''"]
    """
    text = (pl.col(value) if isinstance(value, str) else value).fill_null("")
    cut = pl.concat_str(text.str.head(_LONGEST - 3), _fixed("..."))
    short = pl.when(text.str.len_chars() > _LONGEST).then(cut).otherwise(text)
    return pl.concat_str(_fixed("'"), short, _fixed("'"))


@lru_cache(1_000)
def _fixed(text: str) -> pl.Expr:
    """The text between two parts; made once, for that takes longer than judging a short column."""
    return pl.lit(text)
