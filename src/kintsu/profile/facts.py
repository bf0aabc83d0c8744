"""Read what people and detectors want to know off the summaries of a column."""

from __future__ import annotations

from typing import Final

import numpy as np

from kintsu.profile.column import ColumnProfile
from kintsu.profile.state import ColumnState

__all__ = ["LEVELS", "facts"]

LEVELS: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Levels of the quantiles that a profile lists."""


def facts(state: ColumnState) -> ColumnProfile:
    """The profile of one column."""
    from kintsu.profile.semantic import judge  # patterns and types are only needed once a pass is done

    counts, moments, votes = state["counts"], state["moments"], state["votes"]
    extremes, quantiles, lengths, distinct = (state[k] for k in ("extremes", "quantiles", "lengths", "distinct"))
    kind, share = votes.winner
    numeric = kind in ("integer", "float")
    read = judge(state, kind)
    levels = quantiles.at(LEVELS) if numeric else np.zeros(0)
    return ColumnProfile(
        name=state.name,
        rows=counts.rows,
        nulls=counts.nulls + counts.blanks,
        distinct=distinct.count,
        type=kind,
        type_share=share,
        semantic_type=read.semantic_type,
        min=extremes.low if numeric else (read.first or extremes.first),
        max=extremes.high if numeric else (read.last or extremes.last),
        mean=moments.mean if numeric and moments.n else None,
        std=moments.std if numeric else None,
        quantiles={str(level): float(q) for level, q in zip(LEVELS, levels, strict=False)},
        top=state["top"].items(20),
        patterns=read.patterns,
        mean_length=lengths.mean,
        decimal_comma=state.decimal_comma,
        dtype=state.dtype,
        format=read.format,
        format_share=read.format_share,
        blanks=counts.blanks,
        disguised=votes.token,
        nan=counts.nan,
        inf=counts.inf,
        zeros=counts.zeros,
        negatives=counts.negatives,
        skewness=moments.skewness if numeric else None,
        kurtosis=moments.kurtosis if numeric else None,
        histogram=quantiles.histogram() if numeric else [],
        lengths=(lengths.least or 0, lengths.most or 0),
        votes={k: v for k, v in vars(votes).items() if v},
        distinct_error=distinct.error,
        rank_error=quantiles.rank_error,
    )
