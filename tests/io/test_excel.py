"""Excel: the named sheet is read typed; a patch touches the edited cells and nothing else."""

from __future__ import annotations

import datetime as dt
import zipfile

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPTIONS, edits, texts
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Font

from kintsu.core.change import invert
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, OutputError, StaleRepair, UsageError
from kintsu.io.excel import Excel

LAWS = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def book(tmp_path):
    """A workbook with a gap above the table, styles, formulas, a chart and a second sheet."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Orders"
    sheet.append([])
    sheet.append(["id", "name", "price", "when", "stamp", "mixed", "ok", "sum", "id"])
    for n in range(6):
        day, moment = dt.date(2024, 1, n + 1), dt.datetime(2024, 1, 1, n, 30)
        mixed = n if n % 2 else f"{n} kg"
        sheet.append([n, f"n{n}", n * 1.5, day, moment, mixed, n % 2 == 0, f"=A{n + 3}*2", None if n == 3 else n])
    sheet["B4"].font = Font(bold=True)
    sheet["D5"] = "not a date"
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=1, min_row=2, max_row=8))
    sheet.add_chart(chart, "L2")
    made.create_sheet("Other")["A1"] = "keep"
    made.save(tmp_path / "x.xlsx")
    return tmp_path / "x.xlsx"


def test_whole_columns_are_typed_and_mixed_ones_are_text(book):
    table = Excel().open(book, OPTIONS)
    assert table.columns == ("id", "name", "price", "when", "stamp", "mixed", "ok", "sum", "id_2")
    kinds = [pl.Int64, pl.String, pl.Float64, pl.String, pl.Datetime("us"), pl.String, pl.Boolean, pl.String, pl.Int64]
    assert table.cells.dtypes == kinds
    assert texts(table)["mixed"].to_list() == ["0 kg", "1", "2 kg", "3", "4 kg", "5"]
    assert texts(table)["when"].to_list()[1:3] == ["2024-01-02", "not a date"]


CELLS = [
    (0, "id", "77"), (1, "name", "<b>&é😀"), (2, "price", None), (3, "when", "2024-01-09"), (2, "when", "2024-01-10"),
    (0, "stamp", "2025-01-01 10:30:00.000000"), (0, "mixed", "0"), (1, "mixed", "1.5 kg"), (0, "ok", "false"),
    (3, "id_2", "5"), (4, "name", " padded "), (5, "name", "007"), (5, "mixed", None),
]  # fmt: skip


def test_a_patch_keeps_everything_else_and_undo_gives_the_same_values(book, tmp_path):
    table = Excel().open(book, OPTIONS)
    before = texts(table)
    done = table.patch(edits(*[(r, c, before[c][r], new) for r, c, new in CELLS]), tmp_path / "y.xlsx")
    after = Excel().open(tmp_path / "y.xlsx", OPTIONS)
    assert [texts(after)[c][r] for r, c, _ in CELLS] == [new for _, _, new in CELLS]
    assert after.cells["when"].dtype == pl.Date
    full = openpyxl.load_workbook(tmp_path / "y.xlsx")
    sheet = full["Orders"]
    assert sheet["B4"].font.b and sheet["H4"].value == "=A4*2" and full["Other"]["A1"].value == "keep"
    assert sheet["D5"].value == dt.datetime(2024, 1, 10) and sheet["C5"].value is None and sheet["A3"].value == 77
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(tmp_path / "y.xlsx") as new:
        assert old.namelist() == new.namelist()
        assert [n for n in old.namelist() if old.read(n) != new.read(n)] == [table.part]
    after.patch(invert(done), tmp_path / "z.xlsx")
    assert texts(Excel().open(tmp_path / "z.xlsx", OPTIONS)).equals(before)


CELL = (
    st.none()
    | st.integers(-(10**9), 10**9)
    | st.floats(-1e300, 1e300)
    | st.booleans()
    | st.sampled_from(["x", "1,5", "a b", "007", "=1+1", "<&>", "é", "\n", " "])
)


@LAWS
@given(records=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5), data=st.data())
def test_any_cells_patch_and_undo(records, data, tmp_path):
    made = openpyxl.Workbook()
    made.active.append(["a", "b"])
    for at, record in enumerate(records):
        for column, value in enumerate(record):
            cell = made.active.cell(at + 2, column + 1)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # "=1+1" is a text here
    made.active.cell(len(records) + 2, 1).value = "end"
    made.save(tmp_path / "x.xlsx")
    table = Excel().open(tmp_path / "x.xlsx", OPTIONS)
    before = texts(table)
    places = st.tuples(st.integers(0, table.rows - 2), st.sampled_from(["a", "b"]))
    chosen = data.draw(st.lists(places, unique=True, max_size=4))
    new = st.none() | st.sampled_from(["5", "2.5", "word", "é", "<&>", "007", "1e5", "TRUE"])
    done = table.patch(edits(*[(r, c, before[c][r], data.draw(new)) for r, c in chosen]), tmp_path / "y.xlsx")
    after = Excel().open(tmp_path / "y.xlsx", OPTIONS)
    assert (after.rows, after.columns) == (table.rows, table.columns)
    for row, column, value in done.select("row", "column", "new").iter_rows():
        assert plain(texts(after)[column][row]) == plain(value)
    after.patch(invert(done), tmp_path / "z.xlsx")
    back = texts(Excel().open(tmp_path / "z.xlsx", OPTIONS))
    for column in ("a", "b"):
        assert list(map(plain, back[column])) == list(map(plain, before[column]))


def plain(text: str | None) -> str | float | None:
    """A text to compare by: a column of reals spells 5 as "5.0", a mixed one as "5"; truth is "true" or "TRUE"."""
    try:
        return text if text is None else float(text)
    except ValueError:
        return text.lower()


@pytest.mark.parametrize(
    ("cells", "stray", "mended"),
    [
        ([True, False], "yes", "TRUE"),
        ([1.5, 2.5], "two", "2"),
        ([dt.datetime(2024, 1, 1, 8), dt.datetime(2024, 1, 2, 9, 30)], "soon", "2024-01-03 10:00"),
    ],
)
def test_undo_works_when_mending_the_last_stray_word_types_the_column(cells, stray, mended, tmp_path):
    made = openpyxl.Workbook()
    for value in ("v", *cells, stray, *cells):
        made.active.append([value])
    made.save(tmp_path / "x.xlsx")
    table = Excel().open(tmp_path / "x.xlsx", OPTIONS)
    assert table.cells["v"].dtype == pl.String
    first = texts(table)["v"][0]
    again = {"TRUE": "FALSE", "1.5": "7"}.get(first, "2020-01-01 00:00:00")
    done = table.patch(edits((2, "v", stray, mended), (0, "v", first, again)), tmp_path / "y.xlsx")
    after = Excel().open(tmp_path / "y.xlsx", OPTIONS)
    assert after.cells["v"].dtype != pl.String
    after.patch(invert(done), tmp_path / "z.xlsx")
    assert texts(Excel().open(tmp_path / "z.xlsx", OPTIONS)).equals(texts(table))


def test_cells_with_a_formula_are_left_to_it(book, tmp_path):
    table = Excel().open(book, OPTIONS)
    asked = edits((0, "sum", None, "3"), (0, "id", "0", "3"), (0, "nope", None, "3"))
    assert table.fits(asked).to_list() == [False, True, False]
    with pytest.raises(OutputError, match="a formula computes this cell"):
        table.patch(edits((0, "sum", None, "3")), tmp_path / "y.xlsx")
    assert not (tmp_path / "y.xlsx").exists()


@pytest.mark.parametrize(
    ("line", "error"),
    [((0, "id", "9", "1"), StaleRepair), ((99, "id", "9", "1"), StaleRepair), ((0, "q", "", "1"), UsageError)],
)
def test_a_wrong_edit_leaves_nothing(book, tmp_path, line, error):
    with pytest.raises(error):
        Excel().open(book, OPTIONS).patch(edits(line), tmp_path / "y.xlsx")
    assert not (tmp_path / "y.xlsx").exists()


def test_sheets_are_named_and_an_unknown_one_lists_them(book):
    assert Excel().open(book, ReadOptions(sheet="Other")).columns == ("keep",)
    with pytest.raises(InputError, match="no sheet 'nope'; sheets: Orders, Other"):
        Excel().open(book, ReadOptions(sheet="nope"))


def test_what_is_no_workbook_is_one_line(book, tmp_path):
    book.write_bytes(book.read_bytes()[:900])
    with pytest.raises(InputError, match="not a whole"):
        Excel().open(book, OPTIONS)
    openpyxl.Workbook().save(tmp_path / "e.xlsx")
    with pytest.raises(InputError, match="is empty"):
        Excel().open(tmp_path / "e.xlsx", OPTIONS)
    (tmp_path / "old.xls").write_bytes(b"x")
    with pytest.raises(InputError, match="save it as"):
        Excel().open(tmp_path / "old.xls", OPTIONS)
