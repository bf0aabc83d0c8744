"""Numbers as people write them: thousands separators, decimal commas, currencies, percent signs, units."""

from __future__ import annotations

from functools import cache
from typing import Final

import polars as pl

__all__ = ["decimals", "loose_numbers", "plain_numbers", "print_numbers"]

_SPACES: Final = "\u0020\u00a0\u2009\u202f"
_LOOSE: Final = (
    r"^\s*(?P<open>\(?)(?P<prefix>[^\d+\-−.,()]{0,8}?)\s*"
    rf"(?P<body>[+\-−]?(?:\d[\d.,'’{_SPACES}]*\d|\d)|[+\-−]?[.,]\d+|[+\-−]?\d+[.,])"
    r"(?P<exponent>[eE][+-]?\d{1,3})?\s*"
    r"(?P<suffix>[^\d\s(),;:+\-][^\d]{0,30}?[²³23]?|[,.]0|/\s*\d+)?\s*\)?\s*$"
)


def plain_numbers(text: pl.Series) -> pl.Series:
    """Float64 of machine numbers; null for anything else, infinities and NaN."""
    number = text.str.strip_chars().cast(pl.Float64, strict=False)
    return number.set(~number.is_finite(), None)


def loose_numbers(text: pl.Series, *, decimal_comma: bool = False) -> pl.DataFrame:
    """Read numbers with separators, a currency before or a unit after them.

    Returns `number` Float64 (null where no single reading exists), `prefix` and `suffix` (stripped, "" where absent)
    and `body` (the digits as written). With both separators the last one is the decimal one; a single comma followed
    by exactly three digits separates thousands unless `decimal_comma`; parentheses around a number negate it.

    >>> loose_numbers(pl.Series(["1,234.50 €", "12.0 oz", "1.5e3", "(5)", "7,5", "a"]))["number"].to_list()
    [1234.5, 12.0, 1500.0, -5.0, 7.5, None]
    """
    if not text.str.contains(r"\d").any():
        without, none = pl.repeat("", len(text), dtype=pl.String, eager=True), [None] * len(text)
        unread = {"number": none, "prefix": without, "suffix": without, "body": none}
        return pl.DataFrame(unread, schema_overrides={"number": pl.Float64, "body": pl.String})
    read = pl.DataFrame({"text": text}).select(pl.col("text").str.extract_groups(_LOOSE)).unnest("text")
    for step in _reading(decimal_comma):
        read = read.with_columns(step)
    return read.select("number", "prefix", "suffix", "body")


@cache
def _reading(decimal_comma: bool) -> tuple[list[pl.Expr], ...]:
    """Steps from the groups of the pattern to the number, each on what the one before it made.

    In steps, for polars works out each mention of an expression anew, and built once: either costs more than a short
    column.
    """
    bare, tight, number = pl.col("bare"), pl.col("tight"), pl.col("number")
    n_commas, n_points = pl.col("n_commas"), pl.col("n_points")
    cleaned = [
        pl.col("body").str.replace("−", "-", literal=True).alias("bare"),
        pl.col("prefix").fill_null("").str.strip_chars(),
        pl.col("suffix").fill_null("").str.strip_chars(),
    ]
    closed = [bare.str.replace_all(rf"['’{_SPACES}]", "").alias("tight")]
    counted = [
        tight.str.count_matches(",", literal=True).alias("n_commas"),
        tight.str.count_matches(".", literal=True).alias("n_points"),
        tight.str.replace_all(",", "", literal=True).alias("no_commas"),
        tight.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True).alias("as_comma"),
    ]
    last_comma = tight.str.contains(r",\d*$") & ~tight.str.contains(r"\.\d*$")
    grouped = tight.str.contains(r"^[+-]?\d{1,3}(,\d{3})+$")
    grouped_points = tight.str.contains(r"^[+-]?\d{1,3}(\.\d{3}){2,}$")
    thousands_ok = tight.str.contains(r"^[+-]?\d{1,3}(,\d{3})+\.\d*$") | tight.str.contains(
        r"^[+-]?\d{1,3}(\.\d{3})+,\d*$"
    )
    single = (
        pl.when((n_commas > 0) & (n_points > 0))
        .then(pl.when(thousands_ok).then(pl.when(last_comma).then("as_comma").otherwise("no_commas")))
        .when(grouped_points)
        .then(tight.str.replace_all(".", "", literal=True))
        .when(n_points > 1)
        .then(None)
        .when(grouped & ~pl.lit(decimal_comma))
        .then("no_commas")
        .when(n_commas == 1)
        .then("as_comma")
        .when(n_commas > 1)
        .then(None)
        .otherwise(tight)
    )
    # blanks inside digits must group thousands: "12 5" is two numbers
    spaced = bare.str.contains(rf"\d[{_SPACES}]\d")
    spaced_ok = bare.str.contains(rf"^[+-]?\d{{1,3}}([{_SPACES}]\d{{3}})+([.,]\d+)?$")
    whole = pl.concat_str(single, pl.col("exponent").fill_null("")).cast(pl.Float64, strict=False)
    read = [pl.when(~spaced | spaced_ok).then(whole).alias("number")]
    signed = [pl.when((pl.col("open") == "(") & (number > 0)).then(-number).otherwise(number)]
    return cleaned, closed, counted, read, signed


def decimals(text: pl.Series) -> pl.Series:
    """Number of digits after the decimal point of plain numbers; 0 where there is no point."""
    return text.str.strip_chars().str.extract(r"\.(\d*)$").str.len_chars().fill_null(0)


def print_numbers(numbers: pl.Series, *, places: int | None = None) -> pl.Series:
    """Shortest text of each number at ten significant digits (float artefacts go), or with fixed `places`.

    Whole numbers keep all their digits.

    >>> print_numbers(pl.Series([0.055999999999999994, 12.0, 1e-05])).to_list()
    ['0.056', '12', '0.00001']
    >>> print_numbers(pl.Series([4018920567356.0])).to_list()
    ['4018920567356']
    >>> print_numbers(pl.Series([12.0]), places=1).to_list()
    ['12.0']
    """
    distinct = numbers.unique().drop_nulls()
    texts = [_printed(float(x), places) for x in distinct.to_list()]
    return numbers.replace_strict(distinct, pl.Series(texts, dtype=pl.String), default=None, return_dtype=pl.String)


def _printed(number: float, places: int | None) -> str:
    rounded = number if number.is_integer() else float(f"{number:.10g}")
    shortest = f"{rounded:f}" if abs(rounded) >= 1e15 else f"{rounded:.12f}"
    shortest = shortest.rstrip("0").rstrip(".") if "." in shortest else shortest
    if places is None:
        return shortest or "0"
    fixed = f"{rounded:.{places}f}"
    return fixed if float(fixed) == rounded else shortest
