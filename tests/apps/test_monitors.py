"""The commands about watched tables: exit codes, one JSON object, words for people."""

import json
import sys

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from kintsu.apps.cli import edge
from kintsu.apps.cli.watched import backtest_table
from kintsu.monitor.deep.choose import Choice
from kintsu.run.backtest import Backtest


@pytest.fixture
def orders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders").mkdir()
    for day in range(10, 24):
        deliver(tmp_path, day)
    return tmp_path


def deliver(folder, day, **changed):
    rng = np.random.default_rng(day)
    frame = pl.DataFrame({"price": rng.lognormal(3, 0.5, 200).round(2), "city": rng.choice(["Lyon", "Nice"], 200)})
    frame.with_columns(**changed).write_csv(folder / "orders" / f"orders-2026-01-{day}.csv")


def told(capsys, *arguments):
    code = edge.run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_table_is_watched_from_the_first_day_to_a_verdict(orders, capsys):
    assert edge.run(["monitor", "add", "orders", "orders/*.csv", "--window", "30"]) == 0
    assert "backfill orders" in capsys.readouterr().out
    assert told(capsys, "monitor", "backfill", "orders") == (0, {"learnt": 14, "held": []})
    nothing = {"judged": [], "alarms": 0, "notices": {"sent": [], "failed": []}}
    assert told(capsys, "monitor", "run") == (0, nothing)
    deliver(orders, 24, city=pl.lit(None, pl.String))
    assert edge.run(["monitor", "run", "orders"]) == 1
    out = capsys.readouterr().out
    assert "orders-2026-01-24.csv: missing" in out and "100.0 % of the cells of `city` are empty" in out
    code, status = told(capsys, "monitor", "status")
    assert code == 0 and status["tables"][0]["waiting"] == ["orders-2026-01-24.csv"]
    assert edge.run(["monitor", "status"]) == 0
    assert "orders-2026-01-24.csv" in capsys.readouterr().out
    code, mended = told(capsys, "monitor", "mend", "orders", "orders-2026-01-24.csv")
    assert code == 1 and mended["action"] in ("suggested", "held") and mended["validated"]["alarm"]
    code, verdict = told(capsys, "monitor", "reject", "orders", "orders-2026-01-24.csv", "--by", "ann")
    assert (code, verdict["state"], verdict["by"]) == (0, "rejected", "ann")
    assert told(capsys, "monitor", "accept", "orders", "orders-2026-01-24.csv")[1]["state"] == "accepted"
    assert told(capsys, "monitor", "report", "orders", "-o", "o.html") == (0, {"table": "orders", "report": "o.html"})
    code, found = told(capsys, "monitor", "backtest", "orders", "--steps", "1")
    assert code == 0 and found["found"] > 0.5 and not found["applied"]
    assert told(capsys, "monitor", "remove", "orders") == (0, {"removed": "orders"})
    assert told(capsys, "monitor", "status") == (0, {"tables": [], "objectives": []})


def test_the_course_of_a_fact_is_shown(orders, capsys):
    edge.run(["monitor", "add", "orders", "orders", "-q"])
    edge.run(["monitor", "backfill", "orders", "-q"])
    code, course = told(capsys, "monitor", "trend", "orders", "--fact", "mean:price", "--days", "3")
    assert code == 0 and len(course["batches"]) == 3 and course["batches"][0]["mean:price"] > 0
    assert edge.run(["monitor", "trend", "orders"]) == 0
    assert capsys.readouterr().out.count("orders-2026-01-") == 14
    assert edge.run(["monitor", "trend", "orders", "--fact", "mean:prize"]) == 2
    assert "no batch of 'orders' has a fact 'mean:prize'" in capsys.readouterr().err


def test_a_backtest_tells_what_learnt_judges_would_add(capsys):
    kinds = pl.DataFrame(
        {
            "kind": ["spikes"],
            "issue": ["outlier"],
            "n": [4],
            "found": [0.5],
            "right_column": [1.0],
            "right_issue": [1.0],
        }
    )
    judges = (
        Choice("autoencoder", True, 4.5, (0.0, 0.0), (0.5, 0.75), 0.01),
        Choice("sequence", False, float("inf"), (0.0, 0.25), (0.75, 0.75), 1.0),
    )
    found = Backtest(kinds, np.array([0.5, 0.2]), 1.0, 1.0, 1.0, pl.DataFrame(), judges)
    backtest_table(found, Console(width=200))
    out = capsys.readouterr().out
    assert "judge autoencoder: wins here; false alarms 0% without it and 0% with it, found 50.0% and 75.0%" in out
    assert "judge sequence: does not win here; false alarms 0% without it and 25% with it" in out
    assert found.chosen == {"autoencoder": 4.5}
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))["judges"]
    assert [each["threshold"] for each in told] == [4.5, None]


def test_a_deep_backtest_without_torch_says_what_to_install(orders, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    edge.run(["monitor", "add", "orders", "orders", "-q"])
    edge.run(["monitor", "backfill", "orders", "-q"])
    assert edge.run(["monitor", "backtest", "orders", "--deep", "--steps", "1"]) == 2
    assert "pip install 'kintsu[deep]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "no history found"),
        (["add", "x", "x.csv", "--every", "1m"], "written like 1h, 1d or 1w"),
        (["status", "--home", "mysql://x/y"], "not mysql"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert edge.run(["monitor", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
