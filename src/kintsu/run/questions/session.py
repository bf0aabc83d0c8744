"""What is open in a run now: its decisions, what people said since, and the file as it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from kintsu.core.contracts import Table
from kintsu.core.errors import InputError, UsageError
from kintsu.core.policy import Policy
from kintsu.core.recipe import Recipe
from kintsu.io.store.atomic import explained
from kintsu.io.store.blobs import content_hash
from kintsu.io.store.home import find_home
from kintsu.io.store.pending import read_pending
from kintsu.io.store.records import Run
from kintsu.io.store.shelf import Shelf
from kintsu.io.store.store import Store
from kintsu.learn.cases import with_cases
from kintsu.learn.verdicts import Answer, Event, Labels, Settled, folded
from kintsu.run.history import head_of, numbering_after
from kintsu.run.questions.sources import Board, board
from kintsu.run.reopen import reopen
from kintsu.run.stale import told_stale

__all__ = ["Session", "View", "opened_session"]


@dataclass(frozen=True)
class View:
    """Decisions after what people said, with the recipes and wordings of questions that were made for them."""

    state: pl.DataFrame
    recipes: Mapping[str, Recipe]
    heads: Mapping[str, str]


@dataclass(frozen=True)
class Session:
    """A heal, the chain of changes up to the file as it is now, and what people said of the heal so far.

    Rows are counted as in the heal's input, everywhere; `rows_now` gives their place in the file as it is.
    """

    store: Store
    heal: Run
    chain: list[Run]
    source: str  # the healed file, or the URL of a database table

    @property
    def policy(self) -> Policy:
        return Policy.of(self.heal.policy)

    @property
    def said(self) -> list[Run]:
        """Answers to this heal that are in effect, oldest first."""
        return [run for run in self.chain if run.answer.get("of") == self.heal.id and run.status == "done"]

    @cached_property
    def _heals(self) -> tuple[pl.DataFrame, dict[str, Recipe]]:
        return read_pending(self.store, self.heal)

    @cached_property
    def base(self) -> pl.DataFrame:
        """What the heal decided, by case (schema `learn.cases.STATE`)."""
        return with_cases(*self._heals)

    @cached_property
    def _taught(self) -> dict[str, tuple[pl.DataFrame, dict[str, Recipe]]]:
        return {run.id: read_pending(self.store, run) for run in self.said if run.pending is not None}

    @cached_property
    def _kept(self) -> dict[str, Recipe]:
        known = dict(self._heals[1])
        for _, more in self._taught.values():
            known |= more
        return known

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """Recipes by id: the heal's, those that answers brought, and those that today's questions name."""
        return {**self._kept, **self._now.recipes}

    @property
    def heads(self) -> Mapping[str, str]:
        """Questions that are not worded by their recipe."""
        return self._now.heads

    @cached_property
    def _board(self) -> Board | None:
        return board(self.base, self._heals[1], self.original, self.heal.columns, self.heal.sensitive)

    @cached_property
    def events(self) -> list[Event]:
        """What people said, in order."""
        told: list[Event] = []
        for run in self.said:
            if run.id in self._taught and "question" in run.answer:
                decided, recipes = self._taught[run.id]
                verdicts = tuple((c, h, o, float(m), bool(r)) for c, h, o, m, r in run.answer.get("told", []))
                told.append(Settled(with_cases(decided, recipes), tuple(recipes.values()), verdicts))
            elif run.id in self._taught:
                told.append(Labels(with_cases(*self._taught[run.id])))
            else:
                told.append(Answer(run.answer["question"], run.answer["option"]))
        return told

    @cached_property
    def _now(self) -> View:
        return self._view(self.events)

    def _view(self, events: list[Event]) -> View:
        recipes: dict[str, Recipe] = {}
        heads: dict[str, str] = {}

        def resolve(state: pl.DataFrame) -> pl.DataFrame:
            if self._board is None:
                return state
            state, more, texts = self._board.resolved(state, events)
            recipes.update(more)
            heads.update(texts)
            return state

        state = folded(self.base, events, auto=self.policy.auto, resolve=resolve)
        return View(state, recipes, heads)

    def after(self, *more: Event) -> View:
        """Decisions after all that people said, and after `more`."""
        return self._view([*self.events, *more]) if more else self._now

    def state(self) -> pl.DataFrame:
        """Decisions after all that people said."""
        return self._now.state

    @cached_property
    def table(self) -> Table:
        """The file as it is."""
        return reopen(self.source, self.heal.connector, self.heal.facts)

    def rows_now(self, rows: pl.Series) -> pl.Series:
        """Where rows of the heal's input are in the file as it is; null for those that are gone."""
        before = numbering_after(self.store, self._parent, shifts=self.heal.shifts)
        now = numbering_after(self.store, self.chain[-1], shifts=self.heal.shifts)
        keys = before.keys(rows.to_numpy())
        places = now.rows(keys)
        there = now.keys(places) == keys
        return pl.select(pl.when(pl.Series(there)).then(pl.Series(places))).to_series()

    def original(self, columns: list[str]) -> pl.DataFrame:
        """Columns as the heal read them, with `row`: what was changed since is put back."""
        now = self.texts(columns)
        at = next(i for i, run in enumerate(self.chain) if run.id == self.heal.id)
        edits = [self.store.changes(run).select("key", "column", "edit", "old") for run in self.chain[at:]]
        first = pl.concat(edits).filter((pl.col("edit") == "set") & pl.col("column").is_in(columns))
        first = first.unique(["key", "column"], keep="first", maintain_order=True)
        rows = first.select("column", "old", row=self.rows_of_input(first["key"]))
        for name in columns:
            before = rows.filter(pl.col("column") == name).select("row", __old="old", __hit=pl.lit(True))
            joined = now.select("row").join(before, on="row", how="left", maintain_order="left")
            now = now.with_columns(
                pl.when(joined["__hit"].fill_null(False)).then(joined["__old"]).otherwise(name).alias(name)
            )
        return now

    def rows_of_input(self, keys: pl.Series) -> pl.Series:
        """Row numbers, as the heal's input counts, of row identities."""
        before = numbering_after(self.store, self._parent, shifts=self.heal.shifts)
        rows = pl.Series("row", before.rows(keys.fill_null(0).to_numpy()), dtype=pl.Int64)
        return pl.select(pl.when(keys.is_not_null()).then(rows)).to_series()

    @property
    def _parent(self) -> Run | None:
        return self.store.run(self.heal.parent) if self.heal.parent is not None else None

    def texts(self, columns: list[str]) -> pl.DataFrame:
        """Columns of the file as text, with `row` as the heal's input counts; rows that came in later are left out."""
        found = pl.concat(
            [batch.texts(columns) for batch in self.table.batches(columns=columns)]
            or [pl.DataFrame(schema={"__row": pl.Int64})]
        )
        before = numbering_after(self.store, self._parent, shifts=self.heal.shifts)
        now = numbering_after(self.store, self.chain[-1], shifts=self.heal.shifts)
        keys = now.keys(found["__row"].to_numpy())
        rows = pl.Series("row", before.rows(keys), dtype=pl.Int64)
        known = pl.Series(before.keys(rows.to_numpy()) == keys)
        return found.drop("__row").with_columns(rows).filter(known)


