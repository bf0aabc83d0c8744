"""Tables as bytes, in every dialect, well-formed and not."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import strategies as st

from kintsu.core.change import EDITS
from kintsu.core.contracts import ReadOptions
from kintsu.io.text import chunks
from kintsu.io.text.connector import TextConnector
from kintsu.io.text.table import TextTable


class Files:
    """Writes bytes to a file and opens them; `block` sets how many bytes are read at once."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch, self.n = folder, patch, 0

    def path(self, suffix: str = ".csv") -> Path:
        self.n += 1
        return self.folder / f"t{self.n}{suffix}"

    def open(self, data: bytes, *, block: int = 1 << 24, suffix: str = ".csv", **options) -> TextTable:
        path = self.path(suffix)
        path.write_bytes(data)
        self.patch.setattr(chunks, "BLOCK", block)
        return TextConnector().open(path, ReadOptions(**options))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        yield Files(tmp_path_factory.mktemp("text"), patch)


def rows_of(table: TextTable, size: int = 3) -> list[tuple]:
    return [row for batch in table.batches(size) for row in batch.frame.rows()]


def edits_of(*lines: tuple) -> pl.DataFrame:
    """(row, column, edit, old, new) -> edits"""
    return pl.DataFrame([(*line, None, None) for line in lines], schema=dict(EDITS), orient="row")


def spell(cell: str | None, delimiter: str, quote: str, always: bool) -> str:
    if cell is None:
        return ""
    if always or not cell or any(c in cell for c in (delimiter, quote, "\n", "\r")):
        return quote + cell.replace(quote, quote * 2) + quote
    return cell


@st.composite
def well_formed(draw, alphabet: str = "ab1.,;|\t\"' \n\ré日", max_rows: int = 8):
    """(text, width, delimiter, quote, cells): a table as a careful writer spells it, header c0, c1, ..."""
    delimiter = draw(st.sampled_from(",;\t|:"))
    quote = draw(st.sampled_from("\"'"))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    width = draw(st.integers(1, 4))
    cell = st.none() | st.text(alphabet, max_size=6)
    cells = draw(st.lists(st.tuples(*[cell] * width), max_size=max_rows))
    blank = st.just("") if width == 1 else st.sampled_from(["", "", "", end])
    lines = [delimiter.join(f"c{i}" for i in range(width))]
    for row in cells:
        spelt = delimiter.join(spell(c, delimiter, quote, draw(st.booleans())) for c in row)
        lines.append(draw(blank) + spelt)
    last = end if width == 1 or not cells or draw(st.booleans()) else ""
    return end.join(lines) + last, width, delimiter, quote, cells


ragged = st.lists(
    st.sampled_from(
        [
            "a,b,c",
            "1,2,3",
            '"x",,""',
            ",,",
            "",
            "1,2",
            "1,2,3,4",
            '"open,2,3',
            '5" p,2,3',
            '"a"b,2,3',
            '"q""q","x\ny",3',
            '1,"a\r\nb",3',
            "n\0,2,3",
            '"',
            '""',
            '1,2,"',
            "é,日,ü",
            ' "a" ,b,c',
        ]
    ),
    max_size=12,
).flatmap(
    lambda lines: st.lists(st.sampled_from(["\n", "\n", "\r\n", "\r"]), min_size=len(lines), max_size=len(lines)).map(
        lambda ends: "c0,c1,c2\n" + "".join(a + b for a, b in zip(lines, ends, strict=True))
    )
)
"""Text with every malformation we know of, three columns wide."""
