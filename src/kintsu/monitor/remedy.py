"""What could be done about a batch that alarms: one proposal for each cause, and how to carry it out on the rows.

A proposal is carried out on a copy, and the copy is judged again before anybody is told that it helps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz.distance import OSA

from kintsu.monitor.baseline import Baseline
from kintsu.monitor.judge import BatchJudgement
from kintsu.monitor.measure import NUMBER, RANKS, TEXT, BatchMetrics
from kintsu.monitor.schema import SchemaChange, schema_changes
from kintsu.profile.values.null_tokens import is_null_token

__all__ = ["ACTIONS", "Remedy", "carry_out", "propose"]

Floats = npt.NDArray[np.float64]

ACTIONS: Final[dict[str, str]] = {
    "rename": "give the column its old name back",
    "set_aside": "leave the new column out",
    "cast": "read the text as numbers again; what is no number becomes empty",
    "rescale": "undo the change of unit",
    "last_good": "fill empty cells from the last good batch, by key",
    "quarantine": "move the rows that are empty there to quarantine",
    "drop_duplicates": "keep one of each set of equal rows",
    "respell": "write new values as the known values that they are a spelling of",
    "mend": "mend the cells as `kintsu heal` does, beside rows of the last good batches",
    "hold": "hold the batch back until it is delivered whole, and use the last good one",
    "retrain": "nothing to mend: what is built on this column should be trained again",
}
"""What can be done; "hold" and "retrain" change nothing in the batch."""

FACTORS: Final = (1e3, 1e2, 1e1, 1e-1, 1e-2, 1e-3, 60.0, 3600.0, 24.0, 2.54, 0.45359237, 1.609344, 0.3048, 28.349523)
"""Ratios between units that are mixed up: powers of ten, minutes and hours, inch, pound, mile, foot, ounce."""
SNAP: Final = 0.03  # a factor this close to one of these, as a share, is taken for it
MOST_SNAP: Final = 0.25
SPREAD: Final = 0.15  # of the log ratios of quantiles, within which one factor explains a shift
MIDDLE: Final = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Remedy:
    """One thing that could be done.

    Attributes
    ----------
    action
        One of `ACTIONS`.
    column
        What it is about; None for the whole batch.
    parameters
        "to" (rename), "map" (respell), "key" (last_good); "factor", "offset" (rescale: old = (new - offset) / factor).
    is_safe
        Whether it may be carried out without asking: it loses nothing and invents nothing.
    message
        One sentence for a person.
    """

    action: str
    column: str | None
    message: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    is_safe: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {
            "action": self.action,
            "column": self.column,
            "parameters": dict(self.parameters),
            "is_safe": self.is_safe,
            "message": self.message,
        }


def propose(baseline: Baseline, batch: BatchMetrics, judged: BatchJudgement, *, key: str | None = None) -> list[Remedy]:
    """What could be done about a batch that alarms, most promising first; nothing where it does not.

    Parameters
    ----------
    key
        A column by which rows of the last good batch can be found again.
    """
    if not judged.alarm:
        return []
    changes = schema_changes(baseline.known, batch)
    if changes:
        return [_of_schema(baseline, change) for change in changes]
    column = judged.columns[0] if judged.columns else None
    if judged.issue in ("volume", "timeliness"):
        return [_hold(judged.causes[0].message)]
    if judged.issue == "duplicates":
        repeated = judged.causes[0].statistic == "repeated"
        again = [_hold("the same rows were delivered before: ask for this batch again")]
        return again if repeated else [_drop_duplicates(batch)]
    if column is None:
        return [_hold(judged.causes[0].message)]
    if judged.issue == "missing":
        filled = [_last_good(column, key)] if key is not None and key != column else []
        return [*filled, _quarantine(column), _hold(f"`{column}` came empty where it never was")]
    found: list[Remedy] = []
    for name in judged.columns[:3]:
        rescaled = _rescale(baseline, batch, name)
        found += [] if rescaled is None else [rescaled]
    if judged.issue == "pattern":
        respelt = _respell(baseline, batch, column)
        found += [] if respelt is None else [respelt]
    if judged.issue in ("pattern", "outlier"):
        found.append(Remedy("mend", column, f"mend the cells of `{column}` beside rows of the last good batches"))
    if judged.issue == "drift":
        told = f"`{column}` has changed; if that is how the world is now, accept the batch and train again"
        found.append(Remedy("retrain", column, told))
    return [*found, _hold(judged.causes[0].message)]


def _of_schema(baseline: Baseline, change: SchemaChange) -> Remedy:
    column = change.column
    if change.statistic == "renamed":
        told = f"`{change.to}` holds what `{column}` held: call it `{column}` again"
        return Remedy("rename", change.to, told, {"to": column}, is_safe=True)
    if change.statistic == "added":
        return Remedy("set_aside", column, f"leave the new column `{column}` out")
    if change.statistic == "type" and baseline.known.columns[column].kind == NUMBER and change.to == TEXT:
        return Remedy("cast", column, f"read `{column}` as numbers; what is no number becomes empty")
    return _hold(change.message)


def _hold(why: str) -> Remedy:
    return Remedy("hold", None, f"hold it back and use the last good batch: {why}")


def _drop_duplicates(batch: BatchMetrics) -> Remedy:
    return Remedy("drop_duplicates", None, f"drop {batch.duplicates:,} rows that repeat another one")


def _last_good(column: str, key: str) -> Remedy:
    told = f"fill the empty cells of `{column}` with the values that the last good batch had for the same `{key}`"
    return Remedy("last_good", column, told, {"key": key})


def _quarantine(column: str) -> Remedy:
    return Remedy("quarantine", column, f"move the rows without `{column}` to quarantine")


def _rescale(baseline: Baseline, batch: BatchMetrics, name: str) -> Remedy | None:
    """A factor (or Fahrenheit for Celsius) that explains where the quantiles of a column of numbers went."""
    known, now = baseline.known.columns.get(name), batch.columns.get(name)
    if known is None or now is None or known.kind != NUMBER or now.quantiles is None or not len(known.edges):
        return None
    usual = np.nanmean(known.cumulative, 0)
    before = np.interp(MIDDLE, usual, known.edges)
    came = np.interp(MIDDLE, RANKS, now.quantiles)
    for factor, offset in ((None, 0.0), (1.8, 32.0), (1 / 1.8, -32.0 / 1.8)):
        fitted = _fitted(before, came - offset) if factor is None else factor
        if fitted is None:
            continue
        back = (came - offset) / fitted
        if np.abs(back - before).max() < SPREAD * max(float(np.ptp(before)), 1e-12):
            told = f"divide `{name}` by {fitted:g}"
            told = f"take {offset:g} off `{name}`, then {told}" if offset else told
            return Remedy("rescale", name, told, {"factor": fitted, "offset": offset})
    return None


def _fitted(before: Floats, came: Floats) -> float | None:
    """The factor between two sets of quantiles where it is one of the known ones."""
    if (before == 0).any() or (came == 0).any() or (np.sign(before) != np.sign(came)).any():
        return None
    log_ratio = np.log(np.abs(came / before))
    factor = math.exp(float(np.median(log_ratio)))
    near = [known for f in FACTORS for known in (f, 1 / f) if abs(factor / known - 1) < _slack(before)]
    return min(near, key=lambda known: abs(math.log(factor / known)), default=None)


def _slack(before: Floats) -> float:
    """How far the median of a batch may roam by itself, as a share of it."""
    roaming = SPREAD * float(np.ptp(before)) / max(abs(float(before[len(before) // 2])), 1e-12)
    return min(max(SNAP, roaming), MOST_SNAP)


def _respell(baseline: Baseline, batch: BatchMetrics, name: str) -> Remedy | None:
    """New values that are a known one in other case, with other marks, in a wrong code page, or with one slip."""
    known = baseline.known.columns[name].first_value
    by_print: dict[str, set[str]] = {}
    for value in known:
        by_print.setdefault(_fingerprint(value), set()).add(value)
    new = {value: n for value, n in batch.columns[name].values.items() if value not in known}
    mapped = {}
    for value in new:
        alike = by_print.get(_fingerprint(value)) or by_print.get(_fingerprint(_decoded(value)))
        found = alike or _one_slip(value, known)
        if len(found) == 1:
            mapped[value] = next(iter(found))
    if not mapped or sum(new[value] for value in mapped) < sum(new.values()) / 2:
        return None
    first = max(mapped, key=lambda value: (new[value], value))
    more = f", and {len(mapped) - 1} more values" if len(mapped) > 1 else ""
    told = f"write {first!r} as {mapped[first]!r} in `{name}`{more}, as before"
    return Remedy("respell", name, told, {"map": mapped})


def _fingerprint(value: str) -> str:
    """Letters and digits of a value, without case: OpenRefine's fingerprint, words in their order."""
    return "".join(c for c in value.casefold() if c.isalnum()) or value


