"""From a healer's own score to a calibrated confidence, by what the crash test saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from kintsu.core.recipe import Recipe
from kintsu.learn.crash import CrashResult

__all__ = ["calibrated"]

PRIOR_WEIGHT: Final = 20.0  # proposals that the healer's own score is worth; the crash test seldom has more per band
BANDS: Final = [0.5, 0.8, 0.95]  # score bands that are judged apart: doubtful, suggested, nearly sure, sure
CEILING: Final = 0.995  # never 1.0: nothing that was learned from data is certain
SYSTEMATIC: Final = 10  # cells: a recipe of a whole column and a recipe for one odd cell are judged apart

SIGN: Final = 0.9  # a lone sign is often meant (a refund, a credit note), whatever the rest of the row says: ask

_GROUP: Final = ["healer", "__band", "__systematic"]


def calibrated(
    repairs: pl.DataFrame, crash: CrashResult | None, recipes: Mapping[str, Recipe] | None = None
) -> pl.DataFrame:
    """The repairs with `confidence` filled in.

    Confidence is the posterior mean of a Beta distribution per healer, score band, and whether the recipe is systematic
    (`SYSTEMATIC` cells or more): the prior is the healer's own score, worth `PRIOR_WEIGHT` proposals; the evidence is
    the share of broken cells that such proposals put right, times the share of such proposals that were not needless.
    The crash test may lower a confidence and never lifts it above the healer's own estimate: the mistakes that it knows
    how to make are easier than real ones. A repair that only turns a sign stays at `SIGN` or below.
    """
    number = [pl.col(name).cast(pl.Float64, strict=False) for name in ("old", "new")]
    turned = ((number[0] == -number[1]) & (number[0] != 0)).fill_null(False)
    sure = pl.when(turned).then(pl.col("score").clip(0, SIGN)).otherwise(pl.col("score").clip(0, CEILING))
    own = repairs.with_columns(confidence=sure)
    if crash is None or not len(crash.proposals):
        return _rivals(own, recipes or {})
    told = own.with_columns(support=pl.len().over("recipe")).with_columns(*_groups())
    told = told.join(_evidence(crash.proposals), on=_GROUP, how="left", maintain_order="left")
    n = pl.col("__n").fill_null(0.0)
    rate = pl.coalesce("__rate", "confidence")
    posterior = (PRIOR_WEIGHT * pl.col("confidence") + n * rate) / (PRIOR_WEIGHT + n)
    return _rivals(
        told.with_columns(confidence=pl.min_horizontal("confidence", posterior)).select(repairs.columns), recipes or {}
    )


def _groups() -> list[pl.Expr]:
    band = pl.sum_horizontal(pl.col("score") >= edge for edge in BANDS)
    return [band.alias("__band"), (pl.col("support") >= SYSTEMATIC).alias("__systematic")]


def _evidence(proposals: pl.DataFrame) -> pl.DataFrame:
    """How much was seen of each group (`__n` proposals) and the share that was right (`__rate`)."""
    hit, needless = pl.col("status") == "hit", pl.col("status") == "needless"
    mended = (pl.col("right") & hit).sum() / hit.sum()
    # Where no broken cell was mended by the group, being needless is all that was seen of it.
    mended = pl.when(hit.sum() > 0).then(mended).otherwise(pl.col("score").mean())
    return (
        proposals.with_columns(*_groups())
        .group_by(_GROUP)
        .agg(__n=(hit | needless).sum().cast(pl.Float64), __rate=mended * (1 - needless.mean()))
    )


def _rivals(repairs: pl.DataFrame, recipes: Mapping[str, Recipe]) -> pl.DataFrame:
    """Repairs of one cell exclude each other: emptying a cell is right only if no value that is offered for it is.

    The confidence of an emptied cell is multiplied by the chance that the surest value offered for it is wrong. Guesses
    (statistical imputation) are no rivals: they would fill the emptied cell.
    """
    guesses = [name for name, recipe in recipes.items() if recipe.nature in ("statistical", "capping")]
    emptied = (pl.col("edit") == "set") & pl.col("new").is_null()
    value = (
        pl.when(~emptied & ~pl.col("recipe").is_in(guesses))
        .then("confidence")
        .max()
        .over("row", "column")
        .fill_null(0.0)
    )
    sure = pl.when(emptied).then(pl.col("confidence") * (1 - value)).otherwise("confidence")
    return repairs.with_columns(confidence=sure)
