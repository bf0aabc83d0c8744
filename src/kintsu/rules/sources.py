"""Truth discovery: what several sources that report one entity say together, and how sure that is.

Kernels: integer codes in, arrays out; no names, no text. The reliability of every source is learned per column by
iteration, from many starts: from equal trust, from the reliabilities learned on each other column, and from trust in
each single source. Iteration alone locks onto one family of sources and is sure of itself where it is wrong; so the
probability of a value is that of two starts that lead to it together, over those from single sources, or the average
over those from columns: the more sceptical of the two. Whom to trust is one thing in all columns: two sources count
together as far as they agree in the other ones. A close race decides nothing, and no value is surer than the column
allows in which starts disagree.

What a person said about a column takes the place of the averages: starts from sources that are not trusted are left
out, those that make the known values unlikely count less, and known values teach how reliable each source is.

References
----------
X. L. Dong, L. Berti-Equille, D. Srivastava, Integrating conflicting data: the role of source dependence, VLDB 2009
(votes weighted by log odds of accuracy). The average over starts and the discount for copying are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["Claims", "Consensus", "consensus"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EQUAL = 0.8  # accuracy of every source at the start from equal trust
# Sources copy each other by an unknown degree. Beside the best one, which is nobody's copy, the others that claim the
# same count in full, for 40 %, or for a tenth: all three are tried.
DISCOUNTS = (1.0, 0.4, 0.1)
LEADING = 2  # discounts by which a start may leave the source that it trusts: if all others copy, it never does
STEPS = 15
MOST_STARTS = 40  # sources that are tried as the only trusted one: those with the most claims
LEAST_CLAIMS = 5  # of a source, to be tried as the only trusted one or to be compared between columns
LEARNED_CLAIMS = 30_000  # reliabilities are learned from about so many claims, of whole entities
SAME_CAMP = 0.1  # two starts that differ on fewer of the contested entities lead to the same values
FEW = 1.5  # sources more or less that chance could have brought into a camp
LEAST_CAMP = 0.1  # belief in a camp, by its size, from which a person may be asked about it
TAUGHT = 12.0  # claims that a claim about a known value is worth in learning how reliable its source is
LEAST_LIKELY = 0.02  # probability that a start gives to a known value at least: one surprise does not rule it out
TOGETHER = 2  # power of the agreement of two sources in another column, in how far they count together
EVEN = 0.45  # most that a narrow lead is worth: no reason to change cells
CLOSE = 4.0  # a lead is narrow where the third power of the odds against it is a quarter, or more
STEADY = 1.25  # power of a column's unsteadiness that remains as doubt where the starts agree


@dataclass(frozen=True)
class Claims:
    """Who says what of whom, in one column: source `source[i]` says that entity `entity[i]` has `value[i]`.

    A value code belongs to one entity, `owner[value]`: the same text of two entities has two codes. `falses` is the
    number of wrong values to choose from, at least 1: two sources are the less likely to agree on one by chance.

    What a person said: `known`, shape (entities,), the code of the true value, which need not have a claim, or -1; and
    `trusted`, shape (sources,), whom to believe.
    """

    entity: Ints
    source: Ints
    value: Ints
    owner: Ints
    entities: int
    sources: int
    falses: float
    known: Ints | None = None
    trusted: npt.NDArray[np.bool_] | None = None

    @property
    def is_taught(self) -> bool:
        """Whether a person said anything about this column."""
        return self.trusted is not None or self.known is not None

    @cached_property
    def weight(self) -> Floats:
        """What each claim counts in learning reliabilities."""
        if self.known is None:
            return np.ones(len(self.value))
        return np.where(self.known[self.entity] >= 0, TAUGHT, 1.0)

    def told(self, p: Floats) -> Floats:
        """Probabilities of every value, with those of known entities as they are known."""
        if self.known is None:
            return p
        true = self.known[self.owner]
        return np.where(true < 0, p, (true == np.arange(len(p))).astype(float))

    @cached_property
    def by_source(self) -> Ints:
        """Claims per source."""
        return np.bincount(self.source, minlength=self.sources).astype(np.int64)

    @cached_property
    def votes(self) -> Ints:
        """Claims per value."""
        return np.bincount(self.value, minlength=len(self.owner)).astype(np.int64)

    def part(self, most: int) -> Claims:
        """The claims on an even selection of entities, about `most` of them; codes stay."""
        step = -(-len(self.entity) // most)
        kept = self.entity % step == 0
        if self.known is not None:
            kept |= self.known[self.entity] >= 0
        return Claims(
            self.entity[kept],
            self.source[kept],
            self.value[kept],
            self.owner,
            self.entities,
            self.sources,
            self.falses,
            self.known,
            self.trusted,
        )


@dataclass(frozen=True)
class Consensus:
    """What the sources say together.

    best, rival     value codes, shape (entities,): the likeliest value, and the one that other starts or the next most
                    support speak for; -1 for none
    probability     that `best` is right, shape (entities,): lower where the rival is close or the column unsteady
    belief          probability of every value before that, shape (values,)
    granted         probability of every value by the view that thinks the most of it, shape (values,)
    accuracy        reliability of every source after a start from equal trust, shape (sources,)
    camp            sources whose trust leads to the same values share a number, shape (sources,); -1: not tried
    solutions       what each camp that is large enough to be right says: camp -> value codes, shape (entities,)
    steadiness      share of pairs of starts that lead to the same value, mean over the entities, in [0, 1]
    """

    best: Ints
    rival: Ints
    probability: Floats
    belief: Floats
    granted: Floats
    accuracy: Floats
    camp: Ints
    solutions: dict[int, Ints]
    steadiness: float


def posterior(claims: Claims, accuracy: Floats, discount: float) -> Floats:
    """Probability of every value, shape (values,), given the accuracy of every source; the rest is "none of them"."""
    a = np.clip(accuracy, 0.02, 0.98)
    weight = np.log(claims.falses * a / (1 - a))[claims.source]
    largest = np.zeros(len(claims.owner))  # the best source of a value copies nobody: its vote counts in full
    np.maximum.at(largest, claims.value, weight)
    total = np.bincount(claims.value, weights=weight, minlength=len(claims.owner))
    score = largest + discount * (total - largest)
    highest = np.zeros(claims.entities)  # a value that nobody claims scores 0
    np.maximum.at(highest, claims.owner, score)
    power = np.where(claims.votes > 0, np.exp(score - highest[claims.owner]), 0.0)
    rest = claims.falses * np.exp(-highest)
    whole = np.bincount(claims.owner, weights=power, minlength=claims.entities) + rest
    shares: Floats = power / whole[claims.owner]
    return shares


def reliability(claims: Claims, start: Floats, discount: float) -> Floats:
    """Accuracy of every source after iteration from `start`, shape (sources,), shrunk towards their mean."""
    accuracy = start
    if not len(claims.value):
        return accuracy
    n = np.bincount(claims.source, weights=claims.weight, minlength=claims.sources)
    for _ in range(STEPS):
        p = claims.told(posterior(claims, accuracy, discount))[claims.value]
        told = np.bincount(claims.source, weights=claims.weight * p, minlength=claims.sources)
        new: Floats = (told + 2 * p.mean()) / (n + 2)
        if np.abs(new - accuracy).max() < 1e-3:
            return new
        accuracy = new
    return accuracy


def trusting(claims: Claims, source: int) -> Floats:
    """The start that trusts one source: the accuracy of every other one is its smoothed agreement with that one."""
    said = np.full(claims.entities, -1, np.int64)
    own = claims.source == source
    said[claims.entity[own]] = claims.value[own]
    shared = said[claims.entity] >= 0
    same = shared & (said[claims.entity] == claims.value)
    agree = np.bincount(claims.source[same], minlength=claims.sources)
    return (agree + 1.0) / (np.bincount(claims.source[shared], minlength=claims.sources) + 2.0)


def chosen(claims: Claims, p: Floats) -> Ints:
    """The likeliest value of every entity, -1 where it has none. Ties: more votes, then the smaller code."""
    order = np.lexsort((np.arange(len(p)), -claims.votes, -p.round(9), claims.owner))
    order = order[claims.votes[order] > 0]
    result = np.full(claims.entities, -1, np.int64)
    owners, first = np.unique(claims.owner[order], return_index=True)
    result[owners] = order[first]
    return result if claims.known is None else np.where(claims.known >= 0, claims.known, result)


def alike(one: Floats, other: Floats, known: npt.NDArray[np.bool_]) -> float:
    """How much one column's reliabilities say of another's, for or against: correlation beyond a standard error."""
    if known.sum() < 4 or min(one[known].std(), other[known].std()) < 1e-6:
        return 0.0
    return float(max(abs(np.corrcoef(one[known], other[known])[0, 1]) - known.sum() ** -0.5, 0.0))


def consensus(columns: Sequence[Claims]) -> list[Consensus]:
    """The consensus of each column; the columns share the codes of entities and sources."""
    parts = [c.part(LEARNED_CLAIMS) for c in columns]
    singles = [_singles(c, part) for c, part in zip(columns, parts)]
    learned = [
        one.accuracy
        if one is not None and c.is_taught
        else [reliability(part, np.full(part.sources, EQUAL), d) for d in DISCOUNTS]
        for c, part, one in zip(columns, parts, singles)
    ]
    return [_consensus(columns[k], parts, learned, singles, k) for k in range(len(columns))]


def _consensus(
    claims: Claims, parts: list[Claims], learned: list[list[Floats]], singles: list[_Singles | None], k: int
) -> Consensus:
    part, single = parts[k], singles[k]
    pooled, weight = np.mean([posterior(claims, a, d) for a, d in zip(learned[k], DISCOUNTS)], axis=0), 1.0
    for q in range(len(parts) if single is None or not claims.is_taught else 0):
        known = (part.by_source >= LEAST_CLAIMS) & (parts[q].by_source >= LEAST_CLAIMS)
        trust = alike(learned[k][0], learned[q][0], known)
        if q == k or trust == 0:
            continue
        ps = [
            posterior(claims, reliability(part, np.where(parts[q].by_source > 0, a, a.mean()), d), d)
            for a, d in zip(learned[q], DISCOUNTS)
        ]
        pooled = pooled + trust * np.mean(ps, axis=0)
        weight += trust
    pooled = pooled / weight
    pairs, speaks = None, pooled
    if single is not None:
        if claims.is_taught:
            pooled = single.belief
        pairs = single.pairs(claims, [one for q, one in enumerate(singles) if q != k and one is not None])
        speaks = pairs.belief(claims)
    both = claims.told(np.minimum(pooled, speaks))  # the more sceptical of the two
    granted, speaks = claims.told(np.maximum(pooled, speaks)), claims.told(speaks)
    best = chosen(claims, both)
    held = best >= 0
    second, against = both.copy(), speaks.copy()
    second[best[held]] = against[best[held]] = -1.0
    rival = chosen(replace(claims, known=None), second)
    rival = np.where((rival >= 0) & (rival != best), rival, -1)
    strongest = np.zeros(claims.entities)
    np.maximum.at(strongest, claims.owner, against)
    unsteady = pairs.unsteady(claims, best) if pairs is not None else 0.0
    mean, probability = both[best[held]], np.zeros(claims.entities)
    close = np.minimum(CLOSE * (strongest[held] / np.maximum(mean, 1e-12)) ** 3, 1.0)
    probability[held] = np.minimum(mean - close * np.maximum(mean - EVEN, 0.0), 1 - unsteady**STEADY)
    if claims.known is not None:
        probability = np.where(claims.known >= 0, 1.0, probability)
    camp = single.camp if single is not None else np.full(claims.sources, -1, np.int64)
    solutions = single.solutions if single is not None else {}
    return Consensus(best, rival, probability, both, granted, learned[k][0], camp, solutions, 1 - unsteady)


def _contested(claims: Claims) -> npt.NDArray[np.bool_]:
    """Entities of which more than one value is claimed, shape (entities,)."""
    distinct = np.bincount(claims.owner[claims.votes > 0], minlength=claims.entities)
    return distinct > 1


@dataclass(frozen=True)
class _Pairs:
    """Pairs of starts that count together: `same` of shape (values,) lead to a value, `none` (entities,) to none.

    `alone` is the number of starts that lead to each value, shape (values,).
    """

    same: Floats
    none: Floats
    alone: Floats

    def belief(self, claims: Claims) -> Floats:
        """Belief in every value by the pairs of starts that lead to it, shape (values,).

        A camp twice as large is nearly four times as likely: more than by its share, far less than if all its members
        were independent. A few starts are chance: `FEW` more are granted to every value that any start leads to.
        """
        square = np.square(np.sqrt(self.same) + FEW * np.minimum(self.alone, 1.0))
        return square / self._whole(claims, square)[claims.owner]

    def unsteady(self, claims: Claims, best: Ints) -> float:
        """Share of pairs that do not lead to the best value, mean over the entities that nobody knows."""
        held = best >= 0
        if claims.known is not None:
            held &= claims.known < 0
        whole = self._whole(claims, self.same)
        return float(1 - (self.same[best[held]] / whole[held]).mean()) if held.any() else 0.0

    def _whole(self, claims: Claims, square: Floats) -> Floats:
        whole = np.bincount(claims.owner, weights=square, minlength=claims.entities) + self.none
        return np.maximum(whole, 1e-12)


@dataclass(frozen=True)
class _Singles:
    """What the starts that trust one source lead to.

    `tried` are these sources and `weight` what each counts, `starts` the probability of every value where not all
    others copy, shape (starts, values), and `agreement` the share of contested entities for which two starts choose one
    value. `belief` is the mean probability of every value. `camp` and `solutions` as in `Consensus`; `accuracy` per
    discount.
    """

    tried: Ints
    weight: Floats
    starts: Floats
    agreement: Floats
    belief: Floats
    camp: Ints
    solutions: dict[int, Ints]
    accuracy: list[Floats]

    def pairs(self, claims: Claims, others: list[_Singles]) -> _Pairs:
        """Pairs of starts by value; two count together as far as they agree in all `other` columns."""
        together = np.outer(self.weight, self.weight)
        for other in others:
            together *= other.between(self.tried, claims.sources) ** TOGETHER
        rest = np.maximum(1 - np.stack([np.bincount(claims.owner, one, claims.entities) for one in self.starts]), 0.0)
        return _Pairs(
            (together @ self.starts * self.starts).sum(axis=0), (together @ rest * rest).sum(axis=0),
            self.weight @ self.starts,
        )  # fmt: skip

    def between(self, sources: Ints, n: int) -> Floats:
        """Agreement of these sources (of `n`); their mean here for those that are not tried."""
        whole = np.full((n, n), self.agreement.mean())
        whole[np.ix_(self.tried, self.tried)] = self.agreement
        return whole[np.ix_(sources, sources)]


def _singles(claims: Claims, part: Claims) -> _Singles | None:
    """The starts that trust one source, and the camps that they form; None where no source has enough claims."""
    order = np.argsort(-part.by_source, kind="stable")
    if claims.trusted is not None:
        order = order[claims.trusted[order]]
    order = order[:MOST_STARTS]
    tried = order[part.by_source[order] >= LEAST_CLAIMS]
    if not len(tried):
        return None
    contested = _contested(claims)
    camp = np.full(claims.sources, -1, np.int64)
    ps, starts, accuracy, likely, said = [], [], [], [], []
    solutions: list[Ints] = []
    for source in tried:
        start = trusting(part, int(source))
        learned = [reliability(part, start, d) for d in DISCOUNTS]
        each = [posterior(claims, a, d) for a, d in zip(learned, DISCOUNTS)]
        p, led = np.mean(each, axis=0), np.mean(each[:LEADING], axis=0)
        values = chosen(claims, led)
        same = [i for i, s in enumerate(solutions) if (s != values)[contested].sum() <= SAME_CAMP * contested.sum()]
        if not same:
            same = [len(solutions)]
            solutions.append(values)
        camp[source] = same[0]
        ps.append(p)
        accuracy.append(learned)
        likely.append(_likelihood(claims, p))
        starts.append(led)
        said.append(values[contested])
    weight = np.exp(np.array(likely) - max(likely))
    camps = camp[tried]
    size = np.bincount(camps, weights=weight, minlength=len(solutions))
    large = (size >= 2) & (np.square(size) >= LEAST_CAMP * np.square(size).sum())
    told = {
        int(i): chosen(claims, np.mean([p for p, c in zip(starts, camps) if c == i], axis=0))
        for i in np.flatnonzero(large)
    }
    pooled = [np.asarray(np.average([a[i] for a in accuracy], axis=0, weights=weight)) for i in range(len(DISCOUNTS))]
    return _Singles(
        tried, weight, np.array(starts), _agreement(np.array(said)), np.average(ps, axis=0, weights=weight), camp, told,
        pooled,
    )  # fmt: skip


def _agreement(said: Ints) -> Floats:
    """Share of entities on which two lines of values agree, shape (lines, lines); 1 where there are no entities."""
    if not said.shape[1]:
        return np.ones((len(said), len(said)))
    return np.stack([(said == one).mean(axis=1) for one in said])


def _likelihood(claims: Claims, p: Floats) -> float:
    """Half the log-likelihood of the values that are known: entities share the errors of their sources."""
    if claims.known is None:
        return 0.0
    known = claims.known[claims.known >= 0]
    known = known[claims.votes[known] > 0]
    return float(0.5 * np.log(np.maximum(p[known], LEAST_LIKELY)).sum())