def _decoded(value: str) -> str:
    """UTF-8 that was read as Latin-1, read right."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _one_slip(value: str, known: Iterable[str]) -> set[str]:
    return {other for other in known if len(other) > 3 and OSA.distance(value, other, score_cutoff=1) == 1}


def carry_out(remedy: Remedy, frame: pl.DataFrame, good: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.Series]:
    """The rows after a remedy, in their order, and which of the rows before are still there (Boolean).

    `good` holds rows of the last good batch. "hold" and "retrain" change nothing; "mend" is not for this room.
    """
    if remedy.action == "quarantine":
        kept = frame[str(remedy.column)].is_not_null()
    elif remedy.action == "drop_duplicates":
        kept = frame.select(pl.struct(pl.all()).is_first_distinct()).to_series()
    else:
        kept = pl.Series([True]).new_from_index(0, frame.height)
        return _carried_out(remedy, frame, good), kept
    return frame.filter(kept), kept


def _carried_out(remedy: Remedy, frame: pl.DataFrame, good: pl.DataFrame | None) -> pl.DataFrame:
    column, given = str(remedy.column), remedy.parameters
    match remedy.action:
        case "rename":
            return frame.rename({column: given["to"]})
        case "set_aside":
            return frame.drop(column)
        case "cast":
            return frame.with_columns(_as_number(pl.col(column)).alias(column))
        case "rescale":
            return frame.with_columns((pl.col(column) - given["offset"]) / given["factor"])
        case "respell":
            return frame.with_columns(pl.col(column).replace(given["map"]))
        case "last_good" if good is not None:
            return _filled(frame, good, column, given["key"])
        case _:
            return frame


def _as_number(text: pl.Expr) -> pl.Expr:
    stripped = text.cast(pl.String).str.strip_chars()
    return pl.when(is_null_token(stripped)).then(None).otherwise(stripped).cast(pl.Float64, strict=False)


def _filled(frame: pl.DataFrame, good: pl.DataFrame, column: str, key: str) -> pl.DataFrame:
    known = good.select(key, pl.col(column).alias("__kintsu_good")).drop_nulls()
    # a key with two values says nothing
    known = known.unique().filter(pl.col(key).is_unique())
    joined = frame.join(known, on=key, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(column, "__kintsu_good").alias(column)).drop("__kintsu_good")
