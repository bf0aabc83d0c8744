"""How many distinct values."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, sqrt
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from kintsu.core.batch import Column
from kintsu.core.errors import MergeError
from kintsu.profile.packing import pack, unpack
from kintsu.profile.tally import HASH_NAME, Tally, as_tally, runs

__all__ = ["Distinct"]

UInts = npt.NDArray[np.uint64]
Registers = npt.NDArray[np.uint8]


def _fill(registers: Registers, hashes: UInts, precision: int) -> Registers:
    """HyperLogLog registers raised by sorted distinct hashes. New array."""
    if not len(hashes):
        return registers
    width = 64 - precision
    index = (hashes >> np.uint64(width)).astype(np.int64)
    rest = (hashes & np.uint64((1 << width) - 1)).astype(np.float64)  # at most 52 bits: exact in a double
    exponent = (rest.view(np.uint64) >> np.uint64(52)).astype(np.int64) - 1023
    rank = np.where(rest == 0, width + 1, width - exponent).astype(np.uint8)
    starts = np.flatnonzero(np.concatenate(([True], index[1:] != index[:-1])))
    raised = registers.copy()
    raised[index[starts]] = np.maximum(raised[index[starts]], np.maximum.reduceat(rank, starts))
    return raised


def _sigma(x: float) -> float:
    if x == 1.0:
        return float("inf")
    y, z = 1.0, x
    while True:
        x *= x
        last, z = z, z + x * y
        y += y
        if z == last:
            return z


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    y, z = 1.0, 1.0 - x
    while True:
        x = sqrt(x)
        last = z
        y *= 0.5
        z -= (1.0 - x) ** 2 * y
        if z == last:
            return z / 3.0


def _estimate(registers: Registers, precision: int) -> float:
    """Ertl's estimator, unbiased over the whole range without correction tables."""
    m, q = len(registers), 64 - precision
    counts = np.bincount(registers, minlength=q + 2).astype(float)
    z = m * _tau(1.0 - counts[q + 1] / m)
    for k in range(q, 0, -1):
        z = 0.5 * (z + counts[k])
    z += m * _sigma(counts[0] / m)
    return m * m / (2.0 * log(2.0)) / z


@dataclass(frozen=True, eq=False)
class Distinct:
    """Distinct non-missing values: exact up to `cap`, then a HyperLogLog sketch.

    Beyond the cap the standard error is 1.04 / sqrt(2 ** precision): .8 % at the default. The same in any order and
    any split of the rows, since both parts depend on the set of values only.

    References
    ----------
    Ertl, New cardinality estimation algorithms for HyperLogLog sketches, arXiv:1702.01284, 2017, algorithm 6.
    """

    name: ClassVar[str] = "distinct"
    grade: ClassVar[str] = "exact"  # of merging; the estimate itself is bounded

    cap: int = 131_072
    precision: int = 14
    hashes: UInts = field(default_factory=lambda: np.zeros(0, np.uint64))  # sorted; empty beyond the cap
    registers: Registers | None = None  # only beyond the cap

    @property
    def is_exact(self) -> bool:
        return self.registers is None

    @property
    def count(self) -> int:
        """The number, or the estimate beyond the cap."""
        return len(self.hashes) if self.registers is None else max(self.cap, round(_estimate(*self._sketch())))

    @property
    def error(self) -> float:
        """Relative standard error of `count`."""
        return 0.0 if self.is_exact else 1.04 / sqrt(2**self.precision)

    def _sketch(self) -> tuple[Registers, int]:
        return self._filled().registers, self.precision  # type: ignore[return-value]

    def _filled(self) -> Distinct:
        if self.registers is not None:
            return self
        empty = np.zeros(2**self.precision, np.uint8)
        return Distinct(self.cap, self.precision, registers=_fill(empty, self.hashes, self.precision))

    def _with(self, hashes: UInts) -> Distinct:
        """Raised by sorted distinct hashes."""
        if self.registers is not None:
            return Distinct(self.cap, self.precision, registers=_fill(self.registers, hashes, self.precision))
        both = hashes if not len(self.hashes) else runs(np.sort(np.concatenate((self.hashes, hashes))), None)[0]
        held = Distinct(self.cap, self.precision, both)
        return held if len(both) <= self.cap else held._filled()

    def add(self, column: Column | Tally) -> Distinct:
        return self._with(as_tally(column).distinct[0])

    def merge(self, other: Distinct) -> Distinct:
        if (self.cap, self.precision) != (other.cap, other.precision):
            raise MergeError(
                f"cannot merge distinct counts of cap {self.cap} and precision {self.precision} "
                f"with cap {other.cap} and precision {other.precision}"
            )
        if other.registers is None:
            return self._with(other.hashes)
        if self.registers is None:
            return other._with(self.hashes)
        return Distinct(self.cap, self.precision, registers=np.maximum(self.registers, other.registers))

    def to_bytes(self) -> bytes:
        facts: dict[str, Any] = {"cap": self.cap, "precision": self.precision, "hash": HASH_NAME}
        arrays = {"hashes": self.hashes} if self.registers is None else {"registers": self.registers}
        return pack(self.name, 1, facts, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> Distinct:
        facts, arrays = unpack(data, cls.name, 1)
        if facts["hash"] != HASH_NAME:
            raise MergeError(f"these distinct counts rest on the hash {facts['hash']}, this release on {HASH_NAME}")
        return cls(facts["cap"], facts["precision"], **arrays)
