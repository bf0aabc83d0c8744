"""What a table's own figures will be, before anybody knows its truth: error rate, precision and recall of repair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import polars as pl

from kintsu.core.recipe import Recipe
from kintsu.learn.crash import CrashResult, wilson
from kintsu.learn.echo import ECHO, by_own_text

__all__ = ["Forecast", "forecast"]

_CELL: Final = ["row", "column"]
LIKELY: Final = 0.5  # confidence from which on a repair by the cell's own text says what happened to it
LEAST_SEEN: Final = 0.05  # share of broken cells found: below, the rest cannot be reckoned from what was found


@dataclass(frozen=True)
class Forecast:
    """Expected figures of a heal at one threshold; intervals are 90 %, None where nothing was tried.

    error_rate  share of all cells that are wrong
    applied     repairs that would be applied
    precision   share of them that would be right: their mean calibrated confidence
    recall      share of all wrong cells that would be mended
    """

    auto: float
    error_rate: float
    error_rate_interval: list[float] | None
    applied: int
    precision: float | None
    precision_interval: list[float] | None
    recall: float | None
    recall_interval: list[float] | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def forecast(
    crash: CrashResult,
    decisions: pl.DataFrame,
    findings: pl.DataFrame,
    recipes: Mapping[str, Recipe],
    *,
    cells: int,
    auto: float,
) -> Forecast:
    """The figures of a table of `cells` cells, from the crash test and from what was found and decided at `auto`.

    The number of wrong cells is that of the suspicious ones, divided by the share of broken cells that became
    suspicious: those that a recipe mends by their own text by the share of the table's own mistakes, all others by that
    of everyday mistakes. An empty cell counts by how odd it is there.
    """
    own, other = _suspicion(decisions, findings, recipes)
    suspicious = own + other
    everyday = _found(crash.broken.filter(pl.col("operation") != ECHO))
    habits = _found(crash.broken.filter(pl.col("operation") == ECHO)) or everyday
    wrong = [own / a + other / b for a, b in zip(habits, everyday, strict=True)] if habits and everyday else []
    mean, most, fewest = wrong or [suspicious] * 3
    made = decisions.filter((pl.col("action") == "apply") & (pl.col("edit") == "set"))
    right = float(made["confidence"].sum())
    precision = right / len(made) if len(made) else None
    tried = int(crash.proposals["status"].is_in(["hit", "needless"]).sum())
    return Forecast(
        auto=auto,
        error_rate=_ratio(mean, cells),
        error_rate_interval=[_ratio(fewest, cells), _ratio(most, cells)] if wrong else None,
        applied=len(made),
        precision=round(precision, 4) if precision is not None else None,
        precision_interval=wilson(precision * tried, tried) if precision is not None else None,
        recall=_ratio(right, mean) if suspicious else None,
        recall_interval=[_ratio(right, most), _ratio(right, fewest)] if wrong and suspicious else None,
    )


def _found(broken: pl.DataFrame) -> list[float]:
    """Share of broken cells that became suspicious, and the ends of its interval; empty where none was broken."""
    interval = wilson(int(broken["found"].sum()), len(broken))
    if interval is None:
        return []
    return [max(share, LEAST_SEEN) for share in (float(broken["found"].sum()) / len(broken), *interval)]


def _ratio(part: float, whole: float) -> float:
    return round(min(part / max(whole, 1e-12), 1.0), 6)


def _suspicion(decisions: pl.DataFrame, findings: pl.DataFrame, recipes: Mapping[str, Recipe]) -> tuple[float, float]:
    """Expected number of wrong cells: those likely mended by their own text, and all others that look wrong."""
    guesses = [key for key, recipe in recipes.items() if recipe.nature in ("statistical", "capping")]
    follows = decisions.filter((pl.col("edit") == "set") & ~pl.col("recipe").is_in(guesses))
    own = pl.col("recipe").is_in(by_own_text(recipes)) & (pl.col("confidence") >= LIKELY)
    weight = pl.when(pl.col("kind") == "missing").then("score").otherwise(1.0)
    found = findings.drop_nulls(_CELL).select(*_CELL, weight.alias("weight"), own=pl.lit(False))
    told = pl.concat([found, follows.select(*_CELL, weight=pl.lit(1.0), own=own.fill_null(False))])
    both = told.group_by(_CELL).agg(pl.col("weight").max(), pl.col("own").any())
    return tuple(float(both.filter(pl.col("own") == side)["weight"].sum()) for side in (True, False))  # type: ignore[return-value]
