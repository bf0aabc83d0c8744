"""One number or category for a column, or for each group of its rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from kintsu.core.batch import Batch, parse_numbers
from kintsu.core.contracts import Reference
from kintsu.heal.filling import Filler, Target
from kintsu.profile.contexts import MIN_GROUP, Context, contexts
from kintsu.profile.fences import weighted_quantile
from kintsu.profile.measures import column_atoms

__all__ = ["simple_filler"]


@dataclass(frozen=True)
class Constant:
    """One value for every cell."""

    operation: str
    says: str
    accuracy: float
    value: str

    def fill(self, rows: Batch) -> pl.DataFrame:
        return pl.DataFrame({"new": [self.value] * len(rows), "score": [self.accuracy] * len(rows)})


@dataclass(frozen=True)
class GroupMedian:
    """The median of the row's group, and the column's where the group is unknown."""

    operation: str
    says: str
    accuracy: float
    target: Target
    context: Context
    otherwise: Constant

    def fill(self, rows: Batch) -> pl.DataFrame:
        middle = pl.col("median").exp() if self.context.is_log else pl.col("median")
        groups = self.context.groups.select(pl.col("group"), middle.alias("middle"))
        asked = pl.DataFrame({"group": rows[self.context.by].text})
        number = asked.join(groups, on="group", how="left", maintain_order="left")["middle"]
        new = self.target.spell(number, decimal_comma=rows.decimal_comma)
        score = pl.select(pl.when(number.is_null()).then(self.otherwise.accuracy).otherwise(self.accuracy)).to_series()
        return pl.DataFrame({"new": new.fill_null(self.otherwise.value), "score": score})


def simple_filler(reference: Reference, target: Target) -> Filler | None:
    """The best of mean, median, mode and group median, by the share of known cells for which it is right."""
    if not target.is_number:
        counts = reference.values(target.name).filter(pl.col("value").is_in(list(target.labels)))
        top = counts.sort(["n", "value"], descending=[True, False])
        share = float(top["n"][0]) / float(top["n"].sum())
        return Constant("mode", f"the most frequent value, {top['value'][0]!r}", share, top["value"][0])
    constant = _constant(reference, target)
    context = contexts(reference).get(target.name)
    if context is None:
        return constant
    cells = _group_residuals(reference, target, context)
    if not len(cells) or float(cells.mean()) <= constant.accuracy:  # type: ignore[arg-type]
        return constant
    says = f"the median of the rows with the same {context.by}"
    return GroupMedian("group_median", says, float(cells.mean()), target, context, constant)  # type: ignore[arg-type]


def _constant(reference: Reference, target: Target) -> Constant:
    atoms = column_atoms(reference, target.name)
    middle = float(weighted_quantile(atoms, np.array([0.5]))[0])
    candidates = {
        "median": middle,
        "mean": float(np.average(atoms.x, weights=atoms.n)),
        "mode": float(atoms.x[int(np.argmax(atoms.n))]),
    }
    best: Constant | None = None
    for operation, number in candidates.items():
        text = target.spell(pl.Series([number]), decimal_comma=reference.sample.decimal_comma)[0]
        # judged as spelled: rounding moves a fill of a coarse column across the tolerance
        spelled = parse_numbers(pl.Series([text]), decimal_comma=reference.sample.decimal_comma)[0]
        right = float(atoms.n[np.abs(atoms.x - spelled) <= target.tolerance].sum() / atoms.total)
        if best is None or right > best.accuracy:
            best = Constant(operation, f"the column's {operation}, {text}", right, text)
    assert best is not None
    return best


def _group_residuals(reference: Reference, target: Target, context: Context) -> pl.Series:
    """For known cells of the sample in groups of at least five rows: whether the group's median is right."""
    sample = reference.sample
    frame = pl.DataFrame({"group": sample[context.by].text, "x": sample[target.name].number}).drop_nulls()
    groups = context.groups.filter(pl.col("n") >= MIN_GROUP + 2)
    joined = frame.join(groups, on="group")
    middle = pl.col("median").exp() if context.is_log else pl.col("median")
    return joined.select((pl.col("x") - middle).abs() <= target.tolerance).to_series()
