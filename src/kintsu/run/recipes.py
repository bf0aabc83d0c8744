"""The recipes that people accepted or taught: listed, and written as YAML to be replayed with `heal(recipes=...)`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kintsu.diagnose.masking import Veil, in_words
from kintsu.io.store.home import find_home
from kintsu.io.store.store import Store
from kintsu.learn.recipes import dump
from kintsu.run.memory import known_recipes
from kintsu.run.questions.session import opened_session
from kintsu.run.sidecar import write_text

__all__ = ["learned_recipes", "write_recipes"]


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


def learned_recipes(
    *, home: Path | str | None = None, table: str | None = None, veil: Veil | None = None
) -> list[dict[str, Any]]:
    """The recipes that answers in effect taught: they are replayed on every table with the same columns.

    Each tells the answer that taught it, so that it can be taken back: that undo ends the recipe, and an undo of the
    undo brings it back. `veil` as in `run.show.show`.
    """
    store = Store(find_home(home))
    said = [run for run in store.runs(kind="answer") if run.learned and run.status == "done"]  # few, and by an index
    of = {heal: store.run(heal).table for heal in {str(run.answer["of"]) for run in said}}
    said = [run for run in said if table in (None, of[run.answer["of"]])]
    told: dict[str, dict[str, Any]] = {}
    for run in said:
        for each in known_recipes(store, [run]):
            recipe = each.recipe
            told[recipe.id] = {
                "recipe": recipe.id,
                "answer": run.id,
                "heal": run.answer["of"],
                "table": of[run.answer["of"]],
                "at": run.started,
                "by": run.answer.get("by"),
                "healer": recipe.healer,
                "column": recipe.column,
                "text": in_words(recipe, (veil or Veil()).over(run.columns, run.sensitive)),
                "confidence": round(each.confidence, 4),
                "values": len(each.values),
            }
    in_effect = {each.recipe.id for each in known_recipes(store, said)}
    return [line for name, line in reversed(told.items()) if name in in_effect]
