"""The outermost edge: runs a command, turns errors into one line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from kintsu.apps.cli.exits import BAD_INPUT, NO_READER, OK, STOPPED, TERMINATED

__all__ = ["main", "run"]


class _Terminated(BaseException):
    """SIGTERM: unwinds like Ctrl-C, so that temporary files go."""


def _terminate(signum: int, frame: Any) -> None:
    raise _Terminated


def main() -> None:
    """Entry point of the `kintsu` command."""
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows "?" instead of failing
    code = run(sys.argv[1:])
    if code in (STOPPED, TERMINATED):  # on the way out already: a second Ctrl-C must not change the exit code
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "duckdb" in sys.modules:
        # while the interpreter ends, DuckDB's binding lists objects of its own as leaked (duckdb 2.0, nanobind); all
        # that we had to say is said by now
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code. Standard output holds one JSON object if `--json` is among them."""
    from kintsu.apps.cli.app import app

    as_json = "--json" in arguments
    try:
        code = app(list(arguments), prog_name="kintsu", standalone_mode=False)
        sys.stdout.flush()
        if code == STOPPED:  # the command line parser turns Ctrl-C into this code
            raise KeyboardInterrupt
        return code if isinstance(code, int) else OK
    except KeyboardInterrupt:
        return _told("Stopped", "stopped; nothing is half written", as_json, STOPPED)
    except _Terminated:
        if "--parent" in arguments:  # whoever started it tells, once for all
            return TERMINATED
        return _told("Stopped", "terminated; nothing is half written", as_json, TERMINATED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the flush at exit must not fail again
        return NO_READER
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - the outermost edge: one line, no traceback, for panics of polars too
        if os.environ.get("KINTSU_DEBUG") == "1":
            traceback.print_exc()
        return _told(type(error).__name__, explained(error), as_json, BAD_INPUT)


def explained(error: BaseException) -> str:
    """One line for a person: what, where, what to do."""
    from kintsu.core.errors import KintsuError

    if hasattr(error, "format_message"):  # wrong usage, as the command line parser found it
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "kintsu"
        return _line(f"{error.format_message().rstrip('.')}: see `{command} --help`")
    if isinstance(error, KintsuError):
        return _line(str(error))
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return _line(f"{place}{error.strerror or error}")
    if isinstance(error, MemoryError):
        return "not enough memory: close other programs, or work on a part of the table"
    hint = "this is a mistake in kintsu; KINTSU_DEBUG=1 shows where, please report it"
    return _line(f"{type(error).__name__}: {str(error)[:300]} ({hint})")


def _line(text: str) -> str:
    """Text as one line without control characters, so that data quoted in it cannot steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def _told(kind: str, message: str, as_json: bool, code: int) -> int:
    """Say what went wrong on standard error, and as the one JSON object where that was asked for."""
    if as_json:
        import json

        sys.stdout.write(json.dumps({"error": {"type": kind, "message": message}}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    sys.stderr.write(f"kintsu: {message}\n")
    return code
