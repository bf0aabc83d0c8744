"""Objectives of a table: what its batches promise, how often, over which time. A sentence or a mapping in YAML.

completeness of email >= .98
arrives by 06:00 UTC, 99 % of days a month
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from kintsu.core.errors import UsageError
from kintsu.core.settings import Setting, duration, nearest

__all__ = ["MEASURES", "UNITS", "WINDOWS", "Objective", "objective_from", "objectives_from", "read_sentence"]

WHOLE: Final = {"rows": "rows", "duplicates": "duplicates"}
OF_COLUMN: Final = {
    "completeness": "completeness",
    "distinct share": "distinct",
    "top share": "top",
    "mean": "mean",
    "median": "q50",
    "lowest": "low",
    "highest": "high",
    "spread": "spread",
    "mean length": "length",
    "shortest": "shortest",
    "longest": "longest",
}
MEASURES: Final = {**WHOLE, **OF_COLUMN}
"""Measure in words -> name of the fact (see `facts.facts`); those of a column are followed by it."""

SHARES: Final = ("completeness", "distinct share", "top share", "duplicates")

UNITS: Final = {"days": "day", "weekdays": "weekday", "batches": "batch"}
WINDOWS: Final = ("week", "month", "quarter")
LONGEST_WINDOW: Final = 366  # days
EVERY: Final = 100.0

COMPARISONS: Final = {"at least": ">=", "at most": "<=", ">=": ">=", "<=": "<=", ">": ">", "<": "<", "=": "="}
TOKEN: Final = re.compile(
    r"""\s*(?: `(?P<tick>[^`]+)` | "(?P<quote>[^"]+)" | (?P<time>\d{1,2}:\d{2})\b | (?P<sign>>=|<=|[<>=,%])
      | (?P<number>[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.]) | (?P<word>[^\s,<>=%`"]+) )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Objective:
    """What a table promises.

    Attributes
    ----------
    measure
        A word of `MEASURES`, or "arrives".
    column
        Of the measures of a column; else "".
    least, most, is_strict
        Bounds of the measure, one or both; strict ones do not count as kept themselves.
    by, zone
        Arrives by this time of day ("06:00"): the first one at or after the end of the batch's period. Days are those
        of this time zone.
    within_h
        Or arrives within so many hours after the end of its period.
    percent
        Of the `unit`s ("days", "weekdays", "batches") that have to keep the promise, in (0, 100].
    window
        "week", "month", "quarter" of the calendar, or the number of days up to now.
    """

    measure: str
    column: str = ""
    least: float | None = None
    most: float | None = None
    is_strict: bool = False
    by: str = ""
    zone: str = "UTC"
    within_h: float | None = None
    percent: float = EVERY
    unit: str = "batches"
    window: str | int = 30

    @property
    def fact(self) -> str:
        """Name of the fact that it is judged by."""
        if self.measure == "arrives":
            return "late_h"
        name = MEASURES[self.measure]
        return f"{name}:{self.column}" if self.column else name

    @property
    def text(self) -> str:
        """The sentence; `read_sentence` reads it back."""
        share = f"{_number(self.percent)} % of {self.unit}" if self.percent < EVERY else f"every {UNITS[self.unit]}"
        window = f"over {self.window} days" if isinstance(self.window, int) else f"a {self.window}"
        return f"{self.condition}, {share} {window}"

    @property
    def condition(self) -> str:
        """The first part of the sentence."""
        if self.by:
            return f"arrives by {self.by} {self.zone}"
        if self.within_h is not None:
            return f"arrives within {_number(self.within_h)} hours"
        what = f"{self.measure} of {_quoted(self.column)}" if self.column else self.measure
        if self.least is not None and self.most is not None:
            if self.least == self.most:
                return f"{what} = {_number(self.least)}"
            return f"{what} between {_number(self.least)} and {_number(self.most)}"
        sign, bound = (">", self.least) if self.least is not None else ("<", self.most)
        return f"{what} {sign}{'' if self.is_strict else '='} {_number(bound or 0.0)}"

    def to_dict(self) -> dict[str, Any]:
        """The mapping that `objective_from` reads."""
        out: dict[str, Any] = {}
        if self.by:
            out["arrives_by"] = f"{self.by} {self.zone}"
        elif self.within_h is not None:
            out["arrives_within"] = f"{_number(self.within_h)} hours"
        else:
            out["measure"] = self.measure
            if self.column:
                out["column"] = self.column
            words = ("above", "below") if self.is_strict else ("at_least", "at_most")
            for word, bound in zip(words, (self.least, self.most), strict=True):
                if bound is not None:
                    out[word] = bound
        window = f"{self.window} days" if isinstance(self.window, int) else self.window
        return out | {"percent": self.percent, "of": self.unit, "window": window}


