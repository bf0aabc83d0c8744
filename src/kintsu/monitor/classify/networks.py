"""Small networks, one for each issue against all others, as flat arrays: trained by torch, predicted without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

from kintsu.core.errors import InputError
from kintsu.monitor.deep.judge import one_thread, torch_or_error

__all__ = ["Networks", "train_networks"]

Floats = npt.NDArray[np.float64]

ARRAYS: Final = ("centre", "scale", "w1", "b1", "w2", "b2", "w3", "b3")
HIDDEN: Final = 24
STEPS: Final = 1_500
ROWS: Final = 512  # of a step
RATE: Final = 3e-3
DECAY: Final = 3e-3
DROPPED: Final = 0.2  # share of the features that are hidden while a network learns
FARTHEST: Final = 5.0  # deviations from the mean, of a feature's signed logarithm
LEAST: Final = 1e-6


@dataclass(frozen=True, eq=False)
class Networks:
    """Networks with two hidden layers that each tell one class from all others; those of a class are averaged.

    Attributes
    ----------
    w1, b1, w2, b2, w3, b3
        Network by network: shapes (networks, features, hidden), (networks, hidden), (networks, hidden, hidden),
        (networks, hidden), (networks, hidden), (networks,). Network i is of class i % classes.
    """

    centre: Floats
    scale: Floats
    w1: npt.NDArray[np.float32]
    b1: npt.NDArray[np.float32]
    w2: npt.NDArray[np.float32]
    b2: npt.NDArray[np.float32]
    w3: npt.NDArray[np.float32]
    b3: npt.NDArray[np.float32]
    n_classes: int

    def shares(self, x: Floats) -> Floats:
        """Scores of the classes that add up to one, shape (rows, classes)."""
        z = _scaled(x, self.centre, self.scale).astype(np.float32)
        first = np.maximum(np.einsum("rf,nfh->nrh", z, self.w1, optimize=True) + self.b1[:, None], 0)
        second = first + np.maximum(first @ self.w2 + self.b2[:, None], 0)
        told = special.expit((second * self.w3[:, None]).sum(2) + self.b3[:, None]).astype(np.float64)
        mean = told.reshape(len(told) // self.n_classes, self.n_classes, len(x)).mean(0).T + LEAST
        return np.asarray(mean / mean.sum(1, keepdims=True))

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """All of it, to be written."""
        return {prefix + name: getattr(self, name) for name in ARRAYS}

    @classmethod
    def read(cls, held: Mapping[str, npt.NDArray[Any]], prefix: str, n_features: int, n_classes: int) -> Networks:
        """What `arrays` gave, checked."""
        arrays: dict[str, Any] = {name: held[prefix + name] for name in ARRAYS}
        n, hidden = arrays["w2"].shape[:2]
        shapes = {"centre": (n_features,), "scale": (n_features,), "w1": (n, n_features, hidden), "b1": (n, hidden),
                  "w2": (n, hidden, hidden), "b2": (n, hidden), "w3": (n, hidden), "b3": (n,)}  # fmt: skip
        if any(arrays[name].shape != shape for name, shape in shapes.items()) or not n or n % n_classes:
            raise InputError(f"the arrays of {prefix!r} do not fit each other")
        if not all(np.isfinite(held).all() for held in arrays.values()) or not (arrays["scale"] > 0).all():
            raise InputError(f"the networks of {prefix!r} are broken")
        return cls(**arrays, n_classes=n_classes)


def train_networks(
    x: Floats, labels: npt.NDArray[np.int64], weight: Floats, n_classes: int, *, n_members: int, seed: int
) -> Networks:
    """`n_members` networks for each class, each from a start and rows of its own, all trained at once.

    Parameters
    ----------
    x, labels, weight
        Features, class and weight of each case, shapes (cases, features), (cases,), (cases,).

    Raises
    ------
    MissingExtra
        torch is not installed.
    """
    torch = torch_or_error()
    rng = np.random.default_rng(seed)
    raw = _signed_log(x)
    centre, scale = raw.mean(0), np.maximum(raw.std(0), 1e-3)
    z = _scaled(x, centre, scale).astype(np.float32)
    n, width = n_members * n_classes, x.shape[1]
    start = {
        "w1": rng.normal(0, (2 / width) ** 0.5, (n, width, HIDDEN)), "b1": np.zeros((n, HIDDEN)),
        "w2": rng.normal(0, HIDDEN**-0.5, (n, HIDDEN, HIDDEN)), "b2": np.zeros((n, HIDDEN)),
        "w3": rng.normal(0, HIDDEN**-0.5, (n, HIDDEN)), "b3": np.zeros(n),
    }  # fmt: skip
    w = {name: torch.tensor(a, dtype=torch.float32, requires_grad=True) for name, a in start.items()}
    optimiser = torch.optim.AdamW(list(w.values()), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    cases, aims = torch.tensor(z), torch.tensor(np.eye(n_classes, dtype=np.float32)[labels])
    share = weight / weight.sum()
    with one_thread(torch):
        for _ in range(STEPS):
            rows = torch.tensor(rng.choice(len(z), (n_members, ROWS), p=share))
            seen = torch.tensor(rng.random((n_members, ROWS, width)) >= DROPPED)
            given = (cases[rows] * seen).repeat_interleave(n_classes, 0)  # networks, rows, features
            first = torch.relu(torch.bmm(given, w["w1"]) + w["b1"][:, None])
            second = first + torch.relu(torch.bmm(first, w["w2"]) + w["b2"][:, None])
            told = (second * w["w3"][:, None]).sum(2) + w["b3"][:, None]
            aim = aims[rows].transpose(1, 2).reshape(n, ROWS)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(told, aim) * n
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    held = {name: a.detach().numpy() for name, a in w.items()}
    return Networks(centre, scale, **held, n_classes=n_classes)


def _signed_log(x: Floats) -> Floats:
    return np.asarray(np.sign(x) * np.log1p(np.abs(x)))


def _scaled(x: Floats, centre: Floats, scale: Floats) -> Floats:
    return np.asarray(np.clip((_signed_log(x) - centre) / scale, -FARTHEST, FARTHEST))
