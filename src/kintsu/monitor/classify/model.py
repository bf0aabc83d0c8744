"""The model that names the issue of a batch: facts by rule, the rest by an ensemble, with a calibrated probability."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

from kintsu.core.errors import InputError
from kintsu.monitor.baseline import Baseline, Surprise
from kintsu.monitor.classify.explain import explain
from kintsu.monitor.classify.features import NAMES, features
from kintsu.monitor.classify.networks import Networks
from kintsu.monitor.classify.trees import Trees
from kintsu.monitor.issue import ISSUES
from kintsu.monitor.measure import BatchMetrics

__all__ = ["CLASSES", "Calibration", "IssueModel", "NamedIssue", "shipped_model"]

Floats = npt.NDArray[np.float64]

FORMAT: Final = 1
FACTS: Final = ("schema", "type_mismatch")
CLASSES: Final = tuple(issue for issue in ISSUES if issue not in FACTS)  # what the ensemble decides
LEAST: Final = 1e-6  # probability: its logarithm has to be finite


@dataclass(frozen=True)
class NamedIssue:
    """`confidence` is the calibrated probability of `issue`; `why` a few sentences, the weightiest first."""

    issue: str
    confidence: float
    why: tuple[str, ...]
    probabilities: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Probabilities from scores: a softmax over `slope` * log(score) + `offset` of each class (vector scaling)."""

    slope: float
    offset: Floats

    def __call__(self, scores: Floats) -> Floats:
        return np.asarray(special.softmax(self.slope * np.log(np.maximum(scores, LEAST)) + self.offset, axis=1))


@dataclass(frozen=True, eq=False)
class IssueModel:
    """Boosted trees, a random forest and, where they were trained, small networks: their mean is calibrated.

    Attributes
    ----------
    weight
        Of the boosted trees in the mean of the trees, in [0, 1]; the rest is the forest's.
    network_share
        Of the networks in the mean of all, in [0, 1]; 0 without any.
    facts
        How often what the schema says is right, for each of `FACTS`.
    about
        Data window, metrics and parameters, as JSON.
    """

    boosting: Trees
    forest: Trees
    weight: float
    calibration: Calibration
    facts: Mapping[str, float]
    about: Mapping[str, Any] = field(default_factory=dict)
    networks: Networks | None = None
    network_share: float = 0.0

    def probabilities(self, x: Floats) -> Floats:
        """Of each of `CLASSES`, shape (rows, classes); rows of features as `features` makes them."""
        return self.calibration(self.scores(x))

    def scores(self, x: Floats) -> Floats:
        """The mean of the members before it is calibrated."""
        boosted = special.softmax(self.boosting.sums(x), axis=1)
        trees = self.weight * boosted + (1 - self.weight) * self.forest.sums(x)
        if self.networks is None:
            return np.asarray(trees)
        return np.asarray((1 - self.network_share) * trees + self.network_share * self.networks.shares(x))

    def name(
        self,
        baseline: Baseline,
        batch: BatchMetrics,
        found: Sequence[Surprise],
        columns: Sequence[str],
        *,
        alarms: bool = True,
    ) -> NamedIssue:
        """Name the issue of a batch whose schema is as it was.

        Parameters
        ----------
        alarms
            Whether the batch alarms: then its issue is the likeliest one but "none", else it is "none".
        """
        x = features(baseline, batch, found, columns)
        p = self.probabilities(x[None])[0]
        none = CLASSES.index("none")
        best = int(np.argmax(np.where(np.arange(len(p)) == none, -1.0, p))) if alarms else none
        why = explain(x, self.boosting.contributions(x, best), baseline, found, columns) if alarms else ()
        told = dict(zip(CLASSES, p.tolist(), strict=True)) | dict.fromkeys(FACTS, 0.0)
        return NamedIssue(CLASSES[best], float(p[best]), why, told)

    def certainty(self, fact: str) -> float:
        """How often such a fact was the issue in training; a kind that training lacked is as sure as the least sure."""
        return self.facts.get(fact, min(self.facts.values()))

    def save(self, path: Path) -> None:
        """Write the model into one .npz without pickles."""
        np.savez_compressed(path, **self._arrays())  # type: ignore[arg-type]

    def to_bytes(self) -> bytes:
        """What `save` writes."""
        held = io.BytesIO()
        np.savez_compressed(held, **self._arrays())  # type: ignore[arg-type]
        return held.getvalue()

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        about = {"format": FORMAT, "features": list(NAMES), "classes": list(CLASSES), "weight": self.weight,
                 "facts": dict(self.facts), "about": dict(self.about)}  # fmt: skip
        more = {}
        if self.networks is not None:
            about["network_share"] = self.network_share
            more = self.networks.arrays("networks_")
        own = {"model": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
               "slope": np.array(self.calibration.slope), "offset": self.calibration.offset}  # fmt: skip
        return own | self.boosting.arrays("boosting_") | self.forest.arrays("forest_") | more

    @classmethod
    def load(cls, path: Path) -> IssueModel:
        """Read a model that `save` wrote.

        Raises
        ------
        InputError
            The file is missing or broken, or of a version that reads other features.
        """
        try:
            body = path.read_bytes()
        except OSError as error:
            raise _unusable(str(path), error) from error
        return cls.from_bytes(body, str(path))

    @classmethod
    def from_bytes(cls, body: bytes, where: str) -> IssueModel:
        """Read what `to_bytes` gave; errors tell `where` it came from. See `load`."""
        try:
            with np.load(io.BytesIO(body), allow_pickle=False) as held:
                return cls._read({name: held[name] for name in held.files})
        except (AttributeError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, InputError) as error:
            raise _unusable(where, error) from error

    @classmethod
    def _read(cls, held: Mapping[str, npt.NDArray[Any]]) -> IssueModel:
        told = json.loads(held["model"].tobytes().decode())
        if told["format"] != FORMAT:
            raise InputError(f"its format is {told['format']}, this version reads {FORMAT}")
        if told["features"] != list(NAMES) or told["classes"] != list(CLASSES):
            raise InputError("it was trained on other features or issues than this version knows")
        calibration = Calibration(float(held["slope"]), np.asarray(held["offset"], dtype=np.float64))
        if calibration.offset.shape != (len(CLASSES),) or not np.isfinite(calibration.offset).all():
            raise InputError("its calibration is broken")
        has_networks = "network_share" in told
        return cls(
            boosting=Trees.read(held, "boosting_", len(NAMES), len(CLASSES)),
            forest=Trees.read(held, "forest_", len(NAMES), len(CLASSES)),
            weight=float(told["weight"]),
            calibration=calibration,
            facts={fact: float(told["facts"][fact]) for fact in FACTS},
            about=told["about"],
            networks=Networks.read(held, "networks_", len(NAMES), len(CLASSES)) if has_networks else None,
            network_share=float(told.get("network_share", 0.0)),
        )


def _unusable(where: str, error: Exception) -> InputError:
    return InputError(
        f"{where} holds no model of issues that can be used: {error}. Train one anew, or leave it out: "
        "then the model that comes with Kintsu is taken"
    )


@cache
def shipped_model() -> IssueModel:
    """The model that comes with the package, read once."""
    with as_file(files("kintsu.monitor.classify") / "issues.npz") as path:
        return IssueModel.load(path)
