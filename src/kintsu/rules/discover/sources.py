"""Finds tables in which several sources report the same entities: an entity column and a source column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Column
from kintsu.core.contracts import Reference
from kintsu.profile.values.null_tokens import is_null_token
from kintsu.rules.coding import Codes, filled_text, pack, sampled_rows
from kintsu.rules.discover.sequence import changes_along, natural_rank

__all__ = ["Reports", "claimed", "reports"]

Ints = npt.NDArray[np.int64]
Coded = tuple[Ints, int]  # codes of a column (negative: none) and their number

ROWS = 100_000  # rows on which the structure is looked for
LEAST_ENTITIES, LEAST_SOURCES = 10, 3
LEAST_REPORTS = 3.0  # mean rows per entity: with two reports a conflict has no majority
ROWS_PER_SOURCE = 10.0  # mean; a source must be seen on several entities to be known
MOST_SOURCES = 1_000
MOST_PAIRS = 40  # of an entity and a source column that are tried, those first that chance would bring together most
NARROW, FEWER_ROWS = 100, 20_000  # tables of more columns are looked at in so many rows
MEETINGS = 30.0  # pairs of rows with the same entity and source that chance alone must bring, ...
REPEATED = 0.2  # ... and the share of them that may occur where a source reports each entity once
LEAST_CONFLICTS = 10  # claims against the commonest value of their entity, for a column to be worth a model
UNEVEN = 0.05  # least spread (standard deviation) of the sources' accuracies, beyond chance
ELSE = 0.9  # a source that contradicts the others in this share of its claims reports another thing
SIGNIFICANT = 8.0  # standard errors by which sources must differ; dozens of pairs of columns are tried


@dataclass(frozen=True)
class Reports:
    """`source` reports `columns` of `entity`, each entity at most once, with conflicts that depend on the source.

    `chance` holds, per column, the probability that two claims about different entities agree.
    """

    entity: str
    source: str
    columns: tuple[str, ...]
    chance: tuple[float, ...]


def claimed(column: Column) -> pl.Series:
    """What a cell claims: folded case and blanks, numbers by value; null where it is empty or a null token."""
    text = filled_text(column)
    distinct = text.drop_nulls().unique().sort().alias("value").to_frame()
    folded = pl.col("value").str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()
    number = pl.col("value").str.strip_chars().cast(pl.Float64, strict=False)
    # codes such as "007" and "7" differ: only numbers without leading zeros are compared by value
    plain = pl.col("value").str.contains(r"^\s*[-+]?(0|[1-9]\d*)(\.\d+)?\s*$") & number.is_finite()
    known = distinct.with_columns(
        claim=pl.when(is_null_token(pl.col("value")))
        .then(None)
        .otherwise(pl.when(plain).then(pl.concat_str(pl.lit("="), (number + 0.0).cast(pl.String))).otherwise(folded))
    )
    return text.alias("value").to_frame().join(known, on="value", how="left", maintain_order="left")["claim"]


def reports(reference: Reference) -> Reports | None:
    """The structure with the most conflicting cells, or None."""
    sources = _sources(reference)
    entities = _entities(reference) if sources else {}
    met = {(e, s): _meetings(entities[e], sources[s]) for e in entities for s in sources if e != s}
    pairs = sorted((pair for pair, n in met.items() if n >= MEETINGS), key=lambda pair: (-met[pair], pair))
    if not pairs:
        return None
    narrow = len(reference.columns) <= NARROW
    sample = sampled_rows(reference.sample, ROWS if narrow else FEWER_ROWS, reference.seed)
    coded: dict[str, Coded] = {}
    ranks: dict[str, Ints] = {}

    def codes(name: str) -> Coded:
        if name not in coded:
            text = claimed(sample[name])
            known = Codes.of(text)
            coded[name] = known.encode(text), len(known)
            if name in sources:
                ranks[name] = natural_rank(known.values)
        return coded[name]

    found: list[tuple[int, Reports]] = []
    for entity, source in pairs[:MOST_PAIRS]:
        if not _once(*codes(entity), *codes(source)):
            continue
        told = {
            name: _told(codes(entity), codes(source), codes(name), ranks[source])
            for name in reference.columns
            if name not in (entity, source) and not reference.column(name).is_free_text
        }
        facts = {name: fact for name, fact in told.items() if fact is not None}
        traits = [
            codes(name)
            for name in (reference.columns if facts else ())
            if name not in (entity, source, *facts) and _is_trait(codes(source), codes(name))
        ]
        chances = {
            name: chance
            for name, (conflicts, chance) in facts.items()
            if not any(_explains(codes(entity), trait, codes(name), conflicts) for trait in traits)
        }
        if chances:
            conflicts = sum(facts[name][0] for name in chances)
            found.append((conflicts, Reports(entity, source, tuple(chances), tuple(chances.values()))))
    return max(found, key=lambda f: (f[0], f[1].entity, f[1].source))[1] if found else None


@dataclass(frozen=True)
class _Spread:
    """How the rows of a column spread over its values.

    `largest` is the size of the largest values (99 % quantile: a few may be repeated); `twins` the pairs of rows with
    equal values; `even` the probability that two rows agree.
    """

    values: int
    largest: int
    twins: float
    even: float

    @staticmethod
    def of(reference: Reference, name: str) -> _Spread:
        n = reference.values(name)["n"]
        size = n.to_numpy().astype(np.float64)
        even = float(np.square(size / max(size.sum(), 1)).sum())
        return _Spread(len(n), int(n.quantile(0.99, "lower") or 0), float((size * (size - 1) / 2).sum()), even)


def _entities(reference: Reference) -> dict[str, _Spread]:
    found = {}
    for name in reference.columns:
        facts = reference.column(name)
        filled = facts.rows - facts.nulls
        if facts.distinct >= LEAST_ENTITIES and filled >= LEAST_REPORTS * facts.distinct and filled > 0.8 * facts.rows:
            found[name] = _Spread.of(reference, name)
    return found


def _sources(reference: Reference) -> dict[str, _Spread]:
    found = {}
    for name in reference.columns:
        facts = reference.column(name)
        filled = facts.rows - facts.nulls
        few = LEAST_SOURCES <= facts.distinct <= MOST_SOURCES and filled >= ROWS_PER_SOURCE * facts.distinct
        # numbers such as years are no sources: what changes over time is no error
        if facts.type == "text" and few and filled > 0.8 * facts.rows:
            found[name] = _Spread.of(reference, name)
    return found


def _meetings(entity: _Spread, source: _Spread) -> float:
    """Pairs of rows that chance would give the same entity and source; 0 where the sizes do not fit.

    No entity has more rows than there are sources, nor a source more rows than there are entities.
    """
    fits = entity.largest <= source.values and source.largest <= entity.values and source.values < 3 * entity.values
    return entity.twins * source.even if fits else 0.0


def _once(entity: Ints, entities: int, source: Ints, sources: int) -> bool:
    """Whether an entity meets a source at most once, though by chance it would meet some again."""
    both = (entity >= 0) & (source >= 0)
    e, s = np.bincount(entity[both], minlength=entities), np.bincount(source[both], minlength=sources)
    n = max(both.sum(), 1)
    expected = float((e * (e - 1.0) / 2).sum() * np.square(s / n).sum())
    _, met = np.unique(pack(entity[both], source[both], sources), return_counts=True)
    return expected >= MEETINGS and float((met * (met - 1.0) / 2).sum()) <= REPEATED * expected


def _against(entity: Coded, value: Coded, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Claims that are rarer than the commonest one of their entity."""
    e, v = entity[0][kept], value[0][kept]
    _, at, n = np.unique(e * value[1] + v, return_inverse=True, return_counts=True)
    top = np.zeros(entity[1], np.int64)
    np.maximum.at(top, e, n[at])
    rarer: npt.NDArray[np.bool_] = n[at] < top[e]
    return rarer


