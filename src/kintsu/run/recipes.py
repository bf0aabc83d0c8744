"""Write the recipes that people accepted or taught as YAML, to be replayed with `heal(recipes=...)`."""

from __future__ import annotations

from pathlib import Path

from kintsu.learn.recipes import dump
from kintsu.run.memory import known_recipes
from kintsu.run.questions.session import opened_session
from kintsu.run.sidecar import write_text

__all__ = ["write_recipes"]


def write_recipes(
    run: str, path: Path | str, *, home: Path | str | None = None, from_file: Path | str | None = None
) -> int:
    """Write the recipes that answers to this run taught; replaces `path` atomically. Returns how many.

    Answers that were undone are left out, and so are columns that are sensitive.
    """
    session = opened_session(run, home=home, from_file=from_file)
    known = known_recipes(session.store, session.said)
    write_text(dump(known, session.heal.columns), Path(path))
    return len(known)
