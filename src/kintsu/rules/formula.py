"""Formulas between number columns, and the value that each of their columns must have. Arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["OPERATIONS", "Formula", "holds"]

Floats = npt.NDArray[np.float64]

OPERATIONS = {
    "sum": "{} + {}",
    "sum_of_three": "{} + {} + {}",
    "product": "{} * {}",
    "discounted": "{} * {} * (1 - {})",
    "reduced": "{} * (1 - {})",
    "increased": "{} * (1 + {})",
    "ratio": "{} / {}",
}
"""Name -> how it is written. The last part of "discounted", "reduced" and "increased" is 0 where its cell is empty."""

_OPTIONAL_LAST = ("discounted", "reduced", "increased")


@dataclass(frozen=True)
class Formula:
    """`result = operation(parts)`, up to rounding of the result to `decimals` places.

    `agreement` is the share of rows that obey it, `chance` what shuffled rows would reach, both in [0, 1].
    """

    result: str
    operation: str
    parts: tuple[str, ...]
    decimals: int
    agreement: float = 1.0
    chance: float = 0.0
    support: int = 0

    @property
    def text(self) -> str:
        return f"{self.result} = {OPERATIONS[self.operation].format(*self.parts)}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.result, *self.parts)

    @property
    def optional(self) -> str | None:
        """The column whose empty cells mean 0."""
        return self.parts[-1] if self.operation in _OPTIONAL_LAST else None

    def value(self, numbers: Mapping[str, Floats]) -> Floats:
        """The result of every row, not rounded; NaN where a needed part is NaN."""
        part = [numbers[name] for name in self.parts]
        if self.optional:
            part[-1] = np.nan_to_num(part[-1], nan=0.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            match self.operation:
                case "sum" | "sum_of_three":
                    return np.asarray(sum(part), dtype=np.float64)
                case "product":
                    return part[0] * part[1]
                case "discounted":
                    return part[0] * part[1] * (1 - part[2])
                case "reduced":
                    return part[0] * (1 - part[1])
                case "increased":
                    return part[0] * (1 + part[1])
                case _:
                    return part[0] / part[1]

    def implied(self, column: str, numbers: Mapping[str, Floats]) -> Floats:
        """What `column` must be, given the other columns; NaN or infinite where they do not say."""
        if column == self.result:
            return self.value(numbers)
        result = numbers[self.result]
        others = {name: numbers[name] for name in self.parts}
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.operation in ("sum", "sum_of_three"):
                return result - self.value({**others, column: np.zeros(len(result))})
            if column == self.optional:
                whole = self.value({**others, column: np.zeros(len(result))})
                return 1 - result / whole if self.operation != "increased" else result / whole - 1
            if self.operation == "ratio" and column == self.parts[1]:
                return others[self.parts[0]] / result
            return result / self.value({**others, column: np.ones(len(result))})


def holds(formula: Formula, numbers: Mapping[str, Floats]) -> npt.NDArray[np.bool_]:
    """Whether each row obeys the formula up to rounding; False where a needed cell is NaN."""
    expected = formula.value(numbers)
    with np.errstate(invalid="ignore"):
        gap = np.abs(expected - numbers[formula.result])
        # half a unit of the last place; the factor lets both ways of rounding a half pass
        return gap <= 0.5001 * 10.0**-formula.decimals + 1e-9 * np.abs(expected)
