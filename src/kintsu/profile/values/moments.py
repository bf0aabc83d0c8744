"""Judge dates and times that are not in their column's dominant format."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

import polars as pl

from kintsu.core.phrase import phrase, quoted
from kintsu.profile.dates import DateFormat, find_format, find_formats, matches, parse, render, written
from kintsu.profile.values.view import NOTHING, ColumnView, besides, judged

__all__ = ["CALENDAR", "Moments", "column_format", "judge_moments", "moments_of"]

CALENDAR: Final = 0.9  # share of a column in its format from which days that do not exist are told
_PROBE: Final = 2_000  # distinct values that the format is learned from
_MOST: Final = 50_000  # most odd values that are read


def column_format(view: ColumnView, *, day_first: bool | None = None) -> DateFormat | None:
    """The format of a column in which at least half of the cells are dates or times of one format; else None.

    `day_first` decides where "3/4/2026" may be read either way in every cell.
    """
    values = view.values
    if len(values) < 3:
        return None
    probe = view.probe(_PROBE)
    digits = probe["value"].str.contains(r"\d")
    if float(digits.mean() or 0) < 0.5 or not probe["value"].str.contains(r"\d[:/.\-\s]|[a-zA-Z]\d|\d{8}").any():  # type: ignore[arg-type]
        return None
    found = find_format(probe["value"], probe["n"], day_first=day_first)
    return found if found is not None and found.share >= 0.5 else None


@dataclass(frozen=True)
class Moments:
    """What is usual for the dates or times of a column, to judge others by.

    `first` and `last` bound the moments that years of two digits are read into, `low` and `high` (physical time) those
    that may be of this column; None: nothing is known. `order`: whether values with one reading have the month first,
    and how sure that is; None where too few tell.
    """

    usual: DateFormat
    first: Any = None
    last: Any = None
    low: int | None = None
    high: int | None = None
    order: tuple[bool, float] | None = None


def moments_of(view: ColumnView, usual: DateFormat) -> Moments:
    """What the values of a column say."""
    plain = _bounds(view, usual)
    odd = view.values.filter(~matches(view.values["value"], usual.format))
    every = _readings(odd.head(_MOST), plain, alone=True) if len(odd) else None
    return plain if every is None else replace(plain, order=_order_of(every))


def _bounds(view: ColumnView, usual: DateFormat) -> Moments:
    known = _moments(view.values["value"], usual.format)
    return Moments(usual, *_span(known), *_near(known))


def judge_moments(
    view: ColumnView, left: pl.DataFrame, usual: DateFormat, known: Moments | None = None
) -> pl.DataFrame:
    """Values of `left` in other formats, rewritten where there is one reading; days that do not exist.

    With `known`, of a view that did not count them, each value is judged by itself.
    """
    fits = matches(left["value"], usual.format)
    odd = left.filter(~fits)
    out = []
    if 0 < len(odd) <= _MOST:
        every = _readings(odd, _bounds(view, usual) if known is None else known, alone=known is not None)
        order = known.order if known is not None else None if every is None else _order_of(every)
        out.append(NOTHING if every is None else _rewritten(every, usual, order))
        left_over = besides(odd, out[0]["value"])
        out.append(_exchanged(left_over, usual))
    inside = left.filter(fits)
    if usual.share >= CALENDAR and 0 < len(inside) <= _MOST:  # clocks make many distinct moments; days are few
        absent = inside.filter(parse(inside["value"], usual.format).is_null())
        out.append(
            judged(
                absent.select("value", why=phrase("{} is no day of the calendar", quoted("value"))),
                kind="format",
                score=0.95,
            )
        )
    out = [part for part in out if len(part)]
    return pl.concat(out) if out else NOTHING


def _moments(text: pl.Series, fmt: str) -> pl.Series:
    """The moments of the values in the usual format."""
    return parse(text.filter(matches(text, fmt)), fmt).drop_nulls()


def _span(moments: pl.Series) -> tuple[Any, Any]:
    """The first and the last of 98 in 100 moments, and as far again: a year with a digit too many is no end of it."""
    ranked = moments.sort()
    if not len(ranked) or moments.dtype == pl.Time:
        return (None, None)
    low, high = ranked[len(ranked) // 100], ranked[-1 - len(ranked) // 100]
    return (max(low - (high - low), ranked[0]), min(high + (high - low), ranked[-1]))


def _in_span(moments: pl.Series, span: tuple[Any, Any]) -> tuple[pl.Series, pl.Series]:
    """Two-digit years in the century in which the column lies, and whether that is a guess.

    "02.01.39" among births from 1930 to 1971 is 1939. Where both centuries or neither lie in the column's span, the
    century is a guess.
    """
    if span[0] is None:
        return moments, pl.repeat(True, len(moments), eager=True)
    frame = pl.DataFrame({"given": moments}).with_columns(
        before=pl.col("given").dt.offset_by("-100y"), after=pl.col("given").dt.offset_by("100y")
    )
    inside = {name: pl.col(name).is_between(*span) for name in frame.columns}
    told = frame.select(
        new=pl.coalesce(pl.when(test).then(name) for name, test in inside.items()).fill_null(pl.col("given")),
        guess=pl.sum_horizontal(test.cast(pl.Int8) for test in inside.values()) != 1,
    )
    return told["new"], told["guess"].fill_null(False)


def _near(usual: pl.Series) -> tuple[int | None, int | None]:
    """Where nearly all moments of a column lie, and twice as far on either side, as physical time."""
    if usual.dtype == pl.Time or len(usual) < 20:
        return (None, None)
    ranked = usual.to_physical().cast(pl.Int64).sort()
    low, high = int(ranked[len(ranked) // 50]), int(ranked[-1 - len(ranked) // 50])
    slack = 2 * (high - low)
    return (low - slack, high + slack)


def _is_far(moments: pl.Series, known: Moments) -> pl.Series:
    """Whether a reading lies further from nearly all moments of the column than they lie apart, twice over.

    Such digits are no moment of this column, whatever can be read in them.
    """
    kind = {"date": pl.Date, "datetime": pl.Datetime}.get(known.usual.kind)
    if known.low is None or kind is None or moments.dtype != kind:
        return pl.repeat(False, len(moments), eager=True)
    return ~moments.to_physical().cast(pl.Int64).is_between(known.low, known.high).fill_null(True)


def _readings(odd: pl.DataFrame, known: Moments, *, alone: bool) -> pl.DataFrame | None:
    """The readings of each value in the formats found among the odd ones: `value`, `new`, `agrees`, `order`, `guess`.

    With `alone`, in all formats that it can be read in. None where there are no formats.
    """
    usual = known.usual
    formats = find_formats(odd["value"], odd["n"], most=None) if alone else find_formats(odd["value"], odd["n"])
    found = [f for f in formats if f.format != usual.format and f.kind == usual.kind]
    month_first = _order(usual.format)
    readings = []
    for other in found:
        has_year = "%Y" in other.format or "%y" in other.format
        if ("%Y" in usual.format or "%y" in usual.format) and not has_year:
            continue  # a missing year is not invented
        if "%S" in usual.format and "%S" not in other.format:
            continue
        moments = parse(odd["value"], other.format)
        short = "%y" in other.format and "%Y" in usual.format
        span = (known.first, known.last)
        moments, unsure = _in_span(moments, span) if short else (moments, pl.repeat(False, len(odd), eager=True))
        new = render(moments, usual.format)
        order = _order(other.format)
        agrees = order is None or month_first is None or order == month_first
        read = pl.DataFrame(
            {"value": odd["value"], "new": new, "agrees": [agrees] * len(odd), "order": [order] * len(odd)},
            schema_overrides={"order": pl.Boolean},
        )
        guess = unsure | _is_far(moments, known) | _guessed(odd["value"], moments, usual.format, other.format)
        readings.append(read.with_columns(guess=guess))
    if not readings:
        return None
    return pl.concat(readings).drop_nulls("new").unique().filter(pl.col("new") != pl.col("value"))


def _rewritten(every: pl.DataFrame, usual: DateFormat, told: tuple[bool, float] | None) -> pl.DataFrame:
    """The likeliest of the readings of each value, by the order of day and month that the others have (`told`)."""
    month_first = _order(usual.format)
    if told is not None:
        every = every.with_columns(agrees=(pl.col("order") == told[0]).fill_null(True))
    n = pl.col("new").n_unique().over("value")
    # of two readings the one in the column's own order of day and month is likelier, but people decide
    every = every.with_columns(n=n).sort(["value", "agrees", "new", "guess"], descending=[False, True, False, False])
    best = every.unique("value", keep="first", maintain_order=True)
    score = (
        pl.when("guess")
        .then(0.45)
        .when(pl.col("n") == 1)
        .then(pl.when(pl.col("agrees")).then(0.96).otherwise(0.9))
        .otherwise(told[1] if told is not None else 0.8 if month_first is not None else 0.48)
    )
    return judged(
        best.select(
            "value",
            "new",
            new_score=score,
            why=phrase(
                "not in the format that {} % of the column have ({})",
                pl.lit(round(100 * usual.share, 1)),
                pl.lit(written(usual.format)),
            ),
        ),
        kind="format",
        score=0.97,
        mend=True,
        operation="date_format",
        says=f"write {'times' if usual.kind == 'time' else 'dates'} as {written(usual.format)}",
    )


def _order_of(every: pl.DataFrame) -> tuple[bool, float] | None:
    """What values with one reading say of day and month (whether the month is first), and how sure that is.

    "25/03/2024" beside "04/05/2024" has the day first: with five such values and more, all of one order, so has the
    other. None where too few values speak.
    """
    told = every.filter((pl.len().over("value") == 1) & pl.col("order").is_not_null())
    votes = [int(told.filter(pl.col("order") == first)["value"].n_unique()) for first in (True, False)]
    if max(votes) < 5:
        return None
    return votes[0] > votes[1], 0.96 * (max(votes) + 1) / (sum(votes) + 2)


def _exchanged(odd: pl.DataFrame, usual: DateFormat) -> pl.DataFrame:
    """Values with a month above twelve that are days with day and month in the wrong order."""
    fmt = usual.format
    if not re.search("%-?m", fmt) or not re.search("%-?d", fmt) or not len(odd):
        return NOTHING
    other = re.sub("%(-?)([md])", lambda m: f"%{m[1]}{'d' if m[2] == 'm' else 'm'}", fmt)
    read = odd.select("value", new=render(parse(odd["value"], other), fmt)).drop_nulls("new")
    return judged(
        read.filter(pl.col("new") != pl.col("value")).with_columns(
            why=phrase("{} is no day of the calendar; with day and month exchanged it is one", quoted("value"))
        ),
        kind="format",
        score=0.95,
        mend=True,
        new_score=0.93,
        operation="date_format",
        says=f"write dates as {written(fmt)}",
    )


def _guessed(text: pl.Series, moments: pl.Series, usual: str, other: str) -> pl.Series:
    """Whether a reading adds what the text does not say: the half of the day, or the end of a year that was cut off.

    "7:10" among "7:10 a.m." may be either half; "14/10/20" among "14/10/2023" may be any year from 2020 to 2029.
    """
    nothing = pl.repeat(False, len(text), eager=True)
    if re.search("%-?I", usual) and not re.search("%(p|P|{)", other):
        return moments.dt.hour().is_between(1, 12).fill_null(False)
    if usual.endswith("%Y") and other.replace("%-", "%") == usual.replace("%-", "%").replace("%Y", "%y"):
        return text.str.contains(r"(?:19|20)$")
    return nothing


def _order(fmt: str) -> bool | None:
    """Whether the month stands before the day, both as numbers; None where they cannot be mixed up."""
    plain = fmt.replace("%-", "%")
    if "%m" not in plain or "%d" not in plain or plain.startswith("%Y"):
        return None
    return plain.index("%m") < plain.index("%d")
