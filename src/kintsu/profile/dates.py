"""Formats of dates and times: which one a column uses, and reading and writing text in it.

A format is a strptime string with three additions, so that text can be written back as the column spells it:
``%-d`` (and ``%-m``, ``%-H``, ``%-I``) has no leading zero; ``%P`` is "am"; ``%{a.m.}`` and ``%{A.M.}`` have dots.
Day-first or month-first is settled by the whole column: the reading that fits more of its cells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

import polars as pl

__all__ = [
    "DATE_FORMATS",
    "TIME_FORMATS",
    "DateFormat",
    "find_format",
    "find_formats",
    "matches",
    "parse",
    "regex_of",
    "render",
    "sure_regex_of",
    "written",
]

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

DATE_FORMATS: Final[tuple[str, ...]] = (
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%d-%m-%y",
    "%m-%d-%y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d/%b/%Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%B %d %Y",
    "%Y-%b-%d",
    "%a, %d %b %Y",
    "%A, %B %d, %Y",
    "%A, %d %B %Y",
    "%b %d",
    "%B %d",
    "%d %b",
    "%d %B",
    "%d-%b",
    "%b-%d",
    "%d-%b %Y",
    "%b-%y",
    "%b %Y",
    "%B %Y",
)
"""Formats of days that are tried, the more usual of two that fit alike first."""

TIME_FORMATS: Final[tuple[str, ...]] = (
    "%H:%M",
    "%H:%M:%S",
    "%H:%M:%S%.f",
    "%I:%M %p",
    "%I:%M%p",
    "%I:%M:%S %p",
    "%I:%M:%S%p",
    "%H:%M:%S%z",
    "%H:%M:%S%.f%z",
    "%H:%M:%S %z",
)
"""Formats of times of day that are tried."""

_PIECE: Final[dict[str, str]] = {
    "%Y": r"[12]\d{3}",
    "%y": r"\d{2}",
    "%m": r"(?:0?[1-9]|1[0-2])",
    "%d": r"(?:0?[1-9]|[12]\d|3[01])",
    "%H": r"(?:[01]?\d|2[0-3])",
    "%I": r"(?:0?[1-9]|1[0-2])",
    "%M": r"[0-5]\d",
    "%S": r"[0-5]\d",
    "%.f": r"(?:\.\d{1,9})?",
    "%.3f": r"\.\d{3}",
    "%.6f": r"\.\d{6}",
    "%z": r"(?:Z|[+-]\d{2}:?\d{2})",
    "%p": r"(?i:[ap]\.?m\.?)",
    "%b": f"(?i:{'|'.join(m[:3] for m in _MONTHS)})",
    "%B": f"(?i:{'|'.join(_MONTHS)})",
    "%a": f"(?i:{'|'.join(d[:3] for d in _DAYS)})",
    "%A": f"(?i:{'|'.join(_DAYS)})",
}
_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:Z|[+-]\d{2}:?\d{2}))?"
_PIECES: Final = r"%\.[36]?f|%[A-Za-z]"
_TOKEN: Final = rf"{_PIECES}|[^%]"
_SPOKEN: Final[dict[str, str]] = {"%P": "%p", "%{a.m.}": "%p", "%{A.M.}": "%p"}


@dataclass(frozen=True)
class DateFormat:
    """A format of a column: its kind ("date", "datetime" or "time") and the share of filled cells that are in it."""

    format: str
    kind: str
    share: float


def _plain(fmt: str) -> str:
    """The strptime format without our additions."""
    for extra, usual in _SPOKEN.items():
        fmt = fmt.replace(extra, usual)
    return fmt.replace("%-", "%")


@cache
def _regex(fmt: str) -> str:
    """A regular expression of the whole text in this format, with or without leading zeros."""
    escaped = re.sub(_TOKEN, lambda m: _PIECE.get(m[0], re.escape(m[0])), _plain(fmt))
    if fmt == "%Y%m%d":  # eight bare digits are a date only where the parts cannot be anything else
        escaped = r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    return f"^{escaped}$"


@cache
def _marks(fmt: str) -> frozenset[str]:
    """The signs that stand in every text of this format: looking for them is quicker than compiling the pattern."""
    return frozenset(re.sub(_PIECES, "", fmt))


@cache
def _is_numeric(fmt: str) -> bool:
    """Whether a text of this format may lack letters."""
    return not re.search("%[bBaAp]", fmt)


def regex_of(fmt: str) -> str:
    """A regular expression of the whole text in a format that `find_format` found; see `matches`."""
    return _regex(fmt)


def sure_regex_of(fmt: str) -> str | None:
    """A regular expression of texts in this format that are a day of any calendar; None where there is no such.

    Days after the 28th and names of weekdays, which may be wrong, and digits of other scripts are left out.
    """
    if fmt == "%Y%m%d" or re.search("%[aA]", fmt):
        return None
    pieces = {**_PIECE, "%d": r"(?:0?[1-9]|1\d|2[0-8])"}
    regex = re.sub(_TOKEN, lambda m: pieces.get(m[0], re.escape(m[0])), _plain(fmt))
    return f"^{regex}$".replace(r"\d", "[0-9]")


def matches(text: pl.Series, fmt: str) -> pl.Series:
    """True where the text has the shape of the format (leading zeros optional); null stays null. No calendar check."""
    return text.str.strip_chars().str.contains(_regex(fmt))


def _layouts(text: pl.Series) -> pl.DataFrame:
    """Each text cut into its clock part, the rest, and the layout: "{d}", "{t}", "{d} {t}", "{t} {d}", "{d}T{t}"."""
    frame = pl.DataFrame({"text": text.str.strip_chars()})
    return (
        frame.with_columns(clock=pl.col("text").str.extract(f"({_CLOCK})"))
        .with_columns(layout=pl.col("text").str.replace(_CLOCK, "{t}"))
        .with_columns(day=pl.col("layout").str.replace(r"(\d)T\{t\}", "${1}").str.replace("{t}", "", literal=True))
        .with_columns(pl.col("day").str.strip_chars(" ,"))
    )


def _votes(parts: pl.DataFrame, column: str, formats: tuple[str, ...]) -> list[tuple[str, int]]:
    """(format, cells) of the formats that fit any part, most cells first; ties keep the order of `formats`."""
    distinct = parts.filter(pl.col(column) != "").group_by(column).agg(pl.col("n").sum())
    signs = frozenset("".join(distinct[column].to_list()))
    tried = distinct.select(
        pl.col("n").filter(pl.col(column).str.contains(_regex(fmt))).sum().alias(fmt)
        for fmt in formats
        if _marks(fmt) <= signs and (_is_numeric(fmt) or any(sign.isalpha() for sign in signs))
    )
    if not tried.width:
        return []
    return sorted(((fmt, int(n)) for fmt, n in tried.row(0, named=True).items() if n), key=lambda item: -item[1])


def find_formats(
    values: pl.Series, n: pl.Series | None = None, *, day_first: bool | None = None, most: int | None = 8
) -> list[DateFormat]:
    """Formats of dates and times that occur among distinct `values` with counts `n`, most cells first.

    Shares are of all cells handed in and may overlap where a text can be read in two ways ("03/04/2021"); the first
    is the column's: the reading that fits most cells; where two fit alike, `day_first` decides (default: month
    first). Cost: about 40 regular expressions over the distinct values, so hand over a few thousand at most. With
    `most` None all formats are found that any value can be read in: those of one value then depend on no other.
    """
    counts = pl.Series([1] * len(values), dtype=pl.Int64) if n is None else n.cast(pl.Int64)
    total = int(counts.sum() or 0)
    if not total:
        return []
    parts = _layouts(values).with_columns(n=counts)
    day = [pl.col("day") != "", pl.col("clock").is_not_null()]
    kinds = {"date": day[0] & ~day[1], "datetime": day[0] & day[1], "time": ~day[0] & day[1]}
    days = DATE_FORMATS if not day_first else tuple(sorted(DATE_FORMATS, key=lambda f: f.startswith("%m")))
    found: list[DateFormat] = []
    for kind, condition in kinds.items():
        part = parts.filter(condition)
        if len(part):
            every = _of_kind(part, kind, days, every=most is None)
            found += [DateFormat(f, kind, cells / total) for f, cells in every if cells]
    ranked = sorted(found, key=lambda f: -f.share)[:most]
    return [_spelt(f, parts) for f in ranked]


def _of_kind(part: pl.DataFrame, kind: str, days: tuple[str, ...], *, every: bool) -> list[tuple[str, int]]:
    if kind == "date":
        return _votes(part, "day", days)
    if kind == "time":
        return _votes(part, "clock", TIME_FORMATS)
    dates, clocks = _votes(part, "day", days), _votes(part, "clock", TIME_FORMATS)
    dates, clocks = (dates, clocks) if every else (dates[:4], clocks[:3])
    layouts = (
        part.with_columns(
            form=pl.when(pl.col("layout").str.starts_with("{t}"))
            .then(pl.lit("t") + pl.col("layout").str.slice(3, 1))
            .otherwise(pl.lit("d") + pl.col("layout").str.replace("{t}", "", literal=True).str.slice(-1))
        )
        .group_by("form")
        .agg(pl.col("n").sum())
        .sort(["n", "form"], descending=[True, False])["form"]
        .to_list()
    )
    whole = []
    for form in layouts if every else layouts[:2]:
        for d, _ in dates:
            for t, _ in clocks:
                gap = "T" if form[1:] == "T" else " "
                fmt = f"{t}{gap}{d}" if form[0] == "t" else f"{d}{gap}{t}"
                cells = part.filter(pl.col("text").str.contains(_regex(fmt)))["n"].sum()
                whole.append((fmt, int(cells)))
    return sorted(whole, key=lambda item: -item[1])


def _spelt(found: DateFormat, parts: pl.DataFrame) -> DateFormat:
    """The format with the column's own leading zeros and its own way to write "am"."""
    fitting = parts.filter(pl.col("text").str.contains(_regex(found.format)))
    fmt = found.format
    for pieces in (("%d", "%m"), ("%I",), ("%H",)):
        present = [piece for piece in pieces if piece in fmt and fmt != "%Y%m%d"]
        short = {piece: _is_short(fmt, piece, fitting) for piece in present}
        for piece in present:  # a day of two digits only says nothing: then the month shows the habit
            if short[piece] or (short[piece] is None and any(short.values())):
                fmt = fmt.replace(piece, f"%-{piece[1]}")
    if "%.f" in fmt:
        width = fitting["text"].str.extract(r"\.(\d{1,9})").str.len_bytes()
        if width.n_unique() == 1 and width[0] in (3, 6):
            fmt = fmt.replace("%.f", f"%.{width[0]}f")
    if "%p" in fmt:
        fmt = fmt.replace("%p", _meridiem(fitting))
    return DateFormat(fmt, found.kind, found.share)


