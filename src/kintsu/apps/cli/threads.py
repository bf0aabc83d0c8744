"""How many threads polars gets: it reads that once, when it is first imported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["one_thread", "suit_threads"]

_SMALL: Final = 2**20  # bytes; above, several threads are as quick or quicker (tables of 4,000 to 50,000 rows)
_PLAIN: Final = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")  # what is not packed, so that size tells


def one_thread() -> None:
    """One thread for this process, unless POLARS_MAX_THREADS is set, and as many as ever for those that it starts.

    A service answers many at once from small tables: to wake the threads of a pool costs each answer more than they do.
    """
    given = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = given or "1"
    import polars

    polars.thread_pool_size()  # makes the pool
    if given is None:
        del os.environ["POLARS_MAX_THREADS"]


def suit_threads(source: str) -> None:
    """One thread for a small file, unless POLARS_MAX_THREADS is set: to be called before polars is imported.

    A small table is judged by some ten thousand calls of microseconds. To hand each to several threads costs more
    than they gain.
    """
    path = Path(source)
    if path.suffix.lower() in _PLAIN and path.is_file() and path.stat().st_size <= _SMALL:
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
