"""Pairs of dates, times or numbers of which one never comes before the other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from kintsu.core.contracts import Reference
from kintsu.rules.coding import sampled_rows
from kintsu.rules.discover.arithmetic import formulas
from kintsu.rules.evaluate import comparable, format_of

__all__ = ["Order", "orders"]

Floats = npt.NDArray[np.float64]

CONFIRM_ROWS = 50_000
MOST_COLUMNS = 30
LEAST_AGREEMENT = 0.95  # of dates and times
LEAST_AGREEMENT_NUMBERS = 0.995  # numbers are in order for many reasons
LEAST_ROWS = 30


@dataclass(frozen=True)
class Order:
    """`first <= second` in `agreement` of `support` rows; shuffled rows would be in order in `chance` of them.

    `low` and `high` bound nearly all values (0.1 and 99.9 %) of the two columns, on the scale of `evaluate.comparable`.
    """

    first: str
    second: str
    agreement: float
    chance: float
    support: int
    formats: tuple[str | None, str | None]
    low: tuple[float, float] = (-np.inf, -np.inf)
    high: tuple[float, float] = (np.inf, np.inf)

    @property
    def text(self) -> str:
        return f"{self.first} <= {self.second}"


def orders(reference: Reference) -> list[Order]:
    """Orders that hold in nearly all rows, though the two ranges overlap; strongest first.

    Only columns of the same kind are compared (dates with dates, numbers with numbers of about the same size). Of a
    chain a <= b <= c the steps are kept, not a <= c.
    """
    sample = sampled_rows(reference.sample, CONFIRM_ROWS, reference.seed)
    order = sample.frame.hash_rows(reference.seed).arg_sort()
    scaled: dict[str, tuple[Floats, str | None, bool]] = {}
    for name in reference.columns:
        facts = reference.column(name)
        is_temporal = sample[name].series.dtype.is_temporal()
        fmt = None if is_temporal or facts.is_numeric else format_of(sample[name])
        if not (is_temporal or fmt or facts.is_numeric) or facts.distinct < 5:
            continue
        values = comparable(sample, name, fmt).gather(order).to_numpy().astype(np.float64)
        scaled[name] = (values, fmt, facts.is_numeric)
        if len(scaled) >= MOST_COLUMNS:
            break
    found = []
    added_up = {name for formula in formulas(reference) for name in formula.columns}
    for a, b in combinations(scaled, 2):
        if {a, b} <= added_up:
            continue  # the formulas say more
        if scaled[a][2] == scaled[b][2] and _kind(scaled[a][1]) == _kind(scaled[b][1]):
            for first, second in ((a, b), (b, a)):
                result = _order(first, second, scaled)
                if result is not None:
                    found.append(result)
    return _steps(sorted(found, key=lambda o: (-o.agreement, o.text)))


def _kind(fmt: str | None) -> str:
    """Times of day compare with times of day; dates compare with datetimes."""
    return "time" if fmt and "%M" in fmt and "%d" not in fmt.replace("%-d", "%d") else "moment"


def _order(first: str, second: str, scaled: dict[str, tuple[Floats, str | None, bool]]) -> Order | None:
    a, b = scaled[first][0], scaled[second][0]
    both = np.isfinite(a) & np.isfinite(b)
    n = int(both.sum())
    if n < LEAST_ROWS:
        return None
    a, b = a[both], b[both]
    gap = b - a
    agreement = float((gap >= 0).mean())
    is_number = scaled[first][2]
    # times of day start anew at midnight: what ends after it looks out of order, rightly
    is_strict = is_number or _kind(scaled[first][1]) == "time"
    if agreement < (LEAST_AGREEMENT_NUMBERS if is_strict else LEAST_AGREEMENT) or float((gap > 0).mean()) < 0.5:
        return None
    chance = float(np.mean([(np.roll(b, max(n // k, 1)) >= a).mean() for k in (2, 3, 5)]))
    if chance > (0.8 if is_number else 0.95) or not _has_edge(gap, is_number):
        return None
    low = (float(np.quantile(a, 0.001)), float(np.quantile(b, 0.001)))
    high = (float(np.quantile(a, 0.999)), float(np.quantile(b, 0.999)))
    return Order(first, second, agreement, chance, n, (scaled[first][1], scaled[second][1]), low, high)


def _has_edge(gap: Floats, is_number: bool) -> bool:
    """Whether the gaps stop at 0 instead of running past it: fewer just below than a tenth of those just above."""
    width = np.quantile(gap[gap > 0], 0.25)
    below, above = int(((gap < 0) & (gap > -width)).sum()), int(((gap >= 0) & (gap < width)).sum())
    return below <= (0.02 if is_number else 0.1) * above


def _steps(found: list[Order]) -> list[Order]:
    pairs = {(o.first, o.second) for o in found}
    between = {
        (a, c)
        for a, b in pairs
        for b2, c in pairs
        if b == b2 and (a, c) in pairs and (b, a) not in pairs and (c, b) not in pairs
    }
    return [o for o in found if (o.first, o.second) not in between]
