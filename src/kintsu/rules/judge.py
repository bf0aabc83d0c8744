"""Judges cells by the columns that determine them: what should stand here, and how sure is that?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.rules import balance, derive
from kintsu.rules.balance import BalanceModel
from kintsu.rules.coding import MISSING, UNSEEN, Codes, filled_text, likeness, mended, mends, pack
from kintsu.rules.derive import DeriveModel
from kintsu.rules.discover.dependency import Dependency, dependencies
from kintsu.rules.formula import holds
from kintsu.rules.history import SLIP, Clock, Spans, clock_of, moments_of
from kintsu.rules.probability import contradiction, probability
from kintsu.rules.source_model import sourced
from kintsu.rules.votes import VoteTable, rank, weight_of

__all__ = ["JUDGED", "VoteModel", "judge", "train"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

IN_MEMORY_ROWS = 300_000  # a sample that is the whole table, up to so many rows, is counted without another pass
LIKELY = 0.2  # score from which on a line may be told to anybody
CHUNK = 50_000  # rows judged at once: bounds memory at rows x candidates x left sides


@dataclass(frozen=True)
class Side:
    """A left side: one column, or two with the sorted packed pairs that occur."""

    columns: tuple[str, ...]
    pairs: Ints | None = None
    width: int = 0  # of the second column

    def groups(self, codes: Mapping[str, Ints]) -> Ints:
        """Group of every row; negative where a cell is missing or the pair was never seen."""
        first = codes[self.columns[0]]
        if self.pairs is None:
            return first
        packed = pack(first, codes[self.columns[1]], self.width)
        at = np.minimum(np.searchsorted(self.pairs, packed), max(len(self.pairs) - 1, 0))
        found = (packed >= 0) & (self.pairs[at] == packed) if len(self.pairs) else np.zeros(len(packed), bool)
        return np.where(found, at, UNSEEN)


@dataclass(frozen=True)
class Target:
    """A right column with everything that votes on it."""

    column: str
    dependencies: tuple[Dependency, ...]
    sides: tuple[Side, ...]
    tables: tuple[VoteTable, ...]
    spans: tuple[Spans, ...] = ()  # none where no column says when a row was written

    @property
    def weights(self) -> list[float]:
        return [weight_of(d.strength.sound) for d in self.dependencies]


@dataclass(frozen=True, eq=False)
class VoteModel:
    """Value maps: key -> value, votes. Read-only; a batch is judged by look-ups alone."""

    codes: Mapping[str, Codes] = field(default_factory=dict)
    mends: Mapping[str, pl.DataFrame] = field(default_factory=dict)  # damaged values and what they count as
    targets: tuple[Target, ...] = ()
    seen: Mapping[str, Ints] = field(default_factory=dict)  # rows per code
    mixed: float = 0.0  # share of rows that disagree by repeated values, in the middle one of the targets
    clock: Clock | None = None
    balance: BalanceModel = field(default_factory=lambda: BalanceModel((), {}, {}))
    derived: DeriveModel = field(default_factory=DeriveModel)


def train(reference: Reference) -> VoteModel:
    """What `judge` needs of a table; learned once per reference."""
    return remembered(reference, "votes", lambda: _learn(reference))


def _learn(reference: Reference) -> VoteModel:
    """Vote tables over all rows for the dependencies that the sample shows."""
    reported = sourced(reference)  # copied errors outvote the truth: reliability decides there, not the number of rows
    found = [d for d in dependencies(reference) if reported is None or d.right not in reported.columns]
    names = sorted({name for d in found for name in (*d.left, d.right)})
    known = {name: mends(reference, name) for name in names}
    meant = {name: mended(_blank_to_null(reference.values(name)["value"]), known[name]) for name in names}
    codes = {name: Codes.of(text) for name, text in meant.items()}
    seen = {}
    for name in names:
        code = codes[name].encode(meant[name])
        weight = reference.values(name)["n"].to_numpy()[code >= 0]
        seen[name] = np.bincount(code[code >= 0], weights=weight, minlength=len(codes[name])).astype(np.int64)
    counted_by = _Counts(reference, codes, known, found)
    targets = []
    for right in reference.columns:
        chosen = tuple(d for d in found if d.right == right)
        if not chosen:
            continue
        sides, tables = zip(*(_table(d, counted_by, codes) for d in chosen))
        targets.append(Target(right, chosen, tuple(sides), tuple(tables)))
    clock = clock_of(reference) if targets else None
    if clock is not None:
        targets = _timed(targets, reference.sample, clock, codes, known, seen)
    mixed = float(np.median([_copied(t.dependencies[0]) for t in targets])) if targets else 0.0
    return VoteModel(
        codes, known, tuple(targets), seen, mixed, clock, balance.train(reference), derive.train(reference)
    )


def _copied(d: Dependency) -> float:
    """Share of rows that disagree with their group by a value which the group repeats."""
    return d.strength.repeated * (1 - d.strength.corrected)


def _timed(
    targets: list[Target],
    sample: Batch,
    clock: Clock,
    codes: Mapping[str, Codes],
    known: Mapping[str, pl.DataFrame],
    seen: Mapping[str, Ints],
) -> list[Target]:
    """The targets with what the sample shows of when their values were written."""
    moment = clock.moments(sample[clock.column])
    at = {name: codes[name].encode(mended(filled_text(sample[name]), known[name])) for name in codes}
    out = []
    for target in targets:
        parts = zip(target.sides, target.tables)
        code, rows = at[target.column], seen[target.column]
        spans = [
            Spans.of(side.groups(at), code, moment, table.top[:, 0], rows, codes[target.column])
            for side, table in parts
            if clock.column not in (*side.columns, target.column)
        ]
        out.append(replace(target, spans=tuple(spans) if len(spans) == len(target.sides) else ()))
    return out


class _Counts:
    """Coded combinations of columns with their rows; columns that hang together are counted in one pass."""

    def __init__(
        self,
        reference: Reference,
        codes: Mapping[str, Codes],
        known: Mapping[str, pl.DataFrame],
        found: list[Dependency],
    ) -> None:
        self._reference, self._codes, self._known = reference, codes, known
        self._whole = reference.sample if len(reference.sample) == reference.rows <= IN_MEMORY_ROWS else None
        self._coded: dict[tuple[str, ...], dict[str, Ints]] = {}
        stars: dict[str, set[str]] = {}
        for d in found:
            if len(d.left) == 1:
                stars.setdefault(d.left[0], {d.left[0]}).add(d.right)
        order = sorted(stars.values(), key=lambda star: (-len(star), sorted(star)))
        self._stars = [tuple(sorted(star)) for star in order]

    def of(self, names: tuple[str, ...]) -> tuple[list[Ints], Ints]:
        """Codes of the named columns and the rows of each line; lines may repeat."""
        if self._whole is not None:
            for name in names:
                if (name,) not in self._coded:
                    self._coded[(name,)] = {name: self._encoded(name, filled_text(self._whole[name]))}
            return [self._coded[(name,)][name] for name in names], np.ones(len(self._whole), np.int64)
        star = next((s for s in self._stars if set(names) <= set(s)), tuple(names))
        if star not in self._coded:
            counted = self._reference.counts(star)
            self._coded[star] = {name: self._encoded(name, _blank_to_null(counted[name])) for name in star}
            self._coded[star][""] = counted["n"].to_numpy()
        return [self._coded[star][name] for name in names], self._coded[star][""]

    def _encoded(self, name: str, text: pl.Series) -> Ints:
        return self._codes[name].encode(mended(text, self._known[name]))


def _blank_to_null(text: pl.Series) -> pl.Series:
    return text.set(text.str.strip_chars() == "", None)


def _table(d: Dependency, counts: _Counts, codes: Mapping[str, Codes]) -> tuple[Side, VoteTable]:
    (*left, right), n = counts.of((*d.left, d.right))
    width = len(codes[d.right])
    if len(left) == 1:
        return Side(d.left), VoteTable.of(left[0], right, n, len(codes[d.left[0]]), width)
    second = len(codes[d.left[1]])
    packed = pack(left[0], left[1], second)
    if d.condition is not None:
        packed = np.where(left[1] == codes[d.left[1]].code(d.condition), packed, UNSEEN)
    pairs = np.unique(packed[packed >= 0])
    side = Side(d.left, pairs, second)
    group = side.groups(dict(zip(d.left, left)))
    return side, VoteTable.of(group, right, n, len(pairs), width)


JUDGED = {
    "row": pl.Int64,
    "column": pl.String,
    "old": pl.String,
    "missing": pl.Boolean,
    "new": pl.String,
    "lead": pl.Float64,  # support of new over old (over the runner-up where old is missing), in weighted log counts
    "margin": pl.Float64,  # support of new over the best third value
    "for_new": pl.Int64,  # left sides with votes for new
    "for_old": pl.Int64,
    "copied": pl.Float64,  # of the best left side: share of rows that disagree by a value which their group repeats
    "varied": pl.Float64,  # how much more that is than in other columns of the table
    "strength": pl.Float64,  # largest corrected strength of a left side that puts new first
    "votes": pl.Int64,  # others in the best group that have new ...
    "voters": pl.Int64,  # ... of so many
    "old_votes": pl.Int64,
    "empty": pl.Int64,  # others in that group without a value
    "old_seen": pl.Int64,  # rows of the table with the old value
    "settled": pl.Float64,  # of those rows, the share where the group has the old value, too: 1 for a legal value
    "new_seen": pl.Int64,
    "likeness": pl.Float64,  # normalised edit similarity of old and new, 0 where old is missing
    "side": pl.String,  # the left side with the most to say, for people
    "key": pl.String,
    "backing": pl.Float64,  # how much better that left cell agrees with the rest of the row than the old value does
    "rival": pl.Float64,  # votes of a third value in the best group, per vote for new
    "score": pl.Float64,  # probability that new is right
    "suspicion": pl.Float64,  # the same, but for the doubt whether this cell or its key is the wrong one
}


LAST = ("likeness", "score", "suspicion")  # columns that are worked out over the lines of all targets


def judge(batch: Batch, model: VoteModel) -> pl.DataFrame:
    """One line (schema `JUDGED`) per cell whose determining columns speak for another value; remembered."""
    return remembered(batch, model, lambda: _judge(batch, model))


def _judge(batch: Batch, model: VoteModel) -> pl.DataFrame:
    needed = {name for t in model.targets for s in t.sides for name in s.columns} | {t.column for t in model.targets}
    texts = {name: filled_text(batch[name]) for name in needed if name in batch.columns}
    meant = {name: mended(text, model.mends[name]) for name, text in texts.items()}
    codes = {name: model.codes[name].encode(text) for name, text in meant.items()}
    damaged = {name: meant[name].ne_missing(text).to_numpy() for name, text in texts.items()}
    shown = {name: text.fill_null("") for name, text in texts.items()}
    read = _Read(batch, model, codes, texts, shown, moments_of(batch, model.clock))
    ballots = [b for target in model.targets if (b := _Ballot.of(target, codes, damaged)) is not None]
    witnesses = _Witnesses(ballots)
    parts = [
        _contested(read, ballot, witnesses, rows[start : start + CHUNK])
        for ballot in ballots
        for rows in [np.flatnonzero(ballot.contested)]
        for start in range(0, len(rows), CHUNK)
    ]
    return _doubted(batch, model, _scored(pl.concat(parts))) if parts else pl.DataFrame(schema=JUDGED)


def _scored(contested: pl.DataFrame) -> pl.DataFrame:
    """The lines of `_contested` as `JUDGED`: scored all at once, for most targets have few."""
    alike = contested.with_columns(likeness=likeness(contested["spoken"], contested["new"]))
    is_slip = (pl.col("old_seen") < 2) & (pl.col("likeness") >= SLIP)
    lasting = pl.when(is_slip | pl.col("missing")).then(1.0).otherwise("unchanged")
    scored = alike.with_columns(score=probability() * lasting, suspicion=contradiction() * lasting)
    return scored.select(list(JUDGED))


def _doubted(batch: Batch, model: VoteModel, judged: pl.DataFrame) -> pl.DataFrame:
    """Scores cut to a tenth where the old value fits a formula or derivation with the rest of its row.

    For such a row to be wrong, two of its cells would have to be wrong in the same way. Rows in which nothing is likely
    are not looked at: most of the lines, and nobody asks for them.
    """
    rows = judged.filter(pl.max_horizontal("score", "suspicion") >= LIKELY)["row"].unique()
    at = batch.row.is_in(rows.implode()).arg_true()
    some = Batch(batch.table, batch.frame[at], batch.row.gather(at), batch.decimal_comma)
    fits: list[pl.DataFrame] = []
    for formula in model.balance.formulas:
        if all(name in batch.columns for name in formula.columns):
            numbers = {name: some[name].number.to_numpy().astype(np.float64) for name in formula.columns}
            fits.append(_pairs_of(some.row.filter(pl.Series(holds(formula, numbers))), formula.columns))
    for d in model.derived.derivations:
        names = tuple(dict.fromkeys((d.column, *d.parts)))
        # a part that is changed on its way (only its digits, in lower case) may be wrong where the text fits
        kept = (d.column, *(name for name, form in d.pieces if name and not form))
        if all(name in batch.columns for name in names):
            texts = pl.DataFrame({name: filled_text(some[name]) for name in names})
            fit = texts.select((d.expected() == pl.col(d.column)).fill_null(False)).to_series()
            fits.append(_pairs_of(some.row.filter(fit), kept))
    if not fits:
        return judged
    known = pl.concat(fits).unique().with_columns(fit=pl.lit(True))
    joined = judged.join(known, on=["row", "column"], how="left", maintain_order="left")
    doubt = pl.when(pl.col("fit").fill_null(False)).then(0.1).otherwise(1.0)
    return joined.with_columns(pl.col("score", "suspicion") * doubt).drop("fit")


def _pairs_of(rows: pl.Series, columns: tuple[str, ...]) -> pl.DataFrame:
    names = pl.DataFrame({"column": list(columns)})
    return pl.DataFrame({"row": rows}).join(names, how="cross")


@dataclass(frozen=True)
class _Read:
    """A batch with what was looked up of it once."""

    batch: Batch
    model: VoteModel
    codes: Mapping[str, Ints]
    texts: Mapping[str, pl.Series]  # null where blank
    shown: Mapping[str, pl.Series]  # the same, for people: never null
    moment: Ints | None


@dataclass(frozen=True)
class _Ballot:
    """One target in one batch: the left sides at hand, the group of every row in each, and who contradicts.

    `stand[t]` is 1 where the commonest value of the row's group is the observed one, -1 where it is another one, and 0
    where there is nothing to compare.
    """

    target: Target
    usable: list[int]
    own: Ints  # what the cells count as: their own vote
    observed: Ints  # the same, unseen where the text is damaged
    groups: list[Ints]
    stand: list[npt.NDArray[np.int8]]
    contested: npt.NDArray[np.bool_]

    @staticmethod
    def of(target: Target, codes: Mapping[str, Ints], damaged: Mapping[str, npt.NDArray[np.bool_]]) -> _Ballot | None:
        usable = [i for i, s in enumerate(target.sides) if all(name in codes for name in s.columns)]
        if target.column not in codes or not usable:
            return None
        own = codes[target.column]
        observed = np.where(damaged[target.column], UNSEEN, own)
        groups = [target.sides[i].groups(codes) for i in usable]
        contested, stand = np.zeros(len(own), bool), []
        for i, group in zip(usable, groups):
            table, known = target.tables[i], np.maximum(group, 0)
            speaks = (group >= 0) & (table.total[known] - (own >= 0) > 0)
            top = table.top[known, 0]
            contested |= speaks & (top != observed)
            stand.append(np.where(speaks & (own != MISSING), np.where(top == own, 1, -1), 0).astype(np.int8))
        return _Ballot(target, usable, own, observed, groups, stand, contested)


class _Witnesses:
    """How well the cells of one column agree with the other cells of their rows, as left or right sides.

    A cell that contradicts most of what it determines or is determined by is itself the suspect. Of two columns that
    determine each other the stronger direction counts.
    """

    def __init__(self, ballots: list[_Ballot]) -> None:
        self._stand: dict[str, dict[str, Floats]] = {}
        strongest: dict[tuple[str, str], float] = {}
        for ballot in ballots:
            for i, stand in zip(ballot.usable, ballot.stand):
                d = ballot.target.dependencies[i]
                pair = (min(d.left[0], d.right), max(d.left[0], d.right))
                weight = d.strength.sound * (1 - d.strength.chance)
                if len(d.left) == 1 and weight > strongest.get(pair, 0.0):
                    strongest[pair] = weight
                    # disagreement is news only where it is rare: in full at 5 % of the rows
                    news = min(1.0, np.log(max(1 - d.strength.agreement, 0.05)) / np.log(0.05))
                    said = weight * np.where(stand < 0, news * stand, stand)
                    self._stand.setdefault(d.left[0], {})[d.right] = said
                    self._stand.setdefault(d.right, {})[d.left[0]] = said

    def between(self, column: str, right: str, rows: Ints) -> Floats:
        """Agreement of this column's cells with those of one other column; 0 where neither determines the other."""
        said = self._stand.get(column, {}).get(right)
        return np.zeros(len(rows)) if said is None else said[rows]

    def of(self, column: str, without: str, rows: Ints) -> Floats:
        """Agreement minus disagreement of this column's cells with all others, those of `without` left out."""
        total = np.zeros(len(rows))
        for right, said in self._stand.get(column, {}).items():
            if right != without:
                total += said[rows]
        return total


