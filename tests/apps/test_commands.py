"""The commands on real files, in process: what they write, print and return."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from kintsu.apps.cli import edge

CITIES = [("75001", "Paris"), ("69001", "Lyon"), ("13001", "Marseille"), ("31000", "Toulouse")]

FAST = ("--no-crash-test",)  # where it is not about how sure a heal is
SLIPS = {17: ("Lyno", "Lyon"), 34: ("Marsseille", "Marseille"), 83: ("Tolouse", "Toulouse")}


def dirty_lines(rows: int = 240) -> list[str]:
    """People with a postcode that tells the city; a few typos, a null token, numbers with a unit."""
    lines = ["id,name,zip,city,weight"]
    for n in range(rows):
        code, city = CITIES[n % 4]
        lines.append(f'{n:04d},"Person {n}",{code},{city},{50 + n % 37}')
    for n, (wrong, right) in SLIPS.items():
        lines[n + 1] = lines[n + 1].replace(right, wrong)
    return lines


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KINTSU_HOME", raising=False)
    monkeypatch.delenv("KINTSU_DEBUG", raising=False)
    (tmp_path / "people.csv").write_bytes("\r\n".join([*dirty_lines(), ""]).encode())
    return tmp_path


def told(capsys, *arguments: str, code: int = 0) -> dict:
    """The one JSON object that a command prints."""
    assert edge.run([*arguments, "--json"]) == code
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return json.loads(out)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_table_is_mended_listed_and_taken_back_to_the_byte(place, capsys):
    original = digest(place / "people.csv")
    files = ["--findings", "f.csv", "--changes", "c.parquet", "--report", "r.html"]
    run = told(capsys, "heal", "people.csv", *files)
    keys = "run input output rows columns findings applied suggested flagged quarantined scores seconds steps_failed"
    assert set(keys.split()) <= set(run) and run["rows"] == 240 and run["columns"] == 5 and run["steps_failed"] == []
    assert run["applied"] >= 3 and digest(place / "people.csv") == original
    healed = pl.read_csv("people.healed.csv", infer_schema=False)
    assert healed["city"].to_list() == [CITIES[n % 4][1] for n in range(240)] and healed["id"][7] == "0007"
    changes = pl.read_parquet("c.parquet")
    assert len(changes) == run["applied"] and len(pl.read_csv("f.csv")) == run["findings"]
    assert "Marsseille" in (place / "r.html").read_text(encoding="utf-8")
    (place / "people.csv").unlink()
    back = told(capsys, "undo", run["run"], "-o", "back.csv")
    assert back["restored"] == "bytes" and digest(place / "back.csv") == original


def test_the_summary_ends_with_the_command_that_takes_it_back(place, capsys):
    assert edge.run(["heal", "people.csv", *FAST]) == 0
    out = capsys.readouterr().out
    assert any(f"{old} → {new}" in out for _, (old, new) in SLIPS.items()) and "\x1b" not in out
    command = next(line for line in out.splitlines() if "kintsu undo" in line).split("kintsu ")[1].split()
    assert edge.run(command) == 0
    assert digest(place / "people.healed.csv") == digest(place / "people.csv")


def test_an_output_that_exists_is_not_replaced_unless_forced(place, capsys):
    (place / "people.healed.csv").write_text("mine")
    assert "error" in told(capsys, "heal", "people.csv", *FAST, code=2)
    assert (place / "people.healed.csv").read_text() == "mine"
    told(capsys, "heal", "people.csv", *FAST, "--force")
    assert (place / "people.healed.csv").read_text() != "mine"


def test_a_dry_run_writes_no_table_and_no_history(place, capsys):
    run = told(capsys, "heal", "people.csv", *FAST, "--dry-run")
    assert run["output"] is None and sorted(p.name for p in place.iterdir()) == ["people.csv"]


def test_quiet_prints_nothing(place, capsys):
    assert edge.run(["heal", "people.csv", *FAST, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_gate_fails_below_its_limit_only(place, capsys):
    score = told(capsys, "check", "people.csv")["scores"]["overall"]
    assert edge.run(["check", "people.csv", "--fail-under", f"{score - 1}", "-q"]) == 0
    assert edge.run(["check", "people.csv", "--fail-under", "100", "-q", "--report", "c.html"]) == 1
    assert (place / "c.html").stat().st_size > 1000
    assert edge.run(["check", "people.csv", "--fail-under", "101"]) == 2
    capsys.readouterr()


class Bytes:
    """Standard output with the bytes behind it."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()

    def write(self, text: str) -> int:
        return self.buffer.write(text.encode())

    def flush(self) -> None:
        pass


