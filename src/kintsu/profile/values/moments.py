"""Judge dates and times that are not in their column's dominant format."""

from __future__ import annotations

import re
from typing import Any, Final

import polars as pl

from kintsu.core.phrase import phrase, quoted
from kintsu.profile.dates import DateFormat, find_format, find_formats, matches, parse, render, written
from kintsu.profile.values.view import NOTHING, ColumnView, besides, judged

__all__ = ["column_format", "judge_moments"]

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


def judge_moments(view: ColumnView, left: pl.DataFrame, usual: DateFormat) -> pl.DataFrame:
    """Values of `left` in other formats, rewritten where there is one reading; days that do not exist."""
    fits = matches(left["value"], usual.format)
    odd = left.filter(~fits)
    out = []
    if 0 < len(odd) <= _MOST:
        known = _moments(view.values["value"], usual.format)
        out.append(_rewritten(odd, usual, _span(known), known))
        left_over = besides(odd, out[0]["value"])
        out.append(_exchanged(left_over, usual))
    inside = left.filter(fits)
    if usual.share >= 0.9 and 0 < len(inside) <= _MOST:  # clocks make many distinct moments; days are few
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


def _is_far(moments: pl.Series, usual: pl.Series) -> pl.Series:
    """Whether a reading lies further from nearly all moments of the column than they lie apart, twice over.

    Such digits are no moment of this column, whatever can be read in them.
    """
    if moments.dtype == pl.Time or moments.dtype != usual.dtype or len(usual) < 20:
        return pl.repeat(False, len(moments), eager=True)
    ranked = usual.to_physical().cast(pl.Int64).sort()
    low, high = int(ranked[len(ranked) // 50]), int(ranked[-1 - len(ranked) // 50])
    slack = 2 * (high - low)
    return ~moments.to_physical().cast(pl.Int64).is_between(low - slack, high + slack).fill_null(True)


def _rewritten(odd: pl.DataFrame, usual: DateFormat, span: tuple[Any, Any], usual_moments: pl.Series) -> pl.DataFrame:
    """The readings of each value in all formats found among the odd ones; kept where they agree."""
    found = [f for f in find_formats(odd["value"], odd["n"]) if f.format != usual.format and f.kind == usual.kind]
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
        moments, unsure = _in_span(moments, span) if short else (moments, pl.repeat(False, len(odd), eager=True))
        new = render(moments, usual.format)
        order = _order(other.format)
        agrees = order is None or month_first is None or order == month_first
        read = pl.DataFrame(
            {"value": odd["value"], "new": new, "agrees": [agrees] * len(odd), "order": [order] * len(odd)},
            schema_overrides={"order": pl.Boolean},
        )
        guess = unsure | _is_far(moments, usual_moments) | _guessed(odd["value"], moments, usual.format, other.format)
        readings.append(read.with_columns(guess=guess))
    if not readings:
        return NOTHING
    every = pl.concat(readings).drop_nulls("new").unique().filter(pl.col("new") != pl.col("value"))
    n = pl.col("new").n_unique().over("value")
    every, ordered = _by_order(every)
    # of two readings the one in the column's own order of day and month is likelier, but people decide
    every = every.with_columns(n=n).sort(["value", "agrees", "new"], descending=[False, True, False])
    best = every.unique("value", keep="first", maintain_order=True)
    score = (
        pl.when("guess")
        .then(0.45)
        .when(pl.col("n") == 1)
        .then(pl.when(pl.col("agrees")).then(0.96).otherwise(0.9))
        .otherwise(ordered if ordered is not None else 0.8 if month_first is not None else 0.48)
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


def _by_order(every: pl.DataFrame) -> tuple[pl.DataFrame, float | None]:
    """The readings with `agrees` by what values with one reading say of day and month, and how sure that is.

    "25/03/2024" beside "04/05/2024" has the day first: with five such values and more, all of one order, so has the
    other. None, and the readings as they are, where too few values speak.
    """
    told = every.filter((pl.len().over("value") == 1) & pl.col("order").is_not_null())
    votes = [int(told.filter(pl.col("order") == first)["value"].n_unique()) for first in (True, False)]
    if max(votes) < 5:
        return every, None
    first = votes[0] > votes[1]
    agrees = (pl.col("order") == first).fill_null(True)
    return every.with_columns(agrees=agrees), 0.96 * (max(votes) + 1) / (sum(votes) + 2)


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
    if usual.endswith("%Y") and other == usual.replace("%Y", "%y"):
        return text.str.contains(r"(?:19|20)$")
    return nothing


def _order(fmt: str) -> bool | None:
    """Whether the month stands before the day, both as numbers; None where they cannot be mixed up."""
    plain = fmt.replace("%-", "%")
    if "%m" not in plain or "%d" not in plain or plain.startswith("%Y"):
        return None
    return plain.index("%m") < plain.index("%d")
