"""Excel workbooks (.xlsx, .xlsm), one sheet at a time. Read with openpyxl; edits are spliced into the sheet's XML.

openpyxl would drop charts, pictures and the stored results of formulas on saving, so it never saves here: every part
of the file but the edited sheet is copied as it is, and in the sheet every cell but the edited ones.
"""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, OutputError, UsageError
from kintsu.io.cells import parse_as
from kintsu.io.excel_splice import Dates, Sheet, spliced
from kintsu.io.files import bytes_version, existing_file, has_suffix, reading, writing
from kintsu.io.patch import beyond, check_old, only_sets

__all__ = ["Excel", "ExcelTable"]


@dataclass(frozen=True)
class ExcelTable:
    """One sheet: the first row that holds anything is the header, the rows below it are the records.

    Whole columns of numbers, times or truth values are typed; a mixed column is text. A sheet has at most 1,048,576
    rows, so it is held in memory.
    """

    ref: TableRef
    path: Path
    sheet: str
    part: str  # the sheet's file inside the workbook
    first_row: int  # of the records, as Excel counts (from 1)
    letters: tuple[str, ...]  # Excel's name of each column
    cells: pl.DataFrame
    dates: Dates
    connector: str = "excel"
    exact: bool = False
    malformed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"row": pl.Int64, "why": pl.String}))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.cells.columns)

    @property
    def rows(self) -> int:
        return len(self.cells)

    @property
    def suffix(self) -> str:
        return self.path.suffix

    def batches(self, size: int = 131_072, columns: list[str] | None = None) -> Iterator[Batch]:
        chosen = self.cells if columns is None else self.cells.select(columns)
        first = 0
        for frame in chosen.iter_slices(size):
            yield Batch(self.ref, frame, pl.int_range(first, first + len(frame), eager=True).alias("row"))
            first += len(frame)

    def describe(self) -> dict[str, Any]:
        return {"format": "excel", "sheet": self.sheet, "first_row": self.first_row}

    @cached_property
    def _whole(self) -> Batch:
        return Batch.of(self.cells, self.ref.name)

    @cached_property
    def _source(self) -> Sheet:
        with zipfile.ZipFile(self.path) as book:
            return Sheet.of(book.read(self.part))

    def fits(self, edits: pl.DataFrame) -> pl.Series:
        """Whether each edit can be written here: cells with a formula are left to the formula."""
        places = [self._place(row, name) for row, name in edits.select("row", "column").iter_rows()]
        good = [place is not None and not self._source.has_formula(place) for place in places]
        return (edits["edit"] == "set") & pl.Series(good, dtype=pl.Boolean)

    def _place(self, row: int | None, column: str | None) -> tuple[int, str] | None:
        """Excel's row and column letters of a cell."""
        if row is None or column not in self.columns:
            return None
        return self.first_row + row, self.letters[self.columns.index(column)]

    def patch(self, edits: pl.DataFrame, target: Path) -> pl.DataFrame:
        """The workbook with the edited cells replaced; styles, formulas, charts and other sheets stay as they are.

        A text that reads as a number or a time becomes one where the cell, or most of its column, holds such values.
        Raises `StaleRepair`.
        """
        only_sets(edits, "Excel")
        cells: dict[tuple[int, str], Any] = {}
        for (name,), part in edits.group_by("column"):
            cells |= self._edited(str(name), part)
        with writing(target), zipfile.ZipFile(self.path) as book, zipfile.ZipFile(target, "w") as out:
            for item in book.infolist():
                data = book.read(item)
                if item.filename == self.part:
                    data = spliced(self._source, cells, self.dates)
                out.writestr(item, data, compress_type=item.compress_type)
        return edits

    def _found(self, name: str, part: pl.DataFrame) -> pl.Series:
        """Texts of the edited cells. A number may be spelt as it is expected: a workbook keeps 12, not "12" or "12.0",
        and mending the last stray word of a column turns the one into the other.
        """
        shown, old = self._whole[name].text.gather(part["row"]), part["old"]
        kinds = [self._source.kind(self._place(row, name)) for row in part["row"].to_list()]
        is_number = pl.Series([kind == "n" for kind in kinds], dtype=pl.Boolean)
        is_truth = pl.Series([kind == "b" for kind in kinds], dtype=pl.Boolean)
        same = is_truth & (shown.str.to_lowercase() == old.str.to_lowercase()).fill_null(False)
        for dtype in (pl.Float64(), pl.Datetime("us")):
            same |= is_number & (parse_as(shown, dtype) == parse_as(old, dtype)).fill_null(False)
        return shown.zip_with(~same, old)

    def _edited(self, name: str, part: pl.DataFrame) -> dict[tuple[int, str], Any]:
        if name not in self.columns:
            raise UsageError(f"{self.sheet} has no column {name!r}; columns: {', '.join(self.columns)}")
        if part["row"].max() >= self.rows:  # type: ignore[operator]
            raise beyond(self.sheet, self.rows)
        check_old(self.sheet, name, self._found(name, part), part)
        edited = {}
        for row, new in part.select("row", "new").iter_rows():
            place = self._place(row, name)
            if place is None or self._source.has_formula(place):
                raise OutputError(f"{self.sheet}.{name}, row {row}: a formula computes this cell; mend what it reads.")
            edited[place] = new
        return edited


