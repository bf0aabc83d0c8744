"""The features that named an issue, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from kintsu.monitor.baseline import Baseline, Surprise
from kintsu.monitor.classify.features import NAMES, source_of
from kintsu.monitor.tell import sentence, tell

__all__ = ["explain"]

Floats = npt.NDArray[np.float64]

MOST: Final = 3  # sentences
WORTH_TELLING: Final = 0.5  # strength: what is nearly as expected is no reason
LOOKED_AT: Final = 25  # features that are asked for a sentence
BLOCKS: Final = ("strongest", "suspect", "change", "other")

BATCH: Final[dict[str, str]] = {
    "rows": "the number of rows is {factor} times the expected one",
    "duplicate_share": "{percent} of the rows repeat another row",
    "more_duplicates": "{percent} more of the rows repeat another row than before",
    "repeats_per_added_row": "the added rows are repeated ones",
    "late": "it came later than usual",
    "n_loud_columns": "columns that are off: {count}",
    "other_days": "its times are those of other periods",
}
COLUMN: Final[dict[str, str]] = {
    "null_share": "{percent} of the cells of `{c}` are empty",
    "borrowed": "{percent} of the new cells of `{c}` hold what another column is known for",
    "new_share": "{percent} of the cells of `{c}` hold a value never seen before",
    "top_share": "{percent} of the cells of `{c}` hold one and the same value",
    "far_share": "{percent} of the cells of `{c}` lie far from its middle",
    "beyond_share": "{percent} of the cells of `{c}` lie beyond what was seen before",
    "gave_cells": "another column lost the empty cells that `{c}` got",
}


def explain(
    x: Floats, contributions: Floats, baseline: Baseline, found: Sequence[Surprise], columns: Sequence[str]
) -> tuple[str, ...]:
    """At most three sentences on the features that spoke most for an issue, the weightiest first."""
    told: list[str] = []
    for at in np.argsort(-contributions, kind="stable")[:LOOKED_AT]:
        if contributions[at] <= 0 or x[at] == 0 or len(told) == MOST:
            continue
        words = _words(*source_of(NAMES[at]), float(x[at]), baseline, found, columns)
        if words and words not in told:
            told.append(words)
    return tuple(told or [_told(s, baseline) for s in found[:1]])


def _told(surprise: Surprise, baseline: Baseline) -> str:
    return sentence(surprise.statistic, *tell(surprise, baseline.known.columns.get(surprise.column)))


def _words(
    block: str, what: str, x: float, baseline: Baseline, found: Sequence[Surprise], columns: Sequence[str]
) -> str:
    if block in BLOCKS:
        place = {"suspect": 0, "change": 0, "other": 1}.get(block)
        name = None if place is None else columns[place] if place < len(columns) else ""
        mine = (s for s in found if name is None or s.column == name)
        surprise = next((s for s in mine if s.statistic == what or (what == "mix" and s.statistic[0] == "=")), None)
        return _told(surprise, baseline) if surprise is not None and surprise.strength >= WORTH_TELLING else ""
    template = BATCH.get(what, "") if block == "batch" else COLUMN.get(what, "") if block == "column" else ""
    name = columns[0] if columns else ""
    return template.format(c=name, percent=f"{100 * abs(x):.3g} %", factor=f"{np.exp(min(x, 20.0)):.2g}", count=int(x))
