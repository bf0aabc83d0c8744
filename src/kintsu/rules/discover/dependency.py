"""Approximate functional dependencies: which one or two columns determine a column, in spite of errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from kintsu.core.contracts import Reference
from kintsu.rules.coding import Codes, filled_text, mended, mends, pack, sampled_rows
from kintsu.rules.discover.strength import Strength, pair_counts, strength

__all__ = ["Dependency", "dependencies"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SCREEN_ROWS = 20_000  # every admissible pair is ranked on so many rows ...
CONFIRM_ROWS = 100_000  # ... and the survivors on so many
MOST_PAIRS = 4_000  # of columns; a pair of 20,000 rows costs about 1 ms; more are screened by twins first
MOST_FOR_TWO = 60  # columns; pairs of left sides are tried in tables that are not wider
TWINS = 64  # pairs of rows with equal left values that screen a left side
LEAST_TWINS = 0.12  # half of the cells wrong leave a quarter of the twins in agreement
MOST_LEFTS = 6  # left sides per column: more of them only repeat each other
LEAST_CORRECTED = 0.3  # half of the cells may be wrong and scattered, and the pair is still found
MOST_CONDITIONS = 4  # columns of few values that are tried as conditions of a column that nothing determines
MOST_CASES = 12  # values of such a column ...
LEAST_OF_CASE = 0.05  # ... each in so many of the rows
LEAST_CONDITIONAL = 0.8  # strength under a condition: many conditions are tried, so it has to be clear
FEW_CODES = 60  # a column of so few values may say in which of several cases a row is ...
PAIRED = 3  # ... and is tried beside so many others
SOUND = 0.7  # a side that keeps this share of its strength has its disagreement spread over all groups


@dataclass(frozen=True)
class Dependency:
    """`left` determines `right`, as strongly as `strength` says.

    A conditional dependency has two left columns, and a `condition`: it holds in the rows whose second left column is
    that text (Bohannon et al., Conditional functional dependencies for data cleaning, ICDE 2007).
    """

    left: tuple[str, ...]
    right: str
    strength: Strength
    condition: str | None = None

    @property
    def text(self) -> str:
        if self.condition is not None:
            return f"{self.left[0]} -> {self.right} where {self.left[1]} is {self.condition}"
        return f"{' + '.join(self.left)} -> {self.right}"


@dataclass(frozen=True)
class _Coded:
    """One column of the sample: codes, their number, and the descending share of rows per code, summed up."""

    codes: Ints
    values: Codes
    rows: Ints  # per code
    covered: npt.NDArray[np.float64]
    repeated: int  # rows whose value another row has too

    @property
    def width(self) -> int:
        return len(self.values)

    @staticmethod
    def of(codes: Ints, values: Codes) -> _Coded:
        n = np.bincount(codes[codes >= 0], minlength=len(values))
        covered = np.cumsum(np.sort(n)[::-1]) / max(n.sum(), 1)
        return _Coded(codes, values, n, covered, int(n[n >= 2].sum()))


def dependencies(reference: Reference) -> list[Dependency]:
    """Dependencies worth voting with, strongest first for every right column.

    Of several left sides those far weaker than the strongest are dropped: they are correlated with it, no more.
    """
    screen = _coded(reference, SCREEN_ROWS)
    found: dict[str, list[Dependency]] = {}
    single: dict[str, list[tuple[float, str]]] = {}
    for left, right in _pairs(screen):
        result = _strength(screen, (left,), right)
        single.setdefault(right, []).append((result.corrected, left))
        if _is_strong(result):
            found.setdefault(right, []).append(Dependency((left,), right, result))
    if len(screen) <= MOST_FOR_TWO:
        for right in screen:
            alone = found.get(right)
            if not alone:
                known = single.get(right, [])
                found[right] = _two_columns(screen, right, known) or _conditional(screen, right, known)
            elif any(_is_various(d.strength) for d in alone):
                few = [name for name, coded in screen.items() if coded.width <= FEW_CODES and name != right]
                together = _two_columns(screen, right, single.get(right, []), most=12, partners=few)
                found[right] = _explaining(alone, together)
    kept = [d for ds in found.values() for d in _best(ds)]
    if reference.rows > SCREEN_ROWS:
        confirm = _coded(reference, CONFIRM_ROWS)
        measured = [replace(d, strength=_strength(confirm, d.left, d.right, _case(confirm, d))) for d in kept]
        kept = [d for d in measured if _is_strong(d.strength)]
    by_right: dict[str, list[Dependency]] = {}
    for d in kept:
        by_right.setdefault(d.right, []).append(d)
    return [d for right in reference.columns for d in _best(by_right.get(right, []))]


def _coded(reference: Reference, rows: int) -> dict[str, _Coded]:
    """Columns that can stand on either side: neither constant nor near-unique."""
    sample = sampled_rows(reference.sample, rows, reference.seed)
    order = sample.frame.hash_rows(reference.seed).arg_sort()  # twins are the same rows in any row order
    result = {}
    for name in reference.columns:
        facts = reference.column(name)
        if facts.distinct < 2 or facts.is_free_text or facts.is_key_like:
            continue
        text = mended(filled_text(sample[name]).gather(order), mends(reference, name))
        values = Codes.of(text)
        coded = _Coded.of(values.encode(text), values)
        if coded.width >= 2 and coded.repeated >= max(10, 0.02 * len(sample)):
            result[name] = coded
    return result


def _pairs(coded: Mapping[str, _Coded]) -> list[tuple[str, str]]:
    """Admissible pairs; of too many, those whose right values agree most in rows with equal left values.

    A group predicts one value, so w groups reach w values: a left side with few codes cannot determine a column whose
    commonest values cover too little.
    """
    names = sorted(coded)
    width = np.array([coded[name].width for name in names])
    admitted = np.zeros((len(names), len(names)), bool)
    for j, name in enumerate(names):
        reach = np.minimum(width, width[j]) - 1
        admitted[:, j] = coded[name].covered[reach] >= LEAST_CORRECTED
    np.fill_diagonal(admitted, False)
    if admitted.sum() > MOST_PAIRS:
        codes = np.stack([coded[name].codes for name in names], axis=1).astype(np.int32)
        common = np.array([_collision(coded[name].codes) for name in names])
        excess = np.stack([_agreement_of_twins(coded[name].codes, codes, common) for name in names])
        excess[~admitted] = 0
        best = np.argsort(-excess, axis=None, kind="stable")[:MOST_PAIRS]
        kept = np.zeros(admitted.size, bool)
        kept[best[excess.ravel()[best] >= LEAST_TWINS]] = True
        admitted = kept.reshape(admitted.shape)
    return [(names[i], names[j]) for i, j in np.argwhere(admitted).tolist()]


def _collision(codes: Ints) -> float:
    """Probability that two rows agree by chance."""
    n = np.bincount(codes[codes >= 0])
    return float(((n / max(n.sum(), 1)) ** 2).sum())


def _agreement_of_twins(left: Ints, codes: npt.NDArray[np.int32], common: Floats) -> Floats:
    """For every column, how often it agrees in pairs of rows that agree on the left; 0: as by chance, 1: always."""
    order = np.argsort(left, kind="stable")
    order = order[left[order] >= 0]
    twin = np.flatnonzero(left[order][1:] == left[order][:-1])
    if len(twin) < 10:
        return np.zeros(codes.shape[1])
    chosen = twin[np.linspace(0, len(twin) - 1, min(TWINS, len(twin))).astype(int)]
    a, b = codes[order[chosen]], codes[order[chosen + 1]]
    both = (a >= 0) & (b >= 0)
    agree = ((a == b) & both).sum(axis=0) / np.maximum(both.sum(axis=0), 1)
    return np.asarray((agree - common) / np.maximum(1 - common, 1e-9))


def _case(coded: Mapping[str, _Coded], d: Dependency) -> int | None:
    """Code of the condition."""
    if d.condition is None or d.left[-1] not in coded:
        return None
    return coded[d.left[-1]].values.code(d.condition)


def _strength(coded: Mapping[str, _Coded], left: tuple[str, ...], right: str, case: int | None = None) -> Strength:
    """Strength over all rows, or over those whose last left column has the code `case`."""
    if right not in coded or any(name not in coded for name in left):
        return strength(*pair_counts(np.empty(0, np.int64), np.empty(0, np.int64), 1))
    group = coded[left[0]].codes
    for name in left[1:]:
        group = pack(group, coded[name].codes, coded[name].width)
    if case is not None:
        group = np.where(coded[left[-1]].codes == case, group, -1)
    return strength(*pair_counts(group, coded[right].codes, coded[right].width))


def _is_strong(s: Strength) -> bool:
    """Enough groups with different values, and agreement well above chance even at the lower end of its error bar."""
    if s.groups < 3 or s.distinct < 2 or s.rows < 10:
        return False
    margin = 2 * math.sqrt(max(s.agreement * (1 - s.agreement), 0.25 / s.rows) / s.rows)
    return min(s.corrected - margin, s.sound) >= LEAST_CORRECTED


def _best(found: list[Dependency]) -> list[Dependency]:
    if not found:
        return []
    ranked = sorted(found, key=lambda d: (-d.strength.sound, len(d.left), d.left))
    allowed = 5 * (1 - ranked[0].strength.sound) + 0.05
    if ranked[0].strength.sound >= SOUND * ranked[0].strength.corrected:  # correlates of the true left side
        ranked = [d for d in ranked if d.strength.sound >= SOUND * d.strength.corrected]
    return [d for d in ranked if 1 - d.strength.sound <= allowed][:MOST_LEFTS]


def _is_various(s: Strength) -> bool:
    """Whether groups disagree much, by values that they repeat: another column may say which value is right."""
    return s.corrected < 0.8 and s.repeated >= 0.7


def _explaining(alone: list[Dependency], together: list[Dependency]) -> list[Dependency]:
    """Left sides, those that leave much open replaced by pairs that explain three quarters of it, if there are any."""
    various = [d for d in alone if _is_various(d.strength)]
    best = max(d.strength.corrected for d in various)
    enough = {name for d in alone if d not in various for name in d.left}  # such a column needs no second one
    better = [d for d in together if 1 - d.strength.corrected <= 0.25 * (1 - best) and not enough & set(d.left)]
    return [d for d in alone if not better or d not in various] + better


def _two_columns(
    coded: Mapping[str, _Coded],
    right: str,
    single: list[tuple[float, str]],
    most: int = 8,
    partners: Sequence[str] = (),
) -> list[Dependency]:
    """Pairs of columns that determine `right` together: tried where single columns leave much open.

    `single` holds the strength of every column alone; the `most` that say most are paired, and the first few of them
    with `partners`: a quantity of ten values says nothing of a weight alone, and much beside the product.
    """
    rows = len(coded[right].codes)
    helpful = sorted(((s, name) for s, name in single if coded[name].width <= rows / 4), key=lambda h: (-h[0], h[1]))
    chosen = [name for s, name in helpful[:most] if s > 0.02]
    result = []
    beside = [(a, b) for a in chosen[:PAIRED] for b in partners if b not in chosen]
    for a, b in [*combinations(chosen, 2), *beside]:
        if coded[a].width * coded[b].width < 4:
            continue
        s = _strength(coded, (a, b), right)
        if _is_strong(s) and s.sound >= 0.6 and s.rows >= 0.3 * rows:
            result.append(Dependency((a, b), right, s))
    return result


def _conditional(coded: Mapping[str, _Coded], right: str, single: list[tuple[float, str]]) -> list[Dependency]:
    """Columns that determine `right` in the rows with one value of a third column, and say little elsewhere."""
    rows = len(coded[right].codes)
    likely = [name for s, name in sorted(single, key=lambda h: (-h[0], h[1]))[:MOST_CONDITIONS] if s > 0.02]
    few = [name for name, column in coded.items() if column.width <= MOST_CASES and name != right]
    result = []
    for case_of in sorted(few, key=lambda name: (coded[name].width, name))[:MOST_CONDITIONS]:
        least = max(60, LEAST_OF_CASE * rows)
        codes = np.flatnonzero(coded[case_of].rows >= least)
        cases = list(zip(coded[case_of].values.decode(codes).to_list(), codes.tolist()))
        for name in likely:
            if name != case_of:
                tried = [(case, _strength(coded, (name, case_of), right, code)) for case, code in cases]
                result += [
                    Dependency((name, case_of), right, s, case)
                    for case, s in tried
                    if _is_strong(s) and s.sound >= LEAST_CONDITIONAL and s.groups >= 10 and s.rows >= 0.5 * least
                ]
    return result