def objectives_from(setting: Setting | None) -> dict[str, tuple[Objective, ...]]:
    """The objectives of the section `objectives:`, by table.

    Raises
    ------
    UsageError
        What is no objective; names file, line and the nearest known word.
    """
    if setting is None:
        return {}
    tables = setting.mapping(form="{orders: [rows >= 1000]}")
    return {
        table: tuple(objective_from(each) for each in listed.items(form="[rows >= 1000]"))
        for table, listed in tables.items()
    }


def objective_from(setting: Setting) -> Objective:
    """One objective: a sentence, or a mapping with the keys of `Objective.to_dict`."""
    if not isinstance(setting.value, Mapping):
        try:
            return read_sentence(setting.text())
        except UsageError as error:
            raise error if str(error).startswith(setting.where) else setting.wrong(str(error)) from error
    known = ("measure", "column", "at_least", "at_most", "above", "below", "arrives_by", "arrives_within")
    told = setting.mapping((*known, "percent", "of", "window"))
    found = _condition_of(setting, told)
    if "percent" in told:
        found["percent"] = told["percent"].number(least=0)
        if not 0 < found["percent"] <= EVERY:
            raise told["percent"].wrong("expected a number above 0 and at most 100")
    if "of" in told:
        found["unit"] = told["of"].choice(tuple(UNITS))
    if "window" in told:
        word = told["window"].text()
        found["window"] = word if word in WINDOWS else _days(word, told["window"])
    return Objective(**found)


def _condition_of(setting: Setting, told: dict[str, Setting]) -> dict[str, Any]:
    """Fields of an objective, from a mapping."""
    kinds = [key for key in ("measure", "arrives_by", "arrives_within") if key in told]
    if len(kinds) != 1:
        raise setting.wrong("an objective has one of `measure`, `arrives_by` and `arrives_within`")
    bounds = {key: told[key] for key in ("at_least", "at_most", "above", "below") if key in told}
    if kinds != ["measure"]:
        stray = [key for key in ("column", *bounds) if key in told]
        if stray:
            raise told[stray[0]].wrong(f"`{stray[0]}` belongs to `measure`, not to `{kinds[0]}`")
        try:
            return _Sentence(f"{kinds[0].replace('_', ' ')} {told[kinds[0]].text()}").arrival()
        except UsageError as error:
            raise told[kinds[0]].wrong(str(error)) from error
    measure = told["measure"].choice(tuple(MEASURES))
    if (measure in OF_COLUMN) != ("column" in told):
        raise setting.wrong(f"`{measure}` {'needs a' if measure in OF_COLUMN else 'has no'} `column`")
    strict = [key for key in bounds if key in ("above", "below")]
    if not bounds or (strict and len(bounds) > 1):
        raise setting.wrong("say `at_least`, `at_most` or both, or one of `above` and `below`")
    values = {key: each.number(least=float("-inf")) for key, each in bounds.items()}
    column = told["column"].text() if "column" in told else ""
    try:
        return _bounded(
            measure,
            column,
            values.get("at_least", values.get("above")),
            values.get("at_most", values.get("below")),
            bool(strict),
        )
    except UsageError as error:
        raise setting.wrong(str(error)) from error


