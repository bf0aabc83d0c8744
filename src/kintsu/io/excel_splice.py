"""Replace cells inside the XML of a worksheet and leave every other byte as it is.

See ECMA-376, part 1, section 18.3.1: `c` (cell), `row`, `sheetData`, and 18.18.11 for the types of cells.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from xml.sax.saxutils import escape

from kintsu.core.errors import OutputError

__all__ = ["Dates", "Sheet", "spliced"]

_ROW = re.compile(rb"<(?P<ns>\w+:)?row\b(?P<head>[^>]*?)(?:/>|>(?P<body>.*?)</(?:\w+:)?row>)", re.DOTALL)
_CELL = re.compile(rb"<(?P<ns>\w+:)?c\b(?P<head>[^>]*?)(?:/>|>(?P<body>.*?)</(?:\w+:)?c>)", re.DOTALL)
_REF = re.compile(rb'\br="([A-Z]+)?(\d+)?"')
_STYLE = re.compile(rb'\bs="(\d+)"')
_TYPE = re.compile(rb'\bt="(\w+)"')
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?\Z")  # "007" and "1,5" stay text
_TIME = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?\Z")
_CLOCK = re.compile(r"\d\d:\d\d(:\d\d)?\Z")
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # characters that XML cannot hold

Place = tuple[int, str]  # Excel's row number and column letters


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a cell stands in the XML, its style and its type ("n" where none is given)."""

    start: int
    end: int
    style: bytes | None
    kind: str
    has_formula: bool
    has_value: bool


@dataclass(frozen=True)
class Sheet:
    """A worksheet's XML and where its cells are."""

    data: bytes
    cells: Mapping[Place, Cell]
    rows: Mapping[int, tuple[int, int, bytes]] = field(default_factory=dict)  # start, end of the row element, prefix

    @staticmethod
    def of(data: bytes) -> Sheet:
        cells: dict[Place, Cell] = {}
        rows: dict[int, tuple[int, int, bytes]] = {}
        number = 0
        for row in _ROW.finditer(data):
            given = _REF.search(row["head"])
            number = int(given[2]) if given and given[2] else number + 1
            rows[number] = (row.start(), row.end(), row["ns"] or b"")
            if row["body"] is not None:
                cells |= _cells(data, row, number)
        return Sheet(data, cells, rows)

    def has_formula(self, place: Place) -> bool:
        cell = self.cells.get(place)
        return bool(cell and cell.has_formula)

    def kind(self, place: Place | None) -> str | None:
        """Type of a cell as the file names it: "n" for numbers and times; None where there is no such cell."""
        cell = self.cells.get(place) if place else None
        return cell.kind if cell else None

    @cached_property
    def habits(self) -> dict[str, tuple[str, bytes | None]]:
        """For each column, the most frequent type of cells below the header, and their most frequent style."""
        seen: dict[str, Counter[tuple[str, bytes | None]]] = {}
        for (row, letters), cell in self.cells.items():
            if cell.has_value and row > min(self.rows):
                seen.setdefault(letters, Counter())[(cell.kind if cell.kind in "nb" else "s", cell.style)] += 1
        return {letters: counts.most_common(1)[0][0] for letters, counts in seen.items()}


def _cells(data: bytes, row: re.Match[bytes], number: int) -> dict[Place, Cell]:
    found: dict[Place, Cell] = {}
    at = 0  # columns may be left unnamed: then they count on
    for cell in _CELL.finditer(data, row.start("body"), row.end("body")):
        given = _REF.search(cell["head"])
        at = _number(given[1].decode()) if given and given[1] else at + 1
        style, kind = _STYLE.search(cell["head"]), _TYPE.search(cell["head"])
        body = cell["body"] or b""
        found[(number, _letters(at))] = Cell(
            cell.start(),
            cell.end(),
            style[1] if style else None,
            kind[1].decode() if kind else "n",
            bool(_FORMULA.search(body)),
            bool(body),
        )
    return found


def _number(letters: str) -> int:
    value = 0
    for letter in letters:
        value = value * 26 + ord(letter) - 64
    return value


