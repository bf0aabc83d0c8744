"""Values of sensitive columns never leave a run: one place that hides them, in cells, in evidence and in recipes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import polars as pl

__all__ = ["HIDDEN", "HIDDEN_WHY", "mask"]

HIDDEN: Final = "•••"
HIDDEN_WHY: Final = "evidence hidden: it rests on a sensitive column"

_VALUES: Final[tuple[str, ...]] = ("value", "old", "new")


def _mentions(text: str, names: Collection[str]) -> pl.Expr:
    """True where a text column names one of the sensitive columns."""
    return pl.any_horizontal(pl.col(text).str.contains(name, literal=True).fill_null(False) for name in sorted(names))


def mask(
    frame: pl.DataFrame,
    sensitive: Collection[str],
    *,
    values: Sequence[str] = _VALUES,
    secrets: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Findings, repairs, decisions or changes with sensitive values hidden; null stays null.

    Cells of sensitive columns become `HIDDEN`. The evidence (`why`) of a sensitive column, and evidence elsewhere that
    names a sensitive column, is replaced whole: it quotes values. Evidence that quotes a sensitive value of its own
    row without naming the column is found when `secrets` gives the texts (`__row` and the sensitive columns); without
    them, evidence about whole rows is hidden too, for it may quote any column.
    """
    if not sensitive or not len(frame):
        return frame
    own = pl.col("column").is_in(sorted(sensitive)).fill_null(False)
    whole_row = pl.col("column").is_null()  # its text may hold any column
    hidden = [
        pl.when((own | whole_row) & pl.col(name).is_not_null()).then(pl.lit(HIDDEN)).otherwise(name).alias(name)
        for name in values
        if name in frame.columns
    ]
    if "why" not in frame.columns:
        return frame.with_columns(hidden)
    quoted = _quoted(frame, sensitive, secrets)
    unseen = whole_row if secrets is None else pl.lit(False)
    told = (
        pl.when((own | unseen | _mentions("why", sensitive) | quoted) & pl.col("why").is_not_null())
        .then(pl.lit(HIDDEN_WHY))
        .otherwise("why")
        .alias("why")
    )
    return frame.with_columns(*hidden, told)


def _quoted(frame: pl.DataFrame, sensitive: Collection[str], secrets: pl.DataFrame | None) -> pl.Series:
    """True where `why` holds the text of a sensitive cell of the same row (of 3 characters or more)."""
    found = pl.Series([False] * len(frame), dtype=pl.Boolean)
    if secrets is None:
        return found
    joined = frame.select(pl.col("row").alias("__row"), "why").join(
        secrets, on="__row", how="left", maintain_order="left"
    )
    for name in sorted(set(sensitive) & set(secrets.columns)):
        long_enough = pl.col(name).str.len_chars() >= 3  # shorter texts occur by chance in any sentence
        hit = joined.select((pl.col("why").str.contains(pl.col(name), literal=True) & long_enough).fill_null(False))
        found = found | hit.to_series()
    return found
