"""Damage a clean table in known ways and keep the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from kintsu.run.generate.mistakes import MISTAKES

__all__ = ["TRUTH", "Plan", "damage"]

TRUTH: Final = {
    "row": pl.Int64,  # position in the dirty table, from 0
    "column": pl.String,  # null for a duplicated row
    "kind": pl.String,
    "original": pl.String,  # the right text; for a duplicate the number of the row that was copied
    "value": pl.String,  # what stands there instead; null where the cell was emptied
}


class Plan(NamedTuple):
    """What can go wrong in a table: mistakes by column, pairs that swap, pairs that glue together."""

    mistakes: Mapping[str, tuple[str, ...]]
    kind_of: Mapping[str, str]  # name of a mistake -> kind in the truth, where they differ
    swapped: tuple[tuple[str, str], ...]
    glued: tuple[tuple[str, str, str], ...]  # first, second, what goes between


@dataclass
class _Work:
    """A table that is being damaged. Every cell is damaged at most once, so the clean columns stay as they are."""

    clean: pl.DataFrame
    used: dict[str, np.ndarray]  # True where a cell is empty from the start, or damaged
    truth: list[pl.DataFrame]
    rng: np.random.Generator

    def free(self, names: tuple[str, ...], count: int) -> np.ndarray:
        """Up to `count` rows, at random, where none of the columns is empty or damaged yet; ascending."""
        drawn = (
            np.unique(self.rng.integers(0, len(self.clean), 2 * count + 20)) if len(self.clean) else np.empty(0, int)
        )
        for name in names:
            drawn = drawn[~self.used[name][drawn]]
        return np.sort(self.rng.permutation(drawn)[:count])

    def put(self, name: str, rows: np.ndarray, wrong: pl.Series, kind: str) -> None:
        right = self.clean[name].gather(rows)
        line = {"row": pl.Series(rows), "column": name, "kind": kind, "original": right, "value": wrong}
        lines = pl.DataFrame(line, schema_overrides=TRUTH).select(list(TRUTH))
        changed = lines.filter(~pl.col("original").eq_missing(pl.col("value")))
        self.used[name][changed["row"].to_numpy()] = True
        self.truth.append(changed)

    def dirty(self, truth: pl.DataFrame) -> pl.DataFrame:
        """The clean table with the wrong values in it."""
        parts = {str(name): part for (name,), part in truth.group_by("column")}
        return self.clean.with_columns(
            _placed(self.clean[name], part["row"], part["value"]) for name, part in parts.items()
        )


def _placed(series: pl.Series, rows: pl.Series, values: pl.Series) -> pl.Series:
    take = pl.int_range(len(series), eager=True).scatter(rows, pl.int_range(len(values), eager=True) + len(series))
    return pl.concat([series, values.alias(series.name)]).gather(take)


def damage(
    clean: pl.DataFrame, plan: Plan, errors: float, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The dirty table and its truth. About `errors` of all cells are wrong, spread evenly over what can go wrong;
    a quarter of that share of rows is copied to the end of the table.
    """
    used = {column.name: column.is_null().to_numpy().copy() for column in clean}
    work = _Work(clean, used, [], rng)
    steps = [(name, mistake) for name, mistakes in plan.mistakes.items() for mistake in mistakes]
    share = errors * clean.width / (len(steps) + 2 * len(plan.swapped) + 2 * len(plan.glued))
    for first, second in plan.swapped:
        rows = work.free((first, second), _count(share, len(clean), rng))
        a, b = clean[first].gather(rows), clean[second].gather(rows)
        work.put(first, rows, b, "swapped")
        work.put(second, rows, a, "swapped")
    for first, second, between in plan.glued:
        rows = work.free((first, second), _count(share, len(clean), rng))
        a, b = clean[first].gather(rows), clean[second].gather(rows)
        work.put(first, rows, a + between + b, "glued")
        work.put(second, rows, pl.Series([None] * len(rows), dtype=pl.String), "glued")
    for name, mistake in steps:
        rows = work.free((name,), _count(share, len(clean), rng))
        wrong = MISTAKES[mistake](clean[name].gather(rows), rng)
        work.put(name, rows, wrong, plan.kind_of.get(mistake, mistake))
    return _with_copies(work, clean, _count(errors / 4, len(clean), rng))


def _count(share: float, rows: int, rng: np.random.Generator) -> int:
    """Whole number whose expectation is `share * rows`."""
    return int(share * rows + rng.random())


def _with_copies(work: _Work, clean: pl.DataFrame, count: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    truth = pl.concat([pl.DataFrame(schema=TRUTH), *work.truth])
    hit = np.zeros(len(clean), dtype=bool)
    hit[truth["row"].to_numpy()] = True
    sound = np.flatnonzero(~hit)
    copied = np.sort(work.rng.choice(sound, min(count, len(sound)), replace=False))
    dirty = work.dirty(truth)
    copies = {
        "row": np.arange(len(clean), len(clean) + len(copied)),
        "column": None,
        "kind": "duplicate",
        "original": pl.Series(copied, dtype=pl.Int64).cast(pl.String),
        "value": None,
    }
    lines = pl.DataFrame(copies, schema_overrides=TRUTH).select(list(TRUTH))
    return pl.concat([dirty, dirty[copied]]), pl.concat([truth, lines]).sort("row", "column", nulls_last=True)