def _contested(read: _Read, ballot: _Ballot, witnesses: _Witnesses, rows: Ints) -> pl.DataFrame:
    """Rows of one target that another value leads in, with what the scores are made of.

    `spoken` is the old text, null where it is blank; `unchanged` as in `_unchanged`.
    """
    target, usable, model, texts, batch = ballot.target, ballot.usable, read.model, read.texts, read.batch
    tables, groups = [target.tables[i] for i in usable], [g[rows] for g in ballot.groups]
    observed = ballot.observed[rows]
    weights = [target.weights[i] for i in usable]
    strengths = np.array([target.dependencies[i].strength.sound for i in usable])
    repeated = np.array([_copied(target.dependencies[i]) for i in usable])
    candidates, support, votes, voters, empty = rank(tables, weights, groups, observed, ballot.own[rows])
    line = np.arange(len(rows))
    rivals = support.copy()
    rivals[:, 0] = -np.inf
    best = rivals.argmax(axis=1)
    new = candidates[line, best]
    top = rivals[line, best]
    rivals[line, best] = -np.inf
    third = rivals.max(axis=1)
    floor = (np.array(weights)[:, None] * np.log(0.5) * np.ones((1, len(rows)))).sum(axis=0)
    third = np.maximum(third, floor)
    own = np.where(observed >= 0, support[:, 0], floor)
    own = np.where(observed == MISSING, third, own)
    new_votes = votes[:, line, best]
    old_votes = votes[:, :, 0] * (observed >= 0)
    leads = (new_votes > old_votes) & (new_votes == votes.max(axis=2))
    speaks = np.where(leads, strengths[:, None], 0.0)
    said = (speaks + np.where(leads, new_votes / (voters + 1.0), 0)).argmax(axis=0)
    seen = model.seen[target.column]
    backing = np.array(
        [
            witnesses.of(target.sides[i].columns[0], target.column, rows)
            if len(target.sides[i].columns) == 1
            else 0 * line
            for i in usable
        ]
    )
    self_backing = np.zeros(len(rows))
    own_side = {name for i in usable for name in target.sides[i].columns}
    if own_side:
        self_backing = witnesses.of(target.column, "", rows)
        for i in usable:
            name = target.sides[i].columns
            if len(name) == 1:
                self_backing = self_backing - witnesses.between(target.column, name[0], rows) * leads[usable.index(i)]
    names = pl.Series([" + ".join(target.sides[i].columns) for i in usable])
    frame = pl.DataFrame(
        {
            "row": batch.row.gather(rows),
            "column": pl.repeat(target.column, len(rows), eager=True, dtype=pl.String),
            "old": batch[target.column].text.gather(rows),
            "missing": observed == MISSING,
            "new": model.codes[target.column].decode(new),
            "lead": top - own,
            "margin": top - third,
            "for_new": (new_votes > 0).sum(axis=0).astype(np.int64),
            "for_old": (old_votes > 0).sum(axis=0).astype(np.int64),
            "copied": repeated[said],
            "varied": np.maximum(repeated[said] - model.mixed, 0.0),
            "strength": speaks.max(axis=0),
            "votes": new_votes[said, line],
            "voters": voters[said, line],
            "old_votes": old_votes[said, line],
            "empty": empty[said, line],
            "old_seen": np.where(observed >= 0, seen[np.maximum(observed, 0)], 0),
            "settled": np.max([t.settled[np.maximum(observed, 0)] for t in tables], axis=0) * (observed >= 0),
            "new_seen": np.where(new >= 0, seen[np.maximum(new, 0)], 0),
            "side": names.gather(said),
            "key": _keys(target, usable, read.shown, rows, said),
            "backing": np.where(leads, backing, -np.inf).max(axis=0) - self_backing,
            "rival": _rival(votes[said, line], candidates, new, observed) / np.maximum(new_votes[said, line], 1),
            "spoken": texts[target.column].gather(rows),
            "unchanged": _unchanged(read, ballot, rows, new, leads),
        },
        schema={name: dtype for name, dtype in JUDGED.items() if name not in LAST}
        | {"spoken": pl.String, "unchanged": pl.Float64},
    )
    return frame.filter(pl.Series((new >= 0) & leads.any(axis=0) & (top > own)))


