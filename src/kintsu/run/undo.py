"""Take a change back: a whole run, or its edits of one row, column or recipe; any time later, in any order.

An undo is a change like any other: it is logged, and undoing it is the redo. What a cell owes to which change is told
by the chain of changes (`run.history`); an edit can be taken back while nothing that came later lies on top of it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.change import EDITS, invert
from kintsu.core.errors import ContractError, InputError, OutputError, StaleRepair, UndoConflict, UsageError
from kintsu.io.store.atomic import explained, flush, sweep, temporary
from kintsu.io.store.blobs import content_hash
from kintsu.io.store.home import find_home
from kintsu.io.store.process import mark
from kintsu.io.store.records import CHANGES, Run, new_id, now_text
from kintsu.io.store.shelf import Shelf
from kintsu.io.store.store import Store
from kintsu.run.history import State, head_of, roles, states
from kintsu.run.publish import put_in_place, with_bytes
from kintsu.run.reopen import location, reopen
from kintsu.run.selection import selected, selection
from kintsu.run.stale import discreet, told_stale

__all__ = ["Undone", "undo"]


@dataclass(frozen=True)
class Undone:
    """What an undo did.

    `restored` is "bytes" (the file is one that this history knows, checked by SHA-256), "values" (the same values,
    types and metadata) or "part" (other edits remain). `change` is the id of this undo: undo it to redo.
    """

    change: str
    run: str
    output: str
    edits: int
    already: int  # edits asked for that were undone before
    restored: str
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return asdict(self)


@dataclass(frozen=True)
class _Plan:
    """What is to be taken back, found out before anything is written."""

    target: Run
    chain: list[Run]
    states: list[State]
    origin: str
    takes_back: bool
    todo: pl.DataFrame  # edits of the target that are in effect
    already: int

    @property
    def now(self) -> State:
        return self.states[-1]

    def inverse(self) -> pl.DataFrame:
        """Edits that take `todo` back, in the row numbers of the file as it is now together with what comes back."""
        keys = ["key", "healer", "recipe", "nature"]
        back = pl.concat([invert(self.todo.select(list(EDITS))), self.todo.select(keys)], how="horizontal")
        known = pl.col("key").is_not_null()
        union = self.now.numbering.with_(back.filter(known & (pl.col("edit") == "add"))["key"].to_numpy())
        rows = pl.Series(union.rows(back["key"].fill_null(0).to_numpy()), dtype=pl.Int64)
        numbered = back.with_columns(
            row=pl.when(known).then(rows),
            confidence=pl.lit(None, pl.Float64),
            why=pl.lit(f"undo of {self.target.id}"),
        )
        return numbered.select(list(CHANGES)).sort("row", "column", "edit", nulls_last=True)


def undo(
    change: str,
    *,
    home: Path | str | None = None,
    out: Path | str | None = None,
    from_file: Path | str | None = None,
    row: int | None = None,
    column: str | None = None,
    recipe: str | None = None,
    force: bool = False,
) -> Undone:
    """Undo a run or an earlier undo (which redoes), or the part of it that `row`, `column` and `recipe` select.

    Parameters
    ----------
    out
        Where to write; the healed file itself is replaced by default.
    from_file
        Where the healed file is now, if it was moved.
    row
        As the run's changes count it: the row of its input.

    Raises
    ------
    UnknownRun
        No such change in this store.
    StaleRepair
        The file is not what this history left behind; nothing was touched.
    UndoConflict
        A later change edited the same cell; it is named.
    UsageError
        Nothing to undo, or its values were purged.
    OutputError
        The result cannot be written.
    """
    store = Store(find_home(home, beside=Path(from_file) if from_file is not None else None))
    store.recover()
    target = store.run(change)
    if target.status not in ("done", "undone"):
        raise UsageError(f"{target.id} has status {target.status!r}: it wrote nothing that could be undone")
    asked = selection(row, column, recipe)
    source = _found(store, target) if from_file is None else _moved(target, str(from_file))
    version = _version(target, source)
    plan = _plan(store, target, source, version, asked)
    if not target.made:
        done = _in_database(store, plan, source, asked)
        _renew_files(store, plan, source)
        return done
    goal = Path(source) if out is None else Path(os.path.realpath(out))
    _check_goal(goal, source, plan, force=force)
    done = _in_file(store, plan, Path(source), version, goal, asked, force=force)
    if str(goal) == source:
        _renew_files(store, plan, source)
    return done


def _renew_files(store: Store, plan: _Plan, source: str) -> None:
    """Once people have answered questions, the files of changes and findings follow what is in effect."""
    healed = next((run.answer["of"] for run in reversed(plan.chain) if run.kind == "answer"), None)
    if healed is None or store.run(healed).status != "done":
        return
    from kintsu.run.questions.session import opened_session
    from kintsu.run.questions.write import renewed

    session = opened_session(healed, home=store.home, from_file=source if plan.target.made else None)
    with suppress(UsageError):  # the heal's values were pruned: nothing tells any more what the files should hold
        renewed(session, session.state(), states(store, session.chain)[-1])


def _found(store: Store, target: Run) -> str:
    """Where the file was written, or beside the store where both were moved together."""
    beside = store.home.parent / Path(target.output).name
    here = Shelf(store.home).fetch(Path(target.output)) if target.made else None
    moved = here is not None and not here.exists() and beside.exists()
    return os.path.realpath(beside) if moved else target.output if here is None else str(here)


def _moved(target: Run, source: str) -> str:
    """Where the file is now, in the way in which its run names it."""
    if target.made:
        return os.path.realpath(source)
    return source if "://" in source else location(target.connector, target.facts, Path(source))


def _version(target: Run, source: str) -> str:
    if not target.made:
        return ""
    if not Path(source).exists():
        raise InputError(f"{source} is not there: say where the file is now with --from FILE")
    with explained(Path(source)):
        return content_hash(Path(source))


def _check_goal(goal: Path, source: str, plan: _Plan, *, force: bool) -> None:
    same = str(goal) == source
    if not same and goal.exists() and not force:
        raise OutputError(f"{goal} exists already: choose another name with -o, or overwrite it with --force")
    if same and not len(plan.todo) and plan.already:
        raise UsageError(f"{plan.target.id} is undone already: nothing to do")


def _picked(changes: pl.DataFrame, target: Run, asked: dict[str, Any]) -> pl.DataFrame:
    """The edits asked for, with their values."""
    picked = selected(changes, target, asked)
    if "purged" in picked.columns and picked["purged"].any():
        raise UsageError(f"values of {target.id} were purged on purpose: this undo is gone (see `kintsu log`)")
    return picked.select(list(CHANGES))


def _plan(store: Store, target: Run, source: str, version: str, asked: dict[str, Any]) -> _Plan:
    chain = head_of(store, target, source, version)
    if chain is None:
        raise told_stale(store, target, source, version)
    picked = _picked(store.changes(target), target, asked)
    known = states(store, chain)
    at = next(i for i, run in enumerate(chain) if run.id == target.id)
    origin, takes_back = next((origin, back) for run, origin, back in roles(chain) if run.id == target.id)
    before, after, now = known[at], known[at + 1], known[-1]
    cells = _stacks(picked, before, after, now)
    already = cells["now"] == cells["before"]
    done = cells.filter(already)
    todo = cells.filter(~already)
    _refuse_conflicts(todo, after, now, target)
    return _Plan(target, chain, known, origin, takes_back, todo.select(list(CHANGES)), len(done))


def _stacks(picked: pl.DataFrame, before: State, after: State, now: State) -> pl.DataFrame:
    """The edits with what each cell owed to which runs: before the change, after it, and now."""
    result = picked
    for name, state in (("before", before), ("after", after), ("now", now)):
        part = state.touched.select("key", "column", pl.col("stack").alias(name))
        result = result.join(part, on=["key", "column"], how="left", nulls_equal=True, maintain_order="left")
    last = now.touched.select("key", "column", "by")
    result = result.join(last, on=["key", "column"], how="left", nulls_equal=True, maintain_order="left")
    return result.with_columns(pl.col("before", "after", "now").fill_null(""))


def _refuse_conflicts(todo: pl.DataFrame, after: State, now: State, target: Run) -> None:
    """Raise where something later lies on top: on the cell, on its record, or on a cell of a record that would go."""
    on_cell = todo.filter(pl.col("now") != pl.col("after"))
    if len(on_cell):
        raise _conflict(on_cell.row(0, named=True), target)
    moved = now.touched.join(after.touched, on=["key", "column"], how="left", nulls_equal=True, suffix="_then")
    moved = moved.filter(pl.col("stack") != pl.col("stack_then").fill_null(""))
    records = moved.filter(pl.col("column").is_null()).select("key", "by")
    gone = todo.filter(pl.col("edit") == "set").drop("by").join(records, on="key", how="inner")
    if len(gone):
        raise _conflict(gone.row(0, named=True), target)
    edited = moved.filter(pl.col("column").is_not_null()).select("key", "by")
    would_go = todo.filter(pl.col("edit") == "add").drop("by").join(edited, on="key", how="inner")
    if len(would_go):
        raise _conflict(would_go.row(0, named=True), target)


def _conflict(edit: dict[str, Any], target: Run) -> UndoConflict:
    where = f"row {edit['row']}" if edit["column"] is None else f"{edit['column']}, row {edit['row']}"
    return UndoConflict(
        f"{where}: {edit['by']} changed this after {target.id}. Undo {edit['by']} first, or leave this part out.",
        edit["by"],
    )


def _record(plan: _Plan, inverse: pl.DataFrame, output: str, source: str, version: str, asked: Any) -> Run:
    """The run object of the undo, without what only the written file tells."""
    head, count = plan.chain[-1], dict(inverse["edit"].value_counts().iter_rows())
    fresh = new_id("u")
    result = plan.now.after(inverse, plan.origin, fresh, "", takes_back=not plan.takes_back)
    return head.but(
        id=fresh,
        kind="undo",
        table=plan.target.table,
        started=now_text(),
        input=source,
        base=version,
        output=output,
        made="",
        changes="",
        by_recipe=None,
        rows=head.rows_after,
        n_set=count.get("set", 0),
        n_drop=count.get("drop", 0),
        n_add=count.get("add", 0),
        findings=None,
        original=None,
        pending=None,
        recipes=None,
        learned=None,
        report=None,
        answer={},
        files={},
        policy={},
        parent=head.id,
        undoes=plan.target.id,
        also=_statuses(plan, result, asked) if output == source else {},
        selection=dict(asked),
        in_place=output == source,
        summary={},
        process=mark(),
        status="prepared",
    )


def _statuses(plan: _Plan, result: State, asked: Any) -> dict[str, str]:
    """New status of the runs of the chain: undone when none of their edits is in effect any more."""
    statuses = {}
    for run in plan.chain:
        if run.undoes is None and (run.n_set or run.n_drop or run.n_add or run.id == plan.target.id):
            owed = (result.touched["stack"] + "/").str.contains(f"/{run.id}/", literal=True).any()
            statuses[run.id] = "done" if owed else "undone"
        elif run.id == plan.target.id and not asked:
            statuses[run.id] = "undone"
    return {run.id: statuses[run.id] for run in plan.chain if statuses.get(run.id, run.status) != run.status}


def _in_database(store: Store, plan: _Plan, source: str, asked: Any) -> Undone:
    inverse = plan.inverse()
    run = store.put_changes(_record(plan, inverse, source, source, "", asked), inverse)
    table = reopen(source, run.connector, run.facts)
    store.prepare(run)
    try:
        with discreet(run):
            inverse = with_bytes(inverse, table.patch(inverse.select(list(EDITS)), None))
    except BaseException as error:
        store.finish(run, "failed", reason=type(error).__name__)
        raise
    store.finish(run, "done")
    store.respell(run, inverse)
    return Undone(run.id, plan.target.id, source, len(inverse), plan.already, "values", "")


def _in_file(store: Store, plan: _Plan, source: Path, version: str, goal: Path, asked: Any, *, force: bool) -> Undone:
    inverse = plan.inverse()
    run = _record(plan, inverse, str(goal), str(source), version, asked)
    result = plan.now.after(inverse, plan.origin, run.id, "", takes_back=not plan.takes_back)
    same = [state.version for state in plan.states if state.signature == result.signature]
    kept = {link.base: store.current(link.original, since=link.line) for link in plan.chain if link.original}
    original = next((kept[known] for known in same if kept.get(known)), None)
    with temporary(goal) as fresh:
        sweep(goal)
        with explained(goal):
            if original is not None:
                store.blobs.restore(original, fresh, is_folder=source.is_dir())
            else:
                table = reopen(source, run.connector, run.facts)
                with discreet(run):
                    inverse = with_bytes(inverse, table.patch(inverse.select(list(EDITS)), fresh))
            flush(fresh)
            shutil.copymode(source, fresh)
        run = store.put_changes(run.but(made=content_hash(fresh)), inverse)
        if run.exact and same and run.made not in same:
            raise ContractError(
                f"undoing {plan.target.id} would not give the bytes that were there: nothing was touched"
            )
        if content_hash(source) != version:
            raise StaleRepair(f"{source} was changed by someone else in the meantime: nothing was touched")
        with explained(goal):
            put_in_place(store, run, fresh, goal, replace=force or goal == source)
    restored = "bytes" if run.made in same else "values" if same else "part"
    return Undone(run.id, plan.target.id, str(goal), len(inverse), plan.already, restored, run.made)
