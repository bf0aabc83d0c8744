"""What goes to the terminal: consoles, the progress bar, JSON."""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["console", "emit", "plain", "progress"]

GOLD = "#d7af5f"


def console(*, stderr: bool = False) -> Console:
    """A console that never reads markup or guesses at highlights: cells are data."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def plain(text: object, length: int = 400, *, told: bool = True) -> str:
    """Any text from the data, as one safe line; where it was cut its length is told too, unless `told` is False."""
    from kintsu.diagnose.words import shorten

    return shorten(str(text), length, told=told)


def _jsonable(value: Any) -> Any:
    """Strict JSON: NaN and infinities become null, paths and dates their text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_jsonable(item) for item in value]
    if value is None or isinstance(value, str | int | bool):
        return value
    return value.as_posix() if isinstance(value, Path) else str(value)


def emit(value: dict[str, Any] | list[Any]) -> None:
    """Print one JSON value, and nothing else, on standard output."""
    sys.stdout.write(json.dumps(_jsonable(value), ensure_ascii=False, allow_nan=False) + "\n")


def interruptible() -> None:
    """Let Ctrl-C interrupt a read that waits for data.

    Importing polars puts a handler of its own before Python's and lets system calls restart, so that a run waiting
    for standard input would not notice (polars 2.1).
    """
    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, True)


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """A callable(stage, fraction) that draws a bar on standard error, if that is a terminal; else does nothing."""
    interruptible()
    if quiet or not sys.stderr.isatty():
        yield lambda stage, fraction: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(complete_style=GOLD, finished_style=GOLD),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1.0)

        def show(stage: str, fraction: float) -> None:
            bar.update(task, description=plain(stage, 28), completed=min(max(fraction, 0.0), 1.0))

        yield show
