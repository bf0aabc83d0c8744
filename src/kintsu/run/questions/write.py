"""Write what a person said into the healed table: one logged change, with the files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

import kintsu
from kintsu.core.batch import as_text
from kintsu.core.change import EDITS
from kintsu.core.errors import StaleRepair
from kintsu.core.policy import POLICY_VERSION
from kintsu.core.recipe import Recipe
from kintsu.io.store.pending import put_pending
from kintsu.io.store.records import CHANGES, Draft, new_id, now_text
from kintsu.learn.cases import GUESSES
from kintsu.learn.recipes import dump
from kintsu.learn.verdicts import Event, Labels, targets
from kintsu.run.history import State, states
from kintsu.run.publish import publish
from kintsu.run.questions.effect import findings_after, in_effect
from kintsu.run.questions.learned import learned_now, verdicts_now
from kintsu.run.questions.session import Session
from kintsu.run.sidecar import changes_table, findings_table, suggestions_table, write_table

__all__ = ["Said", "renewed", "written"]

_CELL: Final = ["row", "column"]


@dataclass(frozen=True)
class Said:
    """What came of an answer or of teaching. `change` is its id: `kintsu undo` takes it back.

    `applied` counts the cells and rows that changed now; `files` are the files beside the output that were renewed.
    """

    change: str
    run: str
    output: str
    applied: int
    open: int  # cells for which something is proposed and nobody spoke yet
    files: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {
            "change": self.change,
            "run": self.run,
            "output": self.output,
            "applied": self.applied,
            "open": self.open,
            "files": list(self.files),
        }


def written(
    session: Session,
    event: Event,
    answer: Mapping[str, Any],
    *,
    recipes: Mapping[str, Recipe] | None = None,
    added: pl.DataFrame | None = None,
) -> Said:
    """Carry out what `event` changes and log it as a change of its own.

    Parameters
    ----------
    answer
        What the log says about it: no cell values.
    recipes, added
        Decisions (schema `core.frames.DECISIONS`) and recipes that the event brings along; kept with the change.

    Raises
    ------
    StaleRepair
        A cell holds something that this history did not leave there.
    """
    store, heal = session.store, session.heal
    before, view = session.state(), session.after(event)
    after, known = view.state, {**session.recipes, **view.recipes, **(recipes or {})}
    edits = _edits(session, targets(before), targets(after), known)
    blobs = put_pending(store, added, recipes or {}) if added is not None else {}
    taught = learned_now(session, before, after, known, recipes or ())
    if taught:
        blobs["learned"] = store.blobs.put(dump(taught, heal.columns).encode())
    # a label is evidence about a recipe, no verdict on it
    said = dict(answer) | {"verdicts": verdicts_now(before, after) if not isinstance(event, Labels) else []}
    draft = Draft(
        id=new_id("a"),
        started=now_text(),
        seed=heal.seed,
        versions={"kintsu": kintsu.__version__, "policy": POLICY_VERSION, "polars": pl.__version__},
        sensitive=heal.sensitive,
        summary={"applied": len(edits)},
        kind="answer",
        table=heal.table,
        answer={"of": heal.id, **said},
    )
    files: list[str] = []

    def sidecars(changes: pl.DataFrame) -> None:
        now = states(store, session.chain)[-1].after(changes, draft.id, draft.id, "", takes_back=False)
        files.extend(renewed(session, after, now, {draft.id: changes.select(list(CHANGES))}))

    is_file = bool(heal.made)
    publish(store, draft, session.table, edits, None, in_place=is_file, write_sidecars=sidecars, blobs=blobs)
    waiting = after.filter(pl.col("case").is_not_null() & (pl.col("action") == "suggest") & ~pl.col("settled"))
    waiting = waiting.filter(~pl.col("nature").is_in(GUESSES))
    return Said(draft.id, heal.id, session.source, len(edits), len(waiting.select(_CELL).unique()), tuple(files))


def _edits(session: Session, before: pl.DataFrame, after: pl.DataFrame, recipes: Mapping[str, Recipe]) -> pl.DataFrame:
    """What must change in the file: only cells whose decision moved, so that what was undone by hand stays undone."""
    facts = ["new", "edit", "confidence", "healer", "recipe", "why", "reason"]
    both = (
        before.select(*_CELL, "old", __was="new", __did="edit")
        .join(after.select(*_CELL, *facts, __old="old"), on=_CELL, how="full", coalesce=True, nulls_equal=True)
        .with_columns(old=pl.coalesce("old", "__old"), edit=pl.coalesce("edit", "__did"))
    )
    goal = pl.when(pl.col("recipe").is_null() & pl.col("healer").is_null()).then("old").otherwise("new")
    moved = both.with_columns(
        goal=goal,
        healer=pl.col("healer").fill_null("person"),
        why=pl.coalesce("why", pl.lit("a person refused the repair: the old value is back")),
    ).filter(~(pl.col("goal").eq_missing(pl.col("__was")) & pl.col("__did").is_not_null()))
    rows = moved.with_columns(__now=session.rows_now(moved["row"])).filter(pl.col("__now").is_not_null())
    drops = rows.filter(pl.col("edit") == "drop").with_columns(held=pl.lit(None, pl.String))
    cells = rows.filter(pl.col("edit") == "set")
    cells = cells.with_columns(held=_held(session, cells)).filter(~pl.col("held").eq_missing(pl.col("goal")))
    natures = {name: recipe.nature for name, recipe in recipes.items()}
    edits = pl.concat([cells, drops], how="diagonal").select(
        *_CELL, "edit", "confidence", "healer", "recipe", "why",
        row_now="__now", old="held", new="goal",
        nature=pl.col("recipe").replace_strict(natures, default=None, return_dtype=pl.String),
        old_raw=pl.lit(None, pl.Binary), new_raw=pl.lit(None, pl.Binary),
    )  # fmt: skip
    return (
        edits.drop("row").rename({"row_now": "row"}).select(*EDITS, "confidence", "healer", "recipe", "why", "nature")
    )


def _held(session: Session, cells: pl.DataFrame) -> pl.Series:
    """What the cells hold now."""
    names = cells["column"].unique(maintain_order=True).to_list()
    asked = cells.select("__now", "column").with_row_index("__i")
    found = []
    for batch in session.table.batches(columns=names) if names else ():
        for (name,), part in asked.group_by("column"):
            text = pl.DataFrame({"__now": batch.row, "held": as_text(batch[str(name)].series)})
            found.append(part.join(text, on="__now", how="inner").select("__i", "held"))
    told = pl.concat(found) if found else pl.DataFrame(schema={"__i": pl.UInt32, "held": pl.String})
    if len(told) != len(asked):
        raise StaleRepair(f"{session.source}: rows that were to change are gone. Nothing was touched.")
    return told.sort("__i")["held"]


def renewed(
    session: Session, after: pl.DataFrame, state: State, changes: Mapping[str, pl.DataFrame] | None = None
) -> list[str]:
    """Write C, F and suggestions again, where the heal wrote them and their folders exist; returns their paths.

    `after` are the decisions and `state` the file that they are to tell of; `changes` gives change sets that the store
    does not have yet, by run.
    """
    store, heal = session.store, session.heal
    files = {what: Path(path) for what, path in heal.files.items() if Path(path).parent.is_dir()}
    if "changes" in files:
        edits = in_effect(store, session.chain, state, heal, dict(changes or {}))
        rows = session.rows_of_input(edits["key"])
        told = edits.with_columns(row=pl.coalesce(rows, pl.col("row")))
        write_table(changes_table(told, sensitive=heal.sensitive), files["changes"])
    if "findings" in files and heal.findings is not None:
        found = findings_after(store.frame(heal.findings, since=heal.line), after)
        write_table(findings_table(found, sensitive=heal.sensitive), files["findings"])
    if "suggestions" in files:
        waiting = after.filter(~pl.col("settled"))
        write_table(suggestions_table(waiting, sensitive=heal.sensitive), files["suggestions"])
    return [str(files[what]) for what in ("changes", "findings", "suggestions") if what in files]
