"""Ugly input through the command line: a clear result, or one line that says what to do; nothing lost, nothing left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tables import TABLES, Ugly, wide

from kintsu.apps.cli import edge
from kintsu.io.store.database import forget


class Told(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


pytestmark = pytest.mark.rough
Call = Callable[..., Told]


@pytest.fixture
def kintsu(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Call the command line here. Standard error may hold lines of our own only."""
    monkeypatch.delenv("KINTSU_HOME", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Told:
        capfd.readouterr()
        told = Told(edge.run(arguments), *capfd.readouterr())
        assert all(line.startswith("kintsu: ") for line in told.err.splitlines()), told.err
        return told

    return call


def refused(told: Told, *words: str) -> None:
    """Exit code 2 and one line that holds these words."""
    assert told.code == 2, told
    assert told.err.count("\n") == 1 and "Traceback" not in told.err and "KINTSU_DEBUG" not in told.err, told.err
    assert all(word in told.err for word in words), told.err


def records(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "10 MB cell" else name for name in TABLES]
)
def test_an_ugly_table_is_healed_record_by_record_and_comes_back(name: str, kintsu: Call, tmp_path: Path):
    table: Ugly = TABLES[name]()
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(table.data)
    profile = kintsu("profile", "in.csv", "--json")
    check = kintsu("check", "in.csv", "--json")
    heal = kintsu("heal", "in.csv", "-o", "out.csv", "--json", "--changes", "c.csv", "--report", "r.html")
    assert [told.code for told in (profile, check, heal)] == [0, 0, 0], [profile.err, check.err, heal.err]
    assert [told.json["rows"] for told in (profile, check, heal)] == [table.rows] * 3
    assert check.json["scores"] == heal.json["scores"]
    if not name.endswith("MB cell"):  # its only change is in there
        assert len(records(out)) == len(records(source))
    if not heal.json["applied"]:
        assert out.read_bytes() == table.data
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".kintsu", "c.csv", "in.csv", "out.csv", "r.html",
    ]  # fmt: skip
    source.unlink()
    assert kintsu("undo", heal.json["run"], "-o", "back.csv").code == 0
    assert (tmp_path / "back.csv").read_bytes() == table.data
    assert kintsu("log", "--verify").code == 0


@pytest.mark.parametrize("name", [name for name in TABLES if not name.endswith("MB cell")])
def test_everything_asked_for_at_once_does_no_harm(name: str, kintsu: Call, tmp_path: Path):
    table: Ugly = TABLES[name]()
    (tmp_path / "in.csv").write_bytes(table.data)
    told = kintsu(
        "heal", "in.csv", "-o", "out.csv", "--auto", "0.5", "--impute", "--cap", "--drop-duplicates", "--json"
    )
    assert told.code == 0, told.err
    (tmp_path / "in.csv").unlink()
    assert kintsu("undo", told.json["run"], "-o", "back.csv").code == 0
    assert (tmp_path / "back.csv").read_bytes() == table.data


def test_formulas_and_scripts_do_no_harm_in_the_report(kintsu: Call, tmp_path: Path):
    (tmp_path / "in.csv").write_bytes(TABLES["formulas and scripts"]().data)
    assert kintsu("heal", "in.csv", "-o", "out.csv", "--auto", "0.5", "--report", "r.html").code == 0
    report = (tmp_path / "r.html").read_text()
    assert "<script" not in report.lower() and "<img" not in report.lower() and "\x1b" not in report
    shown = kintsu("show", "last")
    assert shown.code == 0 and "\x1b" not in shown.out


@pytest.mark.slow  # seconds of a busy machine
@pytest.mark.parametrize(
    ("command", "columns", "most_cpu_s"),
    [  # about three times what is measured alone: work over all pairs of columns would take ten times as long
        ("profile", 2_000, 30),
        ("check", 300, 30),
        ("heal", 300, 60),
        pytest.param("check", 2_000, 120, marks=pytest.mark.slow),
        pytest.param("heal", 2_000, 240, marks=pytest.mark.slow),
    ],
)
def test_wide_tables_cost_by_the_column(command: str, columns: int, most_cpu_s: float, kintsu: Call, tmp_path: Path):
    (tmp_path / "in.csv").write_bytes(wide(50, columns))
    began = time.process_time()
    told = kintsu(command, "in.csv", "--json")
    assert told.code == 0, told.err
    assert time.process_time() - began < most_cpu_s
    assert len(told.json["columns"]) == columns if command == "profile" else told.json["columns"] == columns


