"""The terminal summary: fits 80 columns, needs no colour, quotes data safely, and says how to go back."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_result import result
from rich.console import Console

from kintsu.apps.cli.console import emit, plain
from kintsu.apps.cli.summary import check_summary, command_for, crash_summary, heal_summary, undo_summary, warn_failed
from kintsu.apps.cli.tables import entries_table, runs_table
from kintsu.diagnose.report import collect


def healed(**more) -> SimpleNamespace:
    """Looks like a HealResult to the summary."""
    raw = result(**more)
    return SimpleNamespace(
        report_data=lambda: raw,
        output=Path("orders.healed.csv"),
        run=raw["run"],
        home=Path("/data/.kintsu"),
        frame=None,
        notice="",
    )


def printed(show, *arguments, width=80, colour=False) -> str:
    stream = io.StringIO()
    show(
        *arguments,
        Console(
            file=stream,
            width=width,
            highlight=False,
            markup=False,
            emoji=False,
            force_terminal=colour,
            color_system="truecolor" if colour else None,
        ),
    )
    return stream.getvalue()


def test_tells_what_was_mended_left_and_how_to_take_it_back(monkeypatch):
    monkeypatch.delenv("KINTSU_HOME", raising=False)
    text = printed(heal_summary, healed(), {"report": Path("r.html"), "changes": None})
    for expected in (
        "strip ' EUR' from amount",
        "12 EUR → 12",
        "99 %",
        "91.3 → 97",
        "r.html",
        "--impute",
        "1  outlier",
    ):
        assert expected in text, expected
    assert "kintsu undo 20260102-abcd --home /data/.kintsu" in " ".join(text.split())


@settings(max_examples=25, deadline=None)
@given(text=st.text(max_size=60), width=st.integers(40, 120))
def test_never_wider_than_the_terminal_and_never_steers_it(text, width):
    shown = printed(heal_summary, healed(evil=text, table=text), {}, width=width)
    assert "\x1b" not in shown and "\x07" not in shown
    assert all(Console(width=500).measure(line).maximum <= width for line in shown.split("\n") if "kintsu " not in line)


def test_markup_in_cells_is_shown_as_it_is():
    raw = result(table="[bold red]orders[/]")
    assert "[bold red]orders[/]" in printed(check_summary, collect({**raw, "decisions": None}), {})


def test_a_dry_run_says_that_nothing_was_written():
    dry = healed()
    dry.output = dry.home = None
    text = printed(heal_summary, dry, {})
    assert "nothing was written" in text and "undo" not in text


def test_a_database_was_written_though_there_is_no_output_file():
    inside = healed()
    inside.output = None
    text = printed(heal_summary, inside, {})
    assert "Written" in text and "one transaction" in text and "undo" in text and "Dry run" not in text


def test_a_clean_table_says_so():
    raw = result()
    clean = collect({**raw, "findings": raw["findings"].clear(), "decisions": None})
    assert "Nothing found" in printed(check_summary, clean, {})


def test_colour_is_only_decoration():
    import re

    plain_text = printed(heal_summary, healed(), {})
    coloured = printed(heal_summary, healed(), {}, colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain_text and coloured != plain_text


@pytest.mark.parametrize("restored", ["bytes", "values", "part"])
def test_undo_says_what_came_back(restored):
    told = {
        "run": "r1",
        "change": "u1",
        "output": "a.csv",
        "edits": 3,
        "already": 1,
        "restored": restored,
        "sha256": "",
    }
    text = printed(undo_summary, SimpleNamespace(to_dict=lambda: told))
    assert "3 edits of r1" in text and "kintsu undo u1" in text and "1 edit undone before" in text


def test_the_crash_test_shows_intervals():
    text = printed(crash_summary, result()["crash"])
    assert "90 % interval 70 % to 90 %" in text, "found"
    assert "12 repairs, right 95 % (90 % interval 90 % to 98 %)" in text, "expected of a heal"


def test_the_undo_command_names_the_store_only_where_needed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KINTSU_HOME", raising=False)
    assert command_for("undo", "r1", tmp_path / ".kintsu") == "kintsu undo r1"
    assert command_for("undo", "r1", tmp_path / "my data" / ".kintsu").endswith("my data/.kintsu'")
    monkeypatch.setenv("KINTSU_HOME", str(tmp_path / "home"))
    assert command_for("undo", "r1", tmp_path / "home") == "kintsu undo r1"


def test_a_failed_step_is_one_line(capsys):
    warn_failed([SimpleNamespace(to_dict=lambda: {"step": "typo", "error": "line one\nline two"})])
    assert capsys.readouterr().err.count("\n") == 1


def test_json_is_strict(capsys):
    emit({"a": float("nan"), "b": [float("inf"), 1], "c": Path("x"), "d": (1,)})
    assert capsys.readouterr().out == '{"a": null, "b": [null, 1], "c": "x", "d": [1]}\n'


def test_control_characters_become_visible():
    assert plain("a\x1b[2Jb\nc") == "a�[2Jb↵c"


def test_ids_of_runs_are_never_cut():
    run = {"run": "r-20260801-101530-4f2a9c", "started": "2026-08-01T10:15:30.123Z", "kind": "heal", "status": "done"}
    run |= {"table": "a-table-with-quite-a-long-name.csv", "set": 1, "drop": 0, "add": 0, "undoes": None}
    undo = run | {"run": "u-20260802-101530-000001", "kind": "undo", "undoes": run["run"], "set": 1200}
    undo |= {"selection": {"column": "city"}}
    lines = printed(runs_table, [run | {"selection": {}}, undo], width=40).splitlines()
    assert len(lines) == 2 and lines[0].startswith(
        "r-20260801-101530-4f2a9c  2026-08-01 10:15Z  heal  done       1 edit "
    )
    assert lines[1].endswith("takes back r-20260801-101530-4f2a9c (column city)") and "1,200 edits" in lines[1]
    entries = [{"n": n, "at": run["started"], "event": "prepared", "run": run["run"], "table": "t"} for n in (9, 10)]
    assert all(run["run"] in line for line in printed(entries_table, entries, width=40).splitlines())
