"""Truth discovery: what several sources that report one entity say together, and how sure that is.

Kernels: integer codes in, arrays out; no names, no text. The reliability of every source is learned per column by
iteration, from many starts: from equal trust, from the reliabilities learned on each other column, and from trust in
each single source. Iteration alone locks onto one family of sources and is sure of itself where it is wrong; so the
posterior of a value is an average over the starts (over those from columns, or over those from single sources: the more
sceptical of the two), tempered by the share of entities on which the starts agree.

References
----------
X. L. Dong, L. Berti-Equille, D. Srivastava, Integrating conflicting data: the role of source dependence, VLDB 2009
(votes weighted by log odds of accuracy). The average over starts and discounts for copying is our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["Claims", "Consensus", "consensus"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EQUAL = 0.8  # accuracy of every source at the start from equal trust
# Sources copy each other by an unknown degree. A vote counts in full, for half, or for a quarter: all three are tried.
DISCOUNTS = (1.0, 0.5, 0.25)
STEPS = 15
MOST_STARTS = 40  # sources that are tried as the only trusted one: those with the most claims
LEAST_CLAIMS = 5  # of a source, to be tried as the only trusted one or to be compared between columns
LEARNED_CLAIMS = 30_000  # reliabilities are learned from about so many claims, of whole entities
SAME_CAMP = 0.1  # two starts that differ on fewer of the contested entities lead to the same values
FEW = 1.5  # sources more or less that chance could have brought into a camp
LEAST_CAMP = 0.1  # belief in a camp, by its size, from which a person may be asked about it
SINGLES = 1.0  # weight of single-source starts in tempering, in units of a column that tells reliabilities in full


@dataclass(frozen=True)
class Claims:
    """Who says what of whom, in one column: source `source[i]` says that entity `entity[i]` has `value[i]`.

    A value code belongs to one entity, `owner[value]`: the same text of two entities has two codes. `falses` is the
    number of wrong values to choose from, at least 1: two sources are the less likely to agree on one by chance.
    """

    entity: Ints
    source: Ints
    value: Ints
    owner: Ints
    entities: int
    sources: int
    falses: float

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
        return Claims(
            self.entity[kept],
            self.source[kept],
            self.value[kept],
            self.owner,
            self.entities,
            self.sources,
            self.falses,
        )


@dataclass(frozen=True)
class Consensus:
    """What the sources say together.

    best, rival     value codes, shape (entities,): the likeliest value, and the one that other starts or the next most
                    support speak for; -1 for none
    probability     that `best` is right, shape (entities,), tempered
    belief          probability of every value, not tempered, shape (values,)
    accuracy        reliability of every source after a start from equal trust, shape (sources,)
    camp            sources whose trust leads to the same values share a number, shape (sources,); -1: not tried
    solutions       what each camp that is large enough to be right says: camp -> value codes, shape (entities,)
    steadiness      1 - the share of entities on which starts disagree, weighted, in [0, 1]
    """

    best: Ints
    rival: Ints
    probability: Floats
    belief: Floats
    accuracy: Floats
    camp: Ints
    solutions: dict[int, Ints]
    steadiness: float


def posterior(claims: Claims, accuracy: Floats, discount: float) -> Floats:
    """Probability of every value, shape (values,), given the accuracy of every source; the rest is "none of them"."""
    a = np.clip(accuracy, 0.02, 0.98)
    weight = discount * np.log(claims.falses * a / (1 - a))
    score = np.bincount(claims.value, weights=weight[claims.source], minlength=len(claims.owner))
    highest = np.zeros(claims.entities)  # a value that nobody claims scores 0
    np.maximum.at(highest, claims.owner, score)
    power = np.where(claims.votes > 0, np.exp(score - highest[claims.owner]), 0.0)
    total = np.bincount(claims.owner, weights=power, minlength=claims.entities) + claims.falses * np.exp(-highest)
    shares: Floats = power / total[claims.owner]
    return shares


def reliability(claims: Claims, start: Floats, discount: float) -> Floats:
    """Accuracy of every source after iteration from `start`, shape (sources,), shrunk towards their mean."""
    accuracy = start
    if not len(claims.value):
        return accuracy
    for _ in range(STEPS):
        p = posterior(claims, accuracy, discount)[claims.value]
        told = np.bincount(claims.source, weights=p, minlength=claims.sources)
        new: Floats = (told + 2 * p.mean()) / (claims.by_source + 2)
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
    return result


def alike(one: Floats, other: Floats, known: npt.NDArray[np.bool_]) -> float:
    """How much one column's reliabilities say of another's, for or against: correlation beyond a standard error."""
    if known.sum() < 4 or min(one[known].std(), other[known].std()) < 1e-6:
        return 0.0
    return float(max(abs(np.corrcoef(one[known], other[known])[0, 1]) - known.sum() ** -0.5, 0.0))


def consensus(columns: Sequence[Claims]) -> list[Consensus]:
    """The consensus of each column; the columns share the codes of entities and sources."""
    parts = [c.part(LEARNED_CLAIMS) for c in columns]
    equal = [[reliability(p, np.full(p.sources, EQUAL), d) for d in DISCOUNTS] for p in parts]
    return [_consensus(columns, parts, equal, k) for k in range(len(columns))]


def _consensus(columns: Sequence[Claims], parts: list[Claims], equal: list[list[Floats]], k: int) -> Consensus:
    claims, part = columns[k], parts[k]
    plain = [posterior(claims, a, d) for a, d in zip(equal[k], DISCOUNTS)]
    first = chosen(claims, np.mean(plain, axis=0))
    contested = _contested(claims)
    pooled, weight, differ, told = np.mean(plain, axis=0), 1.0, 0.0, 0.0
    for q in range(len(columns)):
        known = (part.by_source >= LEAST_CLAIMS) & (parts[q].by_source >= LEAST_CLAIMS)
        trust = alike(equal[k][0], equal[q][0], known)
        if q == k or trust == 0:
            continue
        ps = [
            posterior(claims, reliability(part, np.where(parts[q].by_source > 0, a, a.mean()), d), d)
            for a, d in zip(equal[q], DISCOUNTS)
        ]
        pooled = pooled + trust * np.mean(ps, axis=0)
        weight += trust
        told += trust
        differ += trust * float(np.mean([_difference(claims, first, p) for p in ps]))
    pooled = pooled / weight
    singles, camp, solutions, apart = _singles(claims, part, first, contested)
    both = np.minimum(pooled, singles) if singles is not None else pooled  # the more sceptical of the two
    unsteady = (differ + SINGLES * apart) / (told + SINGLES)
    best = chosen(claims, both)
    others = both.copy()
    others[best[best >= 0]] = -1.0
    rival = chosen(claims, others)
    rival = np.where((rival >= 0) & (rival != best), rival, -1)
    held = best >= 0
    probability = np.zeros(claims.entities)
    mean = both[best[held]]
    # where the starts agree on an entity and on most others, what they make of the rest says little against it
    probability[held] = mean * (1 - unsteady ** (1 + 0.5 * mean**4 * (1 - unsteady)))
    return Consensus(best, rival, probability, both, equal[k][0], camp, solutions, 1 - unsteady)


def _contested(claims: Claims) -> npt.NDArray[np.bool_]:
    """Entities of which more than one value is claimed, shape (entities,)."""
    distinct = np.bincount(claims.owner[claims.votes > 0], minlength=claims.entities)
    return distinct > 1


def _difference(claims: Claims, first: Ints, p: Floats) -> float:
    """Share of entities with claims for which these posteriors choose another value."""
    held = first >= 0
    return float((chosen(claims, p) != first)[held].mean()) if held.any() else 0.0


def _singles(
    claims: Claims, part: Claims, first: Ints, contested: npt.NDArray[np.bool_]
) -> tuple[Floats | None, Ints, dict[int, Ints], float]:
    """Belief in every value by the starts that trust one source, camps, and the belief in others than `first`."""
    order = np.argsort(-part.by_source, kind="stable")[:MOST_STARTS]
    tried = order[part.by_source[order] >= LEAST_CLAIMS]
    camp = np.full(claims.sources, -1, np.int64)
    if not len(tried):
        return None, camp, {}, 0.0
    total, share = np.zeros(len(claims.owner)), np.zeros(len(claims.owner))
    solutions: list[Ints] = []
    for source in tried:
        start = trusting(part, int(source))
        ps = [posterior(claims, reliability(part, start, d), d) for d in DISCOUNTS]
        total += np.mean(ps, axis=0)
        for p in ps:
            values = chosen(claims, p)
            share[values[values >= 0]] += 1
        values = chosen(claims, np.mean(ps, axis=0))
        same = [i for i, s in enumerate(solutions) if (s != values)[contested].sum() <= SAME_CAMP * contested.sum()]
        if not same:
            same = [len(solutions)]
            solutions.append(values)
        camp[source] = same[0]
    held = first >= 0
    agreed = sharpened(claims, share / len(DISCOUNTS), len(tried))[first[held]]
    apart = float(1 - agreed.mean()) if len(agreed) else 0.0
    size = np.bincount(camp[tried], minlength=len(solutions))
    large = (size >= 2) & (np.square(size) >= LEAST_CAMP * np.square(size).sum())
    return sharpened(claims, total, len(tried)), camp, {i: s for i, s in enumerate(solutions) if large[i]}, apart


def sharpened(claims: Claims, starts: Floats, tried: int) -> Floats:
    """Belief in every value by the number of starts (of `tried`) that lead to it, shape (values,): squared shares.

    A camp twice as large is nearly four times as likely: more than by its share, far less than if all its members were
    independent. A few starts more or less are chance: `FEW` more are granted to every value that any start leads to.
    """
    square = np.square(starts + FEW * np.minimum(starts, 1.0))
    rest = np.maximum(tried - np.bincount(claims.owner, weights=starts, minlength=claims.entities), 0)
    total = np.bincount(claims.owner, weights=square, minlength=claims.entities) + np.square(rest)
    result: Floats = square / np.maximum(total, 1e-12)[claims.owner]
    return result
