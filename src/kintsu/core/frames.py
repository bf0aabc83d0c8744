"""Findings, repairs and decisions are tables: their schemas and the few functions that make them well-formed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

import numpy as np
import polars as pl

from kintsu.core.errors import ContractError
from kintsu.core.hashing import mix, stable_hash, text_hash
from kintsu.core.vocabulary import EDITS, KINDS

__all__ = ["DECISIONS", "FINDINGS", "REPAIRS", "concat", "conformed", "empty", "findings", "identified", "repairs"]

Schema = Mapping[str, type[pl.DataType]]

FINDINGS: Final[Schema] = {
    "row": pl.Int64,  # null: about a whole column
    "column": pl.String,  # null: about a whole row
    "kind": pl.String,
    "score": pl.Float64,  # the detector's own number in [0, 1]; compares only within one detector
    "confidence": pl.Float64,  # calibrated probability of being a real error; null until calibrated
    "detector": pl.String,
    "recipe": pl.String,
    "why": pl.String,  # one sentence of evidence a person can read
    "value": pl.String,  # the cell's text
    "group": pl.String,  # ties several cells of one violation together
}

REPAIRS: Final[Schema] = {
    "row": pl.Int64,
    "column": pl.String,  # null for a dropped row
    "edit": pl.String,  # set, drop, add, cast
    "old": pl.String,  # null: the cell was null
    "new": pl.String,  # null: the cell becomes null
    "score": pl.Float64,  # the healer's own estimate of being right, in [0, 1], before calibration
    "confidence": pl.Float64,  # calibrated; null until calibrated
    "healer": pl.String,
    "recipe": pl.String,  # id of the Recipe
    "why": pl.String,
    "group": pl.String,  # repairs that only make sense together share a group (a split, a swap)
}

DECISIONS: Final[Schema] = {**REPAIRS, "action": pl.String, "reason": pl.String}


def empty(schema: Schema) -> pl.DataFrame:
    """A table with this schema and no rows."""
    return _empty(tuple(schema.items()))


@cache
def _empty(schema: tuple[tuple[str, type[pl.DataType]], ...]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(schema))


def conformed(frame: pl.DataFrame, schema: Schema, *more: str) -> pl.DataFrame:
    """The columns of a schema in its order and types, and `more` after them; the frame itself where it has them.

    Raises
    ------
    ColumnNotFoundError, InvalidOperationError
        Of polars: it lacks one, or a value has no place in the type.
    """
    if frame.columns == [*schema, *more] and all(frame.schema[name] == dtype for name, dtype in schema.items()):
        return frame
    return frame.select(*(pl.col(name).cast(dtype) for name, dtype in schema.items()), *more)


def _shaped(frame: pl.DataFrame, schema: Schema, constants: Mapping[str, object], owner: str) -> pl.DataFrame:
    unknown = set(frame.columns) - set(schema)
    if unknown:
        raise ContractError(f"{owner} returned unknown columns {sorted(unknown)}; known: {list(schema)}")
    if not len(frame):
        return empty(schema)
    given = set(frame.columns)
    return frame.select(
        pl.lit(constants[name], dtype).alias(name)
        if name in constants
        else (pl.col(name).cast(dtype) if name in given else pl.lit(None, dtype).alias(name))
        for name, dtype in schema.items()
    )


def _no_share(score: pl.Series) -> float | None:
    """A score that is null, NaN or outside [0, 1]; None where there is none such."""
    told = score.to_numpy()
    bad = ~((told >= 0) & (told <= 1))
    return float(told[bad][0]) if bad.any() else None


def findings(frame: pl.DataFrame, *, detector: str, kind: str | None = None, column: str | None = None) -> pl.DataFrame:
    """Give `frame` the schema of findings: fills absent columns with null and checks kinds and scores.

    `frame` needs `row` and `score`, and whichever of `kind` and `column` is not given here.

    Raises
    ------
    ContractError
        Unknown columns or kinds, scores outside [0, 1] or null.
    """
    constants = {"detector": detector} | ({"kind": kind} if kind else {}) | ({"column": column} if column else {})
    shaped = _shaped(frame, FINDINGS, constants, detector)
    bad = _no_share(shaped["score"])
    if bad is not None:
        raise ContractError(f"{detector}: score {bad} is outside [0, 1]")
    kinds = ({kind} if kind else set(shaped["kind"].unique().to_list())) - KINDS if len(shaped) else set()
    if kinds:
        raise ContractError(f"{detector}: unknown kinds {sorted(map(str, kinds))}")
    return shaped


def repairs(frame: pl.DataFrame, *, healer: str, recipe: str | None = None, column: str | None = None) -> pl.DataFrame:
    """Give `frame` the schema of repairs; `edit` is "set" where absent. See `findings`."""
    constants: dict[str, object] = {"healer": healer}
    if recipe:
        constants["recipe"] = recipe
    if column:
        constants["column"] = column
    if "edit" not in frame.columns:
        constants["edit"] = "set"
    shaped = _shaped(frame, REPAIRS, constants, healer)
    if _no_share(shaped["score"]) is not None:
        raise ContractError(f"{healer}: a score is outside [0, 1]")
    if "edit" not in constants and set(shaped["edit"].unique().to_list()) - set(EDITS):
        raise ContractError(f"{healer}: unknown edits; known: {EDITS}")
    return shaped


def concat(frames: Iterable[pl.DataFrame], schema: Schema) -> pl.DataFrame:
    """All frames below each other; an empty table of the schema where there are none."""
    kept = [frame for frame in frames if len(frame)]
    return pl.concat(kept) if kept else empty(schema)


def identified(found: pl.DataFrame, table: str) -> pl.Series:
    """Content-addressed id of each finding: hash of (table, row, column, kind, detector, value), as 16 hex digits.

    The run is not part of it, so a rerun or a replayed window finds the same ids.
    """
    row = found["row"].fill_null(-1).to_numpy().astype(np.int64).view(np.uint64)
    parts = [stable_hash(found[name]) for name in ("column", "kind", "detector", "value")]
    ids = mix(text_hash(table), row, *parts)
    return pl.Series("id", [f"{number:016x}" for number in ids.tolist()], dtype=pl.String)