@dataclass(frozen=True)
class Excel:
    """Opens .xlsx and .xlsm workbooks; `ReadOptions.sheet` names the sheet, the first one by default."""

    name: ClassVar[str] = "excel"

    def accepts(self, source: Any) -> bool:
        return has_suffix(source, (".xlsx", ".xlsm", ".xls", ".xlsb"))

    def open(self, source: Any, options: ReadOptions) -> ExcelTable:
        """Raises `InputError` for a damaged workbook, an unknown sheet (listing those there are) and an empty one."""
        path = existing_file(source, "Excel")
        if has_suffix(path, (".xls", ".xlsb")):
            raise InputError(f"{path} is an old or binary workbook. Open it in a spreadsheet and save it as .xlsx.")
        with _workbook(path) as book:
            names = [sheet.title for sheet in book.worksheets]
            wanted = options.sheet or names[0]
            if wanted not in names:
                raise InputError(f"{path} has no sheet {wanted!r}; sheets: {', '.join(names)}")
            sheet = book[wanted]
            part = sheet._worksheet_path  # openpyxl keeps the name of the sheet's file only here
            sheet.reset_dimensions()  # some writers state a wrong size
            records = [list(row) for row in sheet.iter_rows(values_only=True)]
            styles = frozenset(str(style).encode() for style in book._date_formats)
            zero = book.epoch if book.epoch.year == 1904 else dt.datetime(1899, 12, 30)
        return _table(path, wanted, part.lstrip("/"), records, Dates(styles, zero))


@contextmanager
def _workbook(path: Path) -> Iterator[Any]:
    import openpyxl

    with reading(path, "Excel"):
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except (zipfile.BadZipFile, KeyError) as error:
            raise ValueError(f"not a whole .xlsx file ({error})") from error
        try:
            yield book
        finally:
            book.close()


def _table(path: Path, sheet: str, part: str, records: list[list[Any]], dates: Dates) -> ExcelTable:
    filled = [any(cell is not None for cell in record) for record in records]
    if not any(filled):
        raise InputError(f"{path}: the sheet {sheet!r} is empty. Name another one with --sheet.")
    top = filled.index(True)
    bottom = len(filled) - 1 - filled[::-1].index(True)
    used = [at for at in range(max(map(len, records))) if any(at < len(r) and r[at] is not None for r in records)]
    names = _headers([_at(records[top], at) for at in used], used)
    body = records[top + 1 : bottom + 1]
    columns = [_column(name, [_at(record, at) for record in body]) for name, at in zip(names, used, strict=True)]
    letters = tuple(_letters(at) for at in used)
    ref = TableRef(f"{path.name}, sheet {sheet}", version=bytes_version(path))
    return ExcelTable(ref, path, sheet, part, top + 2, letters, pl.DataFrame(columns), dates)


def _at(record: list[Any], at: int) -> Any:
    return record[at] if at < len(record) else None


def _headers(cells: list[Any], used: list[int]) -> list[str]:
    """Header texts; a missing one becomes `column_<n>`, a repeated one `name_2`."""
    names: list[str] = []
    for cell, _at in zip(cells, used, strict=True):
        base = str(cell) if cell is not None and str(cell).strip() else f"column_{len(names) + 1}"
        name, number = base, 2
        while name in names:
            name, number = f"{base}_{number}", number + 1
        names.append(name)
    return names


def _letters(at: int) -> str:
    """Excel's name of a column.

    >>> _letters(0), _letters(26)
    ('A', 'AA')
    """
    letters = ""
    number = at + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _column(name: str, cells: list[Any]) -> pl.Series:
    """One type where all cells have it, else text. A date among time stamps is midnight; "#N/A" is text."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds <= {bool} and kinds:
        return pl.Series(name, cells, dtype=pl.Boolean)
    if kinds == {int} and all(cell is None or abs(cell) < 2**63 for cell in cells):
        return pl.Series(name, cells, dtype=pl.Int64)
    if kinds <= {int, float} and kinds:
        return pl.Series(name, [None if cell is None else float(cell) for cell in cells], dtype=pl.Float64)
    if kinds <= {dt.datetime, dt.date} and kinds:
        return _times(name, cells)
    if kinds == {dt.time}:
        return pl.Series(name, cells, dtype=pl.Time)
    return pl.Series(name, [cell_text(cell) for cell in cells], dtype=pl.String)


def _times(name: str, cells: list[Any]) -> pl.Series:
    series = pl.Series(name, [cell if isinstance(cell, dt.datetime) else _midnight(cell) for cell in cells])
    whole = series.drop_nulls()
    return series.cast(pl.Date) if (whole == whole.dt.truncate("1d")).all() else series


def _midnight(day: dt.date | None) -> dt.datetime | None:
    return None if day is None else dt.datetime(day.year, day.month, day.day)


def cell_text(cell: Any) -> str | None:
    """Text of a cell in a mixed column: as Excel's general format shows it, times as ISO."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    return str(cell)
