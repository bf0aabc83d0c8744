"""Rows that no one should build on: what a treatment could not mend, and what a stream puts into quarantine for it.

An outlier, a rare word, an empty optional cell are no reason. A rule that a person declared and that is broken, a text
where a number or a date has to be, an empty cell where there always was a value are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch, Column
from kintsu.core.contracts import Reference
from kintsu.core.phrase import phrase, quoted
from kintsu.profile.dates import parse, sure_regex_of, written
from kintsu.profile.values.judgement import moment_format
from kintsu.profile.values.nature import nature_of
from kintsu.profile.values.null_tokens import is_null_token

__all__ = ["NOTHING_LEFT", "Need", "Quarantine", "needs_of"]

NOTHING_LEFT: Final = pl.DataFrame(schema={"row": pl.Int64, "why": pl.String})
LEAST_ROWS: Final = 100  # below, that a column was never empty may be luck
TYPED: Final = 0.9  # share of a column's values that are of its type, for the others to be unreadable
RULES: Final = "rule_violation"
_CLAIM: Final = {"row": pl.Int64, "column": pl.String, "why": pl.String}


@dataclass(frozen=True)
class Need:
    """What a cell of a column has to be: `type` "number", "date" (of `format`), or "text"; `required`: never empty."""

    type: str = "text"
    format: str | None = None
    required: bool = False


@dataclass(frozen=True)
class Quarantine:
    """Which rows are unmendable.

    Parameters
    ----------
    needs
        By column.
    unreadable, required, rules
        Whether a text that is not of its column's type, an empty cell of a required column, and a broken rule of a
        person are reasons.
    findings
        Detector -> least score of a finding that is a reason, where no repair of its cell was applied.
    """

    needs: Mapping[str, Need] = field(default_factory=dict)
    unreadable: bool = True
    required: bool = True
    rules: bool = True
    findings: Mapping[str, float] = field(default_factory=lambda: {"semantic_check": 0.9})

    def unmendable(self, batch: Batch, findings: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
        """`row` and `why` of the rows with a reason; `decisions` are those about the batch."""
        known = {name: need for name, need in self.needs.items() if name in batch.columns}
        parts = [pl.DataFrame(schema=_CLAIM)]
        for name, need in known.items() if len(batch) else ():
            parts += self._of_column(batch, name, need)
        least = {**self.findings, **({RULES: 0.0} if self.rules else {})}
        sure = pl.col("detector").replace_strict(least, default=2.0, return_dtype=pl.Float64)
        told = findings.filter(pl.col("score") >= sure, pl.col("column").is_not_null())
        parts.append(told.select("row", "column", "why"))
        claims = pl.concat(parts)
        if not len(claims):
            return NOTHING_LEFT
        mended = decisions.filter(pl.col("action") == "apply").select("row", "column", "new")
        # an emptied cell is mended where it may be empty
        needed = [name for name, need in self.needs.items() if need.required and self.required]
        mended = mended.filter(pl.col("new").is_not_null() | ~pl.col("column").is_in(needed))
        left = claims.join(mended.select("row", "column"), on=["row", "column"], how="anti").sort(*_CLAIM)
        left = left.unique(["row", "column"], keep="first", maintain_order=True)
        return left.group_by("row", maintain_order=True).agg(why=pl.col("why").str.join("; "))

    def _of_column(self, batch: Batch, name: str, need: Need) -> list[pl.DataFrame]:
        column, out = batch[name], []
        empty = column.is_missing.to_numpy()
        if self.required and need.required and empty.any():
            out.append(_claims(batch.row.gather(np.flatnonzero(empty)), name, f"{name} is empty, and never was"))
        if self.unreadable and need.type != "text" and not column.series.dtype.is_temporal():
            odd = np.flatnonzero(_is_unread(column, need) & ~empty)
            if len(odd):
                cells = pl.DataFrame({"row": batch.row.gather(odd), "value": column.text.gather(odd)})
                if not need.required:
                    cells = cells.filter(~is_null_token(pl.col("value")))
                wanted = f"{need.type} of the form {written(need.format)}" if need.format else need.type
                why = phrase("{} {} is no {}", pl.lit(name), quoted("value"), pl.lit(wanted))
                out.append(_claims(cells["row"], name, cells.select(why=why)["why"]))
        return out


def _is_unread(column: Column, need: Need) -> npt.NDArray[np.bool_]:
    """Whether each cell is no number, or no date, as the column needs it; true where it is empty."""
    if need.type == "number":
        return column.number.is_null().to_numpy()
    if need.format is None:
        return column.text.is_null().to_numpy()
    sure = sure_regex_of(need.format)
    odd = np.ones(len(column), bool) if sure is None else ~column.text.str.contains(sure).fill_null(False).to_numpy()
    at = np.flatnonzero(odd)
    if len(at):  # few: what is not surely a day has to be read
        odd[at] = parse(column.text.gather(at), need.format).is_null().to_numpy()
    return odd


def _claims(rows: pl.Series, column: str, why: str | pl.Series) -> pl.DataFrame:
    told = pl.Series([why], dtype=pl.String).new_from_index(0, len(rows)) if isinstance(why, str) else why
    return pl.DataFrame({"row": rows, "column": [column] * len(rows), "why": told}, schema=_CLAIM)


def needs_of(reference: Reference) -> dict[str, Need]:
    """What the table shows of each column."""
    return {name: _need(reference, name) for name in reference.columns}


def _need(reference: Reference, name: str) -> Need:
    facts, nature = reference.column(name), nature_of(reference, name)
    disguised = int(nature.parsed.filter(pl.col("token"))["n"].sum())
    required = facts.nulls + disguised == 0 and facts.rows >= LEAST_ROWS
    if nature.kind == "number" and nature.plain_share >= TYPED:
        return Need("number", None, required)
    usual = moment_format(reference, name) if nature.kind == "text" else None
    if usual is not None and usual.share >= TYPED:
        return Need("date", usual.format, required)
    return Need("text", None, required)
