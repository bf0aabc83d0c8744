"""What can be asked in GraphQL: the same tables, runs and incidents as over REST, by the same functions."""

# Annotations are read at run time by strawberry: no `from __future__ import annotations` here.
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter
from strawberry.scalars import JSON
from strawberry.types import ExecutionContext

from kintsu.apps.api.graph.cost import CostLimiter, LengthLimiter
from kintsu.apps.api.principal import Principal
from kintsu.apps.api.problems import words_of
from kintsu.core.errors import KintsuError, UsageError
from kintsu.diagnose.masking import Veil, masked
from kintsu.io.store.paging import Page
from kintsu.run import lists, notify
from kintsu.run.ask import ask
from kintsu.run.show import Shown, show

__all__ = ["MOST", "Asker", "schema"]

log = logging.getLogger("kintsu.api")
MOST: Final = 100  # items of a list
DEPTH: Final = 8
ALIASES: Final = 15
TOKENS: Final = 2_000

First = Annotated[int, strawberry.argument(description=f"How many, at most {MOST}")]
After = Annotated[str | None, strawberry.argument(description="The `next` of the page before")]


@dataclass(frozen=True)
class Asker:
    """Who asks, and where their store is."""

    principal: Principal
    home: Path
    veil: Veil


def _home(info: strawberry.Info) -> Path:
    asker: Asker = info.context
    return asker.home


def _show(info: strawberry.Info, run: str, **part: Any) -> Shown:
    asker: Asker = info.context
    return show(run, home=asker.home, veil=asker.veil, **part)


def _first(first: int) -> int:
    if not 1 <= first <= MOST:
        raise UsageError(f"`first` is a number from 1 to {MOST}, not {first}")
    return first


def _cursor(after: str | None) -> int | None:
    if after is not None and not (after.isascii() and after.isdigit() and len(after) <= 18):
        raise UsageError("`after` is the `next` of the page before")
    return None if after is None else int(after)


@strawberry.type
class Question:
    """A question that a heal leaves."""

    question: str
    text: str
    cells: int
    confidence: float
    applied: bool
    options: JSON


@strawberry.type
class Run:
    """A run or an undo."""

    run: str
    kind: str
    status: str
    started: str
    table: str
    rows: int
    set: int
    undoes: str | None
    summary: JSON

    @strawberry.field(description="Cells that it changed")
    def changes(self, info: strawberry.Info, first: First = 20, column: str | None = None) -> list[JSON]:
        return _rows(_show(info, self.run, column=column).changes, first)

    @strawberry.field(description="What it found; none where it was not kept")
    def findings(self, info: strawberry.Info, first: First = 20, kind: str | None = None) -> list[JSON]:
        found = _show(info, self.run).findings
        if found is None:
            return []
        return _rows(found if kind is None else found.filter(pl.col("kind") == kind), first)

    @strawberry.field(description="What it did, by recipe")
    def recipes(self, info: strawberry.Info, first: First = 20) -> list[JSON]:
        return [JSON(row) for row in _show(info, self.run).recipes[: _first(first)]]

    @strawberry.field(description="Open questions, the most valuable first; of a heal")
    def questions(self, info: strawberry.Info, first: First = 20) -> list[Question]:
        if self.kind != "heal" or self.status != "done":
            return []
        return [
            Question(**each.to_dict())
            for each in ask(self.run, home=_home(info), limit=_first(first), veil=info.context.veil)
        ]


@strawberry.type
class Runs:
    """A page of runs."""

    items: list[Run]
    next: str | None


@strawberry.type
class Table:
    """A table and the last that is known of it; see GET /api/v1/tables."""

    id: int
    name: str
    kind: str
    last: str | None
    last_at: str | None
    rows: int | None
    state: str | None
    alarm: bool
    issue: str | None
    score: float | None
    score_after: float | None

    @strawberry.field(description="Its runs, newest first")
    def runs(self, info: strawberry.Info, first: First = 20) -> list[Run]:
        return _runs(lists.runs(home=_home(info), limit=_first(first), table=self.name)).items


@strawberry.type
class Tables:
    """A page of tables."""

    items: list[Table]
    next: str | None


@strawberry.type
class Query:
    """Reads."""

    @strawberry.field(description="Whoever is signed in: tenant, name, role")
    def me(self, info: strawberry.Info) -> JSON:
        asker: Asker = info.context
        return JSON(vars(asker.principal))

    @strawberry.field(description="Tables that are watched, and those that were healed or checked")
    def tables(
        self,
        info: strawberry.Info,
        first: First = 20,
        after: After = None,
        kind: str | None = None,
        name: str | None = None,
    ) -> Tables:
        page = lists.tables(home=_home(info), limit=_first(first), after=_cursor(after), kind=kind, name=name)
        lines = [{k: v for k, v in vars(line).items() if k != "source"} for line in page.items]
        return Tables(items=[Table(**line) for line in lines], next=page.next)

    @strawberry.field(description="Runs and undos, newest first")
    def runs(
        self,
        info: strawberry.Info,
        first: First = 20,
        after: After = None,
        table: str | None = None,
        kind: str | None = None,
    ) -> Runs:
        found = lists.runs(home=_home(info), limit=_first(first), before=_cursor(after), table=table, kind=kind)
        return _runs(found)

    @strawberry.field(description="One run")
    def run(self, info: strawberry.Info, id: str) -> Run:
        told = _show(info, id).run
        return _run(lists.line(told))

    @strawberry.field(description="Open incidents, the longest known first")
    def incidents(self, info: strawberry.Info, first: First = 20) -> list[JSON]:
        found = notify.incidents_page(home=_home(info), limit=_first(first)).items
        return [JSON(masked(each.to_dict(), info.context.veil)) for each in found]


def _runs(page: Page[dict[str, Any]]) -> Runs:
    return Runs(items=[_run(line) for line in page.items], next=page.next)


def _run(line: dict[str, Any]) -> Run:
    names = ("run", "kind", "status", "started", "table", "rows", "set", "undoes", "summary")
    return Run(**{name: line[name] for name in names})


def _rows(frame: pl.DataFrame, first: int) -> list[JSON]:
    return [JSON(row) for row in frame.head(_first(first)).to_dicts()]


class _Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log what should not have happened: its kind and place, never the query or the words, which quote values.
        What is wrong with a query is told to whoever asked."""
        for cause in (error.original_error for error in errors):
            if cause is not None and (not isinstance(cause, KintsuError) or words_of(cause)[0] >= 500):
                log.error("a part of the graph cannot be told", exc_info=cause)


schema = _Schema(
    Query,
    extensions=[
        lambda: QueryDepthLimiter(max_depth=DEPTH),
        lambda: MaxAliasesLimiter(max_alias_count=ALIASES),
        lambda: MaxTokensLimiter(max_token_count=TOKENS),
        LengthLimiter(most=TOKENS),
        lambda: CostLimiter(most=MOST),
    ],
)
