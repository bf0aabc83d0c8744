"""What a run left undecided: every decision with its reason, and the recipes, as blobs that can be purged."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from kintsu.core.errors import LedgerBroken, UsageError
from kintsu.core.frames import DECISIONS, conformed
from kintsu.core.recipe import Recipe
from kintsu.io.store.records import Run
from kintsu.io.store.store import Releases, Store

__all__ = ["put_pending", "read_decisions", "read_pending", "read_recipes"]


def put_pending(store: Store, decisions: pl.DataFrame, recipes: Mapping[str, Recipe]) -> dict[str, str]:
    """Keep decisions and recipes; returns their hashes by the name of the field of `Run` that holds them."""
    told = [recipe.to_dict() for _, recipe in sorted(recipes.items())]
    text = json.dumps(told, sort_keys=True, default=str)
    return {"pending": store.put_frame(decisions), "recipes": store.blobs.put(text.encode())}


def read_pending(store: Store, run: Run, *, releases: Releases | None = None) -> tuple[pl.DataFrame, dict[str, Recipe]]:
    """Decisions (schema `core.frames.DECISIONS`) and recipes that `put_pending` kept for this run.

    Raises
    ------
    UsageError
        The run kept none, or they were purged or pruned.
    """
    releases = store.releases() if releases is None else releases
    return read_decisions(store, run, releases=releases), read_recipes(store, run, releases=releases)


def read_decisions(store: Store, run: Run, *, releases: Releases | None = None) -> pl.DataFrame:
    """The decisions alone.

    Raises
    ------
    UsageError
        As above.
    """
    if run.pending is None:
        raise _kept_none(run)
    return conformed(store.frame(run.pending, since=run.line, releases=releases), DECISIONS)


def read_recipes(store: Store, run: Run, *, releases: Releases | None = None) -> dict[str, Recipe]:
    """The recipes that `put_pending` kept for this run, by id.

    Raises
    ------
    UsageError
        As above.
    """
    if run.recipes is None:
        raise _kept_none(run)
    digest = store.current(run.recipes, since=run.line, releases=releases)
    if digest is None:
        raise UsageError(f"the recipes of {run.id} were removed on purpose (see `kintsu log`)")
    if not store.blobs.has(digest):
        raise LedgerBroken(f"blob {digest[:12]} is missing from {store.blobs.place}", run.line)
    told = [Recipe(**{k: v for k, v in each.items() if k != "id"}) for each in json.loads(store.blobs.get(digest))]
    return {recipe.id: recipe for recipe in told}


def _kept_none(run: Run) -> UsageError:
    return UsageError(f"{run.id} kept no open decisions: heal the table again to be asked about it")
