"""What earlier answers say about the repairs of a new run: on the same recipes, and on what they do in all tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.frames import DECISIONS
from kintsu.core.recipe import Recipe
from kintsu.learn.cases import APPLIED, GUESSES

__all__ = ["Curve", "Past", "curves", "judged", "past", "settled"]

Floats = npt.NDArray[np.float64]

HALF_LIFE_DAYS: Final = 365.0  # after which a verdict counts half
DOUBT_LEFT: Final = 0.1  # of the doubt about a recipe, what a fresh "yes" leaves
BELIEF_LEFT: Final = 0.5  # of the confidence in a recipe, what a fresh "no" leaves
FORGOTTEN: Final = 2  # refusals after which a recipe is not offered again, ...
DOUBLED: Final = 2.0  # ... unless it has so many times the cells that it had then
ENOUGH: Final = 30.0  # fresh verdicts on an operation from which its confidences are fitted anew, not only shifted
SPREAD: Final = 1.0  # deviation, in log-odds, of how far an operation may be off from what was measured
CEILING: Final = 0.995
_STEPS: Final = 30  # of Newton's method; it settles in about ten


@dataclass(frozen=True)
class Curve:
    """How sure an operation turned out to be, over all tables of a store.

    Inside the range of confidences that people spoke about, `ENOUGH` of them, it is the isotonic fit of their verdicts
    (Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates, KDD 2002);
    elsewhere the confidence is moved by `shift` log-odds.
    """

    shift: float
    measured: tuple[float, ...] = ()  # rising
    right: tuple[float, ...] = ()  # share that people said yes to, rising

    def at(self, confidence: Floats) -> Floats:
        """What people would say yes to, for confidences in [0, 1]."""
        kept = np.clip(confidence, 1e-3, 1 - 1e-3)
        moved: Floats = 1 / (1 + np.exp(-(np.log(kept / (1 - kept)) + self.shift)))
        if self.measured:
            inside = (confidence >= self.measured[0]) & (confidence <= self.measured[-1])
            moved = np.where(inside, np.interp(confidence, self.measured, self.right), moved)
        return np.clip(moved, 0.0, CEILING)


def curves(verdicts: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Curve]:
    """By healer and operation, from verdicts `{healer, operation, measured, accepted, age_days}` on any table.

    One answer about a recipe is one verdict, however many cells it is about; it fades with age as `Past` does.
    """
    told: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for each in verdicts:
        if each.get("measured") is not None:
            weight = 0.5 ** (each["age_days"] / HALF_LIFE_DAYS)
            line = (float(each["measured"]), float(each["accepted"]), weight)
            told.setdefault((each["healer"], each["operation"]), []).append(line)
    return {key: _curve(np.array(sorted(lines))) for key, lines in told.items()}


def _curve(lines: Floats) -> Curve:
    """Of (measured, right, weight), shape (verdicts, 3), by rising `measured`."""
    from scipy.optimize import isotonic_regression

    measured, right, weight = lines.T
    kept = np.clip(measured, 1e-3, 1 - 1e-3)
    odds, shift = np.log(kept / (1 - kept)), 0.0
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-(odds + shift)))
        slope = float((weight * (right - p)).sum()) - shift / SPREAD**2
        shift += float(np.clip(slope / (float((weight * p * (1 - p)).sum()) + 1 / SPREAD**2), -1, 1))
    if weight.sum() < ENOUGH:
        return Curve(shift)
    x, first = np.unique(measured, return_index=True)
    total = np.add.reduceat(weight, first)
    share = np.add.reduceat(weight * right, first) / total
    return Curve(shift, tuple(x.tolist()), tuple(isotonic_regression(share, weights=total).x.tolist()))


@dataclass(frozen=True)
class Past:
    """Verdicts on one recipe: the last one, its age, and how often and about how many cells it was refused."""

    accepted: bool
    age_days: float
    refused: int = 0
    cells: int = 0


def past(verdicts: Iterable[Mapping[str, Any]]) -> dict[str, Past]:
    """By recipe, from verdicts `{recipe, accepted, cells, age_days}`, oldest first. A "yes" forgets refusals."""
    found: dict[str, Past] = {}
    for each in verdicts:
        before = found.get(each["recipe"])
        if each["accepted"]:
            found[each["recipe"]] = Past(True, each["age_days"])
        else:
            refused = (before.refused if before else 0) + 1
            found[each["recipe"]] = Past(False, each["age_days"], refused, each["cells"])
    return found


def judged(
    repairs: pl.DataFrame,
    known: Mapping[str, Past],
    operations: Mapping[tuple[str, str], Curve] | None = None,
    recipes: Mapping[str, Recipe] | None = None,
) -> pl.DataFrame:
    """Repairs with the confidence that the verdicts leave: raised by a "yes", lowered by a "no", fading with age.

    A recipe that nobody spoke about goes by what was said of its operation, in this table and in others.
    """
    if not (known or operations) or not len(repairs):
        return repairs
    weight = {name: 0.5 ** (each.age_days / HALF_LIFE_DAYS) for name, each in known.items()}
    doubt = {name: DOUBT_LEFT ** weight[name] for name, each in known.items() if each.accepted}
    belief = {name: BELIEF_LEFT ** (weight[name] * p.refused) for name, p in known.items() if not p.accepted}
    sure = pl.col("confidence").fill_null(pl.col("score"))
    raised = pl.col("recipe").replace_strict(doubt, default=1.0, return_dtype=pl.Float64) if doubt else pl.lit(1.0)
    lowered = pl.col("recipe").replace_strict(belief, default=1.0, return_dtype=pl.Float64) if belief else pl.lit(1.0)
    told = repairs.with_columns(confidence=((1 - (1 - sure) * raised) * lowered).clip(0, CEILING))
    for (healer, operation), curve in sorted((operations or {}).items()):
        named = [k for k, r in (recipes or {}).items() if (r.healer, r.operation) == (healer, operation)]
        fresh = told["recipe"].is_in(sorted(set(named) - set(known)))
        if fresh.any():
            new = pl.Series(curve.at(told["confidence"].to_numpy()))
            told = told.with_columns(confidence=pl.when(fresh).then(new).otherwise("confidence"))
    return told


def settled(
    decisions: pl.DataFrame, known: Mapping[str, Past], *, auto: float, nature: Mapping[str, str]
) -> pl.DataFrame:
    """Decisions after what people said before: an accepted recipe needs no budget, a refused one is not applied.

    What was refused twice is not offered again, unless it is about many more cells than then.
    """
    if not known or not len(decisions):
        return decisions
    yes = [name for name, each in known.items() if each.accepted and nature.get(name) not in GUESSES]
    no = [name for name, each in known.items() if not each.accepted]
    sizes = dict(decisions.group_by("recipe").agg(n=pl.len()).iter_rows())
    out = [n for n in no if known[n].refused >= FORGOTTEN and sizes.get(n, 0) < DOUBLED * max(known[n].cells, 1)]
    budget = pl.col("reason").str.contains("a question for a person", literal=True)
    taken = (pl.col("action") == APPLIED).any().over("row", "column")
    free = pl.col("recipe").is_in(yes) & budget & (pl.col("confidence") >= auto) & ~taken
    refused = pl.col("recipe").is_in(no) & (pl.col("action") == APPLIED)
    told = decisions.with_columns(
        action=pl.when(pl.col("recipe").is_in(out))
        .then(pl.lit("flag"))
        .when(refused)
        .then(pl.lit("suggest"))
        .when(free)
        .then(pl.lit(APPLIED))
        .otherwise("action"),
        reason=pl.when(pl.col("recipe").is_in(out))
        .then(pl.lit("refused twice before: not offered again"))
        .when(refused)
        .then(pl.lit("refused before: a question for a person"))
        .when(free)
        .then(pl.lit("accepted before"))
        .otherwise("reason"),
    )
    return told.select(list(DECISIONS))
