"""From a healer's own score to a calibrated confidence, by what the crash test saw and what other healers say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from kintsu.core.recipe import Recipe
from kintsu.learn.crash import CrashResult, families

__all__ = ["CEILING", "Calibration", "calibrated", "confident"]

PRIOR_WEIGHT: Final = 20.0  # proposals that the healer's own score is worth
MOST_SEEN: Final = 60.0  # broken cells that count at most: they are easier than real mistakes, however many there are
SAME: Final = 1e-9  # scores that differ by less are one
BANDS: Final = [0.5, 0.8, 0.95]  # score bands that are judged apart: doubtful, suggested, nearly sure, sure
CEILING: Final = 0.995  # never 1.0: nothing that was learned from data is certain

LIKELY: Final = 0.5  # confidence from which on a repair speaks against a guess at another value

SIGN: Final = 0.9  # a lone sign is often meant (a refund, a credit note), whatever the rest of the row says: ask
ASKED: Final = frozenset({"extract"})  # operations that lose something a person may want: never surer than their score
# Sources are judged by many starts of truth discovery, which temper each other: no broken cell says whom to trust, and
# they read other spellings as other healers do, so that agreement with those is no second opinion.
TEMPERED: Final = frozenset({"source_vote"})

_CELL: Final = ["row", "column"]
_BAND: Final = pl.sum_horizontal(pl.col("__score") >= edge for edge in BANDS)
_BY_FAMILY: Final = ["healer", "family", "__band"]
_BY_RECIPE: Final = ["recipe", "__band"]


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a crash test measured: a look-up by what a repair does and by its score, so the same for any other rows.

    `families` and `recipes` have proposals that say something (`__n`), share of the broken cells mended
    (`__mended`) and share that was not needless (`__needed`), by healer, family and band, and by recipe and band. `one`
    has the score (`__one`) on the broken copy of recipes that give all their cells one score there and here.
    """

    families: pl.DataFrame
    recipes: pl.DataFrame
    one: pl.DataFrame

    @staticmethod
    def of(repairs: pl.DataFrame, crash: CrashResult | None) -> Calibration | None:
        """The calibration of the table with these repairs; None without a crash test."""
        if crash is None or not len(crash.proposals):
            return None
        evidence = crash.proposals.filter(~pl.col("healer").is_in(sorted(TEMPERED)))
        there = _one_score(evidence).join(_one_score(repairs).select("recipe"), on="recipe")
        evidence = evidence.with_columns(__score="score").with_columns(__band=_BAND)
        by_family, by_recipe = (_seen(evidence, key).sort(key) for key in (_BY_FAMILY, _BY_RECIPE))
        return Calibration(by_family, by_recipe, there.sort("recipe"))


