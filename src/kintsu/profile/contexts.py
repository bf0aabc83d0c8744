"""What a number should be, given the group its row belongs to: price by article, weight by product, wage by grade.

Shared by the detector of contextual outliers and the healer that undoes factors of ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from kintsu.core.batch import Batch, parse_numbers
from kintsu.core.contracts import Reference
from kintsu.core.memory import remembered
from kintsu.profile.fences import Atoms, Fences, fit_fences
from kintsu.profile.measures import measure_columns
from kintsu.profile.subsample import subsample

__all__ = ["Context", "contexts", "in_context"]

MIN_GROUP: Final = 3  # rows of a group from which its median withstands one wrong value
MAX_RATIO: Final = 0.5  # a group must at least halve the spread of the column to say anything about a cell
MIN_COVER: Final = 0.2  # share of rows in groups that are large enough
_SAMPLE: Final = 30_000
_PAIRS: Final = 10_000  # pairs of a number and a group that are tried: two milliseconds each, so 20 seconds


@dataclass(frozen=True)
class Context:
    """Group statistics of column `column` by column `by`, on the logarithmic scale where `is_log`.

    `groups` has `group` String, `median`, `spread` (robust standard deviation, shrunk towards that of all groups) and
    `n`, for groups of at least three rows. `fences` are those of the standardised residuals of all rows.
    """

    column: str
    by: str
    is_log: bool
    groups: pl.DataFrame
    fences: Fences
    spread: float  # pooled over groups
    ratio: float  # spread within groups to spread of the column


def contexts(reference: Reference) -> dict[str, Context]:
    """Best context of every measured column that has one. Remembered."""
    found: dict[str, Context] = remembered(reference, "contexts", lambda: _contexts(reference))
    return found


def _contexts(reference: Reference) -> dict[str, Context]:
    if reference.rows < 100:
        return {}
    measures = measure_columns(reference)
    if not measures:
        return {}
    sample = subsample(reference.sample, _SAMPLE, seed=reference.seed)
    groups = _groupings(reference, measures)
    found = {}
    for name in measures:
        y, is_log = _scaled(sample[name].number)
        ranked = sorted((_ratio(sample[by].text, y), by) for by in groups if by != name)
        if not ranked or ranked[0][0] > MAX_RATIO:
            continue
        context = _fit(reference, name, ranked[0][1], is_log, ranked[0][0])
        if context is not None:
            found[name] = context
    return found


def _groupings(reference: Reference, measures: list[str]) -> list[str]:
    """Columns that may group, in table order; of too many those with the fewest gaps, then the fewest values."""
    measured = set(measures)
    groups = [name for name in reference.columns if _is_grouping(reference, name, name in measured)]
    most = max(_PAIRS // len(measures), 1)
    if len(groups) <= most:
        return groups
    facts = [reference.column(name) for name in groups]
    chosen = {f.name for f in sorted(facts, key=lambda f: (f.nulls, f.distinct, f.name))[:most]}
    return [name for name in groups if name in chosen]


def _is_grouping(reference: Reference, name: str, is_measure: bool) -> bool:
    facts = reference.column(name)
    filled = facts.rows - facts.nulls
    limit = 100 if is_measure else filled / 2
    return 2 <= facts.distinct <= limit and not facts.is_free_text and filled >= 0.3 * facts.rows


def _scaled(number: pl.Series) -> tuple[pl.Series, bool]:
    """The numbers on the scale on which they are compared, and whether that is the logarithm."""
    finite = number.filter(number.is_finite().fill_null(False))
    is_log = bool(len(finite)) and float((finite > 0).mean() or 0) > 0.95  # type: ignore[arg-type]
    return _on_scale(number, is_log), is_log


def _on_scale(number: pl.Series, is_log: bool) -> pl.Series:
    fine = number.is_finite().fill_null(False)
    if is_log:
        fine = fine & (number > 0).fill_null(False)
    kept = number.set(~fine, None)
    return kept.log() if is_log else kept


def _ratio(group: pl.Series, y: pl.Series) -> float:
    """Spread within groups of at least four rows to the spread of the same rows; 1 where groups cover too little."""
    frame = pl.DataFrame({"g": group, "y": y}).drop_nulls()
    n = len(frame)
    frame = frame.with_columns(n=pl.len().over("g")).filter(pl.col("n") > MIN_GROUP)
    if not n or len(frame) < max(MIN_COVER * n, 50):
        return 1.0
    deviation = frame.select(
        # leaving the row itself out of its group's median would widen the deviation by about this factor
        inner=(pl.col("y") - pl.col("y").median().over("g")).abs() * (pl.col("n") / (pl.col("n") - 1)).sqrt(),
        outer=(pl.col("y") - pl.col("y").median()).abs(),
    )
    cap = 5 * float(deviation["outer"].median() or 0.0)  # type: ignore[arg-type]
    inner, outer = (float(deviation[side].clip(upper_bound=cap).mean() or 0.0) for side in ("inner", "outer"))  # type: ignore[arg-type]
    return inner / outer if outer else 1.0


def _weighted_median(frame: pl.DataFrame, value: str) -> pl.DataFrame:
    """Median of `value` by `group`, every line counted `n` times; the lower one of two."""
    return (
        frame.sort("group", value)
        .with_columns(__upto=pl.col("n").cum_sum().over("group"), __all=pl.col("n").sum().over("group"))
        .filter(2 * pl.col("__upto") >= pl.col("__all"))
        .group_by("group", maintain_order=True)
        .agg(pl.col(value).first(), pl.col("__all").first().alias("rows"))
    )


def _fit(reference: Reference, name: str, by: str, is_log: bool, ratio: float) -> Context | None:
    counted = reference.counts((by, name)).rename({by: "group", name: "text"}).drop_nulls()
    number = parse_numbers(counted["text"], decimal_comma=reference.sample.decimal_comma)
    frame = counted.select("group", "n", _on_scale(number, is_log).alias("y")).drop_nulls()
    medians = _weighted_median(frame, "y").filter(pl.col("rows") >= MIN_GROUP)
    # next to groups of fifty rows, one of four is likely a misspelt value of the grouping column itself
    usual = medians.sort("rows").filter(2 * pl.col("rows").cum_sum() >= pl.col("rows").sum())["rows"].head(1)
    medians = medians.filter(pl.col("rows") >= 0.3 * pl.lit(int(usual[0]) if len(usual) else 0))
    frame = frame.join(medians.rename({"y": "median"}), on="group", how="inner")
    if len(frame) < 50:
        return None
    frame = frame.with_columns(residual=pl.col("y") - pl.col("median"))
    frame = frame.with_columns(size=pl.col("residual").abs())
    spreads = _weighted_median(frame, "size").rename({"size": "mad"}).select("group", "mad")
    pooled = _pooled(frame)
    if not pooled > 0:  # the group determines the number: a dependency, not a distribution
        return None
    prior = 10.0  # rows' worth of trust in the spread of all groups
    groups = medians.join(spreads, on="group").select(
        "group",
        pl.col("y").alias("median"),
        ((pl.col("rows") * (1.4826 * pl.col("mad")).pow(2) + prior * pooled**2) / (pl.col("rows") + prior))
        .sqrt()
        .alias("spread"),
        pl.col("rows").alias("n"),
    )
    z = _standardised(
        frame.select("group", "y").join(groups.drop("n"), on="group", how="left", maintain_order="left"), frame["rows"]
    )
    weighted = pl.DataFrame({"x": z.round(3), "n": frame["n"].cast(pl.Float64)}).group_by("x").agg(pl.col("n").sum())
    weighted = weighted.sort("x")
    fences = fit_fences(Atoms(weighted["x"].to_numpy(), weighted["n"].to_numpy(), 1e-3), error=0.003, least_shape=0.1)
    return None if fences is None else Context(name, by, is_log, groups.sort("group"), fences, pooled, ratio)


def _pooled(frame: pl.DataFrame) -> float:
    """Robust spread of the residuals, from groups of at least eight rows where there are enough of them."""
    large = frame.filter(pl.col("rows") >= 8)
    chosen = large if len(large) >= 200 else frame
    ordered = chosen.sort("size")
    upto = ordered["n"].cum_sum()
    return 1.4826 * float(ordered["size"].filter(2 * upto >= upto[-1])[0])


def _standardised(frame: pl.DataFrame, n: pl.Series) -> pl.Series:
    return frame.select((pl.col("y") - pl.col("median")) / pl.col("spread")).to_series() / (1 + 1 / n).sqrt()


def in_context(batch: Batch, context: Context) -> pl.DataFrame:
    """Cells of a batch whose group is known, with the standardised residual `z`.

    Columns: `row`, `value` text, `group`, `number`, `y` on the context's scale, `median`, `spread`, `n`, `z`.
    """
    number = batch[context.column].number
    frame = pl.DataFrame(
        {
            "row": batch.row.cast(pl.Int64),
            "value": batch[context.column].text,
            "group": batch[context.by].text,
            "number": number,
            "y": _on_scale(number, context.is_log),
        }
    )
    joined = frame.join(context.groups, on="group", how="inner", maintain_order="left")
    z = _standardised(joined, joined["n"])
    return joined.with_columns(z=z)
