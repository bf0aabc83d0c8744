"""`kintsu gate`: its exit codes, what it prints, and wrong calls."""

from __future__ import annotations

import json
from datetime import date, timedelta

import polars as pl
import pytest

from kintsu.apps.cli import edge


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders").mkdir()
    for day in range(12):
        frame = pl.DataFrame({"x": [(7 * i + day) % 13 for i in range(60)], "city": ["Lyon", "Paris", "Nice"] * 20})
        frame.write_csv(tmp_path / "orders" / f"{date(2026, 11, 10) + timedelta(days=day)}.csv")
    (tmp_path / "monitor.yaml").write_text("objectives:\n  orders:\n    - rows >= 50\n", encoding="utf-8")
    return tmp_path


HISTORY = ["--history", "orders/2026-11-*.csv"]


def wrong(place) -> None:
    frame = pl.DataFrame({"x": [1, 2, 3] * 20, "city": [None] * 30 + ["Lyon"] * 30})
    frame.write_csv(place / "orders" / "2026-11-21.csv")


def test_what_passes_exits_with_0(place, capsys):
    assert edge.run(["gate", "orders/2026-11-21.csv", *HISTORY, "--objectives", "monitor.yaml"]) == 0
    said = capsys.readouterr()
    assert said.out == "pass: nothing unusual against 11 batches\n" and said.err == ""
    assert edge.run(["gate", "orders/2026-11-21.csv", "--history", "orders", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_what_is_stopped_exits_with_1_and_says_why(place, capsys):
    wrong(place)
    assert edge.run(["gate", "orders/2026-11-21.csv", *HISTORY, "--quiet"]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith(
        "kintsu: stop: missing: 50.0 % of the cells of `city` are empty; 0.0 %"
    )


def test_json_is_one_object_with_every_reason(place, capsys):
    wrong(place)
    command = ["gate", "orders/2026-11-21.csv", *HISTORY, "--fail-under", "100", "--json"]
    assert edge.run([*command, "--objectives", "monitor.yaml", "--of", "orders"]) == 1
    out = capsys.readouterr().out
    told = json.loads(out)
    assert out.count("\n") == 1 and told["decision"] == "stop" and told["passed"] is False and told["exit_code"] == 1
    assert [reason["source"] for reason in told["reasons"]] == ["batch", "score"]
    assert told["judgement"]["columns"][0] == "city" and told["objectives"][0]["attained"] == 1.0


def test_a_late_batch_misses_its_objective(place, capsys):
    (place / "monitor.yaml").write_text("objectives: {orders: [arrives by 06:00 UTC]}", encoding="utf-8")
    command = ["gate", "orders/2026-11-21.csv", "--objectives", "monitor.yaml", "--arrived"]
    assert edge.run([*command, "2026-11-22T05:00"]) == 0
    assert edge.run([*command, "2026-11-22T07:00+00:00"]) == 1
    assert edge.run([*command, "2026-11-22T07:00+02:00", "--due", "2026-11-22"]) == 0
    assert "kintsu: stop: it misses the objective arrives by 06:00 UTC" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing.csv", *HISTORY], "no such file"),
        (["orders/2026-11-21.csv"], "nothing to judge by"),
        (["orders/2026-11-21.csv", "--history", "ordrs/*.csv"], "no earlier file in ordrs/*.csv"),
        (["orders/2026-11-21.csv", "--objectives", "none.yaml"], "cannot read settings from none.yaml"),
        (["orders/2026-11-21.csv", "--objectives", "monitor.yaml", "--of", "order"], "did you mean 'orders'?"),
        (["orders/2026-11-21.csv", *HISTORY, "--due", "soon"], "--due takes a time such as"),
        (["orders/2026-11-21.csv", *HISTORY, "--while-learning", "wait"], "while_learning is one of"),
    ],
)
def test_bad_input_exits_with_2(place, capsys, arguments, says):
    assert edge.run(["gate", *arguments]) == 2
    said = capsys.readouterr()
    assert says in said.err and said.err.count("\n") == 1 and said.out == ""


def test_a_watched_table_judges_and_keeps_what_is_asked(place, capsys):
    edge.run(["monitor", "add", "orders", "orders/*.csv", "-q"])
    edge.run(["monitor", "backfill", "orders", "-q"])
    (place / "waiting").mkdir()
    (place / "kintsu.yaml").write_text("objectives: {orders: [rows >= 80]}", encoding="utf-8")
    usual = pl.DataFrame({"x": [(7 * i + 12) % 13 for i in range(60)], "city": ["Lyon", "Paris", "Nice"] * 20})
    usual.write_csv(place / "waiting" / "2026-11-22.csv")
    command = ["gate", "waiting/2026-11-22.csv", "--watched", "orders"]
    assert edge.run(command) == 1
    assert capsys.readouterr().err == "kintsu: stop: it misses the objective rows >= 80\n"  # of kintsu.yaml
    assert edge.run([*command, "--objectives", "monitor.yaml"]) == 0
    assert capsys.readouterr().out == "pass: nothing unusual against 12 batches\n"
    assert edge.run(["gate", "waiting/2026-11-22.csv", "--history", "orders", "--record"]) == 2
    assert "say of which watched table" in capsys.readouterr().err
    for extra, n_batches in ([], 12), (["--record"], 13):
        assert edge.run([*command, *extra, "--json"]) == 1
        told = json.loads(capsys.readouterr().out)
        assert told["judgement"]["alarm"] is False and told["objectives"][0]["state"] == "breached"
        edge.run(["monitor", "status", "--json"])
        assert json.loads(capsys.readouterr().out)["tables"][0]["n_batches"] == n_batches
