"""The numbers behind each small plot: a column before and after, on the sample."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from kintsu.core.batch import Batch, Column
from kintsu.diagnose.words import shorten

__all__ = ["distribution"]

BINS: Final = 28
VALUES: Final = 6  # commonest values shown of a text column, and as many changed or flagged ones
MISSING: Final = frozenset({"missing", "disguised_missing"})


def distribution(
    column: str, kind: str, rows: Batch, findings: pl.DataFrame, decisions: pl.DataFrame
) -> dict[str, Any] | None:
    """Numbers for one plot: "filled" for missing cells, "numbers" for a numeric column, "values" otherwise.

    Counts are those of the rows given (the sample, where the table is large); None where nothing can be drawn.
    """
    if not len(rows):
        return None
    before = rows[column]
    after = _after(column, rows, decisions)
    bad = rows.row.is_in(
        findings.filter((pl.col("column") == column) & (pl.col("kind") == kind))["row"].drop_nulls().implode()
    )
    if kind in MISSING:
        return _filled(before, after, bad if kind == "disguised_missing" else None)
    if int(before.number.is_not_null().sum()) >= 0.6 * int((~before.is_missing).sum()) > 0:
        plot = _numbers(before, after, bad)
        if plot:
            return plot
    return _values(before, after, bad)


def _after(column: str, rows: Batch, decisions: pl.DataFrame) -> Column:
    """The column as text with the applied repairs in place."""
    applied = decisions.filter(
        (pl.col("action") == "apply") & (pl.col("column") == column) & (pl.col("edit") == "set")
    ).select(pl.col("row").alias("__row"), "new", hit=pl.lit(True))
    texts = pl.DataFrame({"__row": rows.row, "text": rows[column].text})
    joined = texts.join(applied.unique("__row"), on="__row", how="left", maintain_order="left")
    mended = joined.select(pl.when(pl.col("hit")).then("new").otherwise("text").alias(column)).to_series()
    return Column(mended, decimal_comma=rows.decimal_comma)


def _filled(before: Column, after: Column, disguised: pl.Series | None) -> dict[str, Any]:
    n = len(before)
    empty_before = before.is_missing if disguised is None else before.is_missing | disguised
    left = (
        int(after.is_missing.sum())
        if disguised is None
        else int((after.is_missing | (disguised & (after.text == before.text).fill_null(False))).sum())
    )
    return {"type": "filled", "rows": n, "before": n - int(empty_before.sum()), "after": n - left}


def _edges(numbers: np.ndarray) -> np.ndarray | None:
    """Even bins over the middle of the data, widened to the ends where nothing lies far away."""
    low, q1, q3, high = np.quantile(numbers, [0.005, 0.25, 0.75, 0.995])
    spread = 1.5 * (q3 - q1 or (high - low) or abs(q1) or 1.0)
    low, high = max(numbers.min(), low - spread), min(numbers.max(), high + spread)
    if not np.isfinite([low, high]).all() or not high > low:
        return None
    if high - low < BINS and (numbers == np.round(numbers)).all():  # a bin per whole number, or the teeth lie
        return np.arange(np.floor(low) - 0.5, np.ceil(high) + 1)
    edges = np.linspace(low, high, BINS + 1)
    return edges if (np.diff(edges) > 0).all() else None


def _binned(numbers: np.ndarray, edges: np.ndarray) -> list[int]:
    """Counts per bin; what lies beyond the ends is counted in the first and last bin."""
    inside = np.clip(numbers, edges[0], edges[-1])
    return [int(n) for n in np.histogram(inside, bins=edges)[0]]


def _numbers(before: Column, after: Column, bad: pl.Series) -> dict[str, Any] | None:
    usable = before.number.is_finite().fill_null(False)
    numbers = before.number.filter(usable).to_numpy()
    if len(numbers) < 2:
        return None
    later = after.number.filter(after.number.is_finite().fill_null(False)).to_numpy()
    sound = before.number.filter(usable & ~bad).to_numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        edges = _edges(sound if len(sound) > 1 else numbers)
    if edges is None:
        return None
    half = 0.5 if edges[1] - edges[0] == 1 else 0.0  # bins of whole numbers are named by their middle
    return {
        "type": "numbers",
        "low": float(edges[0] + half),
        "high": float(edges[-1] - half),
        "below": int((numbers < edges[0]).sum()),
        "above": int((numbers > edges[-1]).sum()),
        "before": _binned(numbers, edges),
        "after": _binned(later, edges),
        "bad": _binned(before.number.filter(usable & bad).to_numpy(), edges),
    }


def _counted(text: pl.Series, name: str) -> pl.DataFrame:
    return text.drop_nulls().alias("text").value_counts(name=name, sort=False).with_columns(pl.col(name).cast(pl.Int64))


def _values(before: Column, after: Column, bad: pl.Series) -> dict[str, Any] | None:
    table = (
        _counted(before.text, "before")
        .join(_counted(after.text, "after"), on="text", how="full", coalesce=True)
        .join(_counted(before.text.filter(bad), "bad"), on="text", how="left")
        .with_columns(pl.col("before", "after", "bad").fill_null(0))
    )
    if not len(table):
        return None
    common = table.sort(["after", "text"], descending=[True, False]).head(VALUES)
    wrong = table.filter(pl.col("bad") > 0).sort(["bad", "text"], descending=[True, False]).head(VALUES)
    items = pl.concat([common, wrong]).unique("text", maintain_order=True)
    rest = len(table) - len(items)
    shown = items.with_columns(
        pl.col("text").map_elements(lambda t: shorten(t, 24, told=False), return_dtype=pl.String)
    )
    return {"type": "values", "items": shown.to_dicts(), "rest": rest}