def _is_short(fmt: str, piece: str, fitting: pl.DataFrame) -> bool | None:
    """Whether single digits of this piece mostly stand without a zero; None where there are no single digits."""
    shape = re.sub(
        _TOKEN,
        lambda m: r"(0?[1-9])" if m[0] == piece else _PIECE.get(m[0], re.escape(m[0])),
        _plain(fmt),
    )
    digits = fitting.select(d=pl.col("text").str.extract(f"^{shape}$"), n="n").drop_nulls("d")
    if not len(digits):
        return None
    short = digits.filter(pl.col("d").str.len_bytes() == 1)["n"].sum()
    return bool(short * 2 > digits["n"].sum())


def _meridiem(fitting: pl.DataFrame) -> str:
    """How the column writes "am": the directive that stands for its most usual spelling."""
    spelt = fitting.select(p=pl.col("text").str.extract(r"([AaPp]\.?[Mm]\.?)"), n="n").drop_nulls("p")
    form = pl.col("p").str.replace("[Pp]", "a").str.to_lowercase()
    upper = int(spelt.filter(pl.col("p").str.to_uppercase() == pl.col("p"))["n"].sum()) * 2 >= int(spelt["n"].sum())
    dotted = int(spelt.filter(form.str.contains(".", literal=True))["n"].sum()) * 2 > int(spelt["n"].sum())
    return ("%{A.M.}" if upper else "%{a.m.}") if dotted else ("%p" if upper else "%P")