def opened_session(run: str, *, home: Path | str | None = None, from_file: Path | str | None = None) -> Session:
    """The session of a heal, or of the heal that an answer or undo belongs to.

    Raises
    ------
    UsageError
        The run left nothing open: it was undone, or its values were purged.
    StaleRepair
        The healed file is not what the history left there.
    """
    store = Store(find_home(home, beside=Path(from_file) if from_file is not None else None))
    store.recover()
    heal = _heal_of(store, store.run(run))
    if heal.status != "done":
        raise UsageError(f"{heal.id} has status {heal.status!r}: there is nothing to ask about it")
    source = _source(store, heal, from_file)
    if heal.made and not Path(source).exists():
        raise InputError(f"{source} is not there: say where the healed file is now with --from FILE")
    with explained(Path(source)):
        version = content_hash(Path(source)) if heal.made else ""
    chain = head_of(store, heal, source, version)
    if chain is None:
        raise told_stale(store, heal, source, version)
    return Session(store, heal, chain, source)


def _heal_of(store: Store, run: Run) -> Run:
    seen = run
    while seen.kind != "heal":
        seen = store.run(seen.answer.get("of") or seen.undoes or "")
    return seen


def _source(store: Store, heal: Run, from_file: Path | str | None) -> str:
    if from_file is not None:
        return os.path.realpath(from_file)
    if not heal.made:
        return heal.output
    beside = store.home.parent / Path(heal.output).name
    here = Shelf(store.home).fetch(Path(heal.output))
    return os.path.realpath(beside) if not here.exists() and beside.exists() else str(here)
