"""SQLite and DuckDB: one transaction, checked values, and an undo that finds its rows by key."""

from __future__ import annotations

import sqlite3
import sys

import duckdb
import polars as pl
import pytest
from making import OPTIONS, edits, texts, whole

from kintsu.core.change import invert
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, MissingExtra, OutputError, StaleRepair, UsageError
from kintsu.io.duckdb import Duckdb
from kintsu.io.sqlite import Sqlite

CONNECTORS = {"sqlite": Sqlite(), "duckdb": Duckdb()}
ODD = 'or"d; DROP TABLE t'


def make(kind, path, *statements):
    db = sqlite3.connect(path) if kind == "sqlite" else duckdb.connect(str(path))
    for statement in statements:
        db.execute(statement)
    if kind == "sqlite":
        db.commit()
    db.close()


@pytest.fixture(params=["sqlite", "duckdb"])
def shop(request, tmp_path):
    """A connector and the URL of a table of four rows with an odd name."""
    kind, path = request.param, tmp_path / "shop.db"
    name = '"' + ODD.replace('"', '""') + '"'
    make(
        kind,
        path,
        f'CREATE TABLE {name} (id INTEGER PRIMARY KEY, name VARCHAR, price DOUBLE, "a b" INTEGER)',
        f"INSERT INTO {name} VALUES (3, 'x', 1.5, 1), (1, 'é😀', NULL, 2), (7, NULL, 1e308, NULL), (9, '', -0.5, 4)",
        "CREATE TABLE other (n INTEGER)",
    )
    return CONNECTORS[kind], f"{kind}:///{path}", path, kind


def opened(shop):
    connector, url, _, _ = shop
    return connector.open(f"{url}?table=or%22d%3B%20DROP%20TABLE%20t", OPTIONS)


def test_rows_come_in_order_of_the_key_and_typed(shop):
    table = opened(shop)
    assert (table.rows, table.path, table.columns) == (4, None, ("id", "name", "price", "a b"))
    assert texts(table)["id"].to_list() == ["1", "3", "7", "9"]
    assert whole(table)["price"].to_list() == [None, 1.5, 1e308, -0.5]
    assert [batch.row.to_list() for batch in table.batches(size=3, columns=["name"])] == [[0, 1, 2], [3]]


CHANGES = edits((0, "price", None, "3"), (1, "name", "x", "n"), (2, "price", "1e+308", None), (3, "a b", "4", "5"))


def test_write_back_then_undo_gives_the_same_values(shop):
    before = texts(opened(shop))
    price = before["price"][2]
    changes = CHANGES.with_columns(old=pl.col("old").replace("1e+308", price))
    done = opened(shop).patch(changes)
    assert texts(opened(shop)).rows() == [
        (0, "1", "é😀", "3.0", "2"),
        (1, "3", "n", "1.5", "1"),
        (2, "7", None, None, None),
        (3, "9", "", "-0.5", "5"),
    ]
    opened(shop).patch(invert(done))
    assert texts(opened(shop)).equals(before)


def test_undo_finds_its_rows_after_others_were_added(shop):
    _, _, path, kind = shop
    done = opened(shop).patch(edits((1, "name", "x", "n")))
    make(kind, path, f"INSERT INTO \"{ODD.replace(chr(34), chr(34) * 2)}\" VALUES (0, 'first', 0, 0)")
    opened(shop).patch(invert(done))
    assert texts(opened(shop))["name"].to_list() == ["first", "é😀", "x", None, ""]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ((1, "name", "y", "z"), StaleRepair),
        ((99, "name", "y", "z"), StaleRepair),
        ((1, "nope", "y", "z"), UsageError),
        ((1, "id", "3", "4"), OutputError),
        ((1, None, "drop", None, None, None, None), UsageError),
    ],
)
def test_one_wrong_edit_and_nothing_is_written(shop, line, error):
    before = texts(opened(shop))
    with pytest.raises(error):
        opened(shop).patch(edits((0, "name", "é😀", "halfway"), line))
    assert texts(opened(shop)).equals(before)


def test_a_copy_can_be_patched_instead(shop, tmp_path):
    before = texts(opened(shop))
    opened(shop).patch(edits((1, "name", "x", "n")), tmp_path / "copy.db")
    assert texts(opened(shop)).equals(before)
    connector, _, _, kind = shop
    assert texts(connector.open(f"{kind}:///{tmp_path / 'copy.db'}", ReadOptions(table=ODD)))["name"][1] == "n"


def test_fits_says_no_to_keys_and_unknown_columns(shop):
    asked = edits((0, "name", "é😀", "x"), (0, "id", "1", "5"), (0, "nope", None, "x"), (0, "name", "é😀", None))
    assert opened(shop).fits(asked).to_list() == [True, False, False, True]


def test_the_table_must_be_named_and_exist(shop, tmp_path):
    connector, url, path, kind = shop
    with pytest.raises(UsageError, match=r"2 tables: .*Name one"):
        connector.open(url, OPTIONS)
    with pytest.raises(InputError, match="no table 'nope'; tables: "):
        connector.open(f"{url}#nope", OPTIONS)
    with pytest.raises(InputError, match="no such"):
        connector.open(f"{kind}:///{tmp_path / 'none.db'}#x", OPTIONS)
    assert not (tmp_path / "none.db").exists()
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5000)
    with pytest.raises(InputError) as caught:
        whole(connector.open(f"{url}#other", OPTIONS))
    assert "\n" not in str(caught.value)


