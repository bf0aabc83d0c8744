"""What a classifier of issues is told of a batch: a fixed vector of named numbers, all of them finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from kintsu.monitor.baseline import Baseline, Surprise
from kintsu.monitor.issue import ISSUES, borrowed_share, gave_its_cells_away, holds_other_days, name_issue
from kintsu.monitor.measure import NUMBER, RANKS, TEXT, TIME, BatchMetrics, ColumnMetrics
from kintsu.monitor.statistics import FAMILY
from kintsu.monitor.traits import ColumnTraits

__all__ = ["NAMES", "features", "source_of"]

Floats = npt.NDArray[np.float64]

MIX: Final = "mix"  # of all shares of common values
STATISTICS: Final = (*FAMILY, MIX)
FAMILIES: Final = tuple(dict.fromkeys(FAMILY.values()))
WHOLE: Final = (
    "rows", "rows_z", "log_rows", "late", "late_z", "duplicate_share", "more_duplicates", "repeats_per_added_row",
    "n_batches", "n_columns", "n_loud_columns", "loud_column_share", "strongest", "other_days", "loud_times",
    "loud_numbers", "loud_texts", "less_distinct", "more_empty",
)  # fmt: skip
COLUMN: Final = (
    "is_number", "is_text", "is_time", "is_closed", "is_calendar", "distinct_share", "null_share", "usual_nulls",
    "top_share", "borrowed", "new_share", "first_new_share", "new_values", "gave_cells", "far_share", "beyond_share",
    "width_ratio", "middle_shift", "rank_fit", "own_fit", "other_fit", "other_is_loud", "kept_empty",
)  # fmt: skip
NAMED: Final = ISSUES[:-1]

NAMES: Final[tuple[str, ...]] = (
    *(f"strongest {s}" for s in STATISTICS),
    *(f"second {s}" for s in STATISTICS),
    *(f"suspect {s}" for s in STATISTICS),
    *(f"change {s}" for s in STATISTICS),
    *(f"other {s}" for s in STATISTICS),
    *(f"loud {f}" for f in FAMILIES),
    *(f"first {f}" for f in FAMILIES),
    *(f"batch {w}" for w in WHOLE),
    *(f"column {c}" for c in COLUMN),
    *(f"rule {i}" for i in NAMED),
)
"""`strongest` and `second`: strengths over all columns. `suspect`, `other`: strengths, with the sign of the deviation,
of the first and the second suspect. `change`: found less expected of the first suspect. `loud`: surprises of a family
that alarm. `first`: the family of the strongest one. `rule`: what the rules name."""

CAP: Final = 30.0  # strengths beyond say no more
FAR: Final = 5.0  # spreads of its column
AT: Final = {s: i for i, s in enumerate(STATISTICS)}
FAMILY_AT: Final = {f: i for i, f in enumerate(FAMILIES)}


def source_of(name: str) -> tuple[str, str]:
    """The block of a feature and what it is of.

    >>> source_of("suspect null")
    ('suspect', 'null')
    """
    block, _, what = name.partition(" ")
    return block, what


def features(baseline: Baseline, batch: BatchMetrics, found: Sequence[Surprise], columns: Sequence[str]) -> Floats:
    """The vector of a batch, in the order of `NAMES`.

    Parameters
    ----------
    found
        `baseline.surprises(batch)`, strongest first.
    columns
        Suspects, most suspect first.
    """
    first = columns[0] if columns else ""
    other = columns[1] if len(columns) > 1 else ""
    size = len(STATISTICS)
    strongest, second, suspect, change, beside = (np.zeros(size) for _ in range(5))
    loud, kin = np.zeros(len(FAMILIES)), np.zeros(len(FAMILIES))
    for s in found:
        at = AT.get(s.statistic, AT[MIX])
        strength = min(max(s.strength, 0.0), CAP)
        signed = strength if s.z >= 0 else -strength
        if strength > strongest[at]:  # strongest first, so that the next is the second one
            strongest[at] = strength
        elif strength > second[at]:
            second[at] = strength
        if s.is_loud:
            loud[FAMILY_AT[s.family]] += 1
        if s.column and s.column == first:
            if abs(signed) >= abs(suspect[at]):
                suspect[at], change[at] = signed, s.found - s.expected
        elif s.column and s.column == other and abs(signed) >= abs(beside[at]):
            beside[at] = signed
    if found:
        kin[FAMILY_AT[found[0].family]] = 1.0
    rule = np.zeros(len(NAMED))
    if found:
        rule[NAMED.index(name_issue(baseline, batch, list(found), list(columns)))] = 1.0
    usual = dict(zip(baseline.count_keys, baseline.shares.expected.tolist(), strict=True))
    loud_columns = {s.column for s in found if s.is_loud and s.column}
    more_empty = sum(
        now.nulls / max(now.rows, 1) - _known(usual.get((name, "null"))) for name, now in batch.columns.items()
    )
    parts = (
        strongest, second, suspect, np.clip(change, -CAP, CAP), beside, np.minimum(loud, CAP), kin,
        _whole(baseline, batch, found, loud_columns, _known(usual.get(("", "duplicate"))), more_empty),
        _column(baseline, batch, found, first, loud_columns, _known(usual.get((first, "null"))), more_empty), rule,
    )  # fmt: skip
    x = np.nan_to_num(np.concatenate(parts), posinf=CAP, neginf=-CAP)
    return np.asarray(x.astype(np.float32).astype(np.float64))  # what 32 bits hold: every tree library splits it alike


def _known(x: float | None) -> float:
    return 0.0 if x is None or not np.isfinite(x) else x


def _whole(
    baseline: Baseline, batch: BatchMetrics, found: Sequence[Surprise], loud: set[str], share: float, more_empty: float
) -> Floats:
    """`share` of the rows are usually repeated; `more_empty` is the sum of the shares of empty cells over the usual."""
    mine = {s.statistic: s for s in found if not s.column}
    rows, late = mine.get("rows"), mine.get("late")
    expected = baseline.expected_rows
    repeats = batch.duplicates / max(batch.rows, 1)
    added = batch.rows - expected
    known = baseline.known.columns
    kinds = [known[name].kind for name in loud]
    times = sum(known[name].kind == TIME or bool(known[name].calendar) for name in loud)
    less_distinct = sum(s.is_loud and s.statistic == "distinct" and s.z < 0 for s in found)
    return np.array(
        [
            np.log((batch.rows + 1) / (expected + 1)),
            0.0 if rows is None else np.clip(rows.z, -CAP, CAP),
            np.log(batch.rows + 1),
            0.0 if late is None else np.clip(late.found - late.expected, -CAP, CAP),
            0.0 if late is None else np.clip(late.z, -CAP, CAP),
            repeats,
            repeats - share,
            np.clip((batch.duplicates - share * expected) / max(abs(added), 1.0), 0.0, 3.0),
            float(baseline.known.n_batches),
            float(len(known)),
            float(len(loud)),
            len(loud) / max(len(known), 1),
            min(found[0].strength, CAP) if found else 0.0,
            float(holds_other_days(baseline, found)),
            float(times),
            float(kinds.count(NUMBER)),
            float(kinds.count(TEXT)),
            float(less_distinct),
            more_empty,
        ]
    )


def _column(
    baseline: Baseline,
    batch: BatchMetrics,
    found: Sequence[Surprise],
    name: str,
    loud: set[str],
    usual: float,
    more_empty: float,
) -> Floats:
    if not name or name not in batch.columns:
        return np.zeros(len(COLUMN))
    traits, now = baseline.known.columns[name], batch.columns[name]
    filled = max(now.filled, 1)
    more = now.nulls / max(now.rows, 1) - usual
    new = [cells for value, cells in now.values.items() if value not in traits.first_value]
    return np.array(
        [
            float(traits.kind == NUMBER),
            float(traits.kind == TEXT),
            float(traits.kind == TIME),
            float(bool(traits.common)),
            float(traits.calendar is not None),
            now.distinct / filled,
            now.nulls / max(now.rows, 1),
            usual,
            now.shares.get("top", 0) / filled,
            borrowed_share(baseline, batch, name) if traits.kind == TEXT else 0.0,
            sum(new) / filled,
            max(new, default=0) / max(sum(new), 1),
            np.log(len(new) + 1),
            float(gave_its_cells_away(baseline, batch, found, name)),
            *_numbers(traits, now),
            *_fits(baseline, now, name, loud),
            # 1 where the other columns hold as many empty cells as ever, near 0 where they lost what this one got
            float(np.clip(more_empty / more, -1.0, 3.0)) if more > 0.01 else 1.0,
        ]
    )


def _numbers(traits: ColumnTraits, now: ColumnMetrics) -> tuple[float, ...]:
    """Shares of cells far away and beyond what was seen, width against the usual one, shift of the middle, likeness."""
    q = now.quantiles
    if q is None or not len(traits.edges):
        return 0.0, 0.0, 0.0, 0.0, 0.0
    edges = traits.edges
    beyond = float(((q < edges[0] - traits.width / 10) | (q > edges[-1] + traits.width / 10)).mean())
    far = float((np.abs(q - traits.centre) > FAR * traits.width).mean())
    inner = float(np.interp(0.75, RANKS, q) - np.interp(0.25, RANKS, q))
    ratio = float(np.log((inner + 0.01 * traits.width) / traits.width))
    shift = float(np.arcsinh((np.interp(0.5, RANKS, q) - traits.centre) / traits.width))
    return far, beyond, ratio, shift, _straightness(np.interp(np.linspace(0, 1, len(edges)), RANKS, q), edges)


def _fits(baseline: Baseline, now: ColumnMetrics, name: str, loud: set[str]) -> tuple[float, float, float]:
    """How well the numbers fit what their own column held, what the best other one held, and whether that is loud."""
    known = baseline.known.columns
    held = {other: c for other, c in known.items() if len(c.edges) and (other == name or other in loud)}
    if now.quantiles is None or name not in held:
        return 0.0, 0.0, 0.0
    fit = {other: _fit(column, now.quantiles) for other, column in held.items()}
    own = fit.pop(name)
    best = max(fit.values(), default=0.0)
    return own, best, float(best > own)


def _fit(column: ColumnTraits, quantiles: Floats) -> float:
    """1 less the largest difference of the cumulative shares (Kolmogorov-Smirnov)."""
    usual = column.cumulative[~np.isnan(column.cumulative).any(1)]
    if not len(usual):
        return 0.0
    q = quantiles
    now = (np.interp(column.edges, q, RANKS) + np.searchsorted(q, column.edges, side="right") / len(q)) / 2
    return float(1 - np.abs(now - usual.mean(0)).max())


def _straightness(now: Floats, before: Floats) -> float:
    """Correlation of the inner quantiles with the usual ones: near 1 for a change of unit, scale or mean."""
    if len(now) < 4:
        return 0.0
    a, b = now[1:-1] - now[1:-1].mean(), before[1:-1] - before[1:-1].mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / size) if size > 0 else 0.0
