"""Heal, questions, undo, log and pruning over either database; and on another machine that shares one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import kintsu as kt
from kintsu.io.store.home import remember
from kintsu.io.store.store import Store
from kintsu.run.answer import answer
from kintsu.run.ask import ask
from kintsu.run.log import verify
from kintsu.run.store import prune, purge, sizes
from kintsu.run.undo import undo

DIRTY = pl.DataFrame(
    {
        "id": range(60),
        "city": ["Lyon", "Paris", "Nice"] * 19 + ["Pariss", "Lyonn", "Nice"],
        "price": [f"{10 + i % 7}.50" for i in range(58)] + ["11.50 EUR", "N/A"],
    }
)


@pytest.fixture
def orders(tmp_path) -> Path:
    path = tmp_path / "data" / "orders.csv"
    path.parent.mkdir()
    DIRTY.write_csv(path)
    return path


def test_a_heal_is_told_asked_about_undone_and_pruned(store_home, orders):
    healed = kt.heal(orders, home=store_home, auto=0.5)
    before = Path(healed.output).read_bytes()
    asked = ask(healed.run, home=store_home)[0]
    said = answer(healed.run, asked.question, asked.options[-1].option, home=store_home, by="me")
    undo(said.change, home=store_home)
    assert Path(healed.output).read_bytes() == before != orders.read_bytes()
    undo(healed.run, home=store_home)
    assert Path(healed.output).read_bytes() == orders.read_bytes()
    undo("last", home=store_home)
    assert verify(home=store_home).entries == len(Store(store_home).entries())
    told = sizes(home=store_home)
    assert told.changes > 0 and told.ledger > 0 and told.unclaimed == 0
    assert (
        prune(home=store_home, keep=0).freed > 0 and 0 < sizes(home=store_home).changes < told.changes
    )  # skeletons stay
    assert verify(home=store_home).gone


def test_an_original_comes_back_on_another_machine(tmp_path, orders, postgresql_url):
    here, there = (remember(tmp_path / name, postgresql_url) for name in ("here", "there"))
    table = tmp_path / "orders.parquet"  # undone by its original, as inverse edits do not give its bytes
    DIRTY.write_parquet(table)
    for source in (orders, table):
        healed = kt.heal(source, home=here, auto=0.5)
        moved = tmp_path / "elsewhere" / Path(str(healed.output)).name
        moved.parent.mkdir(exist_ok=True)
        shutil.move(str(healed.output), moved)
        done = undo(healed.run, home=there, from_file=moved)
        assert done.restored == "bytes" and moved.read_bytes() == source.read_bytes()
    assert [run.kind for run in Store(here).runs()] == ["heal", "undo"] * 2
    purge(home=there, column="city")
    assert verify(home=here).gone


def test_commands_take_the_url_of_a_database_for_a_home(tmp_path, orders, postgresql_url):
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}

    def kintsu(*arguments):
        command = [sys.executable, "-m", "kintsu", *arguments, "--home", postgresql_url, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    run = kintsu("heal", str(orders), "--auto", "0.5")["run"]
    assert kintsu("undo", run)["restored"] == "bytes"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "state"]


def test_commands_find_the_database_by_the_variable(tmp_path, orders, postgresql_url, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("KINTSU_HOME", postgresql_url)
    healed = kt.heal(orders, auto=0.5)
    assert undo(healed.run).restored == "bytes" and not (orders.parent / ".kintsu").exists()
    assert next(run.id for run in Store(remember(tmp_path / "other", postgresql_url)).runs()) == healed.run
