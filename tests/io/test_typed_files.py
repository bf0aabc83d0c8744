"""Parquet and Arrow: what is read is what was written, and an undo gives the same values, types and metadata."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPTIONS, edits, frames, frames_with_edits, whole
from polars.testing import assert_frame_equal

from kintsu.core.batch import as_text
from kintsu.core.change import apply, invert
from kintsu.core.errors import InputError, OutputError, StaleRepair, UsageError
from kintsu.io.arrow import Arrow
from kintsu.io.cells import parse_as
from kintsu.io.parquet import Parquet

pytestmark = pytest.mark.filterwarnings("error")
LAWS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WRITERS = {
    "parquet": (Parquet(), lambda frame, path: frame.write_parquet(path, row_group_size=2), "x.parquet"),
    "arrow": (Arrow(), lambda frame, path: frame.write_ipc(path, compression="zstd"), "x.arrow"),
    "stream": (Arrow(), lambda frame, path: frame.write_ipc_stream(path), "s.arrow"),
}


@LAWS
@given(frame=frames())
def test_text_of_a_cell_gives_the_cell_back(frame):
    for column in frame:
        assert parse_as(as_text(column), column.dtype).equals(column, null_equal=True), column.name


@pytest.mark.parametrize("kind", WRITERS)
@LAWS
@given(frame=frames(min_rows=1))
def test_what_is_read_is_what_was_written(kind, frame, tmp_path):
    connector, write, name = WRITERS[kind]
    write(frame, tmp_path / name)
    table = connector.open(tmp_path / name, OPTIONS)
    assert_frame_equal(whole(table), frame)
    assert table.rows == len(frame)
    assert table.columns == tuple(frame.columns)


@pytest.mark.parametrize("kind", WRITERS)
@LAWS
@given(both=frames_with_edits())
def test_patch_then_undo_gives_the_same_values_and_types(kind, both, tmp_path):
    frame, changes = both
    connector, write, name = WRITERS[kind]
    write(frame, tmp_path / name)
    done = connector.open(tmp_path / name, OPTIONS).patch(changes, tmp_path / f"out.{name}")
    patched = connector.open(tmp_path / f"out.{name}", OPTIONS)
    rows = pl.int_range(len(frame), eager=True).alias("__row")
    expected, _ = apply(pl.DataFrame([rows, *map(as_text, frame)]), changes)
    assert_frame_equal(pl.DataFrame([rows, *map(as_text, whole(patched))]), expected)
    patched.patch(invert(done), tmp_path / f"back.{name}")
    assert_frame_equal(whole(connector.open(tmp_path / f"back.{name}", OPTIONS)), frame)


@LAWS
@given(frame=frames("isf", min_rows=1), data=st.data())
def test_dropped_rows_come_back_where_they_were(frame, data, tmp_path):
    frame.write_parquet(tmp_path / "x.parquet", row_group_size=2)
    gone = data.draw(st.lists(st.integers(0, len(frame) - 1), unique=True))
    drops = edits(*[(row, None, "drop", None, None, None, None) for row in gone])
    done = Parquet().open(tmp_path / "x.parquet", OPTIONS).patch(drops, tmp_path / "y.parquet")
    assert len(pl.read_parquet(tmp_path / "y.parquet")) == len(frame) - len(gone)
    Parquet().open(tmp_path / "y.parquet", OPTIONS).patch(invert(done), tmp_path / "z.parquet")
    assert_frame_equal(pl.read_parquet(tmp_path / "z.parquet"), frame)


FRAME = pl.DataFrame({"i": range(10), "s": [str(n) for n in range(10)], "f": [n / 2 for n in range(10)]})


@pytest.fixture
def file(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet", compression="snappy", row_group_size=3, metadata={"who": "me"})
    return tmp_path / "a.parquet"


def test_compression_row_groups_and_metadata_stay(file, tmp_path):
    Parquet().open(file, OPTIONS).patch(edits((0, "i", "0", "7")), tmp_path / "b.parquet")
    before, after = Parquet().open(file, OPTIONS), Parquet().open(tmp_path / "b.parquet", OPTIONS)
    assert before.parts[0].footer == after.parts[0].footer
    assert pl.read_parquet_metadata(tmp_path / "b.parquet")["who"] == "me"


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_compression_of_arrow_files_stays(compression, tmp_path):
    FRAME.write_ipc(tmp_path / "a.arrow", compression=compression)
    Arrow().open(tmp_path / "a.arrow", OPTIONS).patch(edits((0, "i", "0", "7")), tmp_path / "b.arrow")
    assert Arrow().open(tmp_path / "b.arrow", OPTIONS).describe()["compression"] == compression


def test_a_patch_reports_the_text_as_the_column_spells_it(file, tmp_path):
    done = Parquet().open(file, OPTIONS).patch(edits((4, "f", "2.0", "7")), tmp_path / "b.parquet")
    assert done["new"].to_list() == ["7.0"]


def test_a_column_can_be_cast(tmp_path):
    pl.DataFrame({"v": ["1.5", "2 kg", None]}).write_parquet(tmp_path / "a.parquet")
    table = Parquet().open(tmp_path / "a.parquet", OPTIONS)
    cast = (None, "v", "cast", "String", "Float64", None, None)
    table.patch(edits((1, "v", "2 kg", "2"), cast), tmp_path / "b.parquet")
    assert pl.read_parquet(tmp_path / "b.parquet")["v"].to_list() == [1.5, 2.0, None]
    with pytest.raises(OutputError, match="'2 kg' does not fit Float64"):
        table.patch(edits(cast), tmp_path / "c.parquet")


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ((1, "i", "1", "x"), OutputError, "'x' does not fit the column's type Int64"),
        ((1, "i", "2", "3"), StaleRepair, "expected '2' but found '1'"),
        ((99, "i", "2", "3"), StaleRepair, "has 10 rows"),
        ((1, "nope", "2", "3"), UsageError, "columns: i, s, f"),
    ],
)
def test_a_wrong_edit_is_refused_and_nothing_is_left(line, error, words, file, tmp_path):
    with pytest.raises(error, match=words):
        Parquet().open(file, OPTIONS).patch(edits(line), tmp_path / "b.parquet")
    assert not (tmp_path / "b.parquet").exists()


def test_fits_tells_which_edits_a_column_can_hold(file):
    asked = edits((0, "i", "0", "x"), (0, "i", "0", "12.0"), (0, "i", "0", None), (0, "s", "0", "x"))
    assert Parquet().open(file, OPTIONS).fits(asked).to_list() == [False, True, True, True]


@pytest.fixture
def folder(tmp_path):
    keyed = FRAME.with_columns(k=pl.Series(["07", "b"] * 5), j=pl.Series([1, 2, 3, 4, 5] * 2))
    keyed.write_parquet(tmp_path / "h", partition_by=["k", "j"], mkdir=True)
    (tmp_path / "h" / "_SUCCESS").write_text("")
    return tmp_path / "h"


def test_a_partitioned_folder_has_its_keys_as_columns(folder):
    table = Parquet().open(folder, OPTIONS)
    assert table.columns == ("i", "s", "f", "k", "j")
    assert set(whole(table)["k"]) == {"07", "b"}
    assert whole(table)["j"].dtype == pl.Int64
    assert next(table.batches(columns=["j"])).frame.columns == ["j"]


def test_only_changed_files_of_a_folder_are_rewritten(folder, tmp_path):
    table = Parquet().open(folder, OPTIONS)
    row = int(whole(table)["s"].index_of("4"))
    done = table.patch(edits((row, "s", "4", "four")), tmp_path / "out")
    names = {path.relative_to(folder) for path in folder.rglob("*")}
    assert {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*")} == names
    changed = [
        n for n in names if (folder / n).is_file() and (folder / n).read_bytes() != (tmp_path / "out" / n).read_bytes()
    ]
    assert len(changed) == 1
    Parquet().open(tmp_path / "out", OPTIONS).patch(invert(done), tmp_path / "back")
    assert_frame_equal(whole(Parquet().open(tmp_path / "back", OPTIONS)), whole(table))


def test_a_key_in_a_folder_name_cannot_be_edited(folder, tmp_path):
    with pytest.raises(OutputError, match="folder names"):
        Parquet().open(folder, OPTIONS).patch(edits((0, "k", "07", "b")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_glob_is_one_table_and_leaves_other_files_behind(tmp_path):
    FRAME[:4].write_parquet(tmp_path / "a1.parquet")
    FRAME[4:].write_parquet(tmp_path / "a2.parquet")
    FRAME.write_parquet(tmp_path / "b.parquet")
    table = Parquet().open(str(tmp_path / "a*.parquet"), OPTIONS)
    assert_frame_equal(whole(table), FRAME)
    table.patch(edits((9, "s", "9", "nine")), tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a1.parquet", "a2.parquet"}


def test_files_that_disagree_on_a_type_are_named(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet")
    FRAME.cast({"i": pl.String}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet: column 'i' is String, but Int64"):
        Parquet().open(tmp_path, OPTIONS)


def test_a_folder_with_something_else_in_it_is_refused_and_listed(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet")
    (tmp_path / "sub").mkdir()
    FRAME.write_csv(tmp_path / "sub" / "b.csv")
    with pytest.raises(InputError, match=r"is a folder of 2 files: a\.parquet, sub/b\.csv\. Name one file"):
        Parquet().open(tmp_path, OPTIONS)


def test_tables_of_different_things_are_not_one_data_set(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"i": [1], "other": ["x"]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet has columns that a\.parquet lacks \(other\)"):
        Parquet().open(tmp_path, OPTIONS)


def test_older_files_of_a_data_set_may_lack_a_later_column(tmp_path):
    FRAME.write_parquet(tmp_path / "b.parquet")
    FRAME.drop("f").write_parquet(tmp_path / "a.parquet")
    assert whole(Parquet().open(tmp_path, OPTIONS))["f"].null_count() == len(FRAME)


def cut(path):
    path.write_bytes(path.read_bytes()[:-50])


def scribble(path):
    data = bytearray(path.read_bytes())
    data[4:300] = b"\xff" * 296
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, scribble])
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_damaged_file_is_one_line_that_names_it(kind, damage, tmp_path):
    connector, write, name = WRITERS[kind]
    write(FRAME, tmp_path / name)
    damage(tmp_path / name)
    with pytest.raises(InputError, match=f"{name} cannot be read") as caught:
        whole(connector.open(tmp_path / name, OPTIONS))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("connector", [Parquet(), Arrow()])
def test_what_is_no_file_says_so(connector, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        connector.open(tmp_path / "none.x", OPTIONS)
    (tmp_path / "empty.x").touch()
    with pytest.raises(InputError, match="empty"):
        connector.open(tmp_path / "empty.x", OPTIONS)
    (tmp_path / "dir").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        connector.open(tmp_path / "dir", OPTIONS)


FULL = """
import pathlib, resource, signal, sys
import polars as pl
from kintsu.core.change import EDITS
from kintsu.core.errors import OutputError
from kintsu.core.registry import load
from kintsu.core.contracts import ReadOptions

connector, source, target = sys.argv[1:]
table = load("connectors", connector)().open(source, ReadOptions())
edits = pl.DataFrame([(1, "i", "set", "1", "5", None, None)], schema=dict(EDITS), orient="row")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    table.patch(edits, pathlib.Path(target))
except OutputError as error:
    print("refused:", error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits")
@pytest.mark.parametrize(("connector", "name"), [("parquet", "x.parquet"), ("arrow", "x.arrow"), ("json", "x.jsonl")])
def test_a_full_disk_is_one_line_and_nothing_is_left(connector, name, tmp_path):
    long = pl.DataFrame({"i": range(50_000)}).with_columns(s=pl.col("i").hash().cast(pl.String))
    {"parquet": long.write_parquet, "arrow": long.write_ipc, "json": long.write_ndjson}[connector](tmp_path / name)
    words = [sys.executable, "-c", FULL, connector, str(tmp_path / name), str(tmp_path / "out")]
    told = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert told.stdout.startswith("refused: cannot write"), told.stderr
    assert not (tmp_path / "out").exists()
