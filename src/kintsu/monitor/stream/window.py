"""What a stretch of a stream holds: counts per column and bin, which add up in any order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Window"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Window:
    """Rows, and the cells of each column per code. The empty window is `Window()`; merging is exact."""

    rows: int = 0
    counts: Mapping[str, Ints] = field(default_factory=dict)

    def merge(self, other: Window) -> Window:
        """Both stretches together: associative and commutative."""
        names = dict.fromkeys((*self.counts, *other.counts))
        parts = {name: [w.counts[name] for w in (self, other) if name in w.counts] for name in names}
        return Window(self.rows + other.rows, {name: np.asarray(sum(held)) for name, held in parts.items()})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Window):
            return NotImplemented
        same = self.rows == other.rows and self.counts.keys() == other.counts.keys()
        return same and all(np.array_equal(held, other.counts[name]) for name, held in self.counts.items())

    __hash__ = None  # type: ignore[assignment]
