"""Spikes and steps of numbers along a named order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Frozen, Reference
from kintsu.core.frames import FINDINGS, concat, findings
from kintsu.core.phrase import phrase
from kintsu.profile.fences import Atoms, Fences, fit_fences
from kintsu.profile.measures import measure_columns

__all__ = ["Spike"]

Floats = npt.NDArray[np.float64]

WINDOW: Final = 11  # values whose median a spike is held against
SIDE: Final = 25  # values before and after a step
STEP: Final = 8.0  # robust deviations of all changes
MIN_VALUES: Final = 100


@dataclass(frozen=True)
class Spike:
    """Single numbers far from their neighbours in order, and places from which a column runs on another level.

    Only where the option "order_column" names a column of numbers or ISO dates. A spike's distance to the median of
    the eleven values around it lies beyond the fences of all such distances of the column (`profile.fences`). A step
    changes the medians of the 25 values before and after it eight times as much as other places do (robust standard
    deviations): a wandering series changes everywhere and has no steps. A step is reported once, at its first row.
    Rows with equal places in the order are taken in the order of their value.

    Score: for spikes 1 / (1 + e ** 0.25), e being the expected number of clean rows as far out; for a step of z
    deviations z / (z + 4). Blind to seasons.

    Parameters
    ----------
    error
        Expected number of clean rows flagged by column and kind.
    """

    name: ClassVar[str] = "spike"

    error: float = 0.01

    def train(self, reference: Reference) -> pl.DataFrame | None:
        """The findings themselves, by row: they need all rows in order."""
        order = reference.option("order_column")
        if not order or order not in reference.columns or reference.rows < MIN_VALUES:
            return None
        measures = [name for name in measure_columns(reference) if name != order]
        table = _ordered(reference, order, measures)
        if table is None:
            return None
        parts = [self._column(table.select("row", pl.col(name).alias("x")), name, order) for name in measures]
        return concat(parts, FINDINGS)

    def find(self, batch: Batch, model: pl.DataFrame | None, reference: Reference) -> pl.DataFrame:
        if model is None:
            return concat([], FINDINGS)
        found = model.filter(pl.col("row").is_in(batch.row.implode()) & pl.col("column").is_in(batch.columns))
        parts = []
        for (name,), part in found.group_by("column", maintain_order=True):
            text = pl.DataFrame([batch.row.cast(pl.Int64).alias("row"), batch[str(name)].text.alias("value")])
            parts.append(part.drop("value").join(text, on="row", how="left").select(list(FINDINGS)))
        return concat(parts, FINDINGS)

    def frozen(self, model: pl.DataFrame | None, reference: Reference) -> Frozen:
        """Nothing: the model lists rows of the table."""
        return Frozen.nothing("spikes and steps are found among rows in order")

    def _column(self, series: pl.DataFrame, name: str, order: str) -> pl.DataFrame:
        series = series.filter(pl.col("x").is_finite())
        if len(series) < MIN_VALUES:
            return concat([], FINDINGS)
        around = series["x"].rolling_median(WINDOW, min_samples=WINDOW // 2, center=True)
        residual = (series["x"] - around).to_numpy()
        spikes = self._odd(series, residual, np.abs(residual) > 0)
        why = phrase("{} is far from the median {} of its neighbours in the order of " + _plain(order), "x", "level")
        parts = [_findings(spikes.with_columns(level=around.gather(spikes["at"])), "spike", why, name)]
        before = series["x"].rolling_median(SIDE).shift(1)
        after = series["x"].reverse().rolling_median(SIDE).reverse()
        change = np.abs((after - before).fill_null(0.0).to_numpy())
        usual = 1.4826 * float(np.median(change[change > 0])) if (change > 0).any() else 0.0
        at = np.flatnonzero(_peaks(change, SIDE) & (change > STEP * usual)) if usual > 0 else np.empty(0, np.int64)
        if len(at) <= max(3, len(series) // 1000):
            size = change[at] / max(usual, 1e-300)
            steps = series[at].with_columns(pl.Series("at", at, dtype=pl.Int64), pl.Series("score", size / (size + 4)))
            level = steps.with_columns(level=before.gather(steps["at"]), x=after.gather(steps["at"]))
            why = phrase(
                "from here the column runs near {} instead of {} in the order of " + _plain(order), "x", "level"
            )
            parts.append(_findings(level, "step", why, name))
        return concat(parts, FINDINGS)

    def _odd(self, series: pl.DataFrame, distance: Floats, candidate: npt.NDArray[np.bool_]) -> pl.DataFrame:
        """Rows whose distance is beyond the fences of all distances: `row`, `x`, `at`, `score`."""
        value, n = np.unique(np.round(distance, 9), return_counts=True)
        fences: Fences | None = fit_fences(Atoms(value, n.astype(np.float64), 1e-9), error=self.error, least_shape=0.1)
        if fences is None:
            at, expected = np.empty(0, np.int64), np.empty(0)
        else:
            expected = fences.surprise(distance)
            at = np.flatnonzero((expected < self.error) & candidate)
            expected = expected[at]
        return series[at].with_columns(
            pl.Series("at", at, dtype=pl.Int64), pl.Series("score", 1 / (1 + np.maximum(expected, 0) ** 0.25))
        )


def _plain(name: str) -> str:
    return name.replace("{", "(").replace("}", ")")


def _findings(cells: pl.DataFrame, kind: str, why: pl.Expr, column: str) -> pl.DataFrame:
    if not len(cells):
        return concat([], FINDINGS)
    rounded = cells.with_columns(pl.col("x", "level").round_sig_figs(6))
    found = rounded.select("row", "score", why.alias("why"))
    return findings(found, detector=Spike.name, kind=kind, column=column)


def _peaks(size: Floats, reach: int) -> npt.NDArray[np.bool_]:
    """Whether each place is the first largest one within `reach` places on either side."""
    series = pl.Series(size)
    around = series.rolling_max(2 * reach + 1, min_samples=1, center=True).to_numpy()
    top = size >= around
    first = np.flatnonzero(top & (size > 0))
    keep = np.zeros(len(size), np.bool_)
    if len(first):
        # a plateau of equal maxima counts once, at its start
        keep[first[np.append(True, np.diff(first) > reach)]] = True
    return keep


def _ordered(reference: Reference, order: str, measures: list[str]) -> pl.DataFrame | None:
    """`row` and the measures, sorted by the order column; None where that is neither numbers nor ISO dates."""
    parts = []
    for batch in reference.scan([order, *measures]):
        columns = [batch[name].number.alias(name) for name in measures]
        key = [batch[order].number.alias("__number"), batch[order].text.alias("__text")]
        parts.append(pl.DataFrame([batch.row.cast(pl.Int64).alias("row"), *key, *columns]))
    table = pl.concat(parts)
    filled = table["__text"].drop_nulls()
    if not len(filled):
        return None
    numeric = table["__number"].is_not_null().sum() >= 0.99 * len(filled)
    if not numeric and float(filled.str.contains(r"^\d{4}-\d\d-\d\d").mean() or 0) < 0.99:  # type: ignore[arg-type]
        return None
    place = "__number" if numeric else "__text"
    return table.drop_nulls(place).sort([place, *measures]).drop("__number", "__text")
