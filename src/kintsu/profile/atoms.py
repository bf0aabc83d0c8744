"""The distinct numbers of a column with their counts, and quantiles that see through rounding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import parse_numbers

__all__ = ["Atoms", "Floats", "atoms_of", "weighted_quantile"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Atoms:
    """Distinct finite numbers of a column with their counts.

    Parameters
    ----------
    x, n
        Distinct numbers, rising, and the number of rows of each; shape (m,).
    step
        Resolution: the power of ten that (nearly) all values are written to, such as 0.01; 1 for integers.
    """

    x: Floats
    n: Floats
    step: float

    @property
    def total(self) -> float:
        return float(self.n.sum())

    def where(self, keep: npt.NDArray[np.bool_]) -> Atoms:
        return Atoms(self.x[keep], self.n[keep], self.step)


def atoms_of(values: pl.DataFrame, *, decimal_comma: bool = False) -> Atoms:
    """Numbers among the distinct texts of a column: `value` String, `n`. What is no finite number is left out."""
    text = values["value"]
    number = parse_numbers(text, decimal_comma=decimal_comma)
    mark = "," if decimal_comma else "."
    fraction = text.str.strip_chars().str.extract(rf"\{mark}(\d*?)0*$").str.len_chars().fill_null(0)
    frame = pl.DataFrame({"x": number, "n": values["n"].cast(pl.Float64), "d": fraction}).filter(
        pl.col("x").is_finite().fill_null(False)
    )
    grouped = frame.group_by("x").agg(pl.col("n").sum(), pl.col("d").max()).sort("x")
    # the 99 % quantile over rows, so that one value with a long fraction does not set the resolution of the column
    digits = 0
    if len(frame):
        by_digits = frame.group_by("d").agg(pl.col("n").sum()).sort("d")
        share = by_digits["n"].cum_sum() / by_digits["n"].sum()
        digits = int(by_digits["d"].filter(share >= 0.99)[0])
    return Atoms(grouped["x"].to_numpy(), grouped["n"].to_numpy(), 10.0 ** -min(digits, 15))


def weighted_quantile(atoms: Atoms, levels: Floats) -> Floats:
    """Quantiles of the column with every value spread evenly over its rounding interval.

    Spreading turns integers and rounded numbers into a continuous variable, so that tails can be fitted to them.
    """
    x, weight = atoms.x, atoms.n
    gap = np.diff(x)
    half = np.full(len(x), atoms.step / 2)
    if len(x) > 1:
        half = np.minimum(half, np.minimum(np.append(gap, np.inf), np.append(np.inf, gap)) / 2)
    position = np.column_stack([x - half, x + half]).ravel()
    upto = np.cumsum(weight)
    mass = np.column_stack([upto - weight, upto]).ravel()
    result: Floats = np.interp(levels * upto[-1], mass, position)
    return result
