"""Trained models in the registry: train, compare, promote, roll back, retrain, and watch whether they still hold.

A name is a kind of model, or a kind and a watched table: "issues", "issues:orders". What is live is used by
`kintsu monitor run`; where nothing is, the model that comes with Kintsu.
"""

from __future__ import annotations

import getpass
import itertools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

import kintsu
from kintsu.core.errors import UsageError
from kintsu.io.store.batch_rows import BatchRow
from kintsu.io.store.history import History, open_history
from kintsu.io.store.models import LIVE, About, ModelVersion, Promotion, Registry
from kintsu.monitor.classify.train import Parameters
from kintsu.run.batches import period
from kintsu.run.issue_history import Amount, Gathered, Progress, from_batches, from_tables
from kintsu.run.issue_kind import Measured, drift_of_confidence, measure_issues, read_issues, train_issues
from kintsu.run.live_model import open_registry
from kintsu.run.typed import typed_frame

__all__ = [
    "KINDS",
    "Comparison",
    "Kind",
    "Models",
    "Retrained",
    "compare",
    "kind_of",
    "where_of",
]

LEVEL: Final = 0.01  # chance of promoting a model that is no better; it is asked again at each retraining
SHIPPED: Final = "shipped"
EXACT: Final = 14  # batches up to which all signs are tried
DRAWS: Final = 9_999
KEPT: Final = 5  # candidates that a retraining keeps
LOST: Final = 0.05  # of the share of issues named right, above which a model is said to have drifted


@dataclass(frozen=True)
class Kind:
    """A kind of model that the registry can hold.

    Attributes
    ----------
    train
        (cases, seed, about, parameters) -> body, bytes without pickles.
    read
        (body, where) -> model, checked; of None the one that comes with Kintsu. Raises `InputError`.
    measure
        (model, cases) -> `Measured`.
    drift
        (recent alarms, metrics at training) -> a JSON object with `is_less_sure`.
    """

    train: Callable[..., bytes]
    read: Callable[[bytes | None, str], Any]
    measure: Callable[[Any, Any], Measured]
    drift: Callable[[list[BatchRow], Mapping[str, Any]], dict[str, Any]]


KINDS: Final[Mapping[str, Kind]] = {"issues": Kind(train_issues, read_issues, measure_issues, drift_of_confidence)}


