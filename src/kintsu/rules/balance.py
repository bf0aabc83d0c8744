"""Rows that break a formula: which of their cells is wrong, and what should stand there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.core.phrase import phrase
from kintsu.rules.coding import Codes, filled_text, sampled_rows
from kintsu.rules.discover.arithmetic import formulas
from kintsu.rules.formula import Formula, holds
from kintsu.rules.plausible import Plausibility, best_context
from kintsu.rules.spelling import NumberSpelling

__all__ = ["BALANCED", "BalanceModel", "balance", "train"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TRAIN_ROWS = 200_000
SLIP, EDIT, DIGITS = 3.0, 3.0, 3.0  # log odds of a slip, of one edit, of more decimals than the column has
ELSEWHERE = 6.0  # log odds that another formula lends to the cell which mends it, or takes from one which breaks it
SLIPS = (-1.0, 10.0, 100.0, 1000.0, 0.1, 0.01, 0.001)  # a wrong sign, a shifted decimal point


@dataclass(frozen=True, eq=False)
class BalanceModel:
    """Formulas, and for each of their columns what is plausible and how numbers are spelt."""

    formulas: tuple[Formula, ...]
    plausible: Mapping[str, Plausibility]
    spelling: Mapping[str, NumberSpelling]


def train(reference: Reference) -> BalanceModel:
    """Formulas of the table, declared ones included; learned once per reference."""
    return remembered(reference, "balance", lambda: _learn(reference))


def _learn(reference: Reference) -> BalanceModel:
    found = formulas(reference)
    names = sorted({name for f in found for name in f.columns})
    if not found:
        return BalanceModel((), {}, {})
    sample = sampled_rows(reference.sample, TRAIN_ROWS, reference.seed)
    groups = {}
    for name in reference.columns:
        facts = reference.column(name)
        if not facts.is_numeric and not facts.is_key_like and not facts.is_free_text and facts.distinct >= 3:
            text = filled_text(sample[name])
            codes = Codes.of(text)
            groups[name] = (codes, codes.encode(text))
    plausible, spelling = {}, {}
    for name in names:
        numbers = _numbers(sample, name)
        plausible[name] = Plausibility.of(numbers, best_context(numbers, groups))
        spelling[name] = NumberSpelling.of(filled_text(sample[name]), decimal_comma=sample.decimal_comma)
    return BalanceModel(tuple(found), plausible, spelling)


def _numbers(batch: Batch, name: str) -> Floats:
    return batch[name].number.to_numpy().astype(np.float64)


BALANCED = {
    "row": pl.Int64,
    "column": pl.String,
    "old": pl.String,
    "new": pl.String,  # null where the formula does not fix one value
    "missing": pl.Boolean,
    "score": pl.Float64,  # probability that this cell is the wrong one, and that new is right
    "group": pl.String,  # ties the cells of one broken row
    "formula": pl.String,
    "shown": pl.String,  # the broken formula with the row's numbers
}


def balance(batch: Batch, model: BalanceModel) -> pl.DataFrame:
    """One line (schema `BALANCED`) per cell that could explain a broken formula of its row, or that a formula fills.

    Remembered.
    """
    return remembered(batch, model, lambda: _balanced(batch, model))


def _balanced(batch: Batch, model: BalanceModel) -> pl.DataFrame:
    parts = [
        part
        for formula in model.formulas
        if all(name in batch.columns for name in formula.columns)
        for part in _balance(batch, model, formula)
    ]
    if not parts:
        return pl.DataFrame(schema=BALANCED)
    kept = pl.concat(parts).filter(~pl.col("old").eq_missing(pl.col("new")))
    order = ["row", "column", "score", "formula"]
    return kept.sort(order, descending=[False, False, True, False]).unique(["row", "column"], keep="first").sort(order)


def _balance(batch: Batch, model: BalanceModel, formula: Formula) -> list[pl.DataFrame]:
    numbers = {name: _numbers(batch, name) for name in formula.columns}
    unknown = {name: ~np.isfinite(values) for name, values in numbers.items()}
    needed = [name for name in formula.columns if name != formula.optional]
    n_unknown = np.sum([unknown[name] for name in needed], axis=0)
    broken = np.flatnonzero((n_unknown == 0) & ~holds(formula, numbers))
    parts = []
    if len(broken):
        parts.append(_broken(batch, model, formula, numbers, broken))
    for name in needed:
        empty = np.flatnonzero((n_unknown == 1) & unknown[name])
        if len(empty):
            parts.append(_filled(batch, model, formula, name, numbers, empty))
    return [p for p in parts if len(p)]


def _filled(
    batch: Batch, model: BalanceModel, formula: Formula, name: str, numbers: Mapping[str, Floats], rows: Ints
) -> pl.DataFrame:
    at = {column: values[rows] for column, values in numbers.items()}
    value, fits = _implied(model, formula, name, at)
    where = Batch(batch.table, batch.frame[rows], batch.row.gather(rows), batch.decimal_comma)
    centre = model.plausible[name].centres(where)
    # a wrong number elsewhere in the row makes the implied value implausible
    doubt = np.clip(_typical(model.plausible[name], value, centre), 0, 8)
    score = formula.agreement / (1 + 0.01 * np.exp(doubt))
    frame = _frame(where, model, formula, name, value, np.where(fits, score, 0.5 * score))
    return frame.filter(np.isfinite(value) & (np.abs(value) < 1e15))


def _typical(plausible: Plausibility, values: Floats, centre: Floats) -> Floats:
    """How much less plausible than usual each value is, in log density."""
    if plausible.context is not None:
        usual = np.where(np.isfinite(centre), -np.log(plausible.context.spread), np.nan)
    else:
        usual = np.full(len(values), np.nan)
    usual = np.where(np.isfinite(usual), usual, np.median(plausible.density))
    usual = usual + np.where(values == np.round(values), 0.0, np.log(plausible.fractional))
    return usual - plausible.log_density(values, centre)


def _implied(
    model: BalanceModel, formula: Formula, name: str, at: Mapping[str, Floats]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The implied value at the column's resolution, and whether it alone fits the formula."""
    spelling = model.spelling[name]
    value = spelling.rounded(formula.implied(name, at))
    step = 10.0**-spelling.most
    fits = holds(formula, {**at, name: value})
    if name != formula.result:
        for neighbour in (value - step, value + step):
            fits &= ~holds(formula, {**at, name: neighbour})
    return value, fits


