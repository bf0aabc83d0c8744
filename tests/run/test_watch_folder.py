"""Files that come into a folder are mended, each once."""

import os

import polars as pl
import psycopg
import pytest

import kintsu as kt
from kintsu.core.errors import InputError, StoreUnusable, UsageError
from kintsu.io.store.home import folder_of
from kintsu.io.store.store import Store
from kintsu.run.generate import generate
from kintsu.run.heal import heal
from kintsu.run.streams import stream
from kintsu.run.streams import streams as kt_streams


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "in").mkdir()
    return tmp_path


def put(path, rows=60, seed=5):
    generate("orders", rows, seed=seed, errors=0.05).dirty.write_csv(path)
    os.utime(path, (1, 1))  # long ago


def ran(place, treatment_folder, **options):
    chosen = {"until_idle_s": 0.6, "still_s": 0.0, "home": place / "home", **options}
    return kt.watch_folder(place / "in", out=place / "out", treatment=treatment_folder, **chosen).tally


def test_files_that_wait_are_the_lag(place, treatment_folder):
    for name in "abc":
        put(place / "in" / f"{name}.csv")
    (place / "in" / "d.csv.part").write_text("half")
    told = []
    ran(place, treatment_folder, progress=lambda tally, lag: told.append(lag))
    assert told == [2, 1, 0]
    assert kt_streams(home=place / "home")[0][0]["lag"] == 0


def test_each_file_is_mended_once_and_can_be_undone(place, treatment_folder):
    put(place / "in" / "a.csv")
    put(place / "in" / "b.csv", seed=6)
    (place / "in" / "c.csv.part").write_text("half")
    (place / "in" / "notes.docx").write_text("no table")
    first = ran(place, treatment_folder)
    assert sorted(p.name for p in (place / "out").iterdir() if p.is_file()) == ["a.csv", "b.csv"]
    assert first.events == first.passed + first.healed + first.quarantined >= 120 and first.healed > 0
    assert (
        first.columns["total"].cells == first.events - 1 and (place / "out" / "quarantine" / "notes.docx.why").exists()
    )
    expected = kt.heal(place / "in" / "a.csv", treatment=treatment_folder, out=place / "x.csv", home=place / "h2")
    assert (place / "out" / "a.csv").read_bytes() == (place / "x.csv").read_bytes() and len(expected.changes)
    assert ran(place, treatment_folder).events == 0
    put(place / "in" / "b.csv", seed=7)  # other content under the same name
    assert ran(place, treatment_folder).events > 0
    kt.undo("last", home=place / "home", out=place / "back.csv")
    assert (place / "back.csv").read_bytes() == (place / "in" / "b.csv").read_bytes()


def test_what_was_changed_in_files_is_shown(place, treatment_folder):
    put(place / "in" / "a.csv", rows=400)
    assert ran(place, treatment_folder).changes > 0
    shown = stream(1, home=place / "home")["examples"]
    changes = kt.heal(place / "in" / "a.csv", treatment=treatment_folder, dry_run=True).changes
    expected = {(f"a.csv/{row}", column, new) for row, column, new in changes["row", "column", "new"].iter_rows()}
    assert 0 < len(shown) <= 20 and {(each["id"], each["column"], each["new"]) for each in shown} <= expected


def test_what_cannot_be_read_or_mended_is_put_aside_with_the_reason(place, treatment_folder):
    (place / "in" / "broken.parquet").write_bytes(b"PAR1 no parquet")
    put(place / "in" / "odd.csv")
    frame = pl.read_csv(place / "in" / "odd.csv", infer_schema=False)
    frame.with_columns(quantity=pl.lit("many")).write_csv(place / "in" / "odd.csv")
    tally = ran(place, treatment_folder)
    aside = place / "out" / "quarantine"
    assert (aside / "broken.parquet").read_bytes() == b"PAR1 no parquet" and (aside / "broken.parquet.why").read_text()
    rows = pl.read_csv(aside / "odd.csv.rows.csv")
    assert rows.height == tally.quarantined - 1 > 0 and rows["why"].str.contains("quantity").any()


def test_a_wrong_call_is_told(place, treatment_folder):
    with pytest.raises(InputError, match="no such folder"):
        kt.watch_folder(place / "nowhere", out=place / "out", treatment=treatment_folder)
    with pytest.raises(UsageError, match="cannot go back"):
        kt.watch_folder(place / "in", out=place / "in", treatment=treatment_folder)


def test_heals_are_logged_where_the_counts_are_whatever_the_home_is_called_by(place, treatment_folder, postgresql_url):
    put(place / "in" / "a.csv")
    for home in (place / "one", str(place / "two"), postgresql_url):
        assert ran(place, treatment_folder, home=home).events > 0
        assert [run.table for run in Store(folder_of(home)).runs()] == ["a.csv"]
    assert [each.name for each in (place / "in").iterdir()] == ["a.csv"]


def test_a_database_that_is_away_puts_no_file_aside(place, treatment_folder, postgresql, postgresql_url, monkeypatch):
    name, home = postgresql_url.rpartition("/")[2], folder_of(postgresql_url)
    put(place / "in" / "a.csv")

    def allow(is_allowed):
        with psycopg.connect(postgresql, autocommit=True) as server:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {is_allowed}")
            server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    with monkeypatch.context() as away:
        away.setattr("kintsu.run.watch_folder.heal", lambda *given, **more: allow(False) or heal(*given, **more))
        with pytest.raises(StoreUnusable):
            ran(place, treatment_folder, home=home)
    allow(True)
    assert not list(place.glob("out/quarantine/*"))
    assert ran(place, treatment_folder, home=home).healed > 0
