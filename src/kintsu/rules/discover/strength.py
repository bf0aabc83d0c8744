"""How strongly one column determines another: leave-one-out agreement, corrected for chance. Integer codes in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["NOTHING", "Strength", "pair_counts", "strength"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Strength:
    """What a left side says about a right side.

    Parameters
    ----------
    agreement
        Share of rows whose value is the most frequent one among the *other* rows of their group.
    corrected
        The same, 0 where always guessing the column's commonest value does as well, 1 where every row agrees.
    repeated
        Of the rows that disagree with their group's commonest value, the share whose value another row of the group
        repeats: near 0 for scattered errors, near 1 for a column that rightly takes several values in a group.
    pure, pure_by_chance
        Share of groups of three and more without any disagreement, and the share that would be expected if every cell
        disagreed independently at the overall rate. Far more pure groups than that: some groups rightly hold several
        values. About as many: errors hit all groups alike.
    chance
        Share of the column's commonest value.
    rows, groups
        Rows and groups that could be judged: groups of two and more.
    distinct
        Different commonest values over those groups.
    """

    agreement: float
    corrected: float
    repeated: float
    pure: float
    pure_by_chance: float
    chance: float
    rows: int
    groups: int
    distinct: int

    @cached_property
    def uneven(self) -> float:
        """How far disagreement is confined to some groups, beyond two standard errors of chance; in [0, 1]."""
        if self.pure_by_chance >= 1 or not self.groups:
            return 0.0
        error = math.sqrt(max(self.pure_by_chance * (1 - self.pure_by_chance), 1 / self.groups) / self.groups)
        return _share((self.pure - self.pure_by_chance - 2 * error) / (1 - self.pure_by_chance))

    @cached_property
    def sound(self) -> float:
        """Strength as a dependency with errors, not as a mere correlation; in [0, 1].

        Takes off what looks like rightful variety: disagreement confined to some groups, and disagreement by values
        that the group repeats where the left side hardly improves on always guessing the commonest value.
        """
        gain = math.log2(max(self.agreement, 1e-9) / max(self.chance, 1e-9)) / 3  # eight times better than guessing: 1
        variety = self.repeated * (1 - _share(gain))
        # a few exceptions (two people of one name) leave a strong dependency useful: their groups show their variety
        weight = min(1.0, 2 * math.sqrt(max(1 - self.corrected, 0.0)))
        return self.corrected * (1 - weight * self.uneven) ** 2 * (1 - variety)


def _share(x: float) -> float:
    return min(max(x, 0.0), 1.0)


NOTHING = Strength(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0, 0, 0)


def pair_counts(left: Ints, right: Ints, width: int) -> tuple[Ints, Ints, Ints]:
    """Distinct (left, right) pairs and their counts, sorted by left, then right. Negative codes are left out.

    `width` is larger than every right code.
    """
    kept = (left >= 0) & (right >= 0)
    packed = np.sort(left[kept] * width + right[kept])
    if not len(packed):
        return packed, packed, packed
    start = np.flatnonzero(_begins(packed))
    first, second = np.divmod(packed[start], width)
    return first, second, _sizes(start, len(packed))


def _begins(ordered: Ints) -> npt.NDArray[np.bool_]:
    """True where a run of equal codes begins."""
    begins = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return begins


def _sizes(start: Ints, end: int) -> Ints:
    """Length of each run from where it begins to where the next one does."""
    return np.append(start[1:], end) - start


def strength(left: Ints, right: Ints, n: Ints) -> Strength:
    """Strength from distinct pairs as `pair_counts` gives them."""
    if not len(n):
        return NOTHING
    start = np.flatnonzero(_begins(left))
    total = np.add.reduceat(n, start)
    judged = total >= 2
    if not judged.any():
        return NOTHING
    if not judged.all():
        kept = np.repeat(judged, _sizes(start, len(n)))
        left, right, n, total = left[kept], right[kept], n[kept], total[judged]
        start = np.flatnonzero(_begins(left))
    rows = int(total.sum())
    first = np.maximum.reduceat(n, start)
    position = np.flatnonzero(n == np.repeat(first, _sizes(start, len(n))))
    leader = position[_begins(left[position])]  # smallest code among ties
    others = n.copy()
    others[leader] = 0
    second = np.maximum.reduceat(others, start)
    sure = np.where(first - 1 > second, 1.0, np.where(first - 1 == second, 0.5, 0.0))
    agreement = float((first * sure).sum() / rows)
    chance = float(np.bincount(right, weights=n).max() / rows)
    corrected = (agreement - chance) / (1 - chance) if chance < 1 else 0.0
    dissenting = others.sum()
    repeated = float(others[others >= 2].sum() / dissenting) if dissenting else 0.0
    distinct = len(np.unique(right[leader]))
    several = total >= 3
    first, total = first[several], total[several]
    share = first.sum() / max(total.sum(), 1)
    pure = float((first == total).mean()) if len(total) else 0.0
    expected = float((share**total).mean()) if len(total) else 0.0
    return Strength(agreement, max(corrected, 0.0), repeated, pure, expected, chance, rows, len(start), distinct)
