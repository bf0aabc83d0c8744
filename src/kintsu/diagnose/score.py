"""Quality scores by dimension, 0 to 100. The formula is explained in `docs/why/scores.md`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from kintsu.core.vocabulary import DIMENSION_OF

__all__ = ["SEVERITY", "column_scores", "scores"]

SEVERITY: Final[dict[str, float]] = {
    "format": 0.5,  # the value is there, only spelt otherwise
    "outlier": 0.5,  # unusual is not yet wrong
    "contextual": 0.5,
    "multivariate": 0.25,
    "rare_category": 0.25,
    "text_anomaly": 0.25,
    "spike": 0.5,
    "step": 0.5,
}
"""How much a flagged cell counts, by kind; 1 where not listed."""

_BY_ROW: Final = ("uniqueness", "timeliness")  # shares of rows; the others are shares of cells


def scores(
    reference: Any, findings: pl.DataFrame | None = None, *, accuracy: float | None = None
) -> dict[str, float | None]:
    """Dimension -> score, and "overall", their mean. None: nothing was looked at that could tell.

    Parameters
    ----------
    reference
        A profile or reference: anything with `rows`, `columns` (names) and `column(name)`.
    findings
        Schema `frames.FINDINGS`. Without them validity is the share of cells that are of their column's type and
        uniqueness is estimated from the sampled rows; consistency and timeliness are unknown.
    accuracy
        Share of cells that agree with a table known to be right, in [0, 1].
    """
    found: dict[str, float | None] = {
        "completeness": _mean(_completeness(reference, findings)),
        "validity": _mean(_validity(reference)) if findings is None else _share(reference, findings, "validity"),
        "consistency": None if findings is None else _share(reference, findings, "consistency"),
        "uniqueness": _distinct_rows(reference) if findings is None else _share(reference, findings, "uniqueness"),
        "timeliness": None
        if findings is None or not _has_time(reference)
        else _share(reference, findings, "timeliness"),
    }
    if accuracy is not None:
        found["accuracy"] = accuracy
    scaled = {name: None if share is None else round(100 * share, 2) for name, share in found.items()}
    known = [score for score in scaled.values() if score is not None]
    return {**scaled, "overall": round(sum(known) / len(known), 2) if known else None}


def column_scores(reference: Any, findings: pl.DataFrame | None = None) -> pl.DataFrame:
    """`column`, `completeness`, `validity`, `consistency`: 0 to 100; null where unknown."""
    names = list(reference.columns)
    complete = _completeness(reference, findings)
    valid: Mapping[str, float | None]
    consistent: Mapping[str, float | None] = dict.fromkeys(names)
    if findings is None:
        valid = _validity(reference)
    else:
        valid, consistent = (_by_column(reference, findings, d) for d in ("validity", "consistency"))
    return pl.DataFrame(
        {
            "column": names,
            "completeness": [_scaled(complete.get(name)) for name in names],
            "validity": [_scaled(valid.get(name)) for name in names],
            "consistency": [_scaled(consistent.get(name)) for name in names],
        },
        schema={"column": pl.String, **dict.fromkeys(("completeness", "validity", "consistency"), pl.Float64)},
    )


def _scaled(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _mean(shares: dict[str, float]) -> float | None:
    return sum(shares.values()) / len(shares) if shares else None


def _completeness(reference: Any, findings: pl.DataFrame | None) -> dict[str, float]:
    """Per column 1 - the sum of its gaps, each weighted by how much a gap surprises there; a flagged gap counts 1."""
    flagged: dict[str, int] = {}
    if findings is not None:
        gaps = findings.filter(pl.col("kind").replace_strict(DIMENSION_OF, default="") == "completeness")
        cells = gaps.drop_nulls(["row", "column"]).group_by("column").agg(pl.col("row").n_unique())
        flagged = dict(cells.iter_rows())
    shares = {}
    for name in reference.columns:
        column = reference.column(name)
        if not column.rows:
            continue
        gaps_here = column.nulls + column.disguised
        sure = min(flagged.get(name, 0), column.rows)
        other = max(gaps_here - sure, 0)
        shares[name] = max(0.0, 1 - (sure + other * (1 - gaps_here / column.rows)) / column.rows)
    return shares


def _validity(reference: Any) -> dict[str, float]:
    """Per column the share of filled cells that are of its type, and finite."""
    shares = {}
    for name in reference.columns:
        column = reference.column(name)
        told = column.rows - column.nulls - column.disguised
        if told > 0:
            broken = (column.nan + column.inf) / told if column.is_numeric else 0.0
            shares[name] = max(0.0, column.type_share - broken)
    return shares


def _distinct_rows(reference: Any) -> float | None:
    """Estimated share of rows that repeat no other: distinct contents over rows, among the sampled contents.

    Counts of sampled contents are over the whole table, so this is unbiased for the table at hand; a sample drawn
    beforehand has lost most of its pairs, which no estimator brings back.
    """
    sample = getattr(getattr(reference, "profile", reference), "sample", None)
    if sample is None or not reference.rows or "__n" not in sample.frame.columns:
        return None
    return float(len(sample.frame) / max(int(sample.frame["__n"].sum()), 1))


def _has_time(reference: Any) -> bool:
    return any(reference.column(name).type in ("date", "datetime") for name in reference.columns)


def _weighted(findings: pl.DataFrame, dimension: str) -> pl.DataFrame:
    """`row`, `column`, `weight` of findings about cells and rows that lower this dimension."""
    kinds = [kind for kind, lowered in DIMENSION_OF.items() if lowered == dimension]
    return findings.filter(pl.col("kind").is_in(kinds) & pl.col("row").is_not_null()).select(
        "row", "column", weight=pl.col("kind").replace_strict(SEVERITY, default=1.0, return_dtype=pl.Float64)
    )


def _share(reference: Any, findings: pl.DataFrame, dimension: str) -> float | None:
    """1 - the weight of flagged cells (or rows) over all cells (or rows). A cell counts once, with its worst kind."""
    width = len(list(reference.columns))
    if not reference.rows or not width:
        return None
    weighted = _weighted(findings, dimension)
    whole = weighted.filter(pl.col("column").is_null()).group_by("row").agg(pl.col("weight").max())
    if dimension in _BY_ROW:
        rows = weighted.group_by("row").agg(pl.col("weight").max())
        return max(0.0, 1 - float(rows["weight"].sum()) / int(reference.rows))
    cells = weighted.drop_nulls("column").group_by("row", "column").agg(pl.col("weight").max())
    single = cells.join(whole, on="row", how="anti")
    lost = float(single["weight"].sum()) + float(whole["weight"].sum()) * width
    return max(0.0, 1 - lost / (int(reference.rows) * width))


def _by_column(reference: Any, findings: pl.DataFrame, dimension: str) -> dict[str, float]:
    cells = _weighted(findings, dimension).drop_nulls("column").group_by("row", "column").agg(pl.col("weight").max())
    lost = dict(cells.group_by("column").agg(pl.col("weight").sum()).iter_rows())
    rows = max(reference.rows, 1)
    return {name: max(0.0, 1 - lost.get(name, 0.0) / rows) for name in reference.columns}