def test_a_view_is_read_but_not_written(shop):
    connector, url, path, kind = shop
    make(kind, path, "INSERT INTO other VALUES (1)", "CREATE VIEW v AS SELECT n FROM other")
    table = connector.open(f"{url}#v", OPTIONS)
    assert texts(table)["n"].to_list() == ["1"]
    with pytest.raises(OutputError, match="is a view"):
        table.patch(edits((0, "n", "1", "2")))


def test_a_constraint_forbids_and_nothing_is_written(shop):
    connector, url, path, kind = shop
    make(
        kind,
        path,
        "CREATE TABLE u (k INTEGER PRIMARY KEY, v INTEGER CHECK (v < 10))",
        "INSERT INTO u VALUES (1, 1), (2, 2)",
    )
    table = connector.open(f"{url}#u", OPTIONS)
    with pytest.raises(OutputError, match="constraint"):
        table.patch(edits((0, "v", "1", "3"), (1, "v", "2", "99")))
    assert texts(connector.open(f"{url}#u", OPTIONS))["v"].to_list() == ["1", "2"]


def test_sqlite_keeps_the_stored_type_of_each_cell(tmp_path):
    make("sqlite", tmp_path / "x.db", "CREATE TABLE t (m)", "INSERT INTO t VALUES (1), ('w'), (2.5), (x'00ff'), (NULL)")
    url = f"sqlite:///{tmp_path / 'x.db'}#t"

    def stored():
        return sqlite3.connect(tmp_path / "x.db").execute("SELECT m, typeof(m) FROM t ORDER BY rowid").fetchall()

    before = stored()
    table = Sqlite().open(url, OPTIONS)
    old = texts(table)["m"].to_list()
    assert old == ["1", "w", "2.5", "AP8=", None]
    done = table.patch(edits(*[(row, "m", value, "z") for row, value in enumerate(old)]))
    assert [value for value, _ in stored()] == ["z"] * 5
    Sqlite().open(url, OPTIONS).patch(invert(done))
    assert stored() == before


def test_sqlite_tables_without_row_ids_go_by_their_key(tmp_path):
    make(
        "sqlite",
        tmp_path / "x.db",
        "CREATE TABLE w (a TEXT, b INTEGER, v TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID",
        "INSERT INTO w VALUES ('z', 1, 'last'), ('a', 2, 'first')",
    )
    url = f"sqlite:///{tmp_path / 'x.db'}"
    done = Sqlite().open(url, OPTIONS).patch(edits((0, "v", "first", "x")))
    assert texts(Sqlite().open(url, OPTIONS))["v"].to_list() == ["x", "last"]
    Sqlite().open(url, OPTIONS).patch(invert(done))
    assert texts(Sqlite().open(url, OPTIONS))["v"].to_list() == ["first", "last"]


DUCK = {  # type -> (literal, new text)
    "HUGEINT": ("170141183460469231731687303715884105727", "5"),
    "UUID": ("'5b5251f0-8ef2-437a-8669-e1c80ff19c70'", "d3239b7d-c4e3-4c46-b7ad-5939ceb58313"),
    "DECIMAL(10,2)": ("1.5", "2.25"),
    "ENUM('a', 'b')": ("'a'", "b"),
    "TIMESTAMPTZ": ("'2024-05-01 10:00:00.5+02'", "2024-05-01 00:00:00"),
    "INTERVAL": ("INTERVAL 1 DAY", "2 days"),
    "BLOB": ("'abc'::BLOB", "AAE="),
    "DOUBLE": ("'nan'", "1e308"),
    "TIME": ("'12:00:00.25'", "01:02:03"),
    "DATE": ("'9999-12-31'", "2020-02-02"),
    "BOOLEAN": ("true", "false"),
    "TIMESTAMP_NS": ("'2024-01-01'", "2020-02-02 00:00:00"),
}


@pytest.mark.parametrize("type_", DUCK)
def test_duckdb_types_go_out_and_come_back(type_, tmp_path):
    literal, new = DUCK[type_]
    path = tmp_path / "x.duckdb"
    make("duckdb", path, f"CREATE TABLE t (v {type_})", f"INSERT INTO t VALUES ({literal}), (NULL)")
    table = Duckdb().open(path, OPTIONS)
    before = texts(table)
    done = table.patch(edits((0, "v", before["v"][0], new), (1, "v", None, new)))
    assert texts(table)["v"].n_unique() == 1
    assert texts(table)["v"].to_list() == done["new"].to_list()
    table.patch(invert(done))
    assert texts(table).equals(before)


@pytest.mark.parametrize(("type_", "new"), [("INTEGER", "1.5"), ("INTEGER", "x"), ("INTEGER[]", "[3]"), ("DATE", "x")])
def test_duckdb_refuses_what_a_column_cannot_hold(type_, new, tmp_path):
    make("duckdb", tmp_path / "x.duckdb", f"CREATE TABLE t (v {type_})", "INSERT INTO t VALUES (NULL)")
    table = Duckdb().open(tmp_path / "x.duckdb", OPTIONS)
    with pytest.raises(OutputError, match=r"t\.v, row 0"):
        table.patch(edits((0, "v", None, new)))


def test_a_missing_package_says_how_to_install_it(tmp_path, monkeypatch):
    (tmp_path / "x.duckdb").write_bytes(b"anything")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtra, match=r"pip install 'kintsu\[duckdb\]'"):
        Duckdb().open(tmp_path / "x.duckdb", OPTIONS)