def _told(entity: Coded, source: Coded, value: Coded, rank: Ints) -> tuple[int, float] | None:
    """Conflicting claims and chance agreement; None for what is no fact of the entity, or told alike by all sources."""
    kept = (entity[0] >= 0) & (source[0] >= 0) & (value[0] >= 0)
    e, s, v = entity[0][kept], source[0][kept], value[0][kept]
    per_entity = np.bincount(e, minlength=entity[1])
    pairs = (per_entity * (per_entity - 1.0)).sum()
    if not pairs or value[1] < 2:
        return None
    chance = float(np.square(np.bincount(v) / len(v)).sum())
    _, n = np.unique(e * value[1] + v, return_counts=True)
    kappa = ((n * (n - 1.0)).sum() / pairs - chance) / max(1 - chance, 1e-9)
    # Equal values by chance are rare in a column of many values, so that even little agreement tells of one fact; in
    # a small domain the same agreement is a mere correlation.
    if kappa < min(0.2 + 3 * chance, 0.8):
        return None
    judged = per_entity[e] >= LEAST_REPORTS
    against = _against(entity, value, kept) & judged
    conflicts = int(against.sum())
    if conflicts < LEAST_CONFLICTS or not _differ(s[judged], against[judged]):
        return None
    return None if changes_along(e, s, v, source[1], rank) else (conflicts, chance)


def _is_trait(source: Coded, other: Coded) -> bool:
    """Whether a column is a property of the source: its region, its kind."""
    kept = (source[0] >= 0) & (other[0] >= 0)
    if not 2 <= other[1] < source[1] or not kept.any():
        return False
    return float(_against(source, other, kept).mean()) < 0.1


def _explains(entity: Coded, trait: Coded, value: Coded, conflicts: int) -> bool:
    """Whether most conflicts vanish among sources of one trait: then the fact belongs to entity and trait."""
    kept = (entity[0] >= 0) & (trait[0] >= 0) & (value[0] >= 0)
    both = entity[0] * trait[1] + trait[0]
    known, group = np.unique(both, return_inverse=True)
    return int(_against((group, len(known)), value, kept).sum()) < conflicts / 3


def _differ(source: Ints, against: npt.NDArray[np.bool_]) -> bool:
    """Whether some sources contradict the others more often than chance explains.

    A source that contradicts them nearly always reports something else; it is no sign of unequal reliability.
    """
    n = np.bincount(source)
    k = np.bincount(source, weights=against)
    known = (n >= 5) & (k < ELSE * n)
    if known.sum() < LEAST_SOURCES:
        return False
    n, k = n[known], k[known]
    rate = k.sum() / n.sum()
    spread = rate * (1 - rate)
    if spread <= 0:
        return False
    excess = np.square(k / n - rate) * n / spread - 1  # about 0 each where all sources are alike
    error = np.sqrt((2 + 1 / (n * spread)).sum())
    variance = float((excess * spread).sum() / n.sum())
    return bool(excess.sum() > SIGNIFICANT * error and variance > UNEVEN**2)
