"""Write the healed table: atomically, with its sidecar files and its line in the history.

Order of things, so that a kill at any moment leaves the input whole and the output absent or complete: temporary file,
flush, blobs, sidecars, "prepared" in the ledger with the output's hash, rename, "done". A run that is killed between
the last three is settled by the next one: the hash tells whether the file got its name. One that is killed between
"done" and the end of its process (`io.store.unfinished`) may be given again too.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.change import EDITS
from kintsu.core.contracts import Table
from kintsu.core.errors import OutputError, StaleRepair, UsageError
from kintsu.diagnose.words import size_text
from kintsu.io.store.atomic import explained, flush, rename, sweep, temporary
from kintsu.io.store.blobs import content_hash
from kintsu.io.store.records import CHANGES, Draft, Run
from kintsu.io.store.shelf import Shelf
from kintsu.io.store.store import Store
from kintsu.io.store.unfinished import announce
from kintsu.run.history import numbering_after, parent_of
from kintsu.run.numbering import Numbering
from kintsu.run.reopen import location

__all__ = [
    "ORIGINAL_CAP",
    "Published",
    "change_set",
    "check_output",
    "notice",
    "place_of",
    "publish",
    "put_in_place",
    "with_bytes",
]

ORIGINAL_CAP = 2 * 1024**3  # bytes; a larger original is not copied, and undo promises values instead of bytes


@dataclass(frozen=True)
class Published:
    """What was written. `changes` has the schema `records.CHANGES`, `old_raw` and `new_raw` filled in."""

    run: Run
    out: Path | None
    changes: pl.DataFrame


def _target(table: Table, out: Path | None, *, in_place: bool) -> Path | None:
    """Where the new file goes, links followed (a link is not replaced by a file); None: the table is written back."""
    if in_place and _is_database(table):
        return None
    if in_place:
        if table.path is None:
            raise UsageError(f"{table.ref.name} is no file: it cannot be replaced in place")
        if table.path.is_dir():
            raise UsageError(f"{table.path} is a folder: it cannot be replaced in one step; name another with -o")
        return Path(os.path.realpath(table.path))
    return None if out is None else Path(os.path.realpath(out))


def check_output(store: Store, table: Table, out: Path | None, *, force: bool = False, in_place: bool = False) -> None:
    """Refuse an output early, before minutes of work: exists already, is the input, folder missing or not writable.

    What an earlier run of ours left complete when it was killed may be replaced without `force`. Runs that killed
    processes left behind are settled in the log.

    Raises
    ------
    OutputError, UsageError
    """
    store.recover()
    target = _target(table, out, in_place=in_place)
    if target is None:
        return
    if target.is_dir():
        raise OutputError(f"cannot write {target}: this is a folder: name a file")
    if not target.parent.is_dir():
        raise OutputError(f"cannot write {target}: the folder {target.parent} does not exist: create it first")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {target}: permission denied in {target.parent}: write elsewhere")
    if in_place or not target.exists():
        return
    if table.path is not None and table.path.exists() and target.samefile(table.path):
        raise UsageError(f"{target} is the input itself: to replace it, say --in-place")
    if not force and not store.left_behind(str(target)):
        raise OutputError(f"{target} exists already: choose another name with -o, or overwrite it with --force")


def notice(table: Table, *, cap: int = ORIGINAL_CAP) -> str:
    """What undo will promise for this table, in one sentence to be shown beforehand; "" for plain text formats."""
    size = _original_size(table)
    if size is None:
        return ""
    name = table.path.name if table.path is not None else table.ref.name
    if size <= cap and getattr(table, "is_whole", True):
        return f"A copy of {name} ({size_text(size)}) is kept in the store, so that undo gives its bytes."
    why = f"is larger than the {size_text(cap)} kept in the store" if size > cap else "is a choice of files"
    return f"{name} ({size_text(size)}) {why}: undo will give the same values, types and metadata, not the same bytes."


def _original_size(table: Table) -> int | None:
    """Bytes of an original that inverse edits cannot give back; None where there is none to keep."""
    path = table.path
    if table.exact or path is None or not path.exists():
        return None
    return sum(file.stat().st_size for file in path.rglob("*")) if path.is_dir() else path.stat().st_size


def change_set(edits: pl.DataFrame) -> pl.DataFrame:
    """Edits with the schema `records.CHANGES`, in order; an edit of a cell in a dropped record is left out."""
    absent = [pl.lit(None).alias(name) for name in CHANGES if name not in edits.columns]
    shaped = edits.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in CHANGES.items())
    dropped = shaped.filter(pl.col("edit") == "drop")["row"].unique()
    moot = (pl.col("edit") == "set") & pl.col("row").is_in(dropped.implode())
    return shaped.filter(~moot).sort("row", "column", "edit", nulls_last=True, maintain_order=True)


def with_bytes(changes: pl.DataFrame, patched: pl.DataFrame) -> pl.DataFrame:
    """The change set with the exact bytes that the format reported, and new values as it spells them."""
    key = ["row", "column", "edit"]
    told = patched.select(*key, "new", "old_raw", "new_raw").unique(key, keep="first")
    joined = changes.drop("new", "old_raw", "new_raw").join(
        told, on=key, how="left", nulls_equal=True, maintain_order="left"
    )
    return joined.select(list(CHANGES))


def _with_keys(changes: pl.DataFrame, before: Numbering) -> pl.DataFrame:
    """The change set with the identity of each row."""
    added = pl.col("edit") == "add"
    new = changes.filter(added).sort("row")
    old = changes.filter(~added & pl.col("row").is_not_null())
    fresh = before.new_keys(new["row"].to_numpy())
    both = before.with_(fresh)
    parts = [
        old.with_columns(key=pl.Series(both.keys(old["row"].to_numpy()), dtype=pl.Int64)),
        new.with_columns(key=pl.Series(fresh, dtype=pl.Int64)),
        changes.filter(pl.col("row").is_null()),
    ]
    return pl.concat(part.select(list(CHANGES)) for part in parts)


def _is_database(table: Table) -> bool:
    return "url" in table.describe()


def place_of(table: Table) -> str:
    """Where the table lies, as text: the path, or the URL of a database."""
    facts = table.describe()
    if "url" in facts:
        return location(table.connector, facts, table.path)
    return table.ref.name if table.path is None else os.path.realpath(table.path)


def _run(draft: Draft, table: Table, changes: pl.DataFrame, parent: Run | None, output: str) -> Run:
    count = dict(changes["edit"].value_counts().iter_rows())
    return Run(
        id=draft.id,
        kind=draft.kind,
        table=draft.table or table.ref.name,
        started=draft.started,
        input=place_of(table),
        base=table.ref.version,
        output=output,
        made="",
        connector=table.connector,
        facts=table.describe(),
        exact=table.exact and not _is_database(table),
        rows=table.rows,
        columns=tuple(table.columns),
        n_set=count.get("set", 0),
        n_drop=count.get("drop", 0),
        n_add=count.get("add", 0),
        changes="",
        parent=parent.id if parent else None,
        in_place=output == place_of(table),
        shifts=bool(getattr(table, "shifts", True)),
        sensitive=tuple(draft.sensitive),
        seed=draft.seed,
        versions=dict(draft.versions),
        summary=dict(draft.summary),
        answer=dict(draft.answer),
        files=dict(draft.files),
        policy=dict(draft.policy),
    )


def _unchanged(table: Table) -> None:
    """Raise `StaleRepair` where the input is no longer the file that was read."""
    path, version = table.path, table.ref.version
    if (
        path is not None
        and path.exists()
        and getattr(table, "is_whole", True)
        and len(version) == 64
        and content_hash(path) != version
    ):
        raise StaleRepair(f"{path} was changed by someone else while it was being mended: run it again")


def _keep_original(store: Store, table: Table, cap: int) -> str | None:
    size = _original_size(table)
    if size is None or size > cap or table.path is None or not getattr(table, "is_whole", True):
        return None
    return store.blobs.put_folder(table.path) if table.path.is_dir() else store.blobs.put_file(table.path)


def put_in_place(store: Store, run: Run, fresh: Path, target: Path, *, replace: bool) -> None:
    """Announce the run, give the complete file its name, log that it is done.

    Raises
    ------
    OutputError
        A file appeared at `target` meanwhile (without `replace`), or another run is writing there.
    """
    announce(store.home, run.id)
    store.prepare(run)
    try:
        rename(fresh, target, replace=replace)
        Shelf(store.home).keep(target)  # whoever reads that it is done finds it, on whatever machine
        store.finish(run, "done")
    except BaseException as error:
        store.settle(run)
        if isinstance(error, FileExistsError):
            raise OutputError(f"{target} appeared while it was being made: nothing was overwritten") from error
        raise


def publish(
    store: Store,
    draft: Draft,
    table: Table,
    edits: pl.DataFrame,
    out: Path | None,
    *,
    force: bool = False,
    in_place: bool = False,
    write_sidecars: Callable[[pl.DataFrame], Any] | None = None,
    findings: pl.DataFrame | None = None,
    blobs: Mapping[str, str] | None = None,
    cap: int = ORIGINAL_CAP,
) -> Published:
    """Write `table` with `edits` applied to `out`, and log it.

    Parameters
    ----------
    edits
        Columns row, column, edit, old, new (see `core.change.EDITS`), and where known confidence, healer, recipe,
        why, nature. Decisions with action "apply" have them.
    out
        None: the table is written where it is (databases). With `in_place`, ignored: the input is replaced.
    write_sidecars
        Called with the changes (schema `records.CHANGES`) once the new table lies complete in a temporary file and
        before it gets its name: what it writes must be atomic itself (`run.sidecar` is).
    findings
        Kept as a blob for `kintsu show`, where given.
    blobs
        More blobs of this run by the name of their field ("pending", "recipes").

    Raises
    ------
    OutputError
        Exists already, no space, no permission. Nothing is left half written.
    StaleRepair
        A cell does not hold its old text.
    """
    check_output(store, table, out, force=force, in_place=in_place)
    target = _target(table, out, in_place=in_place)
    parent = parent_of(store, place_of(table), table.ref.version)
    run = _run(draft, table, change_set(edits), parent, str(target) if target else place_of(table))
    changes = _with_keys(change_set(edits), numbering_after(store, parent, shifts=run.shifts))
    kept = store.put_frame(findings) if findings is not None else None
    values: dict[str, Any] = {"findings": kept, "original": _keep_original(store, table, cap), **(blobs or {})}
    if target is None:
        return _written_back(store, run, table, changes, values, write_sidecars)
    with temporary(target) as fresh:
        sweep(target)
        with explained(target):
            changes = with_bytes(changes, table.patch(changes.select(list(EDITS)), fresh))
            flush(fresh)
            if table.path is not None and table.path.exists():
                shutil.copymode(table.path, fresh)
                if not in_place:  # the copy of a read-only table is for its owner to work on
                    fresh.chmod(fresh.stat().st_mode | stat.S_IWUSR)
        run = store.put_changes(run.but(made=content_hash(fresh), **values), changes)
        if write_sidecars is not None:
            write_sidecars(changes)
        _unchanged(table)
        replace = in_place or force or store.left_behind(str(target))
        with explained(target):
            put_in_place(store, run, fresh, target, replace=replace)
    return Published(run.but(status="done"), target, changes)


def _written_back(
    store: Store,
    run: Run,
    table: Table,
    changes: pl.DataFrame,
    values: dict[str, Any],
    write_sidecars: Callable[[pl.DataFrame], Any] | None,
) -> Published:
    """The same for a database: the change set is announced, then written in one transaction of the database."""
    run = store.put_changes(run.but(**values), changes)
    if write_sidecars is not None:
        write_sidecars(changes)
    store.prepare(run)
    try:
        # the contract names a file; for a database there is none, and its tables take None
        changes = with_bytes(changes, table.patch(changes.select(list(EDITS)), None))
    except BaseException as error:
        store.finish(run, "failed", reason=type(error).__name__)
        raise
    store.finish(run, "done")
    store.respell(run, changes)
    return Published(run.but(status="done"), None, changes)
