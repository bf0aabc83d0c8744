"""How single values go wrong. Each function takes right texts and returns wrong ones, one for one, without a loop.

A result that happens to equal the right text is dropped by the caller, so "no change" needs no care here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl

__all__ = ["MISTAKES", "Mistake"]

Mistake = Callable[[pl.Series, np.random.Generator], pl.Series]

_NULL_TOKENS = ("N/A", "n/a", "-", "unknown", "NULL", "none", "?", "TBD")
_DATE_FORMATS = ("%m/%d/%Y", "%d %b %Y", "%Y%m%d", "%Y/%m/%d", "%d.%m.%Y")
_LETTERS = "aeioustrnlmdgkpbcfhv"


def _one_of(options: list[pl.Series], rng: np.random.Generator) -> pl.Series:
    """For each row the text of one of the options, at random."""
    pick = pl.Series(rng.integers(0, len(options), len(options[0])))
    result = options[0]
    for at, option in enumerate(options[1:], start=1):
        result = option.zip_with(pick == at, result)
    return result


def typo(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """A letter lost, doubled, swapped with the next or replaced; never the first one."""
    length = right.str.len_chars().to_numpy()
    at = 1 + (rng.random(len(right)) * np.maximum(length - 2, 1)).astype(np.int64)
    letter = pl.Series(list(_LETTERS)).gather(rng.integers(0, len(_LETTERS), len(right)))
    frame = pl.DataFrame({"v": right, "at": at, "letter": letter})
    v, place = pl.col("v"), pl.col("at")
    head, tail = v.str.slice(0, place), v.str.slice(place + 1)
    here, following = v.str.slice(place, 1), v.str.slice(place + 1, 1)
    made = frame.select(
        lost=pl.concat_str(head, tail),
        doubled=pl.concat_str(head, here, here, tail),
        swapped=pl.concat_str(head, following, here, v.str.slice(place + 2)),
        replaced=pl.concat_str(head, pl.col("letter"), tail),
    )
    return _one_of(made.get_columns(), rng)


def missing(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Nothing at all."""
    return pl.Series([None] * len(right), dtype=pl.String)


def null_token(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """A word that means "nothing"."""
    return pl.Series(list(_NULL_TOKENS)).gather(rng.integers(0, len(_NULL_TOKENS), len(right)))


def case(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Shouted, or without capitals."""
    return _one_of([right.str.to_uppercase(), right.str.to_lowercase()], rng)


def blanks(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """A blank before or behind, or two where one belongs."""
    doubled = right.str.replace(" ", "  ", literal=True)
    return _one_of([" " + right, right + " ", doubled.zip_with(doubled != right, right + "  ")], rng)


def date_format(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """The same day in another notation."""
    days = right.str.to_date("%Y-%m-%d", strict=False)
    return _one_of([days.dt.to_string(form) for form in _DATE_FORMATS], rng)


def date_outlier(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """A year that cannot be: a century off."""
    year = right.str.head(4).cast(pl.Int64, strict=False)
    off = pl.Series(np.where(rng.random(len(right)) < 0.5, 100, -100))
    return (year + off).cast(pl.String).str.zfill(4) + right.str.slice(4)


def phone_format(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """The same "+1-212-555-0142" in another notation."""
    area, middle, end = right.str.slice(3, 3), right.str.slice(7, 3), right.str.slice(11)
    forms = [
        "(" + area + ") " + middle + "-" + end,
        area + "." + middle + "." + end,
        area + middle + end,
        "+1 " + area + " " + middle + " " + end,
    ]
    return _one_of(forms, rng)


def number_format(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """The same number with thousands separated, or with a decimal comma where it is too small for that."""
    grouped = right.str.replace(r"(\d)(\d{3})(\.|$)", "$1,$2$3")
    return grouped.zip_with(grouped != right, right.str.replace(".", ",", literal=True))


def money_unit(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """The same amount with its currency."""
    return _one_of(["$" + right, right + " USD", "USD " + right], rng)


def weight_unit(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """The same weight with its unit, or in grams."""
    grams = (right.cast(pl.Float64, strict=False) * 1000).round().cast(pl.Int64).cast(pl.String)
    return _one_of([right + " kg", right + "kg", grams + " g"], rng)


def outlier(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """A number a hundred or a thousand times too large, or with the wrong sign."""
    number = right.cast(pl.Float64, strict=False)
    point = right.str.contains(".", literal=True)

    def spelt(value: pl.Series) -> pl.Series:
        with_cents = pl.DataFrame({"c": (value * 100).round().cast(pl.Int64)}).select(
            pl.concat_str(pl.col("c") // 100, pl.lit("."), (pl.col("c") % 100).cast(pl.String).str.zfill(2))
        )
        return with_cents.to_series().zip_with(point, value.round().cast(pl.Int64).cast(pl.String))

    return _one_of([spelt(number * 100), spelt(number * 1000), "-" + right], rng)


def other_value(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """A right word of the column in the wrong row: it contradicts the columns that determine it."""
    known = right.unique().drop_nulls().sort()
    if len(known) < 2:
        return right
    code = pl.DataFrame({"v": right}).join(
        pl.DataFrame({"v": known, "code": np.arange(len(known))}), on="v", how="left", maintain_order="left"
    )["code"]
    step = pl.Series(rng.integers(1, len(known), len(right)))
    return known.gather((code + step) % len(known))


def wrong_sum(right: pl.Series, rng: np.random.Generator) -> pl.Series:
    """A plausible amount that is not what the other columns give: two digits changed, or a tenth more."""
    cent = (right.cast(pl.Float64, strict=False) * 100).round().cast(pl.Int64)
    more = cent + (cent * pl.Series(rng.uniform(0.03, 0.3, len(right)))).cast(pl.Int64) + 1
    return (
        pl.DataFrame({"c": more})
        .select(pl.concat_str(pl.col("c") // 100, pl.lit("."), (pl.col("c") % 100).cast(pl.String).str.zfill(2)))
        .to_series()
    )


MISTAKES: Final[dict[str, Mistake]] = {
    function.__name__: function
    for function in (
        *(typo, missing, null_token, case, blanks, date_format, date_outlier, phone_format, number_format),
        *(money_unit, weight_unit, outlier, other_value, wrong_sum),
    )
}
