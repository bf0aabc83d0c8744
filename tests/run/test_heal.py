"""The main job from end to end, on real files in a temporary folder."""

import csv
import json
import random
from pathlib import Path

import polars as pl
import pytest

import kintsu as kt
from kintsu.core.errors import OutputError, UsageError
from kintsu.diagnose.masking import HIDDEN_WHY
from kintsu.run.sidecar import changes_table, findings_table

CITIES = {"10115": "Berlin", "20095": "Hamburg", "80331": "Munich", "50667": "Cologne", "60311": "Frankfurt"}


def orders(n: int = 400) -> list[list[str]]:
    """Orders of five towns with typos, null tokens, a unit, an empty town, and one row that occurs twice."""
    rng = random.Random(5)
    rows = []
    for i in range(n):
        code = rng.choice(list(CITIES))
        rows.append([f"{i:05d}", code, CITIES[code], f"{rng.uniform(5, 90):.2f}", rng.choice(["new", "paid", "sent"])])
    for i in (7, 70, 170):
        rows[i][2] = rows[i][2][:2] + "x" + rows[i][2][3:]
    for i in (11, 111, 211):
        rows[i][3] = "N/A"
    rows[33][2] = ""
    rows[44][4] = " paid "
    rows.append(list(rows[100]))
    return rows


def write(path: Path, rows: list[list[str]], newline: str = "\n") -> Path:
    lines = [",".join(row) for row in [["id", "postcode", "city", "amount", "status"], *rows]]
    path.write_bytes((newline.join(lines) + newline).encode())
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "orders.csv", orders())


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_healed_is_the_original_plus_the_listed_changes(table):
    result = kt.heal(table, changes=table.with_name("c.csv"))
    before, after = read(table), read(result.output)
    at = {name: i for i, name in enumerate(before[0])}
    names, *lines = read(table.with_name("c.csv"))
    for line in (dict(zip(names, values, strict=True)) for values in lines):
        row, column = int(line["row"]) + 1, at[line["column"]]
        assert before[row][column] == line["old"]
        before[row][column] = line["new"]
    assert before == after
    assert result.output.name == "orders.healed.csv"


def test_what_follows_is_mended(table):
    result = kt.heal(table, auto=0.8)
    healed = read(result.output)[1:]
    assert all(row[2] == CITIES[row[1]] for row in healed)
    assert {row[4] for row in healed} == {"new", "paid", "sent"}


def test_words_for_a_lost_value_are_left_to_a_person(table):
    result = kt.heal(table, auto=0.5)
    assert [read(result.output)[1:][i][3] for i in (11, 111, 211)] == ["N/A"] * 3
    offered = result.decisions.filter((pl.col("action") == "suggest") & (pl.col("healer") == "null_token"))
    assert offered["row"].to_list() == [11, 111, 211]


def test_every_change_says_why_and_how_sure(table):
    changes = kt.heal(table).changes
    assert changes["why"].str.len_chars().min() > 10
    assert changes["confidence"].is_between(0.95, 1, closed="left").all()


def test_undo_restores_the_bytes_without_the_input(table):
    original = table.read_bytes()
    result = kt.heal(table)
    table.unlink()
    kt.undo(result.run, home=result.home)
    assert result.output.read_bytes() == original


def test_the_same_seed_gives_the_same_answer(table, tmp_path):
    a, b = (kt.heal(table, out=tmp_path / f"{name}.csv", home=tmp_path / name) for name in "ab")
    assert a.findings.equals(b.findings)
    assert a.decisions.equals(b.decisions)
    assert a.scores == b.scores


def test_rows_in_another_order_get_the_same_cells(tmp_path):
    rows = orders()
    shuffled = list(rows)
    random.Random(1).shuffle(shuffled)
    told = []
    for name, lines in (("a", rows), ("b", shuffled)):
        result = kt.heal(write(tmp_path / f"{name}.csv", lines), home=tmp_path / name, auto=0.8)
        ids = pl.Series("id", [line[0] for line in lines])
        cells = result.changes.select(id=ids.gather(result.changes["row"]), column="column", old="old", new="new")
        told.append(cells.sort(pl.all()))
    assert told[0].equals(told[1])
    assert len(told[0]) == 5