def _unchanged(read: _Read, ballot: _Ballot, rows: Ints, new: Ints, leads: npt.NDArray[np.bool_]) -> Floats:
    """Probability that the old value is not simply newer (or older) than the voted one.

    Of the sides that put the new value first: a fact that changed is outside the span of every group it contradicts.
    """
    if read.moment is None or not ballot.target.spans:
        return np.ones(len(rows))
    said = [
        ballot.target.spans[i].unchanged(group[rows], new, read.moment[rows])
        for i, group in zip(ballot.usable, ballot.groups)
    ]
    return np.asarray(np.where(leads, np.stack(said), 0.0).max(axis=0))


def _rival(votes: Ints, candidates: Ints, new: Ints, observed: Ints) -> Floats:
    """Votes for the strongest value that is neither the old nor the new one."""
    third = (candidates != new[:, None]) & (candidates != observed[:, None]) & (candidates >= 0)
    return np.asarray(np.where(third, votes, 0).max(axis=1), dtype=np.float64)


def _keys(target: Target, usable: list[int], shown: Mapping[str, pl.Series], rows: Ints, said: Ints) -> pl.Series:
    """Of every row the cells of that left side of `usable` which `said` names, as one text."""
    at = [np.flatnonzero(said == k) for k in range(len(usable))]
    parts = []
    for i, lines in zip(usable, at):
        first, *others = (shown[name].gather(rows[lines]) for name in target.sides[i].columns)
        parts.append(reduce(lambda one, other: one + ", " + other, others, first).alias("key"))
    return pl.concat(parts).gather(np.argsort(np.concatenate(at)))
