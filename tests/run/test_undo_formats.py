"""Undo through the real connectors: the same bytes for text, the stored original or the same values for the rest."""

import gzip
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kintsu.io.open import open_table
from kintsu.io.store.records import Draft
from kintsu.io.store.store import Store
from kintsu.run.publish import publish
from kintsu.run.undo import undo

TEXT = 'id,name,"size"\r\n1,"a, b",10\r\n002, x ,"1""0"\r\n3,,NaN\r\nbad\r\n4,"two\nlines",7'


@pytest.fixture(autouse=True)
def no_home(monkeypatch):
    monkeypatch.delenv("KINTSU_HOME", raising=False)


def edits_of(table, *cells, drop=()):
    """Edits of cells (row, column, new); old values are read from the table."""
    texts = pl.concat([batch.texts() for batch in table.batches()])
    old = {row: texts.row(row, named=True) for row in {row for row, *_ in cells}}
    sets = [{"row": r, "column": c, "edit": "set", "old": old[r][c], "new": new} for r, c, new in cells]
    whole = [{"row": r, "column": None, "edit": "drop", "old": None, "new": None} for r in drop]
    schema = {"row": pl.Int64} | dict.fromkeys(["column", "edit", "old", "new"], pl.String)
    return pl.DataFrame(sets + whole, schema=schema)


def heal(path, out, *cells, drop=(), **options):
    table = open_table(path)
    return publish(
        Store(out.parent / ".kintsu"), Draft(), table, edits_of(table, *cells, drop=drop), out, **options
    ).run


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_text_comes_back_byte_for_byte(tmp_path, encoding, end):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(TEXT.replace("\r\n", end).replace("x", "é").encode(encoding))
    before = path.read_bytes()
    run = heal(path, out, (0, "name", "c"), (1, "size", "x, y"), (2, "name", "new"), drop=[4])
    path.unlink()
    assert out.read_bytes() != before
    part = undo(run.id, home=tmp_path / ".kintsu", row=4)
    assert part.restored == "part"
    assert undo(run.id, home=tmp_path / ".kintsu").restored == "bytes"
    assert out.read_bytes() == before
    redone = undo(part.change, home=tmp_path / ".kintsu")
    assert redone.edits == 1 and open_table(out).rows == 4


cells = st.text(alphabet="ab\"\n,; é\t'", max_size=4)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    records=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=2, max_size=6),
    quoting=st.booleans(),
    last=st.booleans(),
    chosen=st.lists(st.tuples(st.integers(0, 5), st.sampled_from("pqr"), st.none() | cells), max_size=5),
    dropped=st.sets(st.integers(0, 5), max_size=2),
)
def test_any_text_table_comes_back(tmp_path_factory, records, quoting, last, chosen, dropped):
    folder = tmp_path_factory.mktemp("text")

    def spelt(cell):
        return '"' + cell.replace('"', '""') + '"' if quoting or set(cell) & set("\",;\n\t' ") else cell

    lines = ["p,q,r", *(",".join(map(spelt, record)) for record in records)]
    path, out = folder / "in.csv", folder / "out.csv"
    path.write_bytes(("\n".join(lines) + ("\n" if last else "")).encode())
    table = open_table(path)
    texts = pl.concat([batch.texts() for batch in table.batches()])
    unique = {(r, c): v for r, c, v in chosen if c in texts.columns and r < table.rows and r not in dropped}
    fit = [(r, c, v) for (r, c), v in unique.items() if texts.row(r, named=True)[c] != v]
    run = heal(path, out, *fit, drop=[row for row in dropped if row < table.rows])
    before = path.read_bytes()
    path.unlink()
    undo(run.id, home=folder / ".kintsu")
    assert out.read_bytes() == before