def test_guesses_and_removals_are_made_only_when_asked_for(table, tmp_path):
    shy = kt.heal(table, out=tmp_path / "shy.csv")
    assert not shy.changes.filter(pl.col("edit") == "drop").height
    bold = kt.heal(table, out=tmp_path / "bold.csv", impute=True, drop_duplicates=True)
    assert bold.changes.filter(pl.col("edit") == "drop").height == 1
    healed = read(tmp_path / "bold.csv")[1:]
    assert len(healed) == len(orders()) - 1
    assert all(row[3] for row in healed), "every amount is filled"


def test_a_dropped_row_comes_back(table, tmp_path):
    original = table.read_bytes()
    result = kt.heal(table, out=tmp_path / "out.csv", drop_duplicates=True, impute=True)
    kt.undo(result.run, home=result.home)
    assert (tmp_path / "out.csv").read_bytes() == original


def test_natural_repeats_are_removed_when_asked_for(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("party,age\n" + "".join(f"{'ab'[i % 2]},{20 + i % 30}\n" for i in range(120)))
    assert not len(kt.check(path).findings)
    assert len(kt.heal(path, drop_duplicates=True, dry_run=True).changes) == 120 - 30


def test_locked_columns_are_not_touched(table, tmp_path):
    result = kt.heal(table, out=tmp_path / "out.csv", never_touch=("city",))
    assert "city" not in set(result.changes["column"])


def test_an_unknown_column_is_named(table):
    with pytest.raises(UsageError, match=r"no column 'town'.*columns: id, postcode"):
        kt.heal(table, never_touch=("town",))


def test_an_existing_output_is_kept_unless_forced(table, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("mine")
    with pytest.raises(OutputError):
        kt.heal(table, out=out)
    assert out.read_text() == "mine"
    kt.heal(table, out=out, force=True)
    assert out.read_text() != "mine"


def test_a_dry_run_writes_nothing(table):
    before = sorted(path.name for path in table.parent.iterdir())
    result = kt.heal(table, dry_run=True)
    assert len(result.changes) >= 4
    assert sorted(path.name for path in table.parent.iterdir()) == before


def test_in_place_replaces_and_undo_brings_back(table):
    original = table.read_bytes()
    result = kt.heal(table, in_place=True)
    assert table.read_bytes() != original
    kt.undo(result.run, home=result.home)
    assert table.read_bytes() == original


def test_frames_come_back_in_the_kind_they_were_given(table):
    pandas = pytest.importorskip("pandas")
    frame = pl.read_csv(table, infer_schema=False)
    mended = kt.heal(frame).frame
    assert isinstance(mended, pl.DataFrame)
    assert mended.filter(pl.col("city").str.contains("x")).is_empty()
    assert isinstance(kt.heal(frame.to_pandas()).frame, pandas.DataFrame)


def test_the_run_object_counts_what_happened(table):
    result = kt.heal(table, findings=table.with_name("f.csv"))
    told = json.loads(json.dumps(result.run_object()))
    assert told["rows"] == len(orders())
    assert told["columns"] == 5
    assert told["applied"] == len(result.changes)
    assert told["findings"] == len(read(table.with_name("f.csv"))) - 1
    assert told["scores_after"]["overall"] >= told["scores"]["overall"]


def test_sensitive_columns_are_masked_in_what_people_read(table):
    findings, changes, report = (table.with_name(name) for name in ("f.csv", "c.csv", "r.html"))
    kt.heal(table, sensitive=("city",), findings=findings, changes=changes, report=report)
    for path in (findings, changes, report):
        text = path.read_text()
        assert "Berlin" not in text and "Hamburg" not in text, path.name


def test_evidence_that_rests_on_a_sensitive_column_is_masked_beside_the_output():
    whys = ["18 of 19 rows with city 'Berlin' have 10115", "equal to row 3: Berlin, 10115", "5 is far above the column"]
    found = pl.DataFrame(
        {"row": [0, 1, 2], "column": ["zip", None, "n"], "kind": "dependency", "why": whys}, strict=False
    )
    lines = found.with_columns(score=0.9, confidence=0.9, detector=pl.lit("made"), recipe=pl.lit("r"))
    assert findings_table(lines, sensitive=("city",))["why"].to_list() == [HIDDEN_WHY, HIDDEN_WHY, whys[2]]
    edits = lines.with_columns(edit=pl.lit("set"), old=pl.lit("1"), new=pl.lit("2"), healer=pl.lit("made"))
    assert changes_table(edits, sensitive=("city",))["why"].to_list() == [HIDDEN_WHY, HIDDEN_WHY, whys[2]]


def test_crash_test_reports_what_it_broke(table):
    told = kt.crash_test(table).to_dict()
    assert told["broken"] > 50
    assert len(told["cells"]) == told["broken"]
    assert {"row", "column", "kind", "original", "value", "found", "mended"} <= set(told["cells"][0])
    for part in (told["detection"], told["repair"]):
        assert {"city", "status"} <= set(part["by_column"])
        for line in (part, *part["by_column"].values(), *part["by_kind"].values()):
            low, high = line["interval"]
            assert 0 <= low <= line["recall"] <= high <= 1
    low, high = told["repair"]["precision_interval"]
    assert low <= told["repair"]["precision"] <= high < 1 or high == 1
    assert [one["auto"] for one in told["forecast"]] == [0.5, 0.95]
    assert kt.crash_test(table).to_dict() == told


@pytest.mark.parametrize(("day_first", "new"), [(True, "05/04/2026"), (None, "04/05/2026")])
def test_day_first_decides_where_both_readings_fit(tmp_path, day_first, new):
    rows = "".join(f"{i % 9 + 1:02d}/{i % 12 + 1:02d}/2026,{i}\n" for i in range(0, 108))
    path = tmp_path / "days.csv"
    path.write_text(f"day,n\n{rows}2026-04-05,200\n")
    result = kt.heal(path, auto=0.5, read=kt.ReadOptions(day_first=day_first), dry_run=True)
    assert result.changes.filter(pl.col("column") == "day")["new"].to_list() == [new]


@pytest.fixture
def database(table):
    import sqlite3
    from contextlib import closing

    path = table.with_name("shop.sqlite")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table orders (id text primary key, postcode, city, amount, status)")
        connection.executemany("insert into orders values (?, ?, ?, ?, ?)", orders()[:-1])
    return path


def test_a_database_file_is_not_changed_unless_asked_for(database):
    before = database.read_bytes()
    for options in ({}, {"out": database.with_name("out.sqlite")}):
        with pytest.raises(UsageError, match="mended where it is"):
            kt.heal(database, **options)
    assert database.read_bytes() == before
    assert not database.with_name("out.sqlite").exists()


def test_a_database_is_mended_where_it_is_and_taken_back(database):
    import sqlite3
    from contextlib import closing

    def cities() -> set[str]:
        with closing(sqlite3.connect(database)) as connection:
            return {row[0] for row in connection.execute("select distinct city from orders")}

    before = cities()
    result = kt.heal(f"sqlite:///{database}#orders", home=database.parent / "home")
    assert cities() == set(CITIES.values())
    kt.undo(result.run, home=result.home)
    assert cities() == before


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    path = tmp_path / "new.csv"
    path.write_bytes(b"a,b\n")
    assert list(kt.profile(path).to_dict()["columns"]) == ["a", "b"]
    assert kt.check(path).run_object()["findings"] == 0
    assert kt.heal(path).output.read_bytes() == b"a,b\n"


def test_an_undo_that_is_refused_hides_sensitive_values(database):
    import sqlite3
    from contextlib import closing

    result = kt.heal(f"sqlite:///{database}#orders", home=database.parent / "home", sensitive=("city",))
    row = int(result.changes.filter(pl.col("column") == "city")["row"][0])
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("update orders set city = 'Secretville' where id = ?", (f"{row:05d}",))
    with pytest.raises(kt.KintsuError) as told:
        kt.undo(result.run, home=result.home)
    assert "Secretville" not in str(told.value) and "hidden" in str(told.value)


def test_a_result_prints_as_one_line_of_facts():
    frame = pl.DataFrame({"a": ["x"] * 30 + ["y"] * 30, "b": ["secret"] * 60})
    for told in (repr(kt.heal(frame)), repr(kt.check(frame))):
        assert len(told) < 200 and "rows=60" in told and "secret" not in told
