"""Empty cells where the column's own habit says that a value belongs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core import frames
from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.profile.subsample import subsample

__all__ = ["Missing", "MissingHabit"]

_CATEGORIES: Final = 60  # most categories of a column that may explain emptiness
_PER_CATEGORY: Final = 100  # rows a category needs before 97 % filled is a habit and no luck
_WORK: Final = 4e9  # cells looked at over all pairs of columns: seconds. Wide tables are judged on fewer rows
_LEAST_ROWS: Final = 1_000


@dataclass(frozen=True)
class MissingHabit:
    """How a column is filled: always, or always in some categories of another column.

    `share` is the share of empty cells, in [0, 1]. `by` names the column whose `categories` are nearly always filled;
    it is "" where the whole column is.
    """

    column: str
    share: float
    by: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Missing:
    """Empty cells in columns that are nearly always filled, as a whole or within a category of another column.

    Score: 1 minus the share of empty cells (in the column or category). Blind to columns that are often empty without
    a reason in the table; what can be filled there by a dependency is found by the dependency.

    Parameters
    ----------
    usual
        Largest share of empty cells in a column that counts as nearly always filled.
    """

    name: ClassVar[str] = "missing"

    usual: float = 0.05

    def train(self, reference: Reference) -> list[MissingHabit]:
        habits, often = [], {}
        for name in reference.columns:
            facts = reference.column(name)
            share = facts.nulls / facts.rows if facts.rows else 0.0
            if not facts.nulls or facts.nulls == facts.rows:
                continue
            # upper end of the Wilson interval (95 %): one empty cell of ten is no habit
            if _upper(facts.nulls, facts.rows) <= max(self.usual, 0.0) * 1.5 and share <= self.usual:
                habits.append(MissingHabit(name, share))
            elif share >= self.usual:
                often[name] = share
        return habits + _conditional(reference, list(often))

    def find(self, batch: Batch, model: list[MissingHabit], reference: Reference) -> pl.DataFrame:
        out = []
        for habit in model:
            if habit.column not in batch.columns or (habit.by and habit.by not in batch.columns):
                continue
            hit = batch[habit.column].is_missing
            where = ""
            if habit.by:
                hit = hit & batch[habit.by].text.is_in(list(habit.categories)).fill_null(False)
                where = f" where {habit.by} is as here"
            rows = batch.row.filter(hit)
            why = f"empty, while {100 * (1 - habit.share):.2f} % of the cells of {habit.column}{where} are filled"
            found = pl.DataFrame({"row": rows, "value": batch[habit.column].text.filter(hit)})
            found = found.with_columns(score=pl.lit(max(0.0, 1 - habit.share)), why=pl.lit(why))
            out.append(frames.findings(found, detector=self.name, kind="missing", column=habit.column))
        return frames.concat(out, frames.FINDINGS)


def _upper(hits: int, rows: int) -> float:
    """Upper end of the 95 % Wilson interval of a share."""
    z = 1.96
    p = hits / rows
    centre = p + z * z / (2 * rows)
    return float((centre + z * (p * (1 - p) / rows + z * z / (4 * rows * rows)) ** 0.5) / (1 + z * z / rows))


def _conditional(reference: Reference, names: list[str]) -> list[MissingHabit]:
    """Categories of another column in which a column is nearly always filled, though it is often empty elsewhere.

    The column that explains emptiness best is taken, and only if it explains nearly all of it.
    """
    others = [name for name in reference.columns if 2 <= reference.column(name).distinct <= _CATEGORIES]
    if len(reference.sample) < _PER_CATEGORY or not names or not others:
        return []
    size = int(max(_LEAST_ROWS, _WORK / (len(names) * len(others))))
    sample = reference.sample if len(reference.sample) <= size else subsample(reference.sample, size)
    empty = np.column_stack([sample[name].is_missing.to_numpy().astype(np.int32) for name in names])
    best, explained = np.full(len(names), -1), np.full(len(names), -1.0)
    for at, other in enumerate(others):
        share = _explained(*_tally(sample[other].text, empty))
        share[[name == other for name in names]] = np.nan
        better = share > explained
        best[better], explained[better] = at, share[better]
    found = [_habit(sample, name, others[at]) for name, at in zip(names, best.tolist(), strict=True) if at >= 0]
    return [habit for habit in found if habit.categories]


def _tally(
    text: pl.Series, empty: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Rows of each category, its empty cells by column of `empty`, and whether it is a value (and no null)."""
    code = text.rank("dense").fill_null(0).to_numpy()
    order = np.argsort(code, kind="stable")
    kinds, start, size = np.unique(code[order], return_index=True, return_counts=True)
    return size, np.add.reduceat(empty[order], start, axis=0, dtype=np.int64), kinds > 0


def _explained(
    size: npt.NDArray[np.int64], empty: npt.NDArray[np.int64], is_value: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Share of each column's empty cells outside of the categories that are nearly always filled.

    NaN where most rows lie in categories that are neither nearly always filled nor nearly always empty, and where
    there is nothing to find.
    """
    rate = empty / size[:, None]
    plain = np.where((rate <= 0.03) | (rate >= 0.97), size[:, None], 0).sum(axis=0)
    filled = (rate <= 0.03) & ((size >= _PER_CATEGORY) & is_value)[:, None]
    wrong, empties = np.where(filled, empty, 0).sum(axis=0), empty.sum(axis=0)
    fits = (plain >= 0.95 * size.sum()) & (wrong > 0)
    return np.where(fits, 1 - wrong / np.maximum(empties, 1), np.nan)


def _habit(sample: Batch, name: str, other: str) -> MissingHabit:
    """How `name` is filled within the categories of `other`."""
    frame = pl.DataFrame([sample[other].text.alias("c"), sample[name].is_missing.alias("empty")])
    counted = frame.group_by("c").agg(pl.col("empty").sum().alias("k"), pl.len().alias("n")).sort("c")
    usual = (pl.col("k") / pl.col("n") <= 0.03) & (pl.col("n") >= _PER_CATEGORY) & pl.col("c").is_not_null()
    filled = counted.filter(usual)
    share = int(filled["k"].sum()) / max(int(filled["n"].sum()), 1)
    return MissingHabit(name, share, other, tuple(filled["c"].to_list()))
