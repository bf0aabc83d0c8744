"""What type the cells of a column look like."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import ClassVar, Final

import numpy as np
import polars as pl

from kintsu.core.batch import Column
from kintsu.profile.packing import pack, unpack
from kintsu.profile.tally import Tally, as_tally
from kintsu.profile.values.null_tokens import is_null_token

__all__ = ["Votes"]

_BOOLEAN: Final = ["true", "false", "yes", "no", "t", "f", "y", "n"]
_MONTHS: Final = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_MONTH: Final = rf"(?i:{_MONTHS})[a-z]{{0,6}}\.?"
_WEEKDAY: Final = r"(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}"
_CLOCK: Final = r"\d{1,2}:[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:Z|[+-]\d{2}:?\d{2}))?"
_DAYS: Final = (
    r"[12]\d{3}[-/.][01]?\d[-/.][0-3]?\d",
    r"[0-3]?\d[-/.][0-3]?\d[-/.](?:\d{4}|\d{2})",
    rf"[0-3]?\d[-/ ]{_MONTH}(?:[-/ ,]+\d{{2,4}})?",
    rf"{_MONTH}[- ][0-3]?\d(?:,? \d{{4}})?",
    rf"[12]\d{{3}}[-/ ]{_MONTH}[-/ ]\d{{1,2}}",
    rf"{_WEEKDAY},? [0-3]?\d {_MONTH} \d{{4}}",
)
_DAY: Final = f"(?:{'|'.join(_DAYS)})"
_SUSPECT: Final = rf"^\s*(?:\d{{1,4}}(?:[-/.:]\d|[-/ ][A-Za-z]{{3}})|(?:(?i:{_MONTHS})[a-z]{{0,6}}|{_WEEKDAY})[., -])"
Share = float  # the class below has a field of the name `float`


@dataclass(frozen=True)
class Votes:
    """Non-missing cells by the type their text looks like; typed columns vote as one.

    `token` counts text that people write for "no value" ("N/A"); `code` whole numbers with a leading zero, which lose
    it when read as numbers. Dates are judged by shape, not by the calendar.
    """

    name: ClassVar[str] = "votes"
    grade: ClassVar[str] = "exact"

    integer: int = 0
    float: int = 0
    code: int = 0
    boolean: int = 0
    date: int = 0
    datetime: int = 0
    time: int = 0
    token: int = 0
    text: int = 0

    def add(self, column: Column | Tally) -> Votes:
        cells = as_tally(column)
        if not len(cells):
            return self
        if cells.dtype != pl.String:
            return self.merge(Votes(**{_typed(cells.dtype): cells.filled}))
        return self.merge(_judged(cells))

    def merge(self, other: Votes) -> Votes:
        return Votes(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def total(self) -> int:
        """Cells that voted for a type: null tokens abstain."""
        return int(sum(asdict(self).values())) - self.token

    @property
    def winner(self) -> tuple[str, Share]:
        """The column's type and the share of voting cells that are of it.

        Numbers win with half of the cells, and are float from 5 % with a point or exponent on. From 1 % of leading
        zeros on, whole numbers are codes: text. A column of null tokens only has type "null".
        """
        if not self.total:
            return "null", 1.0
        whole = self.integer + self.code
        if self.code > 0.01 * max(whole, 1) and whole * 2 >= self.total and self.float <= 0.05 * whole:
            return "text", 1.0
        numbers, moments = whole + self.float, self.date + self.datetime
        if numbers * 2 >= self.total:
            kind = "float" if self.float > 0.05 * numbers else "integer"
            return kind, (numbers if kind == "float" else whole) / self.total
        if moments * 2 >= self.total:
            kind = "datetime" if self.datetime >= self.date else "date"
            return kind, (moments if kind == "datetime" else self.date) / self.total
        for kind, cells in (("boolean", self.boolean), ("time", self.time)):
            if cells * 2 >= self.total:
                return kind, cells / self.total
        return "text", 1.0

    def to_bytes(self) -> bytes:
        return pack(self.name, 1, asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Votes:
        return cls(**unpack(data, cls.name, 1)[0])


def _typed(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "float"
    named = {pl.Boolean: "boolean", pl.Date: "date", pl.Time: "time"}
    return named.get(type(dtype), "datetime" if isinstance(dtype, pl.Datetime) else "text")


def _judged(cells: Tally) -> Votes:
    number, n = cells.number, cells.weights
    is_number = (number.is_not_null() & number.is_finite()).fill_null(False).to_numpy()
    numbers = cells.values.filter(pl.Series(is_number))
    weight = n[is_number]
    whole = numbers.str.contains(r"^\s*[+-]?\d+\s*$").to_numpy() if len(numbers) else np.zeros(0, bool)
    zero_led = numbers.str.contains(r"^\s*0\d").to_numpy() & whole if len(numbers) else whole
    rest, left = cells.values.filter(pl.Series(~is_number)), n[~is_number]
    votes = {
        "integer": int(weight[whole & ~zero_led].sum()),
        "code": int(weight[zero_led].sum()),
        "float": int(weight[~whole].sum()),
    }
    return Votes(**votes).merge(_words(rest, left)) if len(rest) else Votes(**votes)


def _words(text: pl.Series, n: np.ndarray) -> Votes:
    """Votes of texts that are no numbers."""
    length = text.str.len_bytes()
    short = (length <= 20) & ~text.str.contains("[1-9]")  # no word for "no value" is longer or has such a digit
    brief, brief_n = text.filter(short), n[short.to_numpy()]
    folded = pl.DataFrame({"t": brief}).select(
        token=is_null_token(pl.col("t")), yes=pl.col("t").str.strip_chars().str.to_lowercase().is_in(_BOOLEAN)
    )
    token, boolean = folded["token"].to_numpy(), folded["yes"].to_numpy()
    suspect = text.str.contains(_SUSPECT) & (length <= 40)
    dated, dated_n = text.filter(suspect).str.strip_chars(), n[suspect.to_numpy()]
    shapes = {
        "date": rf"^{_DAY}$",
        "time": rf"^{_CLOCK}$",
        "datetime": rf"^(?:{_DAY},?[T ]{_CLOCK}|{_CLOCK} {_DAY})$",
    }
    held = {k: int(dated_n[dated.str.contains(p).to_numpy()].sum()) if len(dated) else 0 for k, p in shapes.items()}
    held["token"] = int(brief_n[token].sum())
    held["boolean"] = int(brief_n[boolean & ~token].sum())
    return Votes(**held, text=int(n.sum()) - sum(held.values()))
