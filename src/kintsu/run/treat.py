"""Train every detector and healer on a reference, then map batches to findings and proposed repairs.

One that fails becomes a failed step of the run, with its traceback, and the others still run.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from kintsu.core import registry
from kintsu.core.batch import Batch
from kintsu.core.errors import UsageError
from kintsu.core.frames import FINDINGS, REPAIRS, concat
from kintsu.core.recipe import Recipe
from kintsu.rules.source_limits import LIMITS, limits
from kintsu.rules.source_model import train_sources

__all__ = ["FailedStep", "Members", "Progress", "Trained", "Treated", "quiet", "train"]

Progress = Callable[[str, float], None]
Members = Mapping[str, Mapping[str, Callable[[], Any]]]


def quiet(stage: str, fraction: float) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class FailedStep:
    """A detector or healer that failed: which, at what, and its traceback."""

    name: str
    error: str
    trace: str = field(repr=False, default="")

    def to_dict(self) -> dict[str, str]:
        return {"step": self.name, "error": self.error}


@dataclass(frozen=True)
class Treated:
    """What trained members found and propose, over all batches.

    `limits`: row, column, new, most: how likely a repair of a cell that several sources report is at most.
    """

    findings: pl.DataFrame
    recipes: Mapping[str, Recipe]
    repairs: pl.DataFrame
    failed: tuple[FailedStep, ...] = ()
    limits: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LIMITS))


@dataclass
class Trained:
    """Trained detectors and healers. `failed` grows as steps fail; a failed step is left out from then on."""

    reference: Any  # core.contracts.Reference; any engine's
    detectors: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    healers: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    failed: list[FailedStep] = field(default_factory=list)

    def find(self, batch: Batch) -> pl.DataFrame:
        """Findings of all detectors in one batch, sorted."""
        found = []
        for name, (detector, model) in list(self.detectors.items()):
            result = self._guard(f"detect {name}", partial(detector.find, batch, model, self.reference))
            if result is None:
                del self.detectors[name]
            else:
                found.append(result)
        return concat(found, FINDINGS)

    def propose(self, batch: Batch, findings: pl.DataFrame) -> tuple[dict[str, Recipe], pl.DataFrame]:
        """Recipes by id, and repairs of all healers in one batch."""
        recipes: dict[str, Recipe] = {}
        repairs = []
        for name, (healer, model) in list(self.healers.items()):
            result = self._guard(f"heal {name}", partial(healer.propose, batch, findings, model, self.reference))
            if result is None:
                del self.healers[name]
                continue
            recipes |= {recipe.id: recipe for recipe in result[0]}
            repairs.append(result[1])
        return recipes, concat(repairs, REPAIRS)

    def limits(self, batch: Batch, repairs: pl.DataFrame) -> pl.DataFrame:
        """The limits of these repairs; schema `rules.source_limits.LIMITS`."""
        told = self._guard("weigh sources", lambda: limits(batch, repairs, train_sources(self.reference)))
        return told if told is not None else pl.DataFrame(schema=LIMITS)

    def treat(self, batches: Iterable[Batch], progress: Progress = quiet, rows: int = 0) -> Treated:
        """Find and propose over all batches."""
        findings, repairs, most, done = [], [], [pl.DataFrame(schema=LIMITS)], 0
        recipes: dict[str, Recipe] = {}
        for batch in batches:
            found = self.find(batch)
            known, proposed = self.propose(batch, found)
            findings.append(found)
            repairs.append(proposed)
            if len(proposed):
                most.append(self.limits(batch, proposed))
            recipes |= known
            done += len(batch)
            progress("finding and proposing", done / max(rows, done, 1))
        whole = concat(findings, FINDINGS).unique()  # findings about whole columns come once per batch
        return Treated(whole, recipes, concat(repairs, REPAIRS), tuple(self.failed), pl.concat(most))

    def _guard(self, step: str, call: Callable[[], Any]) -> Any:
        try:
            # numbers such as 1e308 overflow to infinity, which compares as it should: no warning on a terminal
            with np.errstate(over="ignore", invalid="ignore"):
                return call()
        except UsageError:
            raise  # the person who called asked for something that cannot be: tell them
        except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - promise 7: never loses the rest
            self.failed.append(FailedStep(step, self._told(error), traceback.format_exc()))
        return None

    def _told(self, error: BaseException) -> str:
        """The error in one line; its kind alone where it might quote a sensitive column."""
        if self.reference.option("sensitive"):
            return f"{type(error).__name__} (its words are hidden: they may quote a sensitive column)"
        return f"{type(error).__name__}: {error}".splitlines()[0]


def _member(kind: str, name: str, members: Members | None) -> Any:
    return members[kind][name]() if members is not None else registry.load(kind, name)()


def train(reference: Any, progress: Progress = quiet, *, heal: bool = True, members: Members | None = None) -> Trained:
    """Train detectors and, with `heal`, healers: all that are registered, or `members` (kind -> name -> class)."""
    trained = Trained(reference)
    known = members if members is not None else {kind: registry.names(kind) for kind in ("detectors", "healers")}
    steps = [(kind, name) for kind in known for name in known[kind] if heal or kind == "detectors"]
    for done, (kind, name) in enumerate(steps):
        member = trained._guard(f"load {name}", partial(_member, kind, name, members))
        if member is None:
            continue
        failures = len(trained.failed)
        model = trained._guard(f"train {name}", partial(member.train, reference))
        if len(trained.failed) == failures:
            getattr(trained, kind)[name] = (member, model)
        progress("learning what is normal", (done + 1) / len(steps))
    return trained