def find_format(values: pl.Series, n: pl.Series | None = None, *, day_first: bool | None = None) -> DateFormat | None:
    """The format of most cells, or None where no date or time occurs. See `find_formats`.

    >>> find_format(pl.Series(["3/4/2021", "3/25/2021", "12/31/2020"])).format
    '%-m/%-d/%Y'
    >>> find_format(pl.Series(["7:10 a.m.", "11:05 p.m."])).format
    '%-I:%M %{a.m.}'
    """
    found = find_formats(values, n, day_first=day_first, most=1)
    return found[0] if found else None


def _kind(fmt: str) -> str:
    clock, day = "%M" in fmt, any(piece in _plain(fmt) for piece in ("%d", "%Y", "%y", "%m", "%b", "%B"))
    return "datetime" if clock and day else ("time" if clock else "date")


def parse(text: pl.Series, fmt: str) -> pl.Series:
    """Date, Datetime or Time of each text in this format; null where it is in another or no such day exists.

    A format without a year reads as the leap year 2000, one without a day as the first of the month; a time zone is
    converted to UTC.
    """
    stripped = text.str.strip_chars()
    fitting = pl.select(pl.when(stripped.str.contains(_regex(fmt))).then(stripped)).to_series()
    plain, kind = _plain(fmt), _kind(fmt)
    if "%p" in plain:
        fitting = fitting.str.replace(r"([AaPp])\.?[Mm]\.?", "${1}M").str.to_uppercase()
    if "%z" in plain:
        fitting = fitting.str.replace("Z$", "+0000")
    if kind == "time":
        return fitting.str.to_time(plain, strict=False).alias(text.name)
    if "%Y" not in plain and "%y" not in plain:
        fitting, plain = fitting + " 2000", plain + " %Y"
    if "%d" not in plain:
        fitting, plain = fitting + " 01", plain + " %d"
    if kind == "date":
        return fitting.str.to_date(plain, strict=False).alias(text.name)
    moment = fitting.str.to_datetime(plain, strict=False, time_unit="us")
    return (moment.dt.replace_time_zone(None) if moment.dtype.time_zone else moment).alias(text.name)  # type: ignore[attr-defined]