def test_a_pipe_carries_the_table_and_nothing_else(place, capsys, monkeypatch):
    told(capsys, "heal", "people.csv", *FAST, "-o", "expected.csv")
    piped = Bytes()
    monkeypatch.setattr(sys, "stdout", piped)
    assert edge.run(["heal", "people.csv", *FAST, "-o", "-"]) == 0
    assert piped.buffer.getvalue() == (place / "expected.csv").read_bytes()
    assert "--from FILE" in capsys.readouterr().err


def test_sensitive_values_are_in_no_file_and_on_no_screen(place, capsys):
    files = ["--findings", "f.csv", "--changes", "c.csv", "--report", "r.html"]
    assert edge.run(["heal", "people.csv", *FAST, "--sensitive", "city", *files]) == 0
    assert edge.run(["show", "last"]) == 0
    shown = capsys.readouterr().out + "".join((place / name).read_text(encoding="utf-8") for name in files[1::2])
    assert [city for city in ("Marsseille", "Marseille", "Lyno", "Tolouse") if city in shown] == []


def test_the_history_is_listed_checked_and_exported(place, capsys):
    run = told(capsys, "heal", "people.csv", *FAST)["run"]
    history = told(capsys, "log")
    assert [each["run"] for each in history["runs"]] == [run] and len(history["entries"]) >= 2
    assert told(capsys, "log", "--verify")["verified"]
    assert told(capsys, "show", run, "--limit", "1")["changes"][0]["column"] == "city"
    assert told(capsys, "show", run, "--export", "x.sql", "--key", "id")["statements"] >= 3
    assert "UPDATE" in (place / "x.sql").read_text()
    assert "error" in told(capsys, "show", run, "--export", "x.sql", code=2)
    assert told(capsys, "store")["runs"] == 1
    for command in ("log", "log --entries", f"show {run}", "store", "log --verify"):
        assert edge.run(command.split()) == 0
    assert run in capsys.readouterr().out


def test_purging_says_which_undos_are_gone(place, capsys):
    run = told(capsys, "heal", "people.csv", *FAST)["run"]
    assert "error" in told(capsys, "store", "--run", run, code=2)
    assert told(capsys, "store", "--purge", "--run", run)["undos_gone"] == [run]
    assert "error" in told(capsys, "undo", run, code=2)
    assert told(capsys, "log", "--verify")["verified"]


def test_profiles_and_differences_are_told(place, capsys):
    profile = told(capsys, "profile", "people.csv")
    assert set(profile) >= {"rows", "columns", "scores", "signature"}
    fields = ["type", "semantic_type", "nulls", "distinct", "min", "max", "mean", "std", "quantiles", "top", "patterns"]
    assert set(fields) <= set(profile["columns"]["city"])
    told(capsys, "heal", "people.csv", *FAST)
    assert told(capsys, "compare", "people.csv", "people.healed.csv")["schema"]["same"]
    drift = told(capsys, "compare", "--drift", "people.csv", "people.healed.csv")["drift"]
    assert {column["column"] for column in drift["columns"]} == set(profile["columns"])
    assert told(capsys, "diff", "people.csv", "people.healed.csv")["columns"] == {"city": 3}
    for command in (
        "profile people.csv",
        "compare --drift people.csv people.healed.csv",
        "diff people.csv people.healed.csv",
    ):
        assert edge.run(command.split()) == 0
    assert "city" in capsys.readouterr().out


def test_a_crash_test_reports_and_changes_nothing(place, capsys):
    before = digest(place / "people.csv")
    result = told(capsys, "crash-test", "people.csv")
    assert result["broken"] > 0 and 0 <= result["detection"]["recall"] <= 1
    assert edge.run(["crash-test", "people.csv"]) == 0
    assert "By mistake" in capsys.readouterr().out
    assert digest(place / "people.csv") == before and not (place / ".kintsu").exists()


def test_an_unknown_column_is_named_with_those_that_exist(place, capsys):
    message = told(capsys, "heal", "people.csv", *FAST, "--never-touch", "town", code=2)["error"]["message"]
    assert "town" in message and "city" in message


@pytest.mark.parametrize("auto", ["-0.1", "1.1", "nan"])
def test_a_confidence_lies_between_0_and_1(auto, place, capsys):
    assert "error" in told(capsys, "heal", "people.csv", *FAST, "--auto", auto, code=2)


