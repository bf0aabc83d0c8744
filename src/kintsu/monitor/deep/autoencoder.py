"""Do the cells of a row still fit each other? Each column told from the others by a small masked autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.monitor.deep.judge import Score, one_thread, torch_or_error
from kintsu.monitor.deep.rows import RowCodes, code_rows, pick_rows
from kintsu.profile.packing import pack, unpack

__all__ = ["RowAutoencoder"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

HIDDEN: Final = 64
STEPS: Final = 600
ROWS: Final = 256  # of a step
RATE: Final = 3e-3
MASKED: Final = 0.3  # share of the cells of a row that are hidden while it learns
HELD_OUT: Final = 3  # every third batch is not learnt from: it tells how well unseen rows are told
FLOOR: Final = 0.03  # least deviation of a mean surprise, in nats


@dataclass(eq=False)
class RowAutoencoder:
    """A network that fills the hidden cells of a row from the others.

    Score: how much worse than in unseen batches of the history it tells the worst column, in deviations. Blind to
    columns that are independent of all others, and to times and keys.

    References
    ----------
    Vincent et al., Extracting and composing robust features with denoising autoencoders, ICML 2008; with cells hidden
    in place of noise.
    """

    name: ClassVar[str] = "autoencoder"

    seed: int = 0
    codes: RowCodes = field(default_factory=lambda: RowCodes({}, {}, {}))
    weights: dict[str, Floats] = field(default_factory=dict)
    usual: Floats = field(default_factory=lambda: np.empty(0))  # mean surprise of each column, in nats
    deviation: Floats = field(default_factory=lambda: np.empty(0))

    def fit(self, history: Sequence[pl.DataFrame]) -> Self:
        self.codes = code_rows(history)
        if len(self.codes.names) < 2 or len(history) < 2 * HELD_OUT:
            self.codes = RowCodes({}, {}, {})
            return self
        rng = np.random.default_rng(self.seed)
        batches = [pick_rows(self.codes.encode(f), rng) for f in history if f.height]
        learnt = [b for i, b in enumerate(batches) if i % HELD_OUT]
        with one_thread(torch_or_error()):
            self.weights = self._trained(np.vstack(learnt), rng)
        past = np.array([self._surprise(b) for b in batches[::HELD_OUT]])
        self.usual = past.mean(0)
        self.deviation = np.maximum(past.std(0, ddof=1), FLOOR)
        return self

    def score(self, batch: pl.DataFrame) -> Score:
        if not self.codes.names or not batch.height:
            return Score(0.0, ())
        rows = pick_rows(self.codes.encode(batch), np.random.default_rng(self.seed))
        z = (self._surprise(rows) - self.usual) / self.deviation
        order = np.argsort(-z, kind="stable")
        return Score(float(z[order[0]]), tuple(self.codes.names[i] for i in order))

    def _trained(self, codes: Codes, rng: np.random.Generator) -> dict[str, Floats]:
        torch = torch_or_error()
        sizes = self.codes.sizes
        inputs = self._one_hot(codes)
        width = inputs.shape[1]
        start = {
            "w1": rng.normal(0, width**-0.5, (width, HIDDEN)),
            "b1": np.zeros(HIDDEN),
            "w2": rng.normal(0, HIDDEN**-0.5, (HIDDEN, HIDDEN)),
            "b2": np.zeros(HIDDEN),
            "w3": rng.normal(0, HIDDEN**-0.5, (HIDDEN, width)),
            "b3": np.log(inputs.mean(0) + 1e-3),
        }
        weights = {k: torch.tensor(w, dtype=torch.float32, requires_grad=True) for k, w in start.items()}
        optimiser = torch.optim.Adam(list(weights.values()), lr=RATE, weight_decay=1e-5)
        owner = np.repeat(np.arange(len(sizes)), sizes)
        for _ in range(STEPS):
            rows = rng.integers(0, len(codes), ROWS)
            hidden = rng.random((ROWS, len(sizes))) < MASKED
            x = torch.tensor(inputs[rows] * ~hidden[:, owner], dtype=torch.float32)
            surprise = self._surprises(torch, weights, x, torch.tensor(codes[rows]))
            mask = torch.tensor(hidden, dtype=torch.float32)
            loss = (surprise * mask).sum() / mask.sum().clamp(min=1.0)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return {k: w.detach().numpy().astype(np.float64) for k, w in weights.items()}

    def _surprises(self, torch: Any, weights: dict[str, Any], x: Any, codes: Any) -> Any:
        """-log probability of each cell, shape (rows, columns)."""
        h = torch.relu(x @ weights["w1"] + weights["b1"])
        h = h + torch.relu(h @ weights["w2"] + weights["b2"])
        logits = (h @ weights["w3"] + weights["b3"]).split(self.codes.sizes, dim=1)
        return torch.stack(
            [torch.nn.functional.cross_entropy(part, codes[:, j], reduction="none") for j, part in enumerate(logits)], 1
        )

    def _surprise(self, codes: Codes) -> Floats:
        """Mean surprise of each column when it is hidden and all others are seen."""
        torch = torch_or_error()
        sizes = self.codes.sizes
        owner = np.repeat(np.arange(len(sizes)), sizes)
        inputs = self._one_hot(codes)
        weights = {k: torch.tensor(w, dtype=torch.float32) for k, w in self.weights.items()}
        out = np.empty(len(sizes))
        with one_thread(torch), torch.no_grad():
            for j in range(len(sizes)):
                x = torch.tensor(inputs * (owner != j), dtype=torch.float32)
                out[j] = float(self._surprises(torch, weights, x, torch.tensor(codes))[:, j].mean())
        return out

    def _one_hot(self, codes: Codes) -> Floats:
        sizes = self.codes.sizes
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        out = np.zeros((len(codes), sum(sizes)))
        np.put_along_axis(out, codes + starts, 1.0, axis=1)
        return out

    def to_bytes(self) -> bytes:
        shapes = {k: list(w.shape) for k, w in self.weights.items()}
        facts = {"seed": self.seed, "codes": self.codes.to_dict(), "shapes": shapes}
        arrays = {k: w.ravel() for k, w in self.weights.items()}
        return pack(self.name, 1, facts, arrays | {"usual": self.usual, "deviation": self.deviation})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        facts, arrays = unpack(data, cls.name, 1)
        weights = {k: arrays[k].reshape(shape) for k, shape in facts["shapes"].items()}
        return cls(facts["seed"], RowCodes(**facts["codes"]), weights, arrays["usual"], arrays["deviation"])
