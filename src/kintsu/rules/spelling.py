"""Numbers spelt as their column spells them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["NumberSpelling", "decimals_of"]

Floats = npt.NDArray[np.float64]


def decimals_of(text: pl.Series) -> tuple[int, int]:
    """Fewest and most decimal places in common use (at least 1 % of the numbers); (0, 0) where there are no numbers.

    Where most numbers have the most places, and zeros at their end as often as chance has it, all should have them.
    """
    plain = text.drop_nulls().str.strip_chars().str.extract(r"^[-+]?\d*[.,]?(\d*)$", 1).drop_nulls()
    if not len(plain):
        return 0, 0
    n = plain.str.len_chars().alias("d").value_counts(name="n").filter(pl.col("n") >= 0.01 * len(plain))
    common = [int(d) for d in n["d"]]
    if not common:
        return 0, 0
    longest = plain.filter(plain.str.len_chars() == max(common))
    is_padded = len(longest) >= 0.5 * len(plain) and longest.str.ends_with("0").sum() >= 0.05 * len(longest)
    return (max(common) if is_padded else min(common)), max(common)


@dataclass(frozen=True)
class NumberSpelling:
    """Decimal places and decimal mark of a column.

    >>> NumberSpelling(1, 2).spell(np.array([45.87, 45.0, -1.506])).to_list()
    ['45.87', '45.0', '-1.51']
    """

    fewest: int
    most: int
    decimal_comma: bool = False

    @staticmethod
    def of(text: pl.Series, *, decimal_comma: bool = False) -> NumberSpelling:
        fewest, most = decimals_of(text)
        return NumberSpelling(fewest, most, decimal_comma)

    def rounded(self, values: Floats) -> Floats:
        """Values at the column's resolution."""
        return np.round(values, self.most) + 0.0  # no -0.0

    def spell(self, values: Floats) -> pl.Series:
        """Text of every value; null for NaN."""
        distinct, at = np.unique(self.rounded(values), return_inverse=True)
        texts = [self._one(v) if np.isfinite(v) else None for v in distinct.tolist()]
        return pl.Series(texts, dtype=pl.String).gather(at)

    def _one(self, value: float) -> str:
        text = f"{value:.{self.most}f}"
        if self.most > self.fewest:
            whole, _, fraction = text.partition(".")
            fraction = fraction[: self.fewest] + fraction[self.fewest :].rstrip("0")
            text = f"{whole}.{fraction}" if fraction else whole
        return text.replace(".", ",") if self.decimal_comma else text
