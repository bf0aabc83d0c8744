"""What earlier answers say about the recipes of a new run on the same table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from kintsu.core.frames import DECISIONS
from kintsu.learn.cases import APPLIED, GUESSES

__all__ = ["Past", "judged", "past", "settled"]

HALF_LIFE_DAYS: Final = 365.0  # after which a verdict counts half
DOUBT_LEFT: Final = 0.1  # of the doubt about a recipe, what a fresh "yes" leaves
BELIEF_LEFT: Final = 0.5  # of the confidence in a recipe, what a fresh "no" leaves
FORGOTTEN: Final = 2  # refusals after which a recipe is not offered again, ...
DOUBLED: Final = 2.0  # ... unless it has so many times the cells that it had then


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


def judged(repairs: pl.DataFrame, known: Mapping[str, Past]) -> pl.DataFrame:
    """Repairs with the confidence that the verdicts leave: raised by a "yes", lowered by a "no", fading with age."""
    if not known or not len(repairs):
        return repairs
    weight = {name: 0.5 ** (each.age_days / HALF_LIFE_DAYS) for name, each in known.items()}
    doubt = {name: DOUBT_LEFT ** weight[name] for name, each in known.items() if each.accepted}
    belief = {name: BELIEF_LEFT ** (weight[name] * p.refused) for name, p in known.items() if not p.accepted}
    sure = pl.col("confidence").fill_null(pl.col("score"))
    raised = pl.col("recipe").replace_strict(doubt, default=1.0, return_dtype=pl.Float64) if doubt else pl.lit(1.0)
    lowered = pl.col("recipe").replace_strict(belief, default=1.0, return_dtype=pl.Float64) if belief else pl.lit(1.0)
    return repairs.with_columns(confidence=((1 - (1 - sure) * raised) * lowered).clip(0, 0.995))


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