def render(moments: pl.Series, fmt: str) -> pl.Series:
    """Text of dates or times in this format, as the column spells it; null stays null."""
    dotted = next((spelt for spelt in ("%{a.m.}", "%{A.M.}") if spelt in fmt), None)
    written = moments.dt.strftime((fmt.replace(dotted, "%p") if dotted else fmt).replace("%z", "Z"))  # parsed to UTC
    if dotted is None:
        return written
    form = "${1}.m." if dotted == "%{a.m.}" else "${1}.M."
    if dotted == "%{a.m.}":
        written = written.str.replace("AM", "aM").str.replace("PM", "pM")
    return written.str.replace("([AaPp])M", form)


_WRITTEN: Final[dict[str, str]] = {
    **{"%Y": "yyyy", "%y": "yy", "%m": "mm", "%d": "dd", "%H": "hh", "%I": "hh", "%M": "mm", "%S": "ss"},
    **{"%-d": "d", "%-m": "m", "%-H": "h", "%-I": "h", "%b": "mon", "%B": "month", "%a": "day", "%A": "weekday"},
    **{"%p": "AM", "%P": "am", "%z": "zone", "%.f": ".fff", "%.3f": ".fff", "%.6f": ".ffffff"},
}


def written(fmt: str) -> str:
    """A format as people write it.

    >>> written("%d.%m.%Y"), written("%-m/%-d/%Y %-I:%M %{a.m.}")
    ('dd.mm.yyyy', 'm/d/yyyy h:mm a.m.')
    """
    return re.sub(r"%{([^}]*)}|%(?:\.\d?f|-?[A-Za-z])", lambda m: m[1] or _WRITTEN.get(m[0], m[0]), fmt)
