"""What the tests of typed formats share: edits by hand, and frames of every type that hypothesis can make."""

from __future__ import annotations

import datetime as dt

import polars as pl
from hypothesis import strategies as st

from kintsu.core.batch import as_text
from kintsu.core.change import EDITS
from kintsu.core.contracts import ReadOptions

OPTIONS = ReadOptions()

TYPES = {
    "i": (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    "u": (pl.UInt8, st.integers(0, 255)),
    "f": (pl.Float64, st.floats() | st.sampled_from([1e308, float("inf"), 1e-320, -0.0])),
    "b": (pl.Boolean, st.booleans()),
    "s": (pl.String, st.text(max_size=5) | st.sampled_from(["😀", "שלום", "=1+1", "007", "1.50", "a\nb", '"'])),
    "d": (pl.Date, st.dates() | st.sampled_from([dt.date(1, 1, 1), dt.date(9999, 12, 31)])),
    "t": (pl.Datetime("us"), st.datetimes()),
    "z": (pl.Datetime("us", "UTC"), st.datetimes()),
    "c": (pl.Time, st.times()),
    "x": (pl.Binary, st.binary(max_size=4)),
    "l": (pl.List(pl.Int64), st.lists(st.integers(-9, 9) | st.none(), max_size=3)),
    "n": (
        pl.Struct({"k": pl.Int64, "v": pl.String}),
        st.fixed_dictionaries({"k": st.integers(0, 9), "v": st.just("é")}),
    ),
}


@st.composite
def frames(draw: st.DrawFn, names: str = "iufbsdtzcxln", min_rows: int = 0) -> pl.DataFrame:
    """A frame with one column per letter of `names`."""
    height = draw(st.integers(min_rows, 6))
    columns = []
    for name in names:
        dtype, cell = TYPES[name]
        cells = draw(st.lists(st.none() | cell, min_size=height, max_size=height))
        if name == "z":
            columns.append(pl.Series(name, cells, dtype=pl.Datetime("us")).dt.replace_time_zone("UTC"))
        else:
            columns.append(pl.Series(name, cells, dtype=dtype))
    return pl.DataFrame(columns)


@st.composite
def frames_with_edits(draw: st.DrawFn, names: str = "iufbsdtzcxln") -> tuple[pl.DataFrame, pl.DataFrame]:
    """A frame, and edits that give some cells the value of another cell of their column, or null."""
    frame = draw(frames(names, min_rows=1))
    places = [(row, name) for row in range(len(frame)) for name in frame.columns]
    chosen = draw(st.lists(st.sampled_from(places), unique=True, max_size=8))
    texts = {column.name: as_text(column).to_list() for column in frame}
    lines = [(r, n, "set", texts[n][r], draw(st.sampled_from([*texts[n], None])), None, None) for r, n in chosen]
    return frame, edits(*lines)


def edits(*lines: tuple) -> pl.DataFrame:
    """Edits by hand; (row, column, old, new) is enough for a cell."""
    full = [
        (row, column, "set", *rest, None, None) if len((row, column, *rest)) == 4 else (row, column, *rest)
        for row, column, *rest in lines
    ]
    return pl.DataFrame(full, schema=dict(EDITS), orient="row")


def whole(table) -> pl.DataFrame:
    """All batches of a table, small ones, below each other."""
    frames = [batch.frame for batch in table.batches(size=2)]
    return pl.concat(frames) if frames else pl.DataFrame()


def texts(table) -> pl.DataFrame:
    """The same as lossless text."""
    frames = [batch.texts() for batch in table.batches()]
    return pl.concat(frames)
