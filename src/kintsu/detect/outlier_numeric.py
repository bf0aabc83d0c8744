"""Numbers that the column's own tails do not explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from kintsu.core.batch import Batch, Column
from kintsu.core.contracts import Reference
from kintsu.core.frames import FINDINGS, concat, findings
from kintsu.core.phrase import phrase
from kintsu.profile.contexts import Context, contexts, in_context
from kintsu.profile.fences import Fences, fit_fences
from kintsu.profile.measures import Strays, column_atoms, doubled_values, measure_columns, strays

__all__ = ["NumericOutlier"]


@dataclass(frozen=True)
class Trained:
    """What one column's numbers look like."""

    fences: Fences | None
    context: Context | None
    strays: Strays | None
    doubled: pl.DataFrame


@dataclass(frozen=True)
class NumericOutlier:
    """Numbers far outside of what a column holds: explosions, flipped signs, values off a short list of numbers.

    Tails are fitted and extrapolated to the number of rows (`profile.fences`), so that a heavy-tailed column keeps
    its large values; a column that repeats few numbers is also checked for strays between them, and for numbers
    typed with every digit doubled. A number that is usual for its group (`profile.contexts`) is no outlier. Keys,
    codes and other numbers that name things are left out.

    Score: 1 / (1 + e ** 0.25), e being the expected number of clean cells as far out: from 0.76 at the fence to 1.
    Strays score 0.7, doubled digits 0.9. Blind to wrong values inside the usual range: see `contextual`.

    Parameters
    ----------
    error
        Expected number of clean values beyond one fence of one column.
    """

    name: ClassVar[str] = "outlier_numeric"
    kind: ClassVar[str] = "outlier"

    error: float = 0.01

    def train(self, reference: Reference) -> dict[str, Trained]:
        trained = {}
        known = contexts(reference)
        for name in measure_columns(reference):
            atoms = column_atoms(reference, name)
            model = Trained(
                fit_fences(atoms, error=self.error),
                known.get(name),
                strays(atoms),
                doubled_values(reference.values(name)),
            )
            if model.fences or model.strays or len(model.doubled):
                trained[name] = model
        return trained

    def find(self, batch: Batch, model: dict[str, Trained], reference: Reference) -> pl.DataFrame:
        parts = []
        for name, trained in model.items():
            if name not in batch.columns:
                continue
            found = pl.concat([self._beyond(batch, name, trained), *_listed(batch, name, trained)])
            found = _unexplained(batch, trained.context, found)
            best = found.sort("row", "score", "why", descending=[False, True, False]).unique(
                "row", keep="first", maintain_order=True
            )
            parts.append(findings(best, detector=self.name, kind=self.kind, column=name))
        return concat(parts, FINDINGS)

    def _beyond(self, batch: Batch, name: str, trained: Trained) -> pl.DataFrame:
        column, fences = batch[name], trained.fences
        if fences is None:
            return _cells(batch, column, pl.Series([], dtype=pl.UInt32), 0.0)
        number = column.number.to_numpy()
        with np.errstate(invalid="ignore"):
            outside = (number < fences.lower) | (number > fences.upper) | (number == 0)
        where = np.flatnonzero(outside)
        expected = fences.surprise(number[where])
        keep = expected < self.error
        where, expected = where[keep], expected[keep]
        low, middle, high = fences.typical
        score = 1 / (1 + np.maximum(expected, 0) ** 0.25)
        side = pl.Series(number[where] > middle)
        text = column.text.gather(where)
        why = pl.select(
            pl.when(side)
            .then(phrase("{} is far above the column", text))
            .otherwise(phrase("{} is far below the column", text))
            + f": 98 % of its {fences.n:,.0f} numbers lie between {low:.4g} and {high:.4g}, and hardly any "
            + pl.when(side).then(pl.lit(f"above {fences.upper:.4g}")).otherwise(pl.lit(f"below {fences.lower:.4g}"))
        ).to_series()
        return pl.DataFrame(
            {"row": batch.row.gather(where), "score": score, "why": why, "value": text},
            schema={"row": pl.Int64, "score": pl.Float64, "why": pl.String, "value": pl.String},
        )


def _unexplained(batch: Batch, context: Context | None, found: pl.DataFrame) -> pl.DataFrame:
    """The findings without those whose group of rows (the same article, say) has such numbers."""
    if context is None or context.by not in batch.columns or not len(found):
        return found
    at = (
        pl.DataFrame([batch.row.alias("row")])
        .select(pl.col("row").is_in(found["row"].implode()).arg_true())
        .to_series()
    )
    few = Batch(batch.table, batch.frame[at], batch.row.gather(at), batch.decimal_comma)
    usual = in_context(few, context).filter(pl.col("z").abs() < 3)
    return found.join(usual.select("row"), on="row", how="anti", maintain_order="left")


def _cells(batch: Batch, column: Column, where: pl.Series, score: float) -> pl.DataFrame:
    """Findings to be at the given positions, with an empty `why`."""
    return pl.DataFrame({"row": batch.row.gather(where).cast(pl.Int64), "value": column.text.gather(where)}).select(
        "row", pl.lit(score).alias("score"), pl.lit("").alias("why"), "value"
    )


def _listed(batch: Batch, name: str, trained: Trained) -> list[pl.DataFrame]:
    """Cells whose number or text is on the trained lists of strays and doubled numbers."""
    column, found = batch[name], []
    if trained.strays is not None:
        hit = column.number.is_in(trained.strays.table["x"].implode()).fill_null(False)
        why = pl.col("value") + (
            f" is hardly ever used: the other {trained.strays.distinct} distinct numbers of this column occur at least "
            f"{trained.strays.least} times each"
        )
        found.append(_cells(batch, column, hit.arg_true(), 0.7).with_columns(why.alias("why")))
    if len(trained.doubled):
        table = trained.doubled.select("value", "single", "n_single")
        hit = column.text.is_in(table["value"].implode()).fill_null(False)
        cells = _cells(batch, column, hit.arg_true(), 0.9).join(table, on="value", how="left", maintain_order="left")
        others = f" is doubled, as in {len(table) - 1} other values of this column; "
        why = pl.concat_str(
            pl.lit("every character of "),
            "value",
            pl.lit(others),
            "single",
            pl.lit(" itself occurs "),
            "n_single",
            pl.lit(" times"),
        )
        found.append(cells.select("row", "score", why.alias("why"), "value"))
    return found
