"""How strongly one column determines another: leave-one-out agreement, corrected for chance. Integer codes in."""

from __future__ import annotations

from dataclasses import dataclass

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

    @property
    def uneven(self) -> float:
        """How far disagreement is confined to some groups, beyond two standard errors of chance; in [0, 1]."""
        if self.pure_by_chance >= 1 or not self.groups:
            return 0.0
        error = np.sqrt(max(self.pure_by_chance * (1 - self.pure_by_chance), 1 / self.groups) / self.groups)
        return float(np.clip((self.pure - self.pure_by_chance - 2 * error) / (1 - self.pure_by_chance), 0, 1))

    @property
    def sound(self) -> float:
        """Strength as a dependency with errors, not as a mere correlation; in [0, 1].

        Takes off what looks like rightful variety: disagreement confined to some groups, and disagreement by values
        that the group repeats where the left side hardly improves on always guessing the commonest value.
        """
        gain = np.log2(max(self.agreement, 1e-9) / max(self.chance, 1e-9)) / 3  # eight times better than guessing: 1
        variety = self.repeated * (1 - float(np.clip(gain, 0, 1)))
        # a few exceptions (two people of one name) leave a strong dependency useful: their groups show their variety
        weight = min(1.0, 2 * float(np.sqrt(max(1 - self.corrected, 0.0))))
        return float(self.corrected * (1 - weight * self.uneven) ** 2 * (1 - variety))


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
    n = np.diff(start, append=len(packed))
    return packed[start] // width, packed[start] % width, n.astype(np.int64)


def _begins(ordered: Ints) -> npt.NDArray[np.bool_]:
    """True where a run of equal codes begins."""
    begins = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return begins


def strength(left: Ints, right: Ints, n: Ints) -> Strength:
    """Strength from distinct pairs as `pair_counts` gives them."""
    if not len(n):
        return NOTHING
    start = np.flatnonzero(_begins(left))
    total = np.add.reduceat(n, start)
    first = np.maximum.reduceat(n, start)
    group = np.repeat(np.arange(len(start)), np.diff(start, append=len(n)))
    is_first = n == first[group]
    position = np.flatnonzero(is_first)
    leader = position[_begins(group[position])]  # smallest code among ties
    others = n.copy()
    others[leader] = 0
    second = np.maximum.reduceat(others, start)
    judged = total >= 2
    rows = int(total[judged].sum())
    if not rows:
        return NOTHING
    sure = np.where(first - 1 > second, 1.0, np.where(first - 1 == second, 0.5, 0.0))
    agreement = float((first * sure)[judged].sum() / rows)
    in_judged = judged[group]
    frequency = np.bincount(right[in_judged], weights=n[in_judged])
    chance = float(frequency.max() / rows)
    corrected = (agreement - chance) / (1 - chance) if chance < 1 else 0.0
    dissent = others[in_judged]
    dissenting = dissent.sum()
    repeated = float(dissent[dissent >= 2].sum() / dissenting) if dissenting else 0.0
    distinct = len(np.unique(right[leader][judged]))
    several = total >= 3
    share = first[several].sum() / max(total[several].sum(), 1)
    pure = float((first == total)[several].mean()) if several.any() else 0.0
    expected = float((share ** total[several]).mean()) if several.any() else 0.0
    return Strength(agreement, max(corrected, 0.0), repeated, pure, expected, chance, rows, int(judged.sum()), distinct)
