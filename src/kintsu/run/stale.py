"""What to tell when a file is not what the history left there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from kintsu.core.errors import KintsuError, StaleRepair
from kintsu.diagnose.masking import HIDDEN
from kintsu.io.store.records import Run
from kintsu.io.store.store import Store
from kintsu.run.history import chain_to, states
from kintsu.run.reopen import reopen

__all__ = ["discreet", "told_stale"]


@contextmanager
def discreet(run: Run) -> Iterator[None]:
    """Errors about cells quote no values where the run has sensitive columns."""
    try:
        yield
    except StaleRepair:
        if not run.sensitive:
            raise
        raise StaleRepair(
            f"{run.table}: a cell does not hold what {run.id} left there (values are hidden: the run has sensitive "
            "columns). Nothing was touched."
        ) from None


def told_stale(store: Store, target: Run, source: str, version: str) -> StaleRepair:
    """The error for a file that no chain through `target` ends in: names the first cell that differs, if one does."""
    others = store.published(made=version) if version else []
    if others:
        return StaleRepair(
            f"{source} is now what {others[-1][0]} wrote, which does not follow from {target.id}. Nothing was touched."
        )
    head = _last_at(store, target, source)
    what = _difference(store, head, source) or "its bytes are others, in a part that no logged change touched"
    return StaleRepair(
        f"{source} was edited after {head.id} wrote it: {what}. Nothing was touched. "
        "Put the file back as it was, or name another with --from."
    )


def _last_at(store: Store, target: Run, source: str) -> Run:
    """The last change that wrote to this path and follows from the target; else the target."""
    for name, _ in reversed(store.published(output=source)):
        run = store.run(name)
        if any(link.id == target.id for link in chain_to(store, run)):
            return run
    return target


def _difference(store: Store, head: Run, source: str) -> str | None:
    """The first difference between the file and what the chain says of it."""
    try:
        table = reopen(Path(source), head.connector, head.facts)
        if tuple(table.columns) != head.columns:
            return f"its columns are {', '.join(table.columns[:9])}, no longer {', '.join(head.columns[:9])}"
        chain = chain_to(store, head)
        now = states(store, chain)[-1]
        if table.rows != head.rows_after:
            return f"it has {table.rows:,} records, no longer {head.rows_after:,}"
        expected = _expected(store, chain)
        expected = expected.with_columns(row=pl.Series(now.numbering.rows(expected["key"].to_numpy()), dtype=pl.Int64))
        for batch in table.batches(columns=expected["column"].unique(maintain_order=True).to_list() or None):
            for (name,), part in expected.group_by("column", maintain_order=True):
                texts = batch.texts([str(name)]).rename({"__row": "row", str(name): "found"})
                wrong = part.join(texts, on="row").filter(~pl.col("found").eq_missing(pl.col("new"))).sort("row")
                if len(wrong):
                    return _shown(wrong.row(0, named=True), head)
    except KintsuError as error:
        return str(error).rstrip(".")
    return None


def _expected(store: Store, chain: list[Run]) -> pl.DataFrame:
    """The last value that the chain wrote into each cell, of records that are still there."""
    changes = pl.concat([store.changes(run).select("key", "column", "edit", "new") for run in chain])
    last = changes.unique(["key", "column"], keep="last", maintain_order=True)
    gone = last.filter(pl.col("column").is_null() & (pl.col("edit") == "drop"))["key"]
    return last.filter((pl.col("edit") == "set") & ~pl.col("key").is_in(gone.implode()))


def _shown(cell: dict[str, object], run: Run) -> str:
    hidden = cell["column"] in run.sensitive
    found, expected = (HIDDEN, HIDDEN) if hidden else (repr(cell["found"]), repr(cell["new"]))
    return f"{cell['column']}, row {cell['row']}, holds {found} and not {expected}"
