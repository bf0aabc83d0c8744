"""Formulas that hold between number columns: sums, products, discounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt

from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.rules.coding import filled_text, sampled_rows
from kintsu.rules.formula import Formula, holds
from kintsu.rules.spelling import decimals_of

__all__ = ["formulas"]

Floats = npt.NDArray[np.float64]

SCREEN_ROWS = 400
CONFIRM_ROWS = 20_000
MOST_COLUMNS = 24  # 24 number columns make 6,072 sums and products of two; more columns: those with the most values
TOGETHER = 256  # formulas computed at once: their arrays stay in the processor's cache
_RANK = {name: i for i, name in enumerate(("sum", "product", "discounted", "sum_of_three"))}  # simplest first
LEAST_AGREEMENT = 0.6  # three or four cells a row may each be wrong in one row of ten, and the formula is still found


def formulas(reference: Reference) -> list[Formula]:
    """Formulas of the table; see `_formulas`. Learned once per reference."""
    return remembered(reference, "formulas", lambda: _formulas(reference))


def _formulas(reference: Reference) -> list[Formula]:
    """The best formulas for every result column, strongest first.

    Each is ranked on a few hundred rows and confirmed on more. One relation is reported once: of `a = b + c` and
    `b = a - c` the sum.
    """
    sample = sampled_rows(reference.sample, CONFIRM_ROWS, reference.seed)
    names = _number_columns(reference)
    if len(names) < 2 or len(sample) < 20:
        return []
    order = sample.frame.hash_rows(reference.seed).arg_sort()  # the same few rows in any row order
    numbers = {name: sample[name].number.gather(order).to_numpy().astype(np.float64) for name in names}
    decimals = {name: decimals_of(filled_text(sample[name]).gather(order))[1] for name in names}
    few = {name: values[:SCREEN_ROWS] for name, values in numbers.items()}
    likely: dict[str, list[tuple[float, int, Formula]]] = {}
    for formula, agreement in _agreements(_candidates(names, decimals), few):
        if agreement >= LEAST_AGREEMENT - 0.1:
            likely.setdefault(formula.result, []).append((agreement, -len(formula.parts), formula))
    found = []
    for ranked in likely.values():
        best = sorted(ranked, key=lambda r: (-r[0], -r[1], r[2].text))[:5]
        confirmed = [g for _, _, f in best if (g := _confirmed(f, numbers)) is not None]
        if confirmed:
            top = max(f.agreement for f in confirmed)
            found += [f for f in confirmed if f.agreement >= top - 0.05]
    return _without_repeats(sorted(found, key=lambda f: (-f.agreement, f.text)))


def _number_columns(reference: Reference) -> list[str]:
    facts = [reference.column(name) for name in reference.columns]
    usable = [f for f in facts if f.is_numeric and f.type_share >= 0.7 and f.distinct >= 3]
    if len(usable) > MOST_COLUMNS:
        usable = sorted(usable, key=lambda f: (-f.distinct, f.name))[:MOST_COLUMNS]
    chosen = {f.name for f in usable}
    return [name for name in reference.columns if name in chosen]


def _candidates(names: list[str], decimals: dict[str, int]) -> Iterator[Formula]:
    for a, b in combinations(names, 2):
        for c in names:
            if c in (a, b):
                continue
            yield Formula(c, "sum", (a, b), decimals[c])
            yield Formula(c, "product", (a, b), decimals[c])
            if len(names) <= 14:
                for d in names:
                    if d not in (a, b, c):
                        yield Formula(c, "discounted", (a, b, d), decimals[c])
                        if d > b:
                            yield Formula(c, "sum_of_three", (a, b, d), decimals[c])
    for a, b, c in permutations(names, 3):
        yield Formula(c, "reduced", (a, b), decimals[c])
        yield Formula(c, "increased", (a, b), decimals[c])
        if decimals[c] > 0:
            yield Formula(c, "ratio", (a, b), decimals[c])


def _agreements(candidates: Iterator[Formula], numbers: dict[str, Floats]) -> Iterator[tuple[Formula, float]]:
    """Each formula with its agreement. Those of one form and rounding are computed together: there are thousands."""
    alike: dict[tuple[str, int], list[Formula]] = {}
    for formula in candidates:
        alike.setdefault((formula.operation, formula.decimals), []).append(formula)
    for (operation, decimals), formulas in alike.items():
        places = [f"part {i}" for i in range(len(formulas[0].parts))]
        form = Formula("result", operation, tuple(places), decimals)
        for start in range(0, len(formulas), TOGETHER):
            some = formulas[start : start + TOGETHER]
            stacked = {place: np.stack([numbers[f.parts[i]] for f in some]) for i, place in enumerate(places)}
            stacked["result"] = np.stack([numbers[f.result] for f in some])
            yield from zip(some, _agreement(form, stacked).tolist(), strict=True)


def _agreement(formula: Formula, numbers: dict[str, Floats]) -> Floats:
    """Share of rows (the last axis) that obey, of those with all numbers where every part matters; 0 for too few."""
    use = _informative(formula, numbers)
    n = use.sum(axis=-1)
    obey: Floats = np.where(n < 10, 0.0, (holds(formula, numbers) & use).sum(axis=-1) / np.maximum(n, 1))
    return obey


def _informative(formula: Formula, numbers: dict[str, Floats]) -> npt.NDArray[np.bool_]:
    """Rows in which all needed numbers are there and the result does not simply equal a part, or 0."""
    expected = formula.value(numbers)
    result = numbers[formula.result]
    use: npt.NDArray[np.bool_] = np.isfinite(expected) & np.isfinite(result) & (expected != 0)
    for name in formula.parts:
        if name != formula.optional:
            use &= expected != numbers[name]
    return use


def _confirmed(formula: Formula, numbers: dict[str, Floats]) -> Formula | None:
    agreement = float(_agreement(formula, numbers))
    use = _informative(formula, numbers)
    shuffled = dict(numbers)
    kept = {name: numbers[name][use] for name in formula.columns}
    chance = 0.0
    if use.any():
        n = int(use.sum())
        for shift in (1, 2, 3):  # neighbours in hash order are random partners
            shuffled = {**kept, formula.result: np.roll(kept[formula.result], shift * max(n // 7, 1))}
            chance += float(holds(formula, shuffled).mean()) / 3
    if formula.optional:  # the optional part must matter: rows where it is filled obey as well
        filled = use & (np.nan_to_num(numbers[formula.optional]) != 0)
        if filled.sum() < 10 or holds(formula, numbers)[filled].mean() < LEAST_AGREEMENT:
            return None
    if agreement < LEAST_AGREEMENT or chance > 0.3 * agreement:
        return None
    return replace(formula, agreement=agreement, chance=chance, support=int(use.sum()))


def _without_repeats(found: list[Formula]) -> list[Formula]:
    """Formulas that say something new: none whose columns another one, as strong or with more columns, has already."""
    kept: list[Formula] = []
    for formula in sorted(found, key=lambda f: (-len(f.parts), _RANK.get(f.operation, 9), -f.agreement, f.text)):
        if not any(set(formula.columns) <= set(other.columns) for other in kept):
            kept.append(formula)
    return sorted(kept, key=lambda f: (-f.agreement, f.text))