@dataclass(frozen=True)
class Comparison:
    """A candidate beside what is live (a version, or "shipped"), on the same cases, which neither had seen.

    `p_value` is the chance of such a gain in log loss between equal models, by the signs of the gains of whole
    batches: cases of one batch are no independent witnesses. A candidate is better if that is below .01 and it names
    no fewer issues right.
    """

    live: int | str
    n_cases: int
    n_batches: int
    candidate_loss: float
    live_loss: float
    candidate_right: float
    live_right: float
    p_value: float

    @property
    def is_better(self) -> bool:
        return self.p_value < LEVEL and self.candidate_right >= self.live_right

    @property
    def message(self) -> str:
        """The figures in a sentence."""
        if not self.n_cases:
            return "no batch is held back that neither model saw: retrain once more have come"
        live = "the model that comes with Kintsu" if self.live == SHIPPED else f"version {self.live}"
        few = f"; fewer than {_least_batches()} batches can show nothing" if self.n_batches < _least_batches() else ""
        return (
            f"log loss {self.candidate_loss:.4f}, {live} {self.live_loss:.4f}; "
            f"right issue {self.candidate_right:.1%}, {live} {self.live_right:.1%}; "
            f"{self.n_cases} faults in {self.n_batches} batches, p = {self.p_value:.4f}{few}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return asdict(self) | {"is_better": self.is_better}


@dataclass(frozen=True)
class Retrained:
    """What a retraining did; `version` and `comparison` are None where it had nothing to do."""

    name: str
    version: ModelVersion | None
    is_promoted: bool
    message: str
    comparison: Comparison | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {
            "name": self.name,
            "version": None if self.version is None else self.version.version,
            "promoted": self.is_promoted,
            "message": self.message,
            "comparison": None if self.comparison is None else self.comparison.to_dict(),
        }


@dataclass(frozen=True)
class Models:
    """The models of a store, or of the registry that `registry` or KINTSU_REGISTRY name."""

    history: History
    registry: Registry

    @classmethod
    def open(cls, home: Path | str | None = None, registry: str | None = None, *, create: bool = False) -> Models:
        """See `open_history` and `open_registry`."""
        history = open_history(home, create=create)
        return cls(history, open_registry(history, registry))

    def versions(self, name: str | None = None) -> list[ModelVersion]:
        """Every version of a model, or of all models."""
        return self.registry.versions(name)

    def find(self, name: str, version: int | None = None) -> ModelVersion:
        """A version of a model; without a number the live one, else the newest."""
        found = self.registry.versions(name)
        if not found:
            names = sorted({each.name for each in self.registry.versions()})
            there = f"there is {', '.join(map(repr, names))}" if names else "none was trained yet"
            raise UsageError(f"no model {name!r}: {there}. `kintsu models train {name}` trains one")
        if version is None:
            return next((each for each in found if each.stage == LIVE), found[-1])
        chosen = next((each for each in found if each.version == version), None)
        if chosen is None:
            raise UsageError(f"no version {version} of model {name!r}: there is {_listed(found)}")
        return chosen

    def promotions(self, name: str) -> list[Promotion]:
        """Promotions and rollbacks of a model, oldest first."""
        return self.registry.promotions(name)

    def promote(self, name: str, version: int, *, by: str | None = None, why: str = "") -> ModelVersion:
        """Make a version the live one, once it has been read: what cannot be used is refused."""
        told = self.find(name, version)
        kind_of(name).read(self.registry.body(name, version), where_of(told))
        return self.registry.promote(name, version, by=by or getpass.getuser(), why=why)

    def rollback(self, name: str, *, by: str | None = None, why: str = "") -> ModelVersion | None:
        """Take the last promotion back; returns what is live then, None for the model that comes with Kintsu."""
        return self.registry.rollback(name, by=by or getpass.getuser(), why=why)

    def train(
        self,
        name: str,
        tables: Mapping[str, Any] | None = None,
        *,
        amount: Amount | None = None,
        parameters: Parameters | None = None,
        seed: int = 0,
        by: str | None = None,
        now: datetime | None = None,
        progress: Progress | None = None,
    ) -> ModelVersion:
        """Train a candidate on the past batches of the watched tables, or on given tables (name -> anything that
        `kt.profile` takes), and measure it on what is held back of them."""
        gathered = self._gather(name, tables, amount or Amount(), seed, now, progress)
        body, measured = self._fit(name, gathered, parameters, seed)
        return self._register(name, body, measured.metrics, gathered, parameters, seed, by)

    def retrain(
        self,
        name: str,
        *,
        older_than: str | None = None,
        amount: Amount | None = None,
        parameters: Parameters | None = None,
        seed: int = 0,
        by: str | None = None,
        now: datetime | None = None,
        progress: Progress | None = None,
    ) -> Retrained:
        """Train a candidate on the past batches, and promote it if it is better than what is live by more than chance.

        Both are asked about the same damaged batches, which came after all that either learnt from.

        Parameters
        ----------
        older_than
            Such as "7d": nothing is done where the newest version is younger. So it can be called each day.
        """
        before = self.registry.versions(name)
        if older_than is not None and before:
            made = datetime.fromisoformat(before[-1].created_at)
            if (now or datetime.now(UTC)) - made < period(older_than):
                told = f"version {before[-1].version} is younger than {older_than}: nothing to do"
                return Retrained(name, None, False, told)
        live = next((each for each in before if each.stage == LIVE), None)
        gathered = self._gather(name, None, amount or Amount(), seed, now, progress)
        body, measured = self._fit(name, gathered, parameters, seed)
        comparison = self._compared(name, body, live, gathered, seed)
        metrics = {**measured.metrics, "compared": comparison.to_dict()}
        made_now = self._register(name, body, metrics, gathered, parameters, seed, by)
        if comparison.is_better:
            made_now = self.registry.promote(
                name, made_now.version, by=by or getpass.getuser(), why=f"retrained: {comparison.message}"
            )
        self.registry.prune(name, keep=KEPT)
        word = "promoted" if comparison.is_better else "not promoted"
        told = f"version {made_now.version} {word}: {comparison.message}"
        return Retrained(name, made_now, comparison.is_better, told, comparison)

    def drift(self, name: str) -> dict[str, Any] | None:
        """Whether the live version still is what it was at its training; None where none is live.

        `state` is "drifted" if its alarms are less sure than chance allows, or if at the last retraining it named five
        in a hundred fewer issues right than at its own; "unknown" while neither can be said.
        """
        live = self.registry.live([name]).get(name)
        if live is None:
            return None
        since = [each.at for each in self.registry.promotions(name) if each.version == live.version][-1:]
        alarms = self.history.alarms(_table(name), since=since[0] if since else "")
        told = kind_of(name).drift(alarms, live.about.metrics)
        then = live.about.metrics.get("right")
        now = [each for each in self.registry.versions(name) if _compared_with(each) == live.version][-1:]
        right_now = now[0].about.metrics["compared"]["live_right"] if now else None
        has_lost = None if right_now is None or then is None else right_now < then - LOST
        known = [each for each in (told["is_less_sure"], has_lost) if each is not None]
        state = "unknown" if not known else "drifted" if any(known) else "steady"
        backtest = {"right_at_training": then, "right_now": right_now, "has_lost": has_lost}
        return {"version": live.version, "state": state, **told, "backtest": backtest}

    def drifts(self) -> dict[str, dict[str, Any]]:
        """The drift of every model of which a version is live."""
        names = [each.name for each in self.registry.versions() if each.stage == LIVE]
        return {name: told for name in names if (told := self.drift(name)) is not None}

    # parts of a training

    def _gather(
        self,
        name: str,
        tables: Mapping[str, Any] | None,
        amount: Amount,
        seed: int,
        now: datetime | None,
        progress: Progress | None,
    ) -> Gathered:
        kind_of(name)
        if tables:
            frames = {each: typed_frame(source) for each, source in tables.items()}
            return from_tables(frames, amount, seed=seed, progress=progress)
        only = _table(name)
        watched = [self.history.watched(only)] if only is not None else self.history.tables()
        return from_batches(self.history, watched, amount, seed=seed, now=now, progress=progress)

    @staticmethod
    def _fit(name: str, gathered: Gathered, parameters: Parameters | None, seed: int) -> tuple[bytes, Measured]:
        kind = kind_of(name)
        about = {"tables": dict(gathered.tables), "seed": seed}
        body = kind.train(gathered.learnt, seed=seed, about=about, parameters=parameters)
        return body, kind.measure(kind.read(body, "the candidate"), gathered.held)

    def _register(
        self,
        name: str,
        body: bytes,
        metrics: Mapping[str, Any],
        gathered: Gathered,
        parameters: Parameters | None,
        seed: int,
        by: str | None,
    ) -> ModelVersion:
        live = self.registry.live([name]).get(name)
        lineage = {"parent": SHIPPED if live is None else live.version, "kintsu": kintsu.__version__, "seed": seed}
        about = About(
            metrics=dict(metrics),
            parameters=asdict(replace(parameters or Parameters(), seed=seed)),
            data={"tables": dict(gathered.tables), "left_out": dict(gathered.left_out), "cases": len(gathered.learnt)},
            lineage=lineage,
        )
        return self.registry.register(name, body, about, by=by or getpass.getuser())

    def _compared(self, name: str, body: bytes, live: ModelVersion | None, gathered: Gathered, seed: int) -> Comparison:
        kind = kind_of(name)
        seen = {} if live is None else live.about.data.get("tables", {})
        held = gathered.held_after(seen)
        live_body = None if live is None else self.registry.body(name, live.version)
        mine = kind.measure(kind.read(body, "the candidate"), held)
        other = kind.measure(kind.read(live_body, SHIPPED if live is None else where_of(live)), held)
        return compare(mine, other, live_name=SHIPPED if live is None else live.version, seed=seed)


def compare(candidate: Measured, live: Measured, *, live_name: int | str = SHIPPED, seed: int = 0) -> Comparison:
    """Two models on the same cases."""
    n = len(candidate.loss)
    batches, at = np.unique(candidate.batch, return_inverse=True)
    gains = np.bincount(at, weights=live.loss - candidate.loss, minlength=len(batches))
    parts = (candidate.loss, live.loss, candidate.is_right, live.is_right)
    loss, live_loss, right, live_right = (float(np.mean(each)) if n else 0.0 for each in parts)
    return Comparison(live_name, n, len(batches), loss, live_loss, right, live_right, _p_of_gains(gains, seed))


def _p_of_gains(gains: Any, seed: int) -> float:
    """Chance that gains of random signs add up to as much: one-sided, exact for few."""
    n = len(gains)
    if n <= EXACT:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=n))).reshape(2**n, n)
        return float((signs @ gains >= gains.sum() - 1e-9).mean())
    signs = np.random.default_rng(seed).choice([1.0, -1.0], (DRAWS, n))
    return float(((signs @ gains >= gains.sum() - 1e-9).sum() + 1) / (DRAWS + 1))


def _least_batches() -> int:
    """Batches from which a gain in all of them is more than chance."""
    return int(np.floor(-np.log2(LEVEL))) + 1


def _compared_with(version: ModelVersion) -> int | str | None:
    compared = version.about.metrics.get("compared")
    return compared["live"] if compared and compared["n_cases"] else None


def kind_of(name: str) -> Kind:
    kind = name.partition(":")[0]
    if kind not in KINDS:
        raise UsageError(
            f"{name!r} is no name of a model: it is {' or '.join(KINDS)}, alone or with a watched table as in "
            f"{next(iter(KINDS))}:orders"
        )
    return KINDS[kind]


def _table(name: str) -> str | None:
    """The watched table that a name is about, None for all."""
    return name.partition(":")[2] or None


def where_of(told: ModelVersion) -> str:
    return f"version {told.version} of model {told.name!r}"


def _listed(found: list[ModelVersion]) -> str:
    return ", ".join(str(each.version) for each in found)