def read_sentence(text: str) -> Objective:
    """An objective from one sentence.

        MEASURE [of COLUMN] SIGN NUMBER [%]          completeness of email >= 98 %
        MEASURE [of COLUMN] between NUMBER and NUMBER
        no duplicates
        arrives by HH:MM [ZONE]                      arrives by 06:00 Europe/Paris
        arrives within NUMBER UNIT                   arrives within 2 hours

    and then, after a comma, `NUMBER % of UNIT` or `every UNIT` with one of `a week`, `a month`, `a quarter` and
    `over NUMBER days`; without it every batch over 30 days has to keep it. SIGN is >=, <=, >, <, =, "at least" or
    "at most", UNIT days, weekdays or batches. Columns that are no single word stand in backticks.

    Raises
    ------
    UsageError
        Another word; names the nearest known one.

    Examples
    --------
    >>> read_sentence("arrives by 06:00 UTC, 99 % of days a month").text
    'arrives by 06:00 UTC, 99 % of days a month'
    >>> read_sentence("rows at least 1_000").text
    'rows >= 1000, every batch over 30 days'
    """
    sentence = _Sentence(text)
    found = sentence.arrival() if sentence.peek() == "arrives" else sentence.bounded()
    if not sentence.is_over():
        sentence.expect(",")
        found |= sentence.share()
    if not sentence.is_over():
        raise UsageError(f"{sentence.next()!r} is one word too many in {text!r}")
    return Objective(**found)