def calibrated(
    repairs: pl.DataFrame,
    crash: CrashResult | None,
    recipes: Mapping[str, Recipe] | None = None,
    limits: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The repairs of a table with `confidence` filled in, by its own crash test; see `confident`."""
    return confident(repairs, Calibration.of(repairs, crash), recipes, limits)


def confident(
    repairs: pl.DataFrame,
    calibration: Calibration | None,
    recipes: Mapping[str, Recipe] | None = None,
    limits: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The repairs with `confidence` filled in. Each cell is judged by its own repairs alone.

    Confidence is the posterior mean of a Beta distribution, first per family (what is done, in all columns) and score
    band, then per recipe and band: the prior is the healer's own score, worth `PRIOR_WEIGHT` proposals; the evidence is
    the share of broken cells that such proposals put right, times the share of them that were not needless. It
    can be lifted only by what was broken in just this way, so a mistake that was never made on purpose keeps the
    healer's own, lower estimate. Then healers that agree on a cell lift each other, and those that disagree lower each
    other. A repair that only turns a sign stays at `SIGN` or below.

    `limits` (row, column, new, most) are of cells that several sources report: a cell may be read as it was meant and
    still repeat what a wrong source says, so its repair is as likely as that claim at most. The sources have heard this
    claim already: it neither lowers nor is lowered by what they say together.
    """
    known = recipes or {}
    number = [pl.col(name).cast(pl.Float64, strict=False) for name in ("old", "new")]
    turned = ((number[0] == -number[1]) & (number[0] != 0)).fill_null(False)
    asked = pl.col("recipe").is_in([key for key, recipe in known.items() if recipe.operation in ASKED])
    most = pl.when(turned).then(SIGN).when(asked).then(pl.min_horizontal("score", pl.lit(CEILING))).otherwise(CEILING)
    told = repairs.with_columns(confidence=pl.min_horizontal("score", most), __most=most)
    if calibration is not None:
        told = _learned(told, calibration, families(known))
    told = _limited(told, limits)
    told = _together(told, [key for key, recipe in known.items() if recipe.nature in ("statistical", "capping")])
    told = _guessed(told, [key for key, recipe in known.items() if recipe.nature == "statistical"])
    return told.with_columns(confidence=pl.min_horizontal("confidence", "__most")).select(repairs.columns)


def _learned(repairs: pl.DataFrame, known: Calibration, family: Mapping[str, str]) -> pl.DataFrame:
    """The posterior, per family and band, then per recipe: its doubtful proposals say nothing about its sure ones.

    A recipe with one score for all its cells is known by itself: that score grows with the cells that it is found in,
    which are more on the broken copy, so it is compared under the score that it has there.
    """
    told = repairs.join(known.one, on="recipe", how="left", maintain_order="left").with_columns(
        family=pl.col("recipe").replace_strict(family, default="", return_dtype=pl.String),
        __score=pl.coalesce("__one", "score"),
    )
    told = told.with_columns(__band=_BAND)
    for key, seen in ((_BY_FAMILY, known.families), (_BY_RECIPE, known.recipes)):
        told = told.join(seen, on=key, how="left", maintain_order="left")
        n = pl.col("__n").fill_null(0.0).clip(0, MOST_SEEN)
        rate = pl.col("__mended").fill_null(pl.col("confidence")) * pl.col("__needed").fill_null(1.0)
        told = told.with_columns(confidence=(PRIOR_WEIGHT * pl.col("confidence") + n * rate) / (PRIOR_WEIGHT + n))
        told = told.drop("__n", "__mended", "__needed")
    return told


def _one_score(proposals: pl.DataFrame) -> pl.DataFrame:
    """Recipes that give all their cells one score, and that score, `__one`."""
    same = pl.col("score").max() - pl.col("score").min() < SAME
    return proposals.group_by("recipe").agg(__one=pl.col("score").max(), same=same).filter("same").drop("same")


def _limited(repairs: pl.DataFrame, limits: pl.DataFrame | None) -> pl.DataFrame:
    """Confidences cut to the limits, and `__heard`: whether there is one."""
    if limits is None or not len(limits):
        return repairs.with_columns(__heard=pl.lit(False))
    most = limits.unique([*_CELL, "new"], keep="any").select(*_CELL, "new", "most")
    joined = repairs.join(most, on=[*_CELL, "new"], how="left", maintain_order="left")
    own = pl.col("healer").is_in(sorted(TEMPERED))
    return joined.with_columns(
        confidence=pl.when(own).then("confidence").otherwise(pl.min_horizontal("confidence", "most")),
        __heard=pl.col("most").is_not_null() & ~own,
    ).drop("most")


def _seen(proposals: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Of each group: proposals that say something, share of the broken cells mended, share that was not needless."""
    hit, needless = pl.col("status") == "hit", pl.col("status") == "needless"
    return proposals.group_by(key).agg(
        __n=(hit | needless).sum().cast(pl.Float64),
        __mended=pl.col("right").filter(hit).mean(),  # null where no broken cell was touched
        __needed=1 - needless.mean(),
    )


def _together(repairs: pl.DataFrame, guesses: list[str]) -> pl.DataFrame:
    """Confidences of repairs of one cell by several healers, which confirm or exclude each other.

    Equal values: the chance that not both are wrong. Different values: at most one is right, so each is weighed against
    the surest other one. An emptied cell is right only if no value that is offered for it is. Guesses (statistical
    imputation) take no part: they would fill the emptied cell.
    """
    indexed = repairs.with_row_index("__i")
    fit = indexed.filter((pl.col("edit") == "set") & ~pl.col("recipe").is_in(guesses))
    own = fit.filter(pl.len().over(_CELL) > 1).select("__i", *_CELL, "healer", "new", "confidence", "__heard")
    pairs = own.join(own.select(*_CELL, by="healer", value="new", sure="confidence", heard="__heard"), on=_CELL)
    told_by = [pl.col(name).is_in(sorted(TEMPERED)) for name in ("healer", "by")]
    known = (told_by[0] & pl.col("heard")) | (told_by[1] & pl.col("__heard"))
    pairs = pairs.filter((pl.col("healer") != pl.col("by")) & ~known)
    same = pl.col("new").eq_missing(pl.col("value"))
    second = same & ~pl.col("healer").is_in(sorted(TEMPERED)) & ~pl.col("by").is_in(sorted(TEMPERED))
    rival = ~same & pl.col("value").is_not_null()
    told = pairs.group_by("__i").agg(
        __agreed=pl.col("sure").filter(second).max().fill_null(0.0),
        __rival=pl.col("sure").filter(rival).max().fill_null(0.0),
    )
    joined = indexed.join(told, on="__i", how="left", maintain_order="left")
    agreed, rival_sure = pl.col("__agreed").fill_null(0.0), pl.col("__rival").fill_null(0.0)
    either = (1 - (1 - pl.col("confidence")) * (1 - agreed)).clip(0, CEILING)
    against = either * (1 - rival_sure) / (1 - either * rival_sure)
    emptied = either * (1 - rival_sure)
    value = pl.when(pl.col("new").is_null()).then(emptied).otherwise(against)
    return joined.with_columns(confidence=pl.when(pl.col("__agreed").is_null()).then("confidence").otherwise(value))


def _guessed(repairs: pl.DataFrame, guesses: list[str]) -> pl.DataFrame:
    """Confidences with those of guesses cut to the doubt about a likely repair of the cell by another value."""
    guess = pl.col("recipe").is_in(guesses)
    likely = repairs.filter(~guess & (pl.col("edit") == "set") & (pl.col("confidence") >= LIKELY))
    beside = repairs.with_row_index("__n").filter(guess).select("__n", *_CELL, "new")
    met = beside.join(likely.select(*_CELL, value="new", sure="confidence"), on=_CELL)
    apart = met.filter(pl.col("new").ne_missing(pl.col("value"))).group_by("__n").agg(pl.col("sure").max())
    told = repairs.with_row_index("__n").join(apart, on="__n", how="left", maintain_order="left")
    return told.with_columns(confidence=pl.col("confidence") * (1 - pl.col("sure").fill_null(0.0)))