def _letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@dataclass(frozen=True)
class Dates:
    """How a workbook keeps times: the styles that show a number as one, and the day that counts as zero."""

    styles: frozenset[bytes]
    zero: dt.datetime

    def serial(self, text: str, style: bytes | None) -> str | None:
        """The number for a time, None where the style shows no times or the text is none (or before 1900-03-01)."""
        if style not in self.styles:
            return None
        if _CLOCK.match(text):
            hour, minute, second = (*map(int, text.split(":")), 0)[:3]
            return repr((hour * 3600 + minute * 60 + second) / 86_400)
        if not _TIME.match(text):
            return None
        try:
            days = (dt.datetime.fromisoformat(text) - self.zero) / dt.timedelta(days=1)
        except ValueError:
            return None
        if days < 61:  # Excel believes in 1900-02-29, so earlier numbers mean other days in other programs
            return None
        return str(int(days)) if days.is_integer() else repr(days)


def spliced(sheet: Sheet, edits: Mapping[Place, str | None], dates: Dates) -> bytes:
    """The sheet with new texts in the given cells. A cell that is not in the XML yet is put into its row, in order."""
    changes = []
    fresh: dict[int, list[tuple[int, bytes]]] = {}
    for place, new in edits.items():
        cell = sheet.cells.get(place)
        if cell is not None:
            changes.append((cell.start, cell.end, _written(sheet, place, new, dates)))
        elif new is not None:
            fresh.setdefault(place[0], []).append((_number(place[1]), _written(sheet, place, new, dates)))
    for row, cells in fresh.items():
        changes += _inserted(sheet, row, sorted(cells))
    data, done = bytearray(), 0
    for start, end, written in sorted(changes, key=lambda change: change[:2]):
        data += sheet.data[done:start] + written
        done = end
    return bytes(data + sheet.data[done:])


def _inserted(sheet: Sheet, row: int, cells: list[tuple[int, bytes]]) -> list[tuple[int, int, bytes]]:
    """Changes that put new cells into a row: between its cells, into an empty row, or as a row of its own."""
    if row not in sheet.rows:
        before = max((number for number in sheet.rows if number < row), default=None)
        if before is None:
            raise OutputError(f"row {row} stands above everything in the sheet: edit it by hand.")
        _, end, ns = sheet.rows[before]
        body = b"".join(cell for _, cell in cells)
        return [(end, end, b'<%srow r="%d">%s</%srow>' % (ns, row, body, ns))]
    start, end, ns = sheet.rows[row]
    element = sheet.data[start:end]
    if element.endswith(b"/>"):
        body = b"".join(cell for _, cell in cells)
        return [(end - 2, end, b">%s</%srow>" % (body, ns))]
    here = {_number(letters): cell for (number, letters), cell in sheet.cells.items() if number == row}
    opening = start + element.index(b">") + 1
    changes = []
    for column, written in cells:
        left = max((number for number in here if number < column), default=None)
        at = here[left].end if left is not None else opening
        changes.append((at, at, written))
    return changes


def _written(sheet: Sheet, place: Place, new: str | None, dates: Dates) -> bytes:
    """The XML of a cell with a new text: a number or a time where the cell or its column holds such, else text."""
    cell = sheet.cells.get(place)
    habit, habit_style = sheet.habits.get(place[1], ("s", None))
    style = cell.style if cell and cell.style is not None else habit_style
    ns = sheet.rows[place[0]][2].decode() if place[0] in sheet.rows else ""
    if new is None:
        return _element(ns, place, style, "", "")
    kind = cell.kind if cell and cell.has_value else habit
    for shown_by in (style, habit_style):
        number = dates.serial(new, shown_by)
        if number is not None:
            return _element(ns, place, shown_by, "", f"<{ns}v>{number}</{ns}v>")
    if "n" in (kind, habit) and _NUMBER.match(new) and habit_style not in dates.styles:
        shown_by = style if kind == "n" else habit_style
        return _element(ns, place, shown_by, "", f"<{ns}v>{new}</{ns}v>")
    if "b" in (kind, habit) and new.lower() in ("true", "false"):
        return _element(ns, place, style, "b", f"<{ns}v>{int(new.lower() == 'true')}</{ns}v>")
    if _ILLEGAL.search(new):
        raise OutputError(f"{place[1]}{place[0]}: {new!r} holds a control character, which a workbook cannot keep.")
    text = f'<{ns}is><{ns}t xml:space="preserve">{escape(new)}</{ns}t></{ns}is>'
    return _element(ns, place, style, "inlineStr", text)


def _element(ns: str, place: Place, style: bytes | None, kind: str, body: str) -> bytes:
    head = f'<{ns}c r="{place[1]}{place[0]}"' + (f' s="{style.decode()}"' if style else "")
    head += f' t="{kind}"' if kind else ""
    return f"{head}>{body}</{ns}c>".encode() if body else f"{head}/>".encode()