def _broken(
    batch: Batch, model: BalanceModel, formula: Formula, numbers: Mapping[str, Floats], rows: Ints
) -> pl.DataFrame:
    """Every cell's claim to be the wrong one: the gain in plausibility when it takes its implied value.

    The claims compete with each other and with a constant claim that something else is wrong (two cells, or a row that
    rightly does not obey).
    """
    at = {column: values[rows] for column, values in numbers.items()}
    where = Batch(batch.table, batch.frame[rows], batch.row.gather(rows), batch.decimal_comma)
    claims, values, exact = [], [], []
    for name in formula.columns:
        value, fits = _implied(model, formula, name, at)
        value, fits, slip = _slipped(model, formula, name, at, value, fits)
        plausible, centre = model.plausible[name], model.plausible[name].centres(where)
        observed = at[name]
        gain = plausible.log_density(value, centre) - plausible.log_density(observed, centre)
        claim = np.clip(gain, -12, 12) + np.where(slip, SLIP, 0.0)
        claim += np.where(~slip & _one_edit(where[name].text, model.spelling[name].spell(value)), EDIT, 0.0)
        claim += np.where(observed != model.spelling[name].rounded(observed), DIGITS, 0.0)
        # an empty optional cell: the value must look usual, since there is no odd number to explain away
        unlikely = np.where(fits, -1.0, -8.0) - np.clip(_typical(plausible, value, centre), 0, 10)
        claim = np.where(np.isfinite(observed), claim, unlikely)
        claim = claim + _elsewhere(where, model, formula, name, value)
        claims.append(np.where(np.isfinite(value), claim, -30.0))
        values.append(value)
        exact.append(fits)
    claim = np.stack([*claims, np.full(len(rows), 2.0)])
    weight = np.exp(claim - claim.max(axis=0))
    share = weight / weight.sum(axis=0)
    sure = min(formula.agreement + 0.01, 0.99)
    parts = [
        _frame(where, model, formula, name, values[i], share[i] * sure * np.where(exact[i], 1.0, 0.55))
        for i, name in enumerate(formula.columns)
    ]
    return pl.concat(parts)


def _slipped(
    model: BalanceModel,
    formula: Formula,
    name: str,
    at: Mapping[str, Floats],
    value: Floats,
    fits: npt.NDArray[np.bool_],
) -> tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Where a wrong sign or decimal point explains the cell, the value without it; and where that is so."""
    slip = np.zeros(len(value), bool)
    for factor in SLIPS:
        undone = model.spelling[name].rounded(at[name] / factor)
        mends = holds(formula, {**at, name: undone}) & ~slip & (undone != 0)
        value = np.where(mends, undone, value)
        slip |= mends
    return value, fits | slip, slip


def _one_edit(old: pl.Series, new: pl.Series) -> npt.NDArray[np.bool_]:
    """Whether one slip of the keyboard (a character changed, added, dropped, swapped) turns new into old."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cpdist

    return cpdist(old.fill_null("").to_list(), new.fill_null("").to_list(), scorer=OSA.distance, score_cutoff=1) <= 1


def _elsewhere(where: Batch, model: BalanceModel, formula: Formula, name: str, value: Floats) -> Floats:
    """What the other formulas say to the new value: it mends those that are broken, or breaks those that hold."""
    said = np.zeros(len(where))
    for other in model.formulas:
        if other == formula or name not in other.columns or any(c not in where.columns for c in other.columns):
            continue
        before = {column: _numbers(where, column) for column in other.columns}
        judged = np.all([np.isfinite(before[c]) for c in other.columns if c != other.optional], axis=0)
        change = holds(other, {**before, name: value}).astype(int) - holds(other, before)
        said += np.where(judged, ELSEWHERE * other.agreement * change, 0.0)
    return said


def _frame(
    where: Batch,
    model: BalanceModel,
    formula: Formula,
    name: str,
    value: Floats,
    score: Floats,
) -> pl.DataFrame:
    old = where[name].text
    group = pl.select(phrase("{}:{}", pl.lit(formula.text), where.row)).to_series()
    shown = pl.select(
        pl.concat_str(
            pl.lit(formula.text + " with "),
            pl.concat_str(
                [phrase("{} {}", pl.lit(c), where[c].text.fill_null("empty")) for c in formula.columns],
                separator=", ",
            ),
        )
    ).to_series()
    return pl.DataFrame(
        {
            "row": where.row,
            "column": pl.repeat(name, len(where), eager=True, dtype=pl.String),
            "old": old,
            "new": model.spelling[name].spell(value),
            "missing": where[name].is_missing,
            "score": np.clip(np.nan_to_num(score), 0, 0.995),
            "group": group,
            "formula": pl.repeat(formula.text, len(where), eager=True, dtype=pl.String),
            "shown": shown,
        },
        schema=BALANCED,
    )
