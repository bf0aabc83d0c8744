"""Slow changes of a few rates of a stream, one number for every 50 rows, by adaptive windowing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from kintsu.core.errors import MissingExtra
from kintsu.monitor.stream.bins import FIRST

__all__ = ["LOG_FLOOR", "PART", "SHARE_FLOOR", "Rate", "adwin", "count_parts"]

PART: Final = 50  # rows of one number of a rate: many small numbers show a small change sooner than few large ones
WARM_UP: Final = 200  # numbers by which a rate is scaled before it is watched
MEMORY: Final = 4_000  # numbers after which a rate starts anew with the last quarter of them
DELTA: Final = 1e-4  # of ADWIN: a test's chance of a false alarm, as its bound has it; some hundred rates are watched
CLIP: Final = 6.0  # deviations: one wild number is no lasting change
SHARE_FLOOR: Final = 0.02  # least deviation of a share of 50 cells: that of one cell
LOG_FLOOR: Final = 0.02  # of a logarithm


def adwin() -> Any:
    """A change detector of river, tested once a window of ten numbers.

    References
    ----------
    Bifet and Gavalda, Learning from time-changing data with adaptive windowing, SDM 2007.
    """
    try:
        from river.drift import ADWIN
    except ImportError:
        raise MissingExtra("river", "stream") from None
    return ADWIN(delta=DELTA, clock=10)  # type: ignore[no-untyped-call]


@dataclass
class Rate:
    """One rate, in deviations of its own first numbers; `add` tells whether it has changed for good.

    It keeps its last numbers: the detector follows from them.
    """

    floor: float  # least deviation of a number
    values: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        values, self.values, self._detector = self.values, [], None
        self.add(values)

    def add(self, values: Sequence[float]) -> tuple[float, float] | None:
        """The rate expected (mean of the first numbers) and found (mean since the change) when it has changed."""
        changed = None
        for value in values:
            self.values.append(value)
            if self._detector is not None:
                self._detector.update(self._scaled(value))
                if self._detector.drift_detected:
                    changed = self._centre, self._centre + self._scale * float(self._detector.estimation)
            elif len(self.values) == WARM_UP:
                self._centre = float(np.mean(self.values))
                self._scale = max(float(np.std(self.values)), self.floor)
                self._detector = adwin()
            if len(self.values) > MEMORY:
                self.values = self.values[-MEMORY // 4 :]
                self.__post_init__()
        return changed

    def _scaled(self, value: float) -> float:
        return min(max((value - self._centre) / self._scale, -CLIP), CLIP)


def count_parts(codes: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Empty, new and other cells of each part of `PART` rows, shape (parts, 3); `at` is the part of each cell."""
    kinds = np.minimum(codes, FIRST)
    kept = kinds >= 0
    n = int(at[-1]) + 1
    return np.bincount(at[kept] * 3 + kinds[kept], minlength=3 * n).reshape(n, 3)
