"""Exported UPDATEs are run for real, on typed tables with awkward names and values."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import duckdb
import polars as pl
import pytest
from tiny import sets

from kintsu.core.contracts import ReadOptions
from kintsu.io.open import open_table
from kintsu.io.store.records import Draft
from kintsu.io.store.store import Store
from kintsu.run.export import export_sql
from kintsu.run.publish import publish

COLUMNS = ["id", "select", 'we"ird; name', "a.b", "amount", "day"]
TYPES = ["INTEGER", "TEXT", "TEXT", "TEXT", "DOUBLE", "DATE"]
OLD = [
    ["1", "it's", 'say "hi"', "x; DROP TABLE t; --", "1.5", "2024-01-31"],
    ["2", "NULL", None, "back\\slash", "2", "2024-02-01"],
    ["3", None, "100 %", "line\nbreak", "-3", None],
    ["4", "שלום 😀", "''", "/* c */", None, "2023-12-24"],
]
NEW = {
    (0, "select"): "O'Neil''s",
    (0, "amount"): "15",
    (1, 'we"ird; name'): '"',
    (1, "select"): None,
    (2, "select"): "NULL",
    (2, "a.b"): "two\nlines; --",
    (2, "day"): "2024-02-29",
    (3, 'we"ird; name'): "\\'",
    (3, "amount"): "0.25",
    (3, "id"): "40",
}


@pytest.fixture
def script(tmp_path: Path) -> str:
    """The statements of a run that makes OLD to NEW in a Parquet file, where null is not the empty text."""
    frame = pl.DataFrame(OLD, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")
    frame.write_parquet(tmp_path / "in.parquet")
    table = open_table(tmp_path / "in.parquet", ReadOptions())

    class Cells:
        columns = COLUMNS

        @staticmethod
        def cells() -> list[list[str | None]]:
            return OLD

    edits = sets(Cells, *((row, column, new) for (row, column), new in NEW.items()))
    store = Store(tmp_path / ".kintsu")
    run = publish(store, Draft(), table, edits, tmp_path / "out.parquet").run.id
    n = export_sql(run, tmp_path / "u.sql", keys=("id",), table='main.my "t"', home=store.home)
    assert n == len(NEW)
    return (tmp_path / "u.sql").read_text(encoding="utf-8")


def created() -> str:
    columns = ", ".join('"' + name.replace('"', '""') + '" ' + kind for name, kind in zip(COLUMNS, TYPES, strict=True))
    return f'CREATE TABLE "my ""t""" ({columns})'


def expected() -> list[tuple[str | None, ...]]:
    return sorted(tuple(NEW.get((r, c), cell) for c, cell in zip(COLUMNS, row)) for r, row in enumerate(OLD))


def as_texts(rows: list[tuple]) -> list[tuple[str | None, ...]]:
    """Numbers as the input wrote them: 2.0 as 2."""
    return sorted(
        tuple(None if v is None else f"{v:g}" if isinstance(v, float) else str(v) for v in row) for row in rows
    )


def test_sqlite_takes_them(script):
    db = sqlite3.connect(":memory:")
    db.execute(created())
    db.executemany('INSERT INTO "my ""t""" VALUES (?, ?, ?, ?, ?, ?)', OLD)
    db.executescript(script)
    told = db.execute('SELECT * FROM "my ""t"""').fetchall()
    db.close()
    assert as_texts(told) == expected()


def test_duckdb_takes_them(script):
    with duckdb.connect() as db:
        db.execute(created())
        db.executemany('INSERT INTO "my ""t""" VALUES (?, ?, ?, ?, ?, ?)', OLD)
        db.execute(script)
        assert as_texts(db.execute('SELECT * FROM "my ""t"""').fetchall()) == expected()


def test_a_row_that_holds_something_else_by_now_is_left_as_it_is(script):
    db = sqlite3.connect(":memory:")
    db.execute(created())
    db.executemany('INSERT INTO "my ""t""" VALUES (?, ?, ?, ?, ?, ?)', OLD)
    db.execute('UPDATE "my ""t""" SET "select" = ? WHERE id = 1', ["by hand"])
    db.executescript(script)
    assert db.execute('SELECT "select" FROM "my ""t""" WHERE id = 1').fetchone() == ("by hand",)
    db.close()
