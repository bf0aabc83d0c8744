"""Where several sources report one entity: what is asked about single entities, and what answers teach of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import polars as pl

from kintsu.core.batch import Batch, Column, TableRef
from kintsu.core.frames import DECISIONS, FINDINGS, empty
from kintsu.core.phrase import phrase
from kintsu.core.recipe import Recipe
from kintsu.heal.source_vote import SourceVote
from kintsu.learn.cases import APPLIED, SETTLES, STATE, TRUST, with_cases
from kintsu.learn.verdicts import Event, Labels, Settled
from kintsu.rules.discover.sources import Reports, claimed
from kintsu.rules.source_model import Said, SourceColumn, SourceModel, modelled

__all__ = ["Board", "board"]

HEALER: Final = SourceVote.name
ASKED: Final = 40  # entities that are worth a question of their own, at most; the others are asked about by recipe
SURE: Final = 0.995  # never more is claimed of what was learned
PLAIN: Final = 2.0  # log-odds above which sources that agree may have copied each other, for all we know
NONE: Final = "\0"  # is claimed by nobody: what is true of an entity where no value on offer is right
CERTAIN: Final = 0.9  # least probability of what another column says, to be offered
REPEATS, LEAST_REPEATS = (
    0.02,
    5,
)  # share and number of claims that are the value of another column, for it to be offered
VALUES: Final = 5  # values of an entity that are offered
SHOWN: Final = 3  # sources that an option names
BRIEF: Final = 40  # characters of a value in a question
MASK: Final = "•••"

_CELL: Final = ["row", "column"]


@dataclass(frozen=True)
class Board:
    """What the sources say, as the heal read it.

    `texts` has `row`, the entity, the source and the reported columns; `mends` per column `value` and `new`, for values
    that are spelt unlike the column.
    """

    reports: Reports
    texts: pl.DataFrame
    mends: Mapping[str, pl.DataFrame]
    measures: frozenset[str]
    sensitive: frozenset[str]

    @cached_property
    def keys(self) -> pl.DataFrame:
        """Row, entity and source as they are compared, and the entity as it is written."""
        entity, source = self.texts[self.reports.entity], self.texts[self.reports.source]
        return pl.DataFrame(
            {
                "row": self.texts["row"],
                "entity": claimed(Column(entity)),
                "source": claimed(Column(source)),
                "entity_text": entity,
                "source_text": source,
            }
        ).drop_nulls("entity")

    @cached_property
    def claims(self) -> Mapping[str, pl.DataFrame]:
        """By column: row, entity, what the cell claims, and its text."""
        found = {}
        for name in self.reports.columns:
            text = self._mended(self.texts[name], name)
            told = pl.DataFrame({"row": self.texts["row"], "claim": claimed(Column(text)), "old": self.texts[name]})
            found[name] = self.keys.join(told, on="row", how="inner", maintain_order="left")
        return found

    def _mended(self, text: pl.Series, name: str) -> pl.Series:
        joined = text.alias("value").to_frame().join(self.mends[name], on="value", how="left", maintain_order="left")
        return joined.select(pl.coalesce("new", "value").alias(name)).to_series()

    def resolved(
        self, state: pl.DataFrame, events: Iterable[Event]
    ) -> tuple[pl.DataFrame, dict[str, Recipe], dict[str, str]]:
        """The state with the entities that are worth a question of their own, and after what answers teach of sources.

        Also the recipes that it names, and the text of each question by its case.
        """
        said = self.said(events)
        model = modelled(self.reports, self.texts, self.mends, self.measures, said)
        recipes: dict[str, Recipe] = {}
        if said:
            state, recipes = self._relearned(state, model, said)
        state, more, heads = self._singled_out(state, model, said)
        return state, recipes | more, heads

    def said(self, events: Iterable[Event]) -> dict[str, Said]:
        """What people said about entities and sources, by column."""
        trusted: dict[str, tuple[str, ...]] = {}
        known = [pl.DataFrame(schema={"row": pl.Int64, "column": pl.String, "new": pl.String})]
        for event in events:
            if isinstance(event, Labels):
                known.append(event.decisions.filter(pl.col("healer") == "person").select(*_CELL, "new"))
            elif isinstance(event, Settled):
                for recipe in event.recipes:
                    if recipe.operation.startswith(TRUST):
                        trusted[str(recipe.column)] = tuple(recipe.parameters["trust"])
                told = event.decisions.filter(pl.col("operation") == SETTLES)
                taken = told.filter(pl.col("action") == APPLIED).select(*_CELL, "new")
                known.append(taken if len(taken) else told.select(*_CELL, new=pl.lit(NONE)))
        every = pl.concat(known).unique(_CELL, keep="last", maintain_order=True)
        found = {}
        for name in self.reports.columns:
            told = every.filter((pl.col("column") == name) & pl.col("new").is_not_null())
            told = told.with_columns(text=self._mended(told["new"], name))
            told = told.with_columns(claim=claimed(Column(told["text"]))).drop_nulls("claim")
            facts = (
                self.keys.join(told, on="row")
                .group_by("entity")
                .agg(pl.col("claim").first(), pl.col("text").sort().first(), n=pl.col("claim").n_unique())
            )
            facts = facts.filter(pl.col("n") == 1).select("entity", "claim", "text").sort("entity")
            if len(facts) or name in trusted:
                found[name] = Said(facts, trusted.get(name, ()))
        return found

    def _relearned(
        self, state: pl.DataFrame, model: SourceModel, said: Mapping[str, Said]
    ) -> tuple[pl.DataFrame, dict[str, Recipe]]:
        """The state with the decisions that the sources lead to after what people said."""
        batch = Batch(TableRef("sources"), self.texts.drop("row"), self.texts["row"])
        recipes, repairs = SourceVote().propose(batch, empty(FINDINGS), model, None)  # type: ignore[arg-type]
        known = {recipe.id: recipe for recipe in recipes}
        own = pl.col("healer") == HEALER
        free = ~pl.col("settled")
        mine = state.filter(own & free)
        locked = mine.filter(pl.col("reason") == _locked()).select("column").unique()["column"]
        open_ = state.select(*_CELL, "settled").filter("settled").select(_CELL).unique()
        fresh = repairs.filter(~pl.col("column").is_in(locked.implode()))
        fresh = fresh.join(open_, on=_CELL, how="anti", nulls_equal=True)
        trusted = [name for name, each in said.items() if each.trusted]
        was = mine.filter(pl.col("action") == APPLIED).select(*_CELL, "new", __was=pl.lit(True)).unique()
        held = state.filter(free & ~own & (pl.col("action") == APPLIED)).select(*_CELL, __held="new").unique(_CELL)
        best = fresh.with_columns(
            __best=pl.int_range(pl.len()).over(_CELL, order_by=["score", "new"], descending=True) == 0
        )
        told = best.join(was, on=[*_CELL, "new"], how="left").join(held, on=_CELL, how="left")
        follows = pl.col("column").is_in(trusted)
        applied = pl.col("__best") & (follows | (pl.col("__was") & pl.col("__held").is_null()))
        decided = told.with_columns(
            confidence=pl.col("score").clip(0, SURE),
            action=pl.when(applied.fill_null(False)).then(pl.lit(APPLIED)).otherwise(pl.lit("suggest")),
            reason=pl.when(follows)
            .then(pl.lit("a person said whom to trust"))
            .otherwise(pl.lit("as sure as the sources are after what people said")),
        ).select(list(DECISIONS))
        fresh_state = with_cases(decided, known)
        taken = fresh_state.filter(pl.col("action") == APPLIED).select(*_CELL, __taken=pl.lit(True))
        rest = state.filter(~(own & free)).join(taken, on=_CELL, how="left", nulls_equal=True, maintain_order="left")
        beaten = pl.col("__taken").fill_null(False) & (pl.col("action") == APPLIED)
        rest = rest.with_columns(
            action=pl.when(beaten).then(pl.lit("suggest")).otherwise("action"),
            reason=pl.when(beaten).then(pl.lit("another repair of this cell was surer")).otherwise("reason"),
            case=pl.when(~pl.col("__taken").fill_null(False)).then("case"),
            rank=pl.when(~pl.col("__taken").fill_null(False)).then("rank"),
        )
        return pl.concat([rest.select(list(STATE)), fresh_state]), known

    def _singled_out(
        self, state: pl.DataFrame, model: SourceModel, said: Mapping[str, Said]
    ) -> tuple[pl.DataFrame, dict[str, Recipe], dict[str, str]]:
        """The state in which the entities with most at stake are cases of their own."""
        done = state.filter("settled").select(_CELL).unique()
        parts = [self._stakes(known, done) for known in model.columns]
        stakes = pl.concat(parts).sort("stake", "column", "entity", descending=[True, False, False]).head(ASKED)
        recipes: dict[str, Recipe] = {}
        heads: dict[str, str] = {}
        for known in model.columns:
            chosen = stakes.filter(pl.col("column") == known.column)
            if len(chosen):
                state, more, texts = self._asked(state, known, self._borrowed(known, model), chosen, done)
                recipes |= more
                heads |= texts
        return state, recipes, heads

    def _stakes(self, known: SourceColumn, done: pl.DataFrame) -> pl.DataFrame:
        """Entities of a column with the doubt about their likeliest value times their open cells."""
        settled = done.filter(pl.col("column") == known.column).select("row")
        open_ = self.claims[known.column].join(settled, on="row", how="anti").group_by("entity").agg(n=pl.len())
        best = known.options.filter(pl.col("best") & (pl.col("camp") < 0))
        best = _tempered(best.join(known.entities.select("entity", "voters"), on="entity"))
        sure = pl.col("score")
        told = best.join(open_, on="entity").with_columns(stake=sure * (1 - sure) * pl.col("n"))
        return told.select("entity", "score", "stake", column=pl.lit(known.column))

    def _borrowed(self, known: SourceColumn, model: SourceModel) -> pl.DataFrame:
        """What other columns, which this one often repeats, say of the entities: schema of `beliefs`, and `place`."""
        parts = [known.beliefs.head(0).with_columns(place=pl.lit(None, pl.String))]
        said = self.claims[known.column].drop_nulls("claim")
        for other in model.columns:
            best = other.options.filter(pl.col("best") & (pl.col("score") >= CERTAIN))
            best = best.select("entity", said="claim", text="new")
            same = said.join(best, on="entity")
            repeated = int((same["claim"] == same["said"]).sum())
            if other.column == known.column or repeated < max(LEAST_REPEATS, REPEATS * len(same)):
                continue
            new = best.join(known.beliefs, on=["entity", "said"], how="anti")
            told = new.with_columns(
                belief=pl.lit(0.0), granted=pl.lit(0.0), votes=pl.lit(0, pl.Int64), place=pl.lit(other.column)
            )
            parts.append(told.select(parts[0].columns).cast(dict(parts[0].schema)))  # type: ignore[arg-type]
        return pl.concat(parts).unique(["entity", "said"], keep="first", maintain_order=True)

    def _asked(
        self, state: pl.DataFrame, known: SourceColumn, borrowed: pl.DataFrame, chosen: pl.DataFrame, done: pl.DataFrame
    ) -> tuple[pl.DataFrame, dict[str, Recipe], dict[str, str]]:
        name = known.column
        best = known.options.filter("best").select("entity", said="claim", lead=pl.lit(True))
        values = (
            pl.concat([known.beliefs.with_columns(place=pl.lit(None, pl.String)), borrowed])
            .join(chosen.select("entity", "score"), on="entity")
            .join(best, on=["entity", "said"], how="left")
            .with_columns(pl.col("lead").fill_null(False))
            .sort("entity", "lead", "belief", "votes", "said", descending=[False, True, True, True, False])
            .with_columns(order=pl.int_range(pl.len()).over("entity"))
            .filter((pl.col("order") < VALUES) | pl.col("place").is_not_null())
        )
        values = values.join(self._who(name), on=["entity", "said"], how="left")
        recipes = [self._recipe(name, line) for line in values.iter_rows(named=True)]
        values = values.with_columns(
            recipe=pl.Series([r.id for r in recipes], dtype=pl.String),
            id=pl.Series([self._case(name, str(e)) for e in values["entity"]], dtype=pl.String),
            sure=pl.when("lead").then("score").otherwise(pl.min_horizontal("belief", 0.9 * pl.col("score"))),
        )
        heads = {line["id"]: self._head(name, line) for line in values.filter("lead").iter_rows(named=True)}
        settled = done.filter(pl.col("column") == name).select("row")
        cells = self.claims[name].join(settled, on="row", how="anti").join(values, on="entity")
        cells = cells.filter(~pl.col("old").eq_missing(pl.col("text")))
        inside = cells.select("row", column=pl.lit(name)).unique()
        here = state.join(inside.with_columns(__here=pl.lit(True)), on=_CELL, how="left", maintain_order="left")
        is_here = pl.col("__here").fill_null(False)
        out = here.filter(~is_here).select(list(STATE))
        kept = here.filter(is_here).sort(pl.col("action") != APPLIED, "healer", "recipe", nulls_last=True)
        was = kept.unique([*_CELL, "new"], keep="first", maintain_order=True)
        others = kept.join(cells.select("row", new="text"), on=["row", "new"], how="anti")
        others = others.filter((pl.col("healer") != HEALER) | (pl.col("action") == APPLIED)).with_columns(
            case=pl.lit(None, pl.String), rank=pl.lit(None, pl.Int64)
        )
        mine = cells.select(
            "row",
            column=pl.lit(name),
            edit=pl.lit("set"),
            old="old",
            new="text",
            score="sure",
            confidence="sure",
            healer=pl.lit(HEALER),
            recipe="recipe",
            why=phrase(
                "{} of the {} that report this {} say so",
                "votes",
                pl.lit(self.reports.source),
                pl.lit(self.reports.entity),
            ),
            group=pl.lit(None, pl.String),
            nature=pl.lit("follows"),
            operation=pl.lit(SETTLES),
            case="id",
            rank="order",
            settled=pl.lit(False),
            measured="sure",
        ).join(was.select(*_CELL, "new", "action", "reason"), on=[*_CELL, "new"], how="left")
        mine = mine.with_columns(
            action=pl.col("action").fill_null("suggest"), reason=pl.col("reason").fill_null("the sources differ")
        ).with_columns(action=pl.when(pl.col("action") == "flag").then(pl.lit("suggest")).otherwise("action"))
        shaped = mine.select(pl.col(n).cast(t) for n, t in STATE.items())
        return pl.concat([out, others.select(list(STATE)), shaped]), {r.id: r for r in recipes}, heads

    def _who(self, name: str) -> pl.DataFrame:
        """Which sources make each claim about an entity."""
        told = self.claims[name].drop_nulls(["claim", "source"])
        return told.group_by("entity", said="claim").agg(
            who=pl.col("source_text").unique().sort(), entity_text=pl.col("entity_text").first()
        )

    def _case(self, column: str, entity: str) -> str:
        return (
            "q-" + blake2b(repr((SETTLES, column, entity)).encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
        )

    def _recipe(self, column: str, line: Mapping[str, Any]) -> Recipe:
        """Set the cells of one entity to one of the values that its sources report."""
        entity, source = self.reports.entity, self.reports.source
        mark = blake2b(repr((line["entity"], line["said"])).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
        value = MASK if column in self.sensitive else repr(_brief(line["text"]))
        key = MASK if entity in self.sensitive else _brief(str(line["entity_text"] or line["entity"]))
        names = [MASK] if source in self.sensitive else [_brief(str(w)) for w in line["who"] or []]
        told = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        if line["place"] is not None:
            names, told = [line["place"]], f"its {line['place']}"
        says = f"as {told} report{'s' if len(names) == 1 else ''}" if names else "as a person said"
        return Recipe(
            healer=HEALER,
            column=column,
            operation=SETTLES,
            text=f"Set {column} of {entity} {key} to {value}, {says}.",
            parameters={"entity": entity, "source": source, "of": mark},
            kind="dependency",
        )

    def _head(self, column: str, line: Mapping[str, Any]) -> str:
        entity, source = self.reports.entity, self.reports.source
        key = MASK if entity in self.sensitive else _brief(str(line["entity_text"] or line["entity"]))
        return f"The values of {source} disagree, or few have one. Which {column} is right for {entity} {key}?"


def _tempered(best: pl.DataFrame) -> pl.DataFrame:
    """The likeliest values, as sure as entities are one by one.

    Log-odds above `PLAIN` count by half, and by less where the sources contradict each other in much of the column:
    agreement may be copied, and what they are wrong about is seldom a matter of chance.
    """
    agreed = float(best["votes"].to_numpy().sum() / max(best["voters"].to_numpy().sum(), 1))
    odds = (pl.col("score") / (1 - pl.col("score"))).log().clip(-10.0, 10.0)
    return best.with_columns(score=1 / (1 + (-pl.min_horizontal(odds, PLAIN + (odds - PLAIN) * agreed / 2)).exp()))


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= BRIEF else line[: BRIEF - 1] + "…"


def _locked() -> str:
    return "this column is never edited"


def board(
    base: pl.DataFrame, recipes: Mapping[str, Recipe], texts: Any, columns: tuple[str, ...], sensitive: tuple[str, ...]
) -> Board | None:
    """The board of a heal whose decisions come from several sources, else None.

    `texts` gives columns as the heal read them, with `row`.
    """
    mine = [r for r in recipes.values() if r.healer == HEALER and {"entity", "source"} <= set(r.parameters)]
    if not mine:
        return None
    entity, source = str(mine[0].parameters["entity"]), str(mine[0].parameters["source"])
    told = {str(r.column) for r in mine}
    names = tuple(name for name in columns if name in told)
    read = texts([entity, source, *names])
    mends = {name: _spelt(base, recipes, name) for name in names}
    claims = {name: claimed(Column(read[name])) for name in names}
    chance = tuple(_chance(claims[name]) for name in names)
    measures = frozenset(name for name in names if _is_measure(read[name]))
    return Board(Reports(entity, source, names, chance), read, mends, measures, frozenset(sensitive))


def _spelt(base: pl.DataFrame, recipes: Mapping[str, Recipe], name: str) -> pl.DataFrame:
    """Values that are spelt unlike the column and what they mean, as the heal's other repairs have it."""
    forms = [r.id for r in recipes.values() if r.healer != HEALER and r.kind in ("format", "unit")]
    told = base.filter(
        (pl.col("column") == name)
        & pl.col("recipe").is_in(forms)
        & pl.col("new").is_not_null()
        & (pl.col("score") >= 0.5)
    )
    best = told.sort("score", "new", descending=[True, False]).unique("old", keep="first", maintain_order=True)
    return best.select(value="old", new="new").drop_nulls()


def _chance(claims: pl.Series) -> float:
    """Probability that two claims agree by chance."""
    n = claims.drop_nulls().value_counts()["count"].to_numpy()
    return float(np.square(n / max(n.sum(), 1)).sum())


def _is_measure(text: pl.Series) -> bool:
    filled = text.drop_nulls()
    number = filled.str.strip_chars().cast(pl.Float64, strict=False)
    whole = filled.str.strip_chars().cast(pl.Int64, strict=False)
    n = max(len(filled), 1)
    return bool(number.is_not_null().sum() > 0.5 * n and whole.is_not_null().sum() < number.is_not_null().sum())