@pytest.mark.parametrize("command", ["profile", "check", "heal"])
class TestNoTable:
    def test_an_empty_file(self, command: str, kintsu: Call, tmp_path: Path):
        (tmp_path / "in.csv").write_bytes(b"")
        refused(kintsu(command, "in.csv"), "in.csv", "empty")
        assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]

    def test_a_missing_file(self, command: str, kintsu: Call, tmp_path: Path):
        refused(kintsu(command, "in.csv"), "in.csv")
        assert not list(tmp_path.iterdir())

    def test_a_folder(self, command: str, kintsu: Call, tmp_path: Path):
        (tmp_path / "in").mkdir()
        refused(kintsu(command, "in"), "in", "folder")
        assert not list((tmp_path / "in").iterdir())

    @pytest.mark.parametrize("suffix", ["parquet", "xlsx", "json", "jsonl", "csv.gz", "csv.zst", "feather", "db"])
    def test_a_file_of_another_kind_than_its_name_says(self, suffix: str, command: str, kintsu: Call, tmp_path: Path):
        (tmp_path / f"in.{suffix}").write_bytes(b"\x01\x02 this is no table\xff" * 9)
        refused(kintsu(command, f"in.{suffix}"), f"in.{suffix}")
        assert [path.name for path in tmp_path.iterdir()] == [f"in.{suffix}"]


HEAL = ("heal", "in.csv", "-o", "out.csv", "--changes", "c.csv", "--report", "r.html")
PLAIN = TABLES["one constant"]().data + b"8,same\n" * 20_000


@pytest.fixture
def quiet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """The same, with what is said kept in memory; all that a heal imports is there, so that nothing else fails."""
    monkeypatch.delenv("KINTSU_HOME", raising=False)
    with tempfile.TemporaryDirectory() as warm:
        monkeypatch.chdir(warm)
        Path("in.csv").write_bytes(TABLES["ragged rows"]().data)
        assert edge.run(HEAL) == 0
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Told:
        capsys.readouterr()
        return Told(edge.run(arguments), *capsys.readouterr())

    return call


def as_somebody(folder: Path, *arguments: str) -> Told:
    """The command in a process of its own, which has no rights."""
    program = (
        "import os, sys; sys.dont_write_bytecode = True\n"
        "from kintsu.apps.cli import edge\n"
        f"os.chdir({str(folder)!r})\n"
        "edge.run(['heal', sys.argv[-1], '-q', '-o', '-', '--home', sys.argv[1]])\n"  # imports all that it needs
        "os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(edge.run(sys.argv[2:-1]))"
    )
    home = folder / "warm"
    home.mkdir(exist_ok=True)
    warm = home / "warm.csv"
    warm.write_bytes(TABLES["ragged rows"]().data)
    done = subprocess.run(
        [sys.executable, "-c", program, str(home / "home"), *arguments, str(warm)],
        capture_output=True, text=True, check=False, timeout=120,
        env={name: value for name, value in os.environ.items() if name != "KINTSU_HOME"},
    )  # fmt: skip
    return Told(done.returncode, done.stdout, done.stderr)


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="limits of this system")
ROOT = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can do this")


def nothing_left(folder: Path, *known: str) -> None:
    """Only the input lies there, whole, with what was there before, and no temporary file."""
    left = {path.name for path in folder.iterdir()} - {".kintsu", "warm", *known}
    assert left == {"in.csv"} and (folder / "in.csv").read_bytes() == PLAIN


@POSIX
@pytest.mark.parametrize("size", [0, 4_096, 100_000])
def test_a_limit_on_file_size_is_one_line_and_leaves_nothing(size: int, quiet: Call, tmp_path: Path):
    import resource

    (tmp_path / "in.csv").write_bytes(PLAIN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        told = quiet(*HEAL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    refused(told, "cannot write")
    nothing_left(tmp_path)


@ROOT
@pytest.mark.parametrize("free", [0, 150_000, 250_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    free: int, quiet: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)], check=False).returncode:
        pytest.skip("no right to mount")
    try:
        monkeypatch.chdir(disk)
        (disk / "in.csv").write_bytes(PLAIN)
        left = os.statvfs(disk)
        (disk / "fill").write_bytes(bytes(left.f_bavail * left.f_frsize - free))
        refused(quiet(*HEAL), "cannot write")
        nothing_left(disk, "fill")
        (disk / "fill").unlink()
        assert quiet(*HEAL).code == 0
        forget()  # open files would keep the disk busy
        monkeypatch.chdir(tmp_path)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@ROOT
@pytest.mark.parametrize(
    ("closed", "words"),
    [("folder", ("permission",)), ("input", ("in.csv", "ermission")), ("store", (".kintsu", "KINTSU_HOME"))],
)
def test_no_permission_is_one_line_and_leaves_nothing(closed: str, words: tuple[str, ...], tmp_path: Path):
    with tempfile.TemporaryDirectory() as name:  # the folders of tests are closed to others
        folder = Path(name)
        folder.chmod(0o755 if closed == "folder" else 0o777)
        (folder / "in.csv").write_bytes(PLAIN)
        (folder / "in.csv").chmod(0o600 if closed == "input" else 0o644)
        if closed == "store":
            (folder / ".kintsu").mkdir(0o700)
        refused(as_somebody(folder, *HEAL), *words)
        nothing_left(folder)
