"""What a table's own figures will be, before anybody knows its truth: error rate, precision and recall of repair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import polars as pl

from kintsu.core.recipe import Recipe
from kintsu.learn.crash import CrashResult, wilson
from kintsu.learn.echo import ECHO

__all__ = ["Forecast", "forecast"]

_CELL: Final = ["row", "column"]
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

    The number of wrong cells is that of the suspicious ones, divided by the share of cells broken with everyday
    mistakes that became suspicious: the table's own mistakes are known because they were found, and would flatter. An
    empty cell counts by how odd it is there.
    """
    everyday = crash.broken.filter(pl.col("operation") != ECHO)
    seen = wilson(int(everyday["found"].sum()), len(everyday))
    share = max(float(everyday["found"].mean() or 0.0), LEAST_SEEN)  # type: ignore[arg-type]
    suspicious = _suspicion(decisions, findings, recipes)
    made = decisions.filter((pl.col("action") == "apply") & (pl.col("edit") == "set"))
    right = float(made["confidence"].sum())
    precision = right / len(made) if len(made) else None
    tried = int(crash.proposals["status"].is_in(["hit", "needless"]).sum())
    return Forecast(
        auto=auto,
        error_rate=_ratio(suspicious, share * cells),
        error_rate_interval=[_ratio(suspicious, max(s, LEAST_SEEN) * cells) for s in seen[::-1]] if seen else None,
        applied=len(made),
        precision=round(precision, 4) if precision is not None else None,
        precision_interval=wilson(precision * tried, tried) if precision is not None else None,
        recall=_ratio(right * share, suspicious) if suspicious else None,
        recall_interval=[_ratio(right * s, suspicious) for s in seen] if seen and suspicious else None,
    )


def _ratio(part: float, whole: float) -> float:
    return round(min(part / max(whole, 1e-12), 1.0), 6)


def _suspicion(decisions: pl.DataFrame, findings: pl.DataFrame, recipes: Mapping[str, Recipe]) -> float:
    """Expected number of wrong cells among those that were found or for which a value follows."""
    guesses = [key for key, recipe in recipes.items() if recipe.nature in ("statistical", "capping")]
    follows = decisions.filter((pl.col("edit") == "set") & ~pl.col("recipe").is_in(guesses)).select(_CELL)
    weight = pl.when(pl.col("kind") == "missing").then("score").otherwise(1.0)
    found = findings.drop_nulls(_CELL).select(*_CELL, weight.alias("weight"))
    both = pl.concat([found, follows.with_columns(weight=pl.lit(1.0))]).group_by(_CELL).agg(pl.col("weight").max())
    return float(both["weight"].sum())
