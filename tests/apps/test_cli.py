"""The command line: one line on errors, one JSON object where asked for, documented exit codes, a fast start."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import typer

from kintsu.apps.cli import edge
from kintsu.apps.cli.app import app
from kintsu.apps.cli.options import read_options
from kintsu.core.errors import StaleRepair, UsageError

COMMANDS = sorted(command.name for command in app.registered_commands)
SERVERS = ("serve", "worker", "mcp")  # they run until they are stopped, and have nothing to print
HEAVY = ("polars", "numpy", "scipy", "sklearn", "jinja2", "sqlalchemy", "rapidfuzz")


def kintsu(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from kintsu.apps.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", **environment},
        check=False,
    )


def test_help_imports_nothing_heavy():
    code = f"import sys; from kintsu.apps.cli.app import app; print([m for m in {HEAVY} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_a_heal_imports_no_judge_of_batches():
    code = (
        "import sys, kintsu.run.heal; print([m for m in ('scipy.stats', 'kintsu.monitor.judge') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_version_is_the_package_s():
    import kintsu as package

    assert kintsu("--version").stdout == f"kintsu {package.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_json_and_help(command, capsys):
    assert edge.run([command, "--help"]) == 0
    assert "--json" in capsys.readouterr().out or command in SERVERS


@pytest.mark.parametrize(
    "arguments",
    [["no-such-command"], ["heal"], ["heal", "--no-such-option", "x.csv"], ["heal", "x.csv", "--auto", "high"], []],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments, capsys):
    assert edge.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("kintsu: ") and "--help" in err


def test_wrong_usage_with_json_is_one_object(capsys):
    assert edge.run(["heal", "--json", "--no-such-option"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert set(told["error"]) == {"type", "message"}


@pytest.mark.parametrize("command", ["heal", "check", "crash-test"])
def test_a_missing_file_is_one_line_and_exit_code_2(command, capsys, tmp_path):
    assert edge.run([command, str(tmp_path / "missing.csv"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["message"] in err
    assert err.count("\n") == 1 and "missing.csv" in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_standard_output_cannot_be_both_table_and_json(capsys):
    assert edge.run(["heal", "x.csv", "-o", "-", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["type"] == "UsageError"


def broken(error: BaseException) -> typer.Typer:
    """A command line whose only command fails."""
    instead = typer.Typer()

    @instead.command()
    def fail(as_json: bool = typer.Option(False, "--json")) -> None:
        raise error

    return instead


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (StaleRepair("orders.csv was edited"), 2, "orders.csv was edited"),
        (PermissionError(13, "Permission denied", "/data/x.csv"), 2, "/data/x.csv: Permission denied"),
        (OSError(28, "No space left on device"), 2, "No space left on device"),
        (MemoryError(), 2, "not enough memory"),
        (ZeroDivisionError("division\nby zero\x1b[31m"), 2, "KINTSU_DEBUG=1"),
        (pl.exceptions.PanicException("assertion failed"), 2, "KINTSU_DEBUG=1"),
        (KeyboardInterrupt(), 130, "stopped; nothing is half written"),
        (edge._Terminated(), 143, "terminated"),
    ],
)
def test_any_error_is_one_line(error, code, words, capsys, monkeypatch):
    monkeypatch.delenv("KINTSU_DEBUG", raising=False)
    monkeypatch.setattr("kintsu.apps.cli.app.app", broken(error))
    assert edge.run(["--json"]) == code
    out, err = capsys.readouterr()
    assert words in err and err.count("\n") == 1 and "\x1b" not in err
    assert json.loads(out)["error"]["message"] in err


def test_a_traceback_is_shown_only_on_demand(capsys, monkeypatch):
    monkeypatch.setenv("KINTSU_DEBUG", "1")
    monkeypatch.setattr("kintsu.apps.cli.app.app", broken(ValueError("x")))
    edge.run([])
    assert "Traceback" in capsys.readouterr().err


def test_reading_options_say_what_was_asked_and_nothing_more():
    assert read_options().header is None and read_options(no_header=True).header is False
    assert read_options(delimiter="\\t").delimiter == "\t"
    with pytest.raises(UsageError, match="one character"):
        read_options(delimiter=";;")


def test_a_closed_pipe_is_quiet():
    code = "from kintsu.apps.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_leaves_nothing(number, code, tmp_path):
    line = "from kintsu.apps.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", line, "heal", "-", "-o", "out.csv", "--json"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if not name.startswith("KINTSU_")},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b"a,b\n" + b"1,2\n" * 100_000)  # more than a pipe holds: it is reading now
        process.stdin.flush()
        for _ in range(15):  # again and again: one may arrive between two reads
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2)
                break
        process.kill()
        out, err = process.stdout.read(), process.stderr.read()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    assert process.returncode == code
    assert json.loads(out)["error"]["type"] == "Stopped" and err.count(b"\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals of POSIX")
def test_a_terminal_sees_progress_and_a_pipe_does_not(tmp_path):
    import pty

    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 50)
    line = "from kintsu.apps.cli import main; main()"
    arguments = [sys.executable, "-c", line, "check", "t.csv"]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    seen = subprocess.run(
        arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, env=environment, check=True, timeout=60
    )
    os.close(theirs)
    assert b"\x1b[" in os.read(ours, 65536) and b"\x1b" not in seen.stdout
    os.close(ours)
    silent = subprocess.run(arguments, cwd=tmp_path, capture_output=True, check=True)
    assert silent.stderr == b"" and silent.stdout == seen.stdout


def test_the_start_is_the_package_s_script():
    pyproject = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'kintsu = "kintsu.apps.cli:main"' in pyproject