FRAME = pl.DataFrame({"id": [1, 2, 3], "size": [1.5, None, 3.25], "name": ["a", None, ""]})


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "xlsx", "jsonl", "csv.gz"])
def test_other_formats_come_back_from_the_original(tmp_path, suffix):
    path, out = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    if suffix == "xlsx":
        import openpyxl

        book = openpyxl.Workbook()
        for row in [FRAME.columns, *FRAME.rows()]:
            book.active.append(row)
        book.save(path)
    elif suffix == "csv.gz":
        path.write_bytes(gzip.compress(FRAME.write_csv().encode()))
    else:
        {"parquet": FRAME.write_parquet, "arrow": FRAME.write_ipc, "jsonl": FRAME.write_ndjson}[suffix](path)
    before, texts = path.read_bytes(), pl.concat([batch.texts() for batch in open_table(path).batches()])
    run = heal(path, out, (0, "name", "new"), (2, "size", "4.5"))
    path.unlink()
    part = undo(run.id, home=tmp_path / ".kintsu", column="size")
    assert part.edits == 1
    assert undo(run.id, home=tmp_path / ".kintsu").restored == "bytes"
    assert out.read_bytes() == before
    large = heal(out, tmp_path / f"large.{suffix}", (0, "name", "new"), cap=1)
    undo(large.id, home=tmp_path / ".kintsu")
    back = pl.concat([batch.texts() for batch in open_table(tmp_path / f"large.{suffix}").batches()])
    assert_frame_equal(back, texts)


def test_a_partitioned_folder_comes_back(tmp_path):
    path, out = tmp_path / "in", tmp_path / "out"
    for key in "ab":
        (path / f"key={key}").mkdir(parents=True)
        FRAME.write_parquet(path / f"key={key}" / "part.parquet")
    run = heal(path, out, (0, "name", "new"), (4, "size", "9.0"))
    files = {file.relative_to(path): file.read_bytes() for file in path.rglob("*.parquet")}
    assert {file.relative_to(out) for file in out.rglob("*.parquet")} == set(files)
    assert undo(run.id, home=tmp_path / ".kintsu", out=tmp_path / "back").restored == "bytes"
    undo(run.id, home=tmp_path / ".kintsu")
    for back in (out, tmp_path / "back"):
        assert {file.relative_to(back): file.read_bytes() for file in back.rglob("*.parquet")} == files
    assert sorted(each.name for each in tmp_path.iterdir()) == [".kintsu", "back", "in", "out"]


def database(path: Path) -> list[tuple]:
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT rowid, * FROM orders ORDER BY rowid").fetchall()
    db.close()
    return rows


def test_a_database_is_written_back_and_undone_after_rows_moved(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, size REAL)")
        db.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(5, "a", 1.5), (6, None, None), (7, "c", 3.0)])
    db.close()
    before = database(path)
    table = open_table(f"sqlite:///{path}#orders")
    store = Store(tmp_path / ".kintsu")
    first = publish(store, Draft(), table, edits_of(table, (1, "name", "b"), (2, "size", "4")), None).run
    assert database(path)[1][2] == "b" and database(path)[2][3] == 4.0
    table = open_table(f"sqlite:///{path}#orders")
    second = publish(store, Draft(), table, edits_of(table, (0, "name", "A")), None).run
    assert second.parent == first.id
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO orders VALUES (1, 'new', 0)")
    db.close()
    back = undo(first.id, home=tmp_path / ".kintsu")
    assert back.restored == "values"
    undo(second.id, home=tmp_path / ".kintsu")
    assert database(path)[1:] == before
    undo(back.change, home=tmp_path / ".kintsu")
    assert database(path)[2][2] == "b"
    assert store.verify().gone == 0


def test_a_duckdb_table_is_written_back_and_undone(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as db:
        db.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, name VARCHAR, size DOUBLE)")
        db.execute("INSERT INTO orders VALUES (5, 'a', 1.5), (6, NULL, NULL)")
    url = f"duckdb:///{tmp_path / 'shop.duckdb'}#orders"
    table = open_table(url)
    before = pl.concat([batch.texts() for batch in table.batches()])
    store = Store(tmp_path / ".kintsu")
    run = publish(store, Draft(), table, edits_of(table, (1, "name", "b"), (0, "size", "4")), None).run
    assert not before.equals(pl.concat([batch.texts() for batch in open_table(url).batches()]))
    undo(run.id, home=tmp_path / ".kintsu", column="name")
    undo(run.id, home=tmp_path / ".kintsu")
    assert_frame_equal(pl.concat([batch.texts() for batch in open_table(url).batches()]), before)
