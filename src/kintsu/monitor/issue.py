"""What kind of trouble the surprises of a batch add up to, and in which column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from kintsu.monitor.baseline import Baseline, Surprise
from kintsu.monitor.measure import NUMBER, TEXT, TIME, BatchMetrics

__all__ = ["ISSUES", "WHOLE", "borrowed_share", "gave_its_cells_away", "holds_other_days", "name_issue", "suspects"]

ISSUES: Final = (
    "missing", "outlier", "drift", "schema", "duplicates", "type_mismatch", "volume", "timeliness", "pattern", "none",
)  # fmt: skip

WHOLE: Final = frozenset({"volume", "timeliness", "duplicates"})
"""Issues of the whole batch: what is odd in its columns beside them is a consequence."""

FAR: Final = math.asinh(5.0)  # an outlier lies at least five spreads of its column away
MOST_SUSPECTS: Final = 5
FEW: Final = 0.02  # share of empty cells below which losing them is no news
PATTERN: Final = frozenset(
    {"fresh", "odd", "foreign", "blank", "upper", "length", "length_spread", "shortest", "longest"}
)
MIDDLE: Final = frozenset({"q25", "q50", "q75", "distance", "top", "moved"})
REPEATED: Final = frozenset({"top", "distinct"})


def suspects(baseline: Baseline, batch: BatchMetrics, found: Sequence[Surprise]) -> list[str]:
    """Columns, most suspect first.

    Where what alarms most is that a column of numbers no longer fits the others, any of these may be the wrong one:
    their relations tell which.
    """
    columns = list(dict.fromkeys(s.column for s in found if s.column))
    relations = baseline.known.relations
    loud = [s for s in found if s.is_loud]
    if relations is None or not loud or loud[0].statistic != "rest":
        return columns
    numbers = [name for name in dict.fromkeys(s.column for s in loud) if name in relations.names][:MOST_SUSPECTS]
    culprit = relations.culprit(batch.rows_of(relations.names), [relations.names.index(name) for name in numbers])
    first = relations.names[culprit]
    return [first, *(other for other in columns if other != first)]


def name_issue(baseline: Baseline, batch: BatchMetrics, found: Sequence[Surprise], columns: Sequence[str]) -> str:
    """The issue of a batch that alarms: facts about the whole batch first, then the first column's own surprises."""
    loud = {s.family for s in found if s.is_loud}
    if "duplicates" in loud and found[0].family not in ("missing", "mix") and found[0].statistic != "top":
        added = batch.rows - baseline.expected_rows
        if "volume" not in loud or batch.duplicates >= 0.5 * added:  # else most of the added rows are new ones
            return "duplicates"
    if "volume" in loud or holds_other_days(baseline, found):
        return "volume"
    if found[0].family == "timeliness" or not columns:
        return "timeliness"
    first = columns[0]
    mine: dict[str, float] = {}
    for s in found:
        if s.column == first:
            mine[s.statistic] = max(mine.get(s.statistic, 0.0), s.strength)
    strongest = max(mine.values(), default=0.0)
    if mine.get("null", 0.0) > 1 and mine["null"] >= 0.5 * strongest:
        return "drift" if gave_its_cells_away(baseline, batch, found, first) else "missing"
    kind = baseline.known.columns[first].kind
    if kind == TEXT:
        is_new = max((strength for s, strength in mine.items() if s in PATTERN), default=0.0) > 1
        is_stuck = bool(REPEATED & {s for s, strength in mine.items() if strength == strongest})
        return "pattern" if is_new and not is_stuck and borrowed_share(baseline, batch, first) <= 0.5 else "drift"
    return "outlier" if kind == NUMBER and _has_outliers(found, first, mine) else "drift"


def holds_other_days(baseline: Baseline, found: Sequence[Surprise]) -> bool:
    """Rows of other days were added, or rows of this one are missing: the times moved, and so did the rows a little."""
    rows = next((s.z for s in found if s.statistic == "rows"), 0.0)
    known = baseline.known.columns
    moved = any(
        s.is_loud
        and s.family in ("place", "extreme", "calendar")
        and s.column
        and (known[s.column].kind == TIME or known[s.column].calendar)
        for s in found
    )
    return moved and abs(rows) > 1


def gave_its_cells_away(baseline: Baseline, batch: BatchMetrics, found: Sequence[Surprise], name: str) -> bool:
    """Whether another column that alarms lost half of its empty cells while this one got more: they were swapped."""
    expected = dict(zip(baseline.count_keys, baseline.shares.expected, strict=True))
    for other in {s.column for s in found if s.is_loud and s.column and s.column != name}:
        nulls = batch.columns[other].nulls / max(batch.rows, 1)
        usual = expected.get((other, "null"), 0.0)
        if usual > FEW and nulls < usual / 2:
            return True
    return False


def _has_outliers(found: Sequence[Surprise], column: str, strengths: dict[str, float]) -> bool:
    """Extremes of this column alone lie far away, and its middle stands still."""
    moved = {s.column for s in found if s.is_loud and s.family in ("place", "extreme")}
    far = max((abs(s.found) for s in found if s.column == column and s.statistic in ("low", "high")), default=0.0)
    middle = max((strength for statistic, strength in strengths.items() if statistic in MIDDLE), default=0.0)
    return middle < 1 and far > FAR and moved <= {column}


def borrowed_share(baseline: Baseline, batch: BatchMetrics, name: str) -> float:
    """Share of the cells with a new value that hold one that another column is known for: above half, two columns were
    swapped."""
    own = baseline.known.columns[name].first_value
    new = {value: cells for value, cells in batch.columns[name].values.items() if value not in own}
    if not new:
        return 0.0
    others = (column.first_value for other, column in baseline.known.columns.items() if other != name)
    most = max((sum(n for value, n in new.items() if value in held) for held in others), default=0)
    return most / sum(new.values())
