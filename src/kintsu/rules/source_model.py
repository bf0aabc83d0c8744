"""What is true of an entity that several sources report: learned once, then a look-up per row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch, Column
from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.profile.values.judgement import judgement_of
from kintsu.profile.values.selection import HABIT
from kintsu.rules.coding import Codes
from kintsu.rules.discover.sources import Reports, claimed, reports
from kintsu.rules.sources import Claims, Consensus, consensus

__all__ = [
    "TOLD",
    "Said",
    "SourceColumn",
    "SourceModel",
    "judge_sources",
    "mended",
    "modelled",
    "sourced",
    "train_sources",
]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

IN_MEMORY_ROWS = 300_000  # a sample that is the whole table, up to so many rows, is counted without another pass
# Prices and measurements may rightly differ a little between sources: never sure enough to be applied unasked.
MOST_SURE_OF_MEASURES = 0.9
MOST_FALSES = 10.0  # wrong values to choose from, at most: copied errors agree however many there are

TOLD = {
    "row": pl.Int64,
    "column": pl.String,
    "old": pl.String,
    "missing": pl.Boolean,
    "new": pl.String,  # null where no value is likelier than another
    "score": pl.Float64,  # probability that `new` is right
    "wrong": pl.Float64,  # probability that the cell as it stands is wrong
    "votes": pl.Int64,  # sources that claim `new`, of ...
    "voters": pl.Int64,
    "rival": pl.String,
    "rival_votes": pl.Int64,
    "steadiness": pl.Float64,  # of the column
    "key": pl.String,
    "source": pl.String,
    "camp": pl.Int64,  # the family of sources that says `new`, where families differ about this entity
    "best": pl.Boolean,  # whether `new` is the likeliest value, or what another family says
}


@dataclass(frozen=True)
class Said:
    """What a person said about one column: true claims of entities (`entity`, `claim`, `text`), and whom to trust."""

    known: pl.DataFrame
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceColumn:
    """One reported column.

    `options`: entity, new, claim, score, votes, camp, best: the likeliest value, and what other camps say.
    `mends`: value and new, for values that are spelt unlike the column: they claim what they mean.
    `entities`: entity, voters, rows, rival, rival_claim, rival_votes, lost (belief in `new` that tempering took away).
    `beliefs`: entity, claim, its text, votes, `belief`, the probability of every claim, and `granted`, what it may be
    at most. `sources`: source, accuracy, camp (sources whose trust leads to the same values share a number), which
    word the question whom to trust.
    """

    column: str
    mends: pl.DataFrame
    entities: pl.DataFrame
    options: pl.DataFrame
    beliefs: pl.DataFrame
    sources: pl.DataFrame
    steadiness: float


@dataclass(frozen=True, eq=False)
class SourceModel:
    """The structure and its columns; `reports` is None where the table has no such structure."""

    reports: Reports | None = None
    columns: tuple[SourceColumn, ...] = ()


def sourced(reference: Reference) -> Reports | None:
    """Which sources report what in this table; found once per reference."""
    return remembered(reference, "reports", partial(reports, reference))


def train_sources(reference: Reference) -> SourceModel:
    """What `judge_sources` needs of a table; learned once per reference."""
    return remembered(reference, "sources", partial(_learn, reference))


def _learn(reference: Reference) -> SourceModel:
    found = sourced(reference)
    if found is None:
        return SourceModel()
    names = (found.entity, found.source, *found.columns)
    whole = len(reference.sample) == reference.rows <= IN_MEMORY_ROWS
    counted = reference.sample.texts(list(names)).drop("__row") if whole else reference.counts(names).drop("n")
    mends = {name: _mends(reference, name) for name in found.columns}
    measures = frozenset(name for name in found.columns if _is_measure(reference, name))
    return modelled(found, counted, mends, measures)


def modelled(
    found: Reports,
    counted: pl.DataFrame,
    mends: Mapping[str, pl.DataFrame],
    measures: frozenset[str],
    said: Mapping[str, Said] | None = None,
) -> SourceModel:
    """The model of what `found` reports.

    Parameters
    ----------
    counted
        Texts of the entity, the source and the reported columns.
    mends
        By column: `value` and `new`, for values that are spelt unlike the column.
    measures
        Columns whose values may rightly differ a little.
    said
        What a person said, by column.
    """
    keys = {name: claimed(Column(counted[name])) for name in (found.entity, found.source)}
    entity, source = Codes.of(keys[found.entity]), Codes.of(keys[found.source])
    e, s = entity.encode(keys[found.entity]), source.encode(keys[found.source])
    parts = [
        _claims(mended(Column(counted[name]), mends[name]), e, s, entity, source, chance, (said or {}).get(name))
        for name, chance in zip(found.columns, found.chance)
    ]
    results = [
        replace(r, probability=np.minimum(r.probability, MOST_SURE_OF_MEASURES)) if name in measures else r
        for name, r in zip(found.columns, consensus([claims for claims, _ in parts]))
    ]
    rows = np.bincount(e[e >= 0], minlength=len(entity)).astype(np.int64)
    return SourceModel(
        found,
        tuple(
            _column(name, mends[name], claims, values, result, entity, source, rows)
            for name, (claims, values), result in zip(found.columns, parts, results)
        ),
    )


def _is_measure(reference: Reference, name: str) -> bool:
    return reference.column(name).type == "float"


def _mends(reference: Reference, name: str) -> pl.DataFrame:
    """Values that are spelt unlike the rest of the column, and what they mean."""
    spelt = pl.col("kind").is_in(["format", "unit"]) & pl.col("mend") & pl.col("new").is_not_null()
    return judgement_of(reference, name).filter(spelt & (pl.col("score") >= HABIT)).select("value", "new")


def mended(column: Column, mends: pl.DataFrame) -> Column:
    """The column with those values replaced."""
    text = column.text.alias("value").to_frame().join(mends, on="value", how="left", maintain_order="left")
    return Column(text.select(pl.coalesce("new", "value").alias(column.name)).to_series())


def _claims(
    column: Column, e: Ints, s: Ints, entity: Codes, source: Codes, chance: float, told: Said | None = None
) -> tuple[Claims, pl.DataFrame]:
    """Claims of one column, and its values by code: entity code, claim, commonest text."""
    said = pl.DataFrame({"entity": e, "source": s, "claim": claimed(column), "text": column.text})
    said = said.filter(pl.col("entity") >= 0, pl.col("source") >= 0, pl.col("claim").is_not_null())
    spelt = said.group_by("entity", "claim", "text").agg(n=pl.len())
    spelt = spelt.join(said.group_by("text").agg(everywhere=pl.len()), on="text")
    best = spelt.sort("entity", "claim", "n", "everywhere", "text", descending=[False, False, True, True, False])
    values = best.unique(["entity", "claim"], keep="first", maintain_order=True).select("entity", "claim", "text")
    known = None
    if told is not None and len(told.known):
        known = told.known.with_columns(entity=pl.Series(entity.encode(told.known["entity"]))).filter(
            pl.col("entity") >= 0
        )
        unheard = known.join(values, on=["entity", "claim"], how="anti").select(values.columns)
        values = pl.concat([values, unheard.cast(values.schema)])
    coded = values.with_columns(value=pl.int_range(pl.len(), dtype=pl.Int64))
    # an entity that a source reports twice: each of its values counts once
    once = said.select("entity", "source", "claim").unique().join(coded, on=["entity", "claim"])
    once = once.sort("entity", "source", "value")
    falses = float(np.clip(1 / max(chance, 1e-9) - 1, 1.0, MOST_FALSES))
    who, by, said_of, owner = (
        numbers.to_numpy().astype(np.int64)
        for numbers in (once["entity"], once["source"], once["value"], values["entity"])
    )
    claims = Claims(who, by, said_of, owner, len(entity), len(source), falses)
    if told is None:
        return claims, values
    true = np.full(len(entity), -1, np.int64)
    if known is not None:
        hits = known.join(coded, on=["entity", "claim"], how="inner")
        true[hits["entity"].to_numpy()] = hits["value"].to_numpy()
    trusted = np.isin(np.array(source.values.to_list(), object), told.trusted) if told.trusted else None
    return replace(claims, known=true if known is not None else None, trusted=trusted), values


def _column(
    name: str,
    mends: pl.DataFrame,
    claims: Claims,
    values: pl.DataFrame,
    result: Consensus,
    entity: Codes,
    source: Codes,
    rows: Ints,
) -> SourceColumn:
    voters = np.bincount(claims.entity, minlength=claims.entities)

    def of(codes: Ints, field: str) -> pl.Series:
        index = pl.Series(codes)
        return values[field].gather(pl.select(pl.when(index >= 0).then(index)).to_series())

    def votes(codes: Ints) -> Ints:
        return np.where(codes >= 0, claims.votes[np.maximum(codes, 0)], 0)

    entities = pl.DataFrame(
        {
            "entity": entity.values,
            "voters": voters.astype(np.int64),
            "rows": rows,
            "rival": of(result.rival, "text"),
            "rival_claim": of(result.rival, "claim"),
            "lost": np.where(result.best >= 0, result.belief[result.best], 0.0) - result.probability,
            "rival_votes": votes(result.rival),
        }
    )
    beliefs = pl.DataFrame(
        {
            "entity": entity.decode(claims.owner),
            "said": values["claim"],
            "belief": result.belief,
            "granted": result.granted,
            "text": values["text"],
            "votes": claims.votes,
        }
    )
    sources = pl.DataFrame({"source": source.values, "accuracy": result.accuracy, "camp": result.camp})
    options = [
        pl.DataFrame(
            {
                "entity": entity.values,
                "new": of(codes, "text"),
                "claim": of(codes, "claim"),
                "score": score,
                "votes": votes(codes),
                "camp": pl.Series(camp, dtype=pl.Int64),
                "best": pl.repeat(best, len(entity), eager=True, dtype=pl.Boolean),
            }
        ).filter(pl.col("new").is_not_null())
        for codes, score, camp, best in _options(claims, result)
    ]
    return SourceColumn(name, mends, entities, pl.concat(options), beliefs, sources, result.steadiness)


def _options(claims: Claims, result: Consensus) -> Iterator[tuple[Ints, Floats, Ints, bool]]:
    """Value codes, scores, camps (-1 where camps agree) of the likeliest value, and of what other camps say."""
    said = np.stack(list(result.solutions.values())) if result.solutions else np.empty((0, len(result.best)), np.int64)
    names = np.array(list(result.solutions), np.int64)
    split = (said != said[:1]).any(axis=0) & (said >= 0).all(axis=0)
    camp = np.full(len(result.best), -1, np.int64)
    for i in range(len(names))[::-1]:
        camp[split & (said[i] == result.best)] = names[i]
    yield result.best, result.probability, camp, True
    owner, rest = claims.owner, result.granted.copy()
    rest[result.best[result.best >= 0]] = 0.0
    share = rest / np.maximum(np.bincount(owner, weights=rest, minlength=claims.entities), 1e-12)[owner]
    for i, name in enumerate(names):
        new = split & (said[i] != result.best) & ~(said[:i] == said[i]).any(axis=0)
        codes = np.where(new, said[i], -1)
        # what the likeliest value does not have, others share; but they stay behind it
        score = np.minimum((1 - result.probability) * share[codes], 0.95 * result.probability)
        yield codes, np.where(new, score, 0.0), np.where(new, name, -1), False


def judge_sources(batch: Batch, model: SourceModel) -> pl.DataFrame:
    """Cells of a batch that are empty or differ from the likeliest value, or from another camp's; schema `TOLD`.

    Remembered.
    """
    return remembered(batch, model, lambda: _judge_sources(batch, model))


def _judge_sources(batch: Batch, model: SourceModel) -> pl.DataFrame:
    if model.reports is None or not {model.reports.entity, model.reports.source} <= set(batch.columns):
        return pl.DataFrame(schema=TOLD)
    key, source = batch[model.reports.entity], batch[model.reports.source]
    parts = []
    for known in model.columns:
        if known.column not in batch.columns:
            continue
        cell = batch[known.column]
        frame = pl.DataFrame(
            {
                "row": batch.row,
                "entity": claimed(key),
                "said": claimed(mended(cell, known.mends)),
                "spelt": claimed(cell),
                "old": cell.text,
                "key": key.text,
                "source": source.text,
            }
        ).with_columns(column=pl.lit(known.column), steadiness=pl.lit(known.steadiness))
        joined = (
            frame.join(known.entities, on="entity", how="inner")
            .join(known.beliefs.select("entity", "said", "granted"), on=["entity", "said"], how="left")
            .join(known.options, on="entity", how="inner")
        )
        told = joined.with_columns(missing=pl.col("said").is_null(), wrong=_wrong()).filter(
            pl.col("spelt").is_null() | (pl.col("spelt") != pl.col("claim"))
        )
        parts.append(told.select(list(TOLD)).cast(TOLD))  # type: ignore[arg-type]
    return pl.concat(parts).sort("row", "column", "new") if parts else pl.DataFrame(schema=TOLD)


def _wrong() -> pl.Expr:
    """Probability that a cell is wrong; 0 where it only is spelt unlike the column, which is said elsewhere.

    A cell that is empty where many other sources have a value lacks it. What tempering took from the likeliest value
    it gave to its rival: a claim of the other camp is no error as long as nobody knows whom to trust.
    """
    share = (pl.col("voters") / pl.max_horizontal("rows", 1)).sqrt()
    spared = pl.when(pl.col("said") == pl.col("rival_claim")).then("lost").otherwise(0.0)
    claim = 1 - pl.col("granted").fill_null(0.0) - spared.fill_null(0.0)
    empty = pl.max_horizontal("score", share)
    alike = (pl.col("said") == pl.col("claim")).fill_null(False)
    return pl.when(alike).then(0.0).when(pl.col("said").is_null()).then(empty).otherwise(claim).clip(0, 1)
