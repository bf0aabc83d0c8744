"""What is in a table: one pass, bounded memory."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

from kintsu.core.batch import Batch
from kintsu.core.contracts import ReadOptions
from kintsu.diagnose.score import scores
from kintsu.io.open import open_table
from kintsu.profile.association import associations
from kintsu.profile.build import profile_of
from kintsu.profile.column import ColumnProfile
from kintsu.profile.missingness import missing_together
from kintsu.profile.table import Profile
from kintsu.run.assess import all_batches

__all__ = ["ProfileResult", "profile"]


@dataclass(frozen=True)
class ProfileResult:
    """The profile of a table, ready to show. `profile` holds the mergeable state behind it."""

    profile: Profile
    sensitive: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return self.profile.rows

    @property
    def columns(self) -> Mapping[str, ColumnProfile]:
        return self.profile.columns

    @property
    def signature(self) -> str:
        """Hash of the column names and types: another one means another schema."""
        return self.profile.signature

    @cached_property
    def sample(self) -> Batch:
        """The sampled rows."""
        return self.profile.sample.batch(self.profile.table, rows=self.rows)

    @cached_property
    def scores(self) -> dict[str, float | None]:
        """Score by dimension, 0 to 100; None where a profile alone cannot tell."""
        return scores(self.profile)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `kintsu profile --json`; NaN and infinities become null."""
        return {
            "rows": self.rows,
            "columns": {name: self._column(column) for name, column in self.columns.items()},
            "scores": self.scores,
            "signature": self.signature,
            "missing_together": [
                {"columns": list(names), "share": rows / max(len(self.sample), 1)}
                for names, rows in missing_together(self.sample)
            ],
            "associations": [
                {"columns": [a, b], "measure": measure, "strength": strength}
                for a, b, measure, strength in associations(self.sample, self.columns)
            ],
        }

    def _column(self, column: ColumnProfile) -> dict[str, Any]:
        hidden = column.name in self.sensitive
        shown = _column_dict(column)
        if hidden:
            shown |= {"min": None, "max": None, "top": [["***", n] for _, n in column.top]}
        return shown

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("column", "type", "meaning", "missing", "distinct", "example"))
        lines = "".join(self._line(column) for column in self.columns.values())
        overall = self.scores["overall"]
        title = f"{html.escape(self.profile.table.name)}: {self.rows:,} rows, {len(self.columns)} columns"
        score = "" if overall is None else f", score {overall:.1f}"
        return f"<p><b>{title}</b>{score}</p><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"

    def _line(self, column: ColumnProfile) -> str:
        example = "***" if column.name in self.sensitive else (column.top[0][0][:40] if column.top else "")
        missing = f"{column.nulls / max(column.rows, 1):.1%}"
        cells = (column.name, column.type, column.semantic_type or "", missing, f"{column.distinct:,}", example)
        return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _column_dict(column: ColumnProfile) -> dict[str, Any]:
    """The contract's fields of a column, then the others."""
    return {
        "type": column.type,
        "semantic_type": column.semantic_type,
        "nulls": column.nulls,
        "distinct": column.distinct,
        "min": _plain(column.min),
        "max": _plain(column.max),
        "mean": _plain(column.mean),
        "std": _plain(column.std),
        "quantiles": {level: _plain(value) for level, value in column.quantiles.items()},
        "top": [[value, n] for value, n in column.top],
        "patterns": [[pattern, cells] for pattern, cells in column.patterns],
        "rows": column.rows,
        "type_share": round(column.type_share, 6),
        "dtype": column.dtype,
        "format": column.format,
        "disguised_nulls": column.disguised,
        "blanks": column.blanks,
        "nan": column.nan,
        "inf": column.inf,
        "zeros": column.zeros,
        "negatives": column.negatives,
        "skewness": _plain(column.skewness),
        "kurtosis": _plain(column.kurtosis),
        "histogram": [[_plain(low), _plain(high), n] for low, high, n in column.histogram],
        "lengths": {"min": column.lengths[0], "max": column.lengths[1], "mean": round(column.mean_length, 3)},
        "votes": dict(column.votes),
        "distinct_error": column.distinct_error,
        "rank_error": column.rank_error,
    }


def _plain(value: float | str | None) -> float | str | None:
    """JSON has no NaN and no infinities; whole numbers are shown as such."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value


def profile(
    source: Any, *, seed: int = 0, read: ReadOptions | None = None, sensitive: tuple[str, ...] = ()
) -> ProfileResult:
    """Profile a table: types, meanings, gaps, distributions, patterns and scores; nothing is changed.

    Parameters
    ----------
    source
        A path, URL, polars or pandas frame, Arrow table, or anything with the Arrow PyCapsule interface.
    sensitive
        Columns whose values are not shown.
    """
    table = open_table(source, read)

    def scan(columns: list[str] | None) -> Iterator[Batch]:
        return all_batches(table, 131_072, columns)

    return ProfileResult(profile_of(scan, table.ref, seed=seed), sensitive)