class _Sentence:
    """The words of a sentence, read one by one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.at = 0

    def is_over(self) -> bool:
        return self.at >= len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead][1] if self.at + ahead < len(self.tokens) else ""

    def next(self) -> str:
        word = self.peek()
        if self.is_over():
            raise UsageError(f"{self.text!r} ends too early")
        self.at += 1
        return word

    def expect(self, *words: str) -> str:
        """The next word, which is one of these."""
        word = self.peek()
        if word not in words:
            if self.is_over():
                raise UsageError(f"{self.text!r} ends where {' or '.join(map(repr, words))} is expected")
            raise UsageError(f"unknown word {word!r}{nearest(word, words)} (in {self.text!r})")
        return self.next()

    def number(self) -> float:
        kind = self.tokens[self.at][0] if not self.is_over() else "end"
        if kind != "number":
            raise UsageError(f"expected a number, found {self.peek() or 'the end'!r} in {self.text!r}")
        value = float(self.next().replace("_", ""))
        if self.peek() == "%":
            self.next()
            value /= 100
        return value

    def measure(self) -> str:
        two = f"{self.peek()} {self.peek(1)}"
        if two in MEASURES:
            self.at += 2
            return two
        if self.peek() not in MEASURES:
            raise UsageError(f"unknown word {self.peek()!r}{nearest(self.peek(), (*MEASURES, 'arrives', 'no'))}")
        return self.next()

    def bounded(self) -> dict[str, Any]:
        """Fields of an objective about a number."""
        if self.peek() == "no":
            self.next()
            return _bounded(self.expect("duplicates"), "", None, 0.0, False)
        measure, column = self.measure(), ""
        if measure in OF_COLUMN:
            self.expect("of")
            column = self.next()
        elif self.peek() == "of":
            raise UsageError(f"{measure!r} is a measure of the whole table: it has no column (in {self.text!r})")
        if self.peek() == "between":
            self.next()
            lowest = self.number()
            self.expect("and")
            return _bounded(measure, column, lowest, self.number(), False)
        sign = self.next() if self.peek() != "at" else f"{self.next()} {self.next()}"
        if sign not in COMPARISONS:
            raise UsageError(f"unknown word {sign!r}{nearest(sign, (*COMPARISONS, 'between'))} (in {self.text!r})")
        sign, bound = COMPARISONS[sign], self.number()
        least, most = (bound if sign[0] in ">=" else None), (bound if sign[0] in "<=" else None)
        return _bounded(measure, column, least, most, sign in "<>")

    def arrival(self) -> dict[str, Any]:
        """Fields of an objective about the time of arrival."""
        self.expect("arrives")
        if self.expect("by", "within") == "within":
            amount = self.next()
            hours = duration(f"{amount} {self.next()}") / timedelta(hours=1)
            return {"measure": "arrives", "within_h": hours}
        found = re.fullmatch(r"(\d{1,2}):(\d{2})", clock := self.next())
        if found is None or not (int(found[1]) < 24 and int(found[2]) < 60):
            raise UsageError(f"expected a time of day such as 06:00, found {clock!r}")
        zone = self.next() if not self.is_over() and self.peek() != "," else "UTC"
        return {"measure": "arrives", "by": f"{int(found[1]):02d}:{found[2]}", "zone": _zone(zone)}

    def share(self) -> dict[str, Any]:
        """Fields of an objective about how often, over which time."""
        found: dict[str, Any] = {"percent": EVERY}
        if self.peek() == "every":
            self.next()
            singular = {one: many for many, one in UNITS.items()}
            found["unit"] = singular[self.expect(*singular)]
        else:
            percent = self.next()
            self.expect("%")
            try:
                found["percent"] = float(percent)
            except ValueError as error:
                raise UsageError(f"expected a number of percent, found {percent!r} in {self.text!r}") from error
            if not 0 < found["percent"] <= EVERY:
                raise UsageError(f"{percent} % is no share: expected more than 0 and at most 100 (in {self.text!r})")
            self.expect("of")
            found["unit"] = self.expect(*UNITS)
        if self.expect("a", "over") == "a":
            return found | {"window": self.expect(*WINDOWS)}
        return found | {"window": _days(f"{self.next()} {self.next()}", None)}


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    text = text.strip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise UsageError(f"{text[at:]!r} cannot be read in {text!r}: a quote mark is not closed")
        kind = "name" if found.lastgroup in ("tick", "quote") else found.lastgroup
        yield kind, found.group(found.lastgroup)
        at = found.end()


def _bounded(measure: str, column: str, least: float | None, most: float | None, strict: bool) -> dict[str, Any]:
    if least is not None and most is not None and least > most:
        raise UsageError(f"the least value {least:g} is larger than the largest, {most:g}")
    for bound in (least, most):
        if bound is not None and not abs(bound) < float("inf"):
            raise UsageError(f"a bound is a finite number, not {bound}")
        if bound is not None and measure in SHARES and not 0 <= bound <= 1:
            raise UsageError(f"{measure} is a share from 0 to 1, or from 0 % to 100 %, not {bound:g}")
    return {"measure": measure, "column": column, "least": least, "most": most, "is_strict": strict}


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # what it raises depends on what the name looks like
        raise UsageError(f"unknown time zone {name!r}: expected one such as UTC or Europe/Paris") from error
    return name


def _days(text: str, setting: Setting | None) -> int:
    found = re.fullmatch(r"(\d+) days?", text)
    if found is None or not 1 <= int(found[1]) <= LONGEST_WINDOW:
        told = f"expected {', '.join(WINDOWS)} or a number of days up to {LONGEST_WINDOW}, found {text!r}"
        raise UsageError(told) if setting is None else setting.wrong(told)
    return int(found[1])


def _number(x: float) -> str:
    short = f"{x:g}"
    return short if float(short) == x else repr(x)


def _quoted(column: str) -> str:
    """The column as it stands in a sentence."""
    plain = re.fullmatch(r"[^\W\d]\w*", column)
    return column if plain else f'"{column}"' if "`" in column else f"`{column}`"