def test_a_made_up_table_comes_with_its_errors(place, capsys):
    made = told(capsys, "generate", "customers", "--rows", "50", "-o", "c.csv", "--seed", "3")
    assert made["rows"] >= 50 and len(pl.read_csv("c.csv.truth.csv")) == made["errors"] > 0
    assert "customers" in told(capsys, "generate", "cities", code=2)["error"]["message"]


def test_any_unique_beginning_of_a_run_is_enough_and_recipes_are_shown(place, capsys):
    run = told(capsys, "heal", "people.csv", *FAST)["run"]
    start = run[: len("r-20260801-101530-4")]
    shown = told(capsys, "show", start)
    assert shown["run"] == run and sum(recipe["edits"] for recipe in shown["recipes"]) == shown["edits"]
    assert all(recipe["text"] for recipe in shown["recipes"])
    assert told(capsys, "log", "--run", start)["runs"][0]["run"] == run
    assert edge.run(["ask", start, "--json"]) == edge.run(["label", start, "--json"]) == 0
    capsys.readouterr()
    recipe = shown["recipes"][0]["recipe"]
    assert told(capsys, "undo", start, "--recipe", recipe)["edits"] == shown["recipes"][0]["edits"]
    assert told(capsys, "store", "--purge", "--run", start)["runs"]


def test_a_column_that_a_run_never_changed_is_an_error_that_says_which_it_did(place, capsys):
    told(capsys, "heal", "people.csv", *FAST)
    for command in ("undo", "show"):
        message = told(capsys, command, "last", "--column", "nope", code=2)["error"]["message"]
        assert "changed nothing at column nope" in message and "city (" in message


def test_what_was_not_applied_is_listed_with_its_reason_until_it_is_answered(place, capsys):
    told(capsys, "generate", "customers", "-o", "made.csv", "--rows", "300", "--errors", "0.03")
    run = told(capsys, "heal", "made.csv", *FAST, "--changes", "c.csv", "--suggestions", "s.csv")
    listed = pl.read_csv("s.csv", infer_schema=False)
    assert listed.columns == [*pl.read_csv("c.csv").columns, "reason"] and len(listed) == run["suggested"] > 0
    assert listed["reason"].null_count() == 0
    assert edge.run(["ask", "last", "--json", "-n", "1"]) == 0
    question = json.loads(capsys.readouterr().out)[0]
    files = told(capsys, "answer", "last", question["question"], "accept")["files"]
    assert [Path(file).name for file in files] == ["c.csv", "s.csv"]
    assert len(pl.read_csv("s.csv", infer_schema=False)) < len(listed)


def test_the_share_of_cells_that_a_run_and_a_recipe_may_change_can_be_chosen(place, capsys):
    assert told(capsys, "heal", "people.csv", *FAST, "--dry-run")["applied"] > 0
    for limit in ("--max-share", "--max-per-recipe"):
        assert told(capsys, "heal", "people.csv", *FAST, "--dry-run", limit, "0.0001")["applied"] == 0
        assert "between 0 and 1" in told(capsys, "heal", "people.csv", *FAST, limit, "2", code=2)["error"]["message"]


def test_a_database_is_mended_where_it_is_without_a_word_on_standard_error(place):
    with duckdb.connect("shop.duckdb") as db:
        db.execute("""CREATE TABLE "order" AS SELECT * FROM read_csv('people.csv', all_varchar=true)""")
    for words in (["heal", "shop.duckdb", "--in-place", "--no-crash-test", "--json"], ["ask", "last", "--json"]):
        done = subprocess.run([sys.executable, "-m", "kintsu", *words], capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "") and json.loads(done.stdout) is not None


def test_the_scores_of_a_table_over_its_runs_are_listed(place, capsys):
    assert edge.run(["heal", "people.csv", *FAST, "-q"]) == 0
    assert edge.run(["check", "people.csv", "-q"]) == 0
    heal, check = told(capsys, "log", "--table", "people")["runs"]
    assert (heal["kind"], check["kind"]) == ("heal", "check") and heal["after:overall"] > heal["score:overall"]
    assert edge.run(["log", "--table", "people.csv", "--fact", "rows", "--fact", "completeness:city"]) == 0
    assert "completeness:city" in capsys.readouterr().out
    assert "there is rows" in told(capsys, "log", "--table", "people", "--fact", "none", code=2)["error"]["message"]
    assert "--table" in told(capsys, "log", "--fact", "rows", code=2)["error"]["message"]
