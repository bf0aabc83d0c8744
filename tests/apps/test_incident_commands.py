"""The commands about incidents, notices, objectives and retention: exit codes, one JSON object, words for people."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kintsu.apps.cli import edge

FIRST = datetime.now(UTC).date() - timedelta(days=60)  # the commands know only the clock's time

SETTINGS = """
objectives:
  orders:
    - completeness of city >= .98, every batch over 366 days
    - rows >= 100, 90 % of batches over 366 days
alerts:
  resolve_after: 1
notify:
  - log: {file: alerts.jsonl}
"""


@pytest.fixture
def orders(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders").mkdir()
    for day in range(10, 24):
        deliver(tmp_path, day)
    edge.run(["monitor", "add", "orders", "orders/*.csv", "-q"])
    edge.run(["monitor", "backfill", "orders", "-q"])
    (tmp_path / "kintsu.yaml").write_text(SETTINGS)
    capsys.readouterr()
    return tmp_path


def name(day):
    return f"orders-{FIRST + timedelta(days=day)}.csv"


def deliver(folder, day, **changed):
    rng = np.random.default_rng(day)
    frame = pl.DataFrame({"price": rng.lognormal(3, 0.5, 200).round(2), "city": rng.choice(["Lyon", "Nice"], 200)})
    frame.with_columns(**changed).write_csv(folder / "orders" / name(day))


def bad(folder, day):
    deliver(folder, day, city=pl.lit(None, pl.String))


def told(capsys, *arguments):
    code = edge.run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def kinds(folder):
    return [json.loads(line)["kind"] for line in (folder / "alerts.jsonl").read_text().splitlines()]


def test_an_incident_is_named_tended_and_told(orders, capsys):
    bad(orders, 24)
    code, run = told(capsys, "monitor", "run")
    (judged,) = run["judged"]
    id = judged["incident"]["id"]
    assert code == 1 and judged["incident"]["relation"] == "new" and judged["state"] == "held"
    assert [each["state"] for each in run["notices"]["sent"]] == ["sent"] and kinds(orders) == ["opened"]
    bad(orders, 25)
    assert edge.run(["monitor", "run"]) == 1
    assert f"{name(25)}: missing (continues #{id} since 20" in capsys.readouterr().out
    assert edge.run(["monitor", "incidents", "orders"]) == 0
    out = capsys.readouterr().out
    assert f"#{id} orders: missing in `city`: open, warn, since 20" in out and f"2 batches, last {name(25)}" in out
    assert edge.run(["monitor", "acknowledge", f"#{id}", "--by", "ann"]) == 0
    assert f"incident #{id} (orders: missing) is acknowledged by ann" in capsys.readouterr().out
    assert edge.run(["monitor", "status"]) == 0
    out = capsys.readouterr().out
    assert f"#{id} orders: missing in `city`: acknowledged by ann" in out and "breached" in out
    code, status = told(capsys, "monitor", "status")
    assert [i["id"] for i in status["tables"][0]["incidents"]] == [id]
    assert [each["state"] for each in status["objectives"]] == ["breached"]
    code, over = told(capsys, "monitor", "resolve", id, "--by", "bob")
    assert (code, over["state"], over["by"]) == (0, "resolved", "bob")
    assert edge.run(["monitor", "incidents"]) == 0 and capsys.readouterr().out == "no open incidents\n"
    assert len(told(capsys, "monitor", "incidents", "--all")[1]["incidents"]) == 1
    assert edge.run(["monitor", "notify"]) == 0 and capsys.readouterr().out == "1 notices sent, 0 not\n"
    assert kinds(orders) == ["opened", "resolved"]
    assert edge.run(["monitor", "resolve", id]) == 2 and "no open incident" in capsys.readouterr().err


def test_accept_says_what_becomes_of_the_incident(orders, capsys):
    for day in (24, 25):
        bad(orders, day)
    edge.run(["monitor", "run", "-q"])
    capsys.readouterr()
    assert edge.run(["monitor", "accept", "orders", name(25)]) == 0
    assert f"goes on with {name(24)}" in capsys.readouterr().out
    assert told(capsys, "monitor", "reject", "orders", name(24))[1]["incident"] is None
    code, verdict = told(capsys, "monitor", "accept", "orders", name(24))
    assert (code, verdict["incident"]["state"]) == (0, "resolved")


def test_a_notifier_that_fails_does_not_fail_the_run(orders, capsys):
    (orders / "kintsu.yaml").write_text("notify: [{log: {file: nowhere/alerts.jsonl}}, {log: {file: alerts.jsonl}}]")
    bad(orders, 24)
    assert edge.run(["monitor", "run"]) == 1  # the alarm is what a pipeline has to know
    said = capsys.readouterr()
    assert "not sent over log: log: cannot append to nowhere/alerts.jsonl" in said.err and "1 alarm" in said.out
    assert edge.run(["monitor", "run", "-q"]) == 3 and kinds(orders) == ["opened"]
    code, tried = told(capsys, "monitor", "notify", "--test")
    assert code == 3 and {each["route"]: each["sent"] for each in tried["routes"]} == {"log": False, "log 2": True}
    assert edge.run(["monitor", "notify", "--test"]) == 3 and "log 2: sent" in capsys.readouterr().out
    (orders / "nowhere").mkdir()
    assert edge.run(["monitor", "run", "-q"]) == 0  # it came back
    assert len((orders / "nowhere" / "alerts.jsonl").read_text().splitlines()) == 1


def test_objectives_exit_with_1_if_one_is_breached(orders, capsys):
    code, held = told(capsys, "monitor", "objectives")
    assert code == 0 and [each["state"] for each in held["objectives"]] == ["ok", "ok"]
    bad(orders, 24)
    edge.run(["monitor", "run", "-q"])
    capsys.readouterr()
    assert edge.run(["monitor", "objectives", "orders", "--settings", "kintsu.yaml"]) == 1
    out = capsys.readouterr().out
    assert "breached" in out and "93.33 %" in out and "-1 of 0" in out
    assert edge.run(["monitor", "objectives", "order"]) == 2
    assert "did you mean 'orders'" in capsys.readouterr().err


def test_old_history_is_pruned(orders, capsys):
    assert told(capsys, "monitor", "prune", "--keep-days", "1") == (0, {"months": 0, "incidents": 0, "windows": 0})
    assert edge.run(["monitor", "prune", "orders", "--keep-days", "1"]) == 0
    assert "forgotten: 0 months" in capsys.readouterr().out  # the baseline still learns from all of it


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("notify: [{slak: {}}]", "did you mean 'slack'"),
        ("notify: [{slack: {url: '${KINTSU_NO_SUCH}'}}]", "has no variable KINTSU_NO_SUCH"),
        ("alerts: {level: warm}", "did you mean 'warn'"),
    ],
)
def test_settings_that_are_wrong_are_told_before_anything_is_judged(orders, capsys, settings, message):
    bad(orders, 24)
    (orders / "kintsu.yaml").write_text(settings)
    assert edge.run(["monitor", "run"]) == 2 and message in capsys.readouterr().err
    (orders / "kintsu.yaml").unlink()
    assert told(capsys, "monitor", "run")[1]["alarms"] == 1
    assert edge.run(["monitor", "run", "--settings", "none.yaml"]) == 2
    assert edge.run(["monitor", "notify", "--test"]) == 2 and "nowhere to send to" in capsys.readouterr().err
