"""Pull extreme numbers to a fence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Frozen, Reference
from kintsu.core.frames import REPAIRS, concat, repairs
from kintsu.core.memory import remembered
from kintsu.core.recipe import Recipe
from kintsu.profile.fences import fit_fences, weighted_quantile
from kintsu.profile.measures import column_atoms, decimals, measure_columns
from kintsu.profile.values.numbers import print_numbers

__all__ = ["Cap"]

Ends = dict[str, tuple[float, float, int]]


@dataclass(frozen=True)
class Cap:
    """Sets outliers to the nearest end of the column: its fence, or with the option "cap" = "winsorise" its quantile.

    A fence is the last number that the column's own tails explain (`profile.fences`). Capping keeps a row usable; it
    is no claim about the true value, hence the score of 0.05. Done only when asked for.

    Parameters
    ----------
    share
        Share of values on each side beyond the winsorising quantiles, in (0, 0.5).
    """

    name: ClassVar[str] = "cap"

    share: float = 0.01

    def train(self, reference: Reference) -> Ends:
        import numpy as np

        winsorise = reference.option("cap") == "winsorise"
        ends = {}
        for name in measure_columns(reference):
            atoms = column_atoms(reference, name)
            fences = remembered(reference, ("fences", name), lambda atoms=atoms: fit_fences(atoms))  # type: ignore[misc]
            if fences is None:
                continue
            low, high = max(fences.lower, float(atoms.x[0])), min(fences.upper, float(atoms.x[-1]))
            if fences.typical[0] >= 0:
                low = max(low, 0.0)
            if winsorise:
                low, high = (float(x) for x in weighted_quantile(atoms, np.array([self.share, 1 - self.share])))
            ends[name] = (low, high, decimals(reference.values(name), decimal_comma=reference.sample.decimal_comma))
        return ends

    def frozen(self, model: Ends, reference: Reference) -> Frozen:
        """The ends, where capping is asked for: in a stream nobody reads guesses that are not."""
        return Frozen(model) if reference.option("cap") else Frozen.nothing("capping is not asked for (--cap)")

    def propose(
        self, batch: Batch, findings: pl.DataFrame, model: Ends, reference: Reference
    ) -> tuple[list[Recipe], pl.DataFrame]:
        chosen = findings.filter(pl.col("kind").is_in(["outlier", "range"]) & pl.col("row").is_not_null())
        recipes, parts = [], []
        for name, (low, high, places) in model.items():
            rows = chosen.filter(pl.col("column") == name)["row"].unique()
            if name not in batch.columns or not len(rows):
                continue
            column = batch[name]
            cells = pl.DataFrame({"row": batch.row.cast(pl.Int64), "old": column.text, "x": column.number}).filter(
                pl.col("row").is_in(rows.implode()) & pl.col("x").is_not_nan() & ~pl.col("x").is_between(low, high)
            )
            ends = print_numbers(pl.Series([round(low, places), round(high, places)]), places=places)
            below, above = (end.replace(".", ",") if batch.decimal_comma else end for end in ends.to_list())
            recipe = Recipe(
                self.name,
                name,
                "cap",
                f"Set outliers of {name} to the nearest end of its usual range, {below} or {above}.",
                "capping",
                {"low": below, "high": above},
            )
            new = pl.when(pl.col("x") < low).then(pl.lit(below)).otherwise(pl.lit(above))
            why = pl.lit("the column's own values end near ") + new
            frame = cells.select("row", "old", new.alias("new"), pl.lit(0.05).alias("score"), why.alias("why"))
            frame = frame.filter(pl.col("old") != pl.col("new"))
            if len(frame):
                recipes.append(recipe)
                parts.append(repairs(frame, healer=self.name, recipe=recipe.id, column=name))
        return recipes, concat(parts, REPAIRS)
