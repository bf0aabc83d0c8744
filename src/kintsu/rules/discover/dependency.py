"""Approximate functional dependencies: which one or two columns determine a column, in spite of errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
SOUND = 0.7  # a side that keeps this share of its strength has its disagreement spread over all groups


@dataclass(frozen=True)
class Dependency:
    """`left` determines `right`, as strongly as `strength` says."""

    left: tuple[str, ...]
    right: str
    strength: Strength

    @property
    def text(self) -> str:
        return f"{' + '.join(self.left)} -> {self.right}"


@dataclass(frozen=True)
class _Coded:
    """One column of the sample: codes, their number, and the descending share of rows per code, summed up."""

    codes: Ints
    width: int
    covered: npt.NDArray[np.float64]
    repeated: int  # rows whose value another row has too

    @staticmethod
    def of(codes: Ints, width: int) -> _Coded:
        n = np.bincount(codes[codes >= 0], minlength=width)
        covered = np.cumsum(np.sort(n)[::-1]) / max(n.sum(), 1)
        return _Coded(codes, width, covered, int(n[n >= 2].sum()))


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
                found[right] = _two_columns(screen, right, single.get(right, []))
            elif any(_is_various(d.strength) for d in alone):
                together = _two_columns(screen, right, single.get(right, []), most=12)
                found[right] = _explaining(alone, together)
    kept = [d for ds in found.values() for d in _best(ds)]
    if reference.rows > SCREEN_ROWS:
        confirm = _coded(reference, CONFIRM_ROWS)
        measured = [Dependency(d.left, d.right, _strength(confirm, d.left, d.right)) for d in kept]
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
        coded = _Coded.of(values.encode(text), len(values))
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


def _strength(coded: Mapping[str, _Coded], left: tuple[str, ...], right: str) -> Strength:
    if right not in coded or any(name not in coded for name in left):
        return strength(*pair_counts(np.empty(0, np.int64), np.empty(0, np.int64), 1))
    group = coded[left[0]].codes
    for name in left[1:]:
        group = pack(group, coded[name].codes, coded[name].width)
    return strength(*pair_counts(group, coded[right].codes, coded[right].width))


def _is_strong(s: Strength) -> bool:
    """Enough groups with different values, and agreement well above chance even at the lower end of its error bar."""
    if s.groups < 3 or s.distinct < 2 or s.rows < 10:
        return False
    margin = 2 * np.sqrt(max(s.agreement * (1 - s.agreement), 0.25 / s.rows) / s.rows)
    return bool(min(s.corrected - margin, s.sound) >= LEAST_CORRECTED)


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
    coded: Mapping[str, _Coded], right: str, single: list[tuple[float, str]], most: int = 8
) -> list[Dependency]:
    """Pairs of columns that determine `right` together: tried where single columns leave much open.

    `single` holds the strength of every column alone; the `most` that say most are paired.
    """
    rows = len(coded[right].codes)
    helpful = sorted(((s, name) for s, name in single if coded[name].width <= rows / 4), key=lambda h: (-h[0], h[1]))
    chosen = [name for s, name in helpful[:most] if s > 0.02]
    result = []
    for a, b in combinations(chosen, 2):
        if coded[a].width * coded[b].width < 4:
            continue
        s = _strength(coded, (a, b), right)
        if _is_strong(s) and s.sound >= 0.6 and s.rows >= 0.3 * rows:
            result.append(Dependency((a, b), right, s))
    return result
