"""Which runs were killed before they could tell how they ended: each has a small file until its process ends orderly.

Between the last line of the log and the end of the process a person has not been told anything. A kill in that moment
leaves a complete output and a run that is done; the same command may then be given again, as after any other kill.
"""

from __future__ import annotations

import atexit
from contextlib import suppress
from pathlib import Path

__all__ = ["announce", "is_unfinished"]

FOLDER = "unfinished"


def _file(home: Path, run: str) -> Path:
    return home / FOLDER / run


def announce(home: Path, run: str) -> None:
    """Remember the run until this process ends orderly, be it with an error or by Ctrl-C."""
    path = _file(home, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    atexit.register(_forget, path)


def _forget(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)  # the folder stays: another process may be about to write there


def is_unfinished(home: Path, run: str) -> bool:
    """Whether the process of this run was killed or still runs, so far as this store knows."""
    return _file(home, run).exists()
