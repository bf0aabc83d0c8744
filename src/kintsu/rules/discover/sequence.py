"""Whether the sources of a table are in truth moments: quarters, months, versions, between which facts change."""

from __future__ import annotations

import re
from calendar import day_name, month_name
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["changes_along", "natural_rank"]

Ints = npt.NDArray[np.int64]

MOST_LAGS = 24
MOST_CELLS = 4_000_000  # entities x sources that are laid out at once
# One change in k moments sets neighbours apart 3 / (k + 1) as often as any two. Neighbours that are about so close,
# and at least so much closer than any two ...
SLACK, CLOSER = 1.1, 0.35
RISING = 0.5  # ... while contradiction grows with distance (correlation), are moments in time

_NAMED: Final = {
    name.lower()[:3]: f"{at:03d}" for names in (day_name, month_name) for at, name in enumerate(names) if name
}
_PARTS: Final = re.compile(r"\d+|[a-z]+")


def natural_rank(texts: pl.Series) -> Ints:
    """Place of every distinct text in natural order: numbers by value, months and days of the week by the calendar."""

    def place(text: str) -> tuple[str, ...]:
        parts = _PARTS.findall(text.lower())
        return tuple(p.zfill(12) if p.isdigit() else _NAMED.get(p[:3], p) for p in parts)

    order = sorted(range(len(texts)), key=lambda i: (place(texts[i]), texts[i]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def changes_along(entity: Ints, source: Ints, value: Ints, sources: int, rank: Ints) -> bool:
    """Whether what sources say of an entity changes gradually along their natural order.

    Arrays have one element per claim. Errors do not know the order of names; a fact that changes over time does.
    """
    _, at = np.unique(entity, return_inverse=True)
    kept = at < max(MOST_CELLS // max(sources, 1), 1)
    said = np.full((int(at[kept].max()) + 1, sources), -1, np.int64)
    said[at[kept], rank[source[kept]]] = value[kept]
    lags = np.unique(np.linspace(1, max(sources - 1, 1), MOST_LAGS).astype(np.int64))
    pairs, apart = np.zeros(len(lags)), np.zeros(len(lags))
    for i, lag in enumerate(lags):
        one, other = said[:, lag:], said[:, :-lag]
        both = (one >= 0) & (other >= 0)
        pairs[i], apart[i] = both.sum(), (both & (one != other)).sum()
    known = pairs >= 20
    if known.sum() < 2 or not known[0] or not apart[known].sum():
        return False
    rate, weight = apart[known] / pairs[known], pairs[known]
    overall = np.average(rate, weights=weight)
    centred = lags[known] - np.average(lags[known], weights=weight)
    spread = np.sqrt(np.average(np.square(centred), weights=weight) * np.average((rate - overall) ** 2, weights=weight))
    rising = np.average(centred * (rate - overall), weights=weight) / max(spread, 1e-12)
    near = max(SLACK * 3 / (sources + 1), CLOSER)
    return bool(rate[0] < near * overall and rising > RISING)
