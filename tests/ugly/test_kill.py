"""kill -9 and Ctrl-C of the real command: the input whole, the output absent or complete, the rerun succeeds."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import polars as pl
import pytest

from kintsu.apps.cli import edge
from kintsu.run.generate import generate as made
from kintsu.run.generate import write

pytestmark = [pytest.mark.rough, pytest.mark.skipif(sys.platform == "win32", reason="signals of this system")]

COMMAND = [sys.executable, "-c", "from kintsu.apps.cli import main; main()"]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={name: value for name, value in os.environ.items() if name != "KINTSU_HOME"},
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    return finish(start(folder, *arguments))


@pytest.fixture
def kintsu(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Call the command line here, where no process of its own is needed; what it prints."""
    monkeypatch.delenv("KINTSU_HOME", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> str:
        capfd.readouterr()
        assert edge.run(arguments) == 0
        return str(capfd.readouterr().out)

    return call


def generate(kind: Literal["customers", "orders"], path: Path, *, rows: int, errors: float, seed: int) -> None:
    write(made(kind, rows, seed=seed, errors=errors), path)


def orders(folder: Path, rows: int) -> bytes:
    generate("orders", folder / "in.csv", rows=rows, errors=0.005, seed=3)
    return (folder / "in.csv").read_bytes()


HEAL = ("heal", "in.csv", "-o", "out.csv", "--changes", "c.csv", "-q")
FAST = ("--no-crash-test", "--auto", "0.5")  # many changes


def settled(folder: Path, before: bytes, expected: bytes | None) -> bytes:
    """What must hold after a kill; runs the command again and returns what it writes."""
    out = folder / "out.csv"
    assert (folder / "in.csv").read_bytes() == before
    if out.exists() and expected is not None:
        assert out.read_bytes() == expected
    if (folder / ".kintsu").exists():
        assert run(folder, "log", "--verify", "--home", ".kintsu")[0] == 0
    code, _, err = run(folder, *HEAL)
    assert code == 0, err
    assert run(folder, "log", "--verify", "--home", ".kintsu")[0] == 0
    assert not [path.name for path in folder.iterdir() if path.name.endswith(".tmp")]
    return out.read_bytes()


def fresh(folder: Path) -> None:
    """Remove what a run wrote, and keep the store."""
    for name in ("out.csv", "c.csv"):
        (folder / name).unlink(missing_ok=True)


@pytest.mark.slow
def test_a_kill_at_any_moment_of_a_heal_leaves_all_or_nothing(tmp_path: Path):
    before = orders(tmp_path, 100_000)
    began = time.monotonic()
    assert run(tmp_path, *HEAL)[0] == 0
    wall, expected = time.monotonic() - began, (tmp_path / "out.csv").read_bytes()
    draw = random.Random(0)
    # half of the moments anywhere, half near the end, where files are written
    moments = [draw.uniform(0, 1) * wall for _ in range(10)] + [draw.uniform(0.85, 1.05) * wall for _ in range(10)]
    for moment in moments:
        fresh(tmp_path)
        process = start(tmp_path, *HEAL)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
        finish(process)
        (tmp_path / "out.csv").unlink(missing_ok=True) if process.returncode == 0 else None
        assert settled(tmp_path, before, expected) == expected
    source = tmp_path / "in.csv"
    source.unlink()
    assert run(tmp_path, "undo", "last", "--home", ".kintsu", "-o", "back.csv")[0] == 0
    assert (tmp_path / "back.csv").read_bytes() == before


@pytest.mark.slow  # one of the same kind in tests/apps runs always
def test_ctrl_c_exits_with_130_and_leaves_nothing(tmp_path: Path):
    before = orders(tmp_path, 20_000)
    process = start(tmp_path, *HEAL)
    deadline = time.monotonic() + 60
    while not (tmp_path / ".kintsu").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out, err) == (130, "", "kintsu: stopped; nothing is half written\n")
    assert {path.name for path in tmp_path.iterdir()} <= {"in.csv", "in.csv.truth.csv", ".kintsu"}, list(
        tmp_path.iterdir()
    )
    assert (tmp_path / "in.csv").read_bytes() == before


@pytest.mark.slow  # tests/run/test_crash.py has one of the same kind that runs always
def test_two_heals_at_once_on_one_store_are_both_right(kintsu: Callable[..., str], tmp_path: Path):
    tables = {}
    for name, seed in (("a", 1), ("b", 2)):
        generate("customers", tmp_path / f"{name}.csv", rows=120, errors=0.02, seed=seed)
        tables[name] = (tmp_path / f"{name}.csv").read_bytes()
    both = [start(tmp_path, "heal", f"{name}.csv", *FAST) for name in tables]
    ends = [finish(process) for process in both]
    assert [code for code, *_ in ends] == [0, 0], ends
    kintsu("log", "--verify")
    runs = json.loads(kintsu("log", "--json"))["runs"]
    for name, before in tables.items():
        (tmp_path / f"{name}.csv").unlink()
        (found,) = [each["run"] for each in runs if each["output"].endswith(f"{name}.healed.csv")]
        kintsu("undo", found, "-o", f"{name}.back.csv")
        assert (tmp_path / f"{name}.back.csv").read_bytes() == before


@pytest.mark.slow  # tests/run/test_crash.py has one of the same kind that runs always
def test_two_heals_to_one_output_leave_one_whole_file(kintsu: Callable[..., str], tmp_path: Path):
    generate("customers", tmp_path / "in.csv", rows=120, errors=0.02, seed=1)
    both = [start(tmp_path, *HEAL, *FAST) for _ in range(2)]
    ends = [finish(process) for process in both]
    assert sorted(code for code, *_ in ends) == [0, 2], ends
    kintsu("log", "--verify")
    kintsu("undo", "last", "-o", "back.csv")
    assert (tmp_path / "back.csv").read_bytes() == (tmp_path / "in.csv").read_bytes()


def test_a_pipe_gets_the_table_and_nothing_else(kintsu: Callable[..., str], tmp_path: Path):
    generate("customers", tmp_path / "in.csv", rows=120, errors=0.02, seed=1)
    before = (tmp_path / "in.csv").read_bytes()
    piped = subprocess.run(
        [*COMMAND, "heal", "-", "--changes", "c.csv", *FAST],
        input=before,
        capture_output=True,
        cwd=tmp_path,
        check=True,
    )
    assert b"\r" not in piped.stderr and b"\x1b" not in piped.stderr  # no progress bar
    lines, healed = before.splitlines(), piped.stdout.splitlines()
    changed = len(set(pl.read_csv(tmp_path / "c.csv")["row"]))
    assert len(healed) == len(lines) and sum(a != b for a, b in zip(lines, healed)) == changed > 0
    (tmp_path / "kept.csv").write_bytes(piped.stdout)
    assert kintsu("undo", "last", "--from", "kept.csv", "-o", "back.csv", "-q") == ""
    assert (tmp_path / "back.csv").read_bytes() == before


@pytest.mark.slow  # tests/run/test_heal.py has one of the same kind that runs always
def test_in_place_replaces_and_undo_brings_back(kintsu: Callable[..., str], tmp_path: Path):
    generate("customers", tmp_path / "in.csv", rows=120, errors=0.02, seed=1)
    before = (tmp_path / "in.csv").read_bytes()
    assert run(tmp_path, "heal", "in.csv", "--in-place", "-q", *FAST) == (0, "", "")
    assert (tmp_path / "in.csv").read_bytes() != before
    assert kintsu("undo", "last", "-q") == ""
    assert (tmp_path / "in.csv").read_bytes() == before
