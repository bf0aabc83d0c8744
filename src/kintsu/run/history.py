"""The chain of changes that led to a file, and what each of its cells owes to which of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from kintsu.io.store.records import Run
from kintsu.io.store.store import Store
from kintsu.run.numbering import Numbering

__all__ = ["State", "chain_to", "head_of", "numbering_after", "parent_of", "states"]

_CELL = ("key", "column")
_TOUCHED = {"key": pl.Int64, "column": pl.String, "stack": pl.String, "by": pl.String}


def chain_to(store: Store, head: Run) -> list[Run]:
    """The changes from the first known one to `head`, in order."""
    chain = [head]
    while chain[-1].parent is not None:
        chain.append(store.run(chain[-1].parent))
    return chain[::-1]


def _best_last(published: list[tuple[str, str]], path: str) -> list[str]:
    """Ids of published runs, the newest last, and after all others those that wrote to `path`."""
    return [run for run, _ in sorted(published, key=lambda told: told[1] == path)]


def parent_of(store: Store, path: str, version: str) -> Run | None:
    """The change that made the input at `path` with this hash, or None.

    A file that equals the first state of its chain starts a new chain, unless it lies where the chain left it.
    """
    if not version:
        known = store.published(output=path) if path else []
        return store.run(known[-1][0]) if known else None
    known = store.published(made=version)
    if not known:
        return None
    found = store.run(_best_last(known, path)[-1])
    if found.output == path:
        return found
    return None if chain_to(store, found)[0].base == version else found


def head_of(store: Store, target: Run, path: str, version: str) -> list[Run] | None:
    """The chain through `target` whose last state is the file at `path` with this hash; None where there is none."""
    known = store.published(made=version) if version else store.published(output=path)
    for head in reversed(_best_last(known, path)):
        chain = chain_to(store, store.run(head))
        if any(run.id == target.id for run in chain):
            return chain
    return None


@dataclass(frozen=True)
class State:
    """A file after some changes.

    `touched` has a line per cell (column null: whole record) that any change edited: `stack` names the runs in effect
    there, oldest first, and `by` the last change that touched it. Equal stacks mean equal values.
    """

    version: str = ""
    numbering: Numbering = field(default_factory=Numbering)
    touched: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_TOUCHED))

    def after(self, changes: pl.DataFrame, origin: str, by: str, version: str, *, takes_back: bool) -> State:
        """The state after the change `by`, which applies the edits of run `origin` or takes them back."""
        cells = changes.select(*_CELL, pl.lit(True).alias("hit")).unique()
        joined = self.touched.join(cells, on=_CELL, how="full", coalesce=True, nulls_equal=True)
        stack, mark = pl.col("stack").fill_null(""), f"/{origin}"
        moved = stack.str.strip_suffix(mark) if takes_back else stack + mark
        touched = joined.select(
            *_CELL,
            pl.when("hit").then(moved).otherwise(stack).alias("stack"),
            pl.when("hit").then(pl.lit(by)).otherwise("by").alias("by"),
        )
        return State(version, self.numbering.after(changes), touched)

    @property
    def signature(self) -> tuple[int, int]:
        """Equal for states that hold the same edits, in whatever way they were reached."""
        owed = self.touched.filter(pl.col("stack") != "").select(*_CELL, "stack")
        return len(owed), int(owed.hash_rows(seed=0).to_numpy().sum())  # wraps around: any order gives the same


def roles(chain: list[Run]) -> Iterator[tuple[Run, str, bool]]:
    """For each change the heal whose edits it moves, and whether it takes them back (an undo) or not (a redo)."""
    known: dict[str, tuple[str, bool]] = {}
    for run in chain:
        if run.undoes is None:
            known[run.id] = (run.id, False)
        else:
            origin, takes_back = known[run.undoes]
            known[run.id] = (origin, not takes_back)
        yield run, *known[run.id]


def states(store: Store, chain: list[Run]) -> list[State]:
    """The state before the chain and after each change of it."""
    first = State(chain[0].base, Numbering(shifts=chain[0].shifts))
    found = [first]
    for run, origin, takes_back in roles(chain):
        changes = store.changes(run)
        found.append(found[-1].after(changes, origin, run.id, run.made, takes_back=takes_back))
    return found


def numbering_after(store: Store, parent: Run | None, *, shifts: bool) -> Numbering:
    """Row identities in the file that `parent` made."""
    numbering = Numbering(shifts=shifts)
    for run in chain_to(store, parent) if parent is not None else []:
        if run.n_drop or run.n_add:
            numbering = numbering.after(store.changes(run))
    return numbering
