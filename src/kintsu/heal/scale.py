"""Undo factors of ten, flipped signs and doubled digits, where the rest of the table proves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.frames import REPAIRS, concat, repairs
from kintsu.core.memory import remembered
from kintsu.core.recipe import Recipe
from kintsu.profile.contexts import Context, contexts, in_context
from kintsu.profile.fences import Fences, fit_fences
from kintsu.profile.measures import column_atoms, decimals, doubled_values, measure_columns
from kintsu.profile.values.numbers import print_numbers

__all__ = ["UndoScale"]

Floats = npt.NDArray[np.float64]
FACTORS: Final = (10.0, 100.0, 1000.0, 0.1, 0.01, 0.001)
_NEAR: Final = 3.0  # robust deviations from the group's median within which a repaired number fits
_WRONG: Final = frozenset({"outlier", "contextual", "range", "multivariate"})


@dataclass(frozen=True)
class Proof:
    """What a repaired number of one column is held against."""

    context: Context | None
    fences: Fences | None
    places: int  # digits after the decimal mark
    flipped: float  # probability that taking the sign away is right
    doubled: pl.DataFrame


@dataclass(frozen=True)
class UndoScale:
    """Divides or multiplies numbers by 10, 100 or 1000, drops a sign, or undoes doubled digits.

    A factor is proposed for a cell found to be an outlier when exactly one of the factors takes it to within three
    robust deviations of its group's median (price by article) and needs no more decimals than the column has.
    A sign goes where the column is otherwise never negative and the number without it is usual.
    Doubled digits (55 for 5) go where the column holds the single form and doubling is its habit.

    Score, an estimate of being exactly right: for factors the share of this column's out-of-group cells that such a
    factor explains beyond chance, chance being the part of the logarithmic axis that some factor would hit; for signs
    the share of negative cells whose positive twin is usual.
    """

    name: ClassVar[str] = "scale"

    def train(self, reference: Reference) -> dict[str, Proof]:
        known = contexts(reference)
        proofs = {}
        for name in measure_columns(reference):
            atoms = column_atoms(reference, name)
            fences = remembered(reference, ("fences", name), lambda atoms=atoms: fit_fences(atoms))  # type: ignore[misc]
            values = reference.values(name)
            doubled = doubled_values(values)
            flipped = 0.0
            if fences is not None and fences.signs is not None:
                negative = atoms.where(atoms.x < 0)
                twin = fences.surprise(-negative.x) > 1
                # two more cells that are not explained: the rule of succession
                flipped = float(negative.n[twin].sum() / (negative.total + 2))
            if name in known or flipped or len(doubled):
                places = decimals(values, decimal_comma=reference.sample.decimal_comma)
                proofs[name] = Proof(known.get(name), fences, places, flipped, doubled)
        return proofs

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: dict[str, Proof], reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        suspects = findings.filter(pl.col("kind").is_in(_WRONG) & pl.col("row").is_not_null())
        recipes: list[Recipe] = []
        parts: list[pl.DataFrame] = []
        for name, proof in model.items():
            if name not in batch.columns:
                continue
            rows = suspects.filter(pl.col("column") == name)["row"].unique()
            found = [
                *_doubled(batch, name, proof),
                *_flipped(batch, name, proof, rows),
                *_scaled(batch, name, proof, rows),
            ]
            for recipe, frame in found:
                if len(frame):
                    recipes.append(recipe)
                    parts.append(repairs(frame, healer=self.name, recipe=recipe.id, column=name))
        return recipes, concat(parts, REPAIRS)


def _recipe(column: str, operation: str, text: str, **parameters: object) -> Recipe:
    return Recipe(UndoScale.name, column, operation, text, "follows", parameters)


def _doubled(batch: Batch, name: str, proof: Proof) -> list[tuple[Recipe, pl.DataFrame]]:
    if not len(proof.doubled):
        return []
    cells = pl.DataFrame({"row": batch.row.cast(pl.Int64), "old": batch[name].text}).join(
        proof.doubled.select(pl.col("value").alias("old"), "single", "n_single"), on="old", how="inner"
    )
    total = int(proof.doubled["n"].sum())
    # cells whose single form the column does not know show that doubling comes with other damage there;
    # two more cells: the rule of succession
    known = proof.doubled.with_columns(score=(pl.col("n_known") + 1) / (pl.col("n_all") + 2))
    cells = cells.join(known.select(pl.col("value").alias("old"), "score"), on="old", how="left", maintain_order="left")
    frame = cells.select(
        "row",
        "old",
        pl.col("single").alias("new"),
        pl.col("score").clip(0.0, 0.97),
        pl.concat_str(
            pl.lit("every character is doubled, as in "),
            pl.lit(str(total)),
            pl.lit(" cells of this column; "),
            "single",
            pl.lit(" occurs "),
            "n_single",
            pl.lit(" times"),
        ).alias("why"),
    )
    return [(_recipe(name, "undouble", f"Write every character of {name} once where all are doubled."), frame)]


def _fits(proof: Proof, number: Floats) -> npt.NDArray[np.bool_]:
    """Whether the number needs no more decimals than the column has."""
    scaled = np.abs(number) * 10.0**proof.places
    whole: npt.NDArray[np.bool_] = np.abs(scaled - np.round(scaled)) <= 1e-6 * np.maximum(scaled, 1)
    return whole


def _flipped(batch: Batch, name: str, proof: Proof, rows: pl.Series) -> list[tuple[Recipe, pl.DataFrame]]:
    if not proof.flipped or proof.fences is None:
        return []
    cells = pl.DataFrame({"row": batch.row.cast(pl.Int64), "old": batch[name].text, "x": batch[name].number})
    cells = cells.filter((pl.col("x") < 0) & pl.col("row").is_in(rows.implode()))
    usual = proof.fences.surprise(-cells["x"].to_numpy()) > 1
    cells = cells.filter(pl.Series(usual, dtype=pl.Boolean))
    if not len(cells):
        return []
    low, _, high = proof.fences.typical
    why = f" is the only kind of number here below zero; without its sign it is usual ({low:.6g} to {high:.6g})"
    frame = cells.select(
        "row",
        "old",
        pl.col("old").str.strip_chars().str.strip_chars_start("-").alias("new"),
        pl.lit(min(proof.flipped, 0.97)).alias("score"),
        (pl.col("old") + why).alias("why"),
    )
    return [(_recipe(name, "drop_sign", f"Take the sign from numbers of {name} that are never negative."), frame)]


def _scaled(batch: Batch, name: str, proof: Proof, rows: pl.Series) -> list[tuple[Recipe, pl.DataFrame]]:
    context = proof.context
    if context is None or context.by not in batch.columns or not len(rows):
        return []
    cells = in_context(batch, context).filter(pl.col("row").is_in(rows.implode()) & pl.col("y").is_not_null())
    if not len(cells):
        return []
    number = cells["number"].to_numpy()
    median, spread = cells["median"].to_numpy(), cells["spread"].to_numpy()
    fits = np.column_stack([_near(context, proof, number / f, median, spread) for f in FACTORS])
    one = fits.sum(axis=1) == 1
    chosen = np.argmax(fits, axis=1)
    score = _factor_score(context)
    found = []
    for k, factor in enumerate(FACTORS):
        hit = one & (chosen == k)
        if not hit.any() or score <= 0:
            continue
        fresh = print_numbers(pl.Series(np.round(number[hit] / factor, proof.places)), places=proof.places)
        part = cells.filter(pl.Series(hit)).with_columns(fresh.alias("new"))
        middle = pl.col("median").exp() if context.is_log else pl.col("median")
        words = f"divided by {factor:g}" if factor > 1 else f"times {1 / factor:g}"
        why = pl.concat_str(
            pl.lit(f"{words} it fits the other rows with {context.by} "),
            "group",
            pl.lit(", whose median is "),
            middle.round_sig_figs(4).cast(pl.String),
        )
        frame = part.select("row", pl.col("value").alias("old"), "new", pl.lit(score).alias("score"), why.alias("why"))
        frame = frame.filter(pl.col("old") != pl.col("new"))
        text = f"{name}: {words} where that fits the other rows of the same {context.by}."
        found.append((_recipe(name, "rescale", text, factor=factor, by=context.by), frame))
    return found


def _near(context: Context, proof: Proof, x: Floats, median: Floats, spread: Floats) -> npt.NDArray[np.bool_]:
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(np.maximum(x, 0)) if context.is_log else x
    near: npt.NDArray[np.bool_] = (np.abs(y - median) <= _NEAR * spread) & _fits(proof, x)
    return near


def _factor_score(context: Context) -> float:
    """How likely a unique fit is no chance: three decades either way, of which the factors cover a part.

    A prior of four in five that a number so far off, and fitting to its last digit, was moved by a power of ten.
    """
    if not context.is_log:
        return 0.8
    covered = min(len(FACTORS) * 2 * _NEAR * context.spread / (6 * np.log(10)), 1.0)
    prior = 0.8
    return float(min(prior / (prior + (1 - prior) * covered), 0.97))
