"""Look after the store: how large it is, what may go, and what must go. The log still verifies afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.errors import UsageError
from kintsu.io.store.database import bytes_of_tables
from kintsu.io.store.home import find_home
from kintsu.io.store.records import CHANGES, Run
from kintsu.io.store.store import Releases, Store

__all__ = ["Freed", "Sizes", "prune", "purge", "sizes"]

UNCLAIMED_S = 86_400  # a younger blob without an owner may belong to a run that is still being written


@dataclass(frozen=True)
class Sizes:
    """Bytes by part. `unclaimed` belongs to no run: left by one that failed or was killed."""

    home: str
    runs: int
    ledger: int
    changes: int
    findings: int
    originals: int
    unclaimed: int

    @property
    def total(self) -> int:
        return self.ledger + self.changes + self.findings + self.originals + self.unclaimed

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return asdict(self) | {"total": self.total}


@dataclass(frozen=True)
class Freed:
    """What a prune or purge removed. `undos_gone` are the runs that can no longer be undone in full."""

    runs: tuple[str, ...]
    undos_gone: tuple[str, ...]
    freed: int
    line: int | None  # of the log

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return asdict(self)


def _opened(home: Path | str | None) -> Store:
    store = Store(find_home(home))
    store.recover()
    return store


def sizes(*, home: Path | str | None = None) -> Sizes:
    """How much room the store takes, by part."""
    store = _opened(home)
    runs = store.runs()
    part = {"changes": 0, "findings": 0, "originals": 0, "unclaimed": 0}
    owner = _owners(store, runs)
    for digest, size in store.blobs:
        part[owner.get(digest, "unclaimed")] += size
    ledger = bytes_of_tables(store.engine)
    return Sizes(str(store.home), len(runs), ledger, **part)


def _owners(store: Store, runs: Iterable[Run]) -> dict[str, str]:
    """Which part each blob that is in use belongs to."""
    owner: dict[str, str] = {}
    releases = store.releases()
    for run in runs:
        named = (("changes", run.changes), ("findings", run.findings), ("originals", run.original))
        told = (("findings", digest) for digest in (run.pending, run.recipes, run.learned, run.report))
        for part, digest in (*named, *told):
            current = store.current(digest, since=run.line, releases=releases)
            if current:
                owner[current] = part
    return owner


def prune(*, home: Path | str | None = None, older_than_days: float | None = None, keep: int | None = None) -> Freed:
    """Free room: drop values, findings and originals of old runs, and what no run owns.

    Parameters
    ----------
    older_than_days
        Runs that started longer ago.
    keep
        All but this many of the newest runs. With both, a run must be old and not among the newest.
    """
    store = _opened(home)
    if keep is not None and keep < 0:
        raise UsageError(f"keep is a number of runs, at least 0, not {keep}")
    runs = store.runs()
    old = [] if older_than_days is None and keep is None else runs[: max(len(runs) - keep, 0)] if keep else list(runs)
    if older_than_days is not None:
        limit = (datetime.now(UTC) - timedelta(days=older_than_days)).isoformat()
        old = [run for run in old if run.started < limit]
    chosen = {run.id for run in old}
    shared = _owners(store, (run for run in runs if run.id not in chosen))
    freed = _release(store, "pruned", old, None, frozenset(shared))
    store.blobs.sweep()
    unclaimed = set(dict(store.blobs)) - set(_owners(store, store.runs()))
    stale = [digest for digest in unclaimed if time.time() - store.blobs.put_at(digest) > UNCLAIMED_S]
    extra = sum(store.blobs.remove(digest) for digest in stale)
    return Freed(freed.runs, freed.undos_gone, freed.freed + extra, freed.line)


def purge(*, home: Path | str | None = None, run: str | None = None, column: str | None = None) -> Freed:
    """Erase cell values for good: of a run and its undos, of a column, or of a column in one run.

    Evidence texts may quote any column, so they go as well; so do stored originals and findings' values. What stays
    says which cells were changed, when and by which recipe.

    Raises
    ------
    UsageError
        Neither a run nor a column is named.
    """
    store = _opened(home)
    if run is None and column is None:
        raise UsageError("name a run or a column whose values are to be erased")
    runs = store.runs()
    if run is not None:
        runs = _with_undos(store.run(run), runs)
    if column is not None:
        runs = [each for each in runs if column in each.columns]
        if not runs:
            raise UsageError(f"no run in {store.home} knows a column {column!r}")
    return _release(store, "purged", runs, column, frozenset())


def _with_undos(run: Run, runs: list[Run]) -> list[Run]:
    """The run, the answers to it, and all that undid or redid it: they hold the same values."""
    ids = {run.id}
    for each in runs:
        if each.undoes in ids or each.id == run.undoes or each.answer.get("of") in ids:
            ids.add(each.id)
    return [each for each in runs if each.id in ids]


def _release(store: Store, kind: str, runs: list[Run], column: str | None, shared: frozenset[str]) -> Freed:
    """Put value-free skeletons in the place of blobs, log it, then delete: a kill in between loses nothing silently."""
    blobs: dict[str, str | None] = {}
    releases = store.releases()
    for run in [run for run in runs if run.status != "prepared"]:
        for digest in _blobs(run):
            current = store.current(digest, since=run.line, releases=releases)
            if current is None or current in shared or current in blobs:
                continue
            fresh = _skeleton(store, current, column) if digest == run.changes else None
            if fresh != current:
                blobs[current] = fresh
    if not blobs:
        return Freed((), (), 0, None)
    # equal values are kept once: a run that shares them loses them too, and is named
    held = [
        run.id
        for run in store.runs()
        if {store.current(each, since=run.line, releases=releases) for each in _blobs(run)} & set(blobs)
    ]
    line = store.note(held[0] if len(held) == 1 else "", kind, {"runs": held, "column": column, "blobs": blobs})
    freed = sum(store.blobs.remove(digest) for digest in blobs)
    gone = [run.id for run in store.runs() if run.id in held and _is_gone(store, run, blobs, releases)]
    return Freed(tuple(held), tuple(gone), freed, line)


def _blobs(run: Run) -> tuple[str | None, ...]:
    return run.changes, run.findings, run.original, run.pending, run.recipes, run.learned, run.report


def _is_gone(store: Store, run: Run, blobs: dict[str, str | None], releases: Releases) -> bool:
    """Whether values that an undo of this run needs went just now, or its original did."""
    if store.current(run.original, since=run.line, releases=releases) in blobs:
        return True
    fresh = blobs.get(store.current(run.changes, since=run.line, releases=releases) or "")
    return fresh is not None and bool(store.read(fresh)["purged"].any())


def _skeleton(store: Store, digest: str, column: str | None) -> str:
    """The change set without values of the column (all, where None), kept as a new blob; returns its hash."""
    frame = store.read(digest)
    was = pl.col("purged") if "purged" in frame.columns else pl.lit(False)
    hit = pl.lit(True) if column is None else pl.col("column").eq_missing(column) | pl.col("column").is_null()
    values = ("old", "new", "old_raw", "new_raw")
    bare = frame.with_columns(
        *(pl.when(hit).then(pl.lit(None, CHANGES[name])).otherwise(name).alias(name) for name in values),
        why=pl.lit(None, pl.String),
        purged=hit | was,
    )
    known = frame if "purged" in frame.columns else frame.with_columns(purged=pl.lit(False))
    return digest if bare.equals(known) else store.put_frame(bare)
