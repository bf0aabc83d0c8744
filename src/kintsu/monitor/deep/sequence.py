"""Does this batch follow on those before it? The statistics of the next batch, foretold by a small LSTM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.monitor.deep.judge import Score, one_thread, torch_or_error
from kintsu.monitor.measure import TIME, measure
from kintsu.profile.packing import pack, unpack

__all__ = ["BatchSequence"]

Floats = npt.NDArray[np.float64]

HIDDEN: Final = 24
STEPS: Final = 250
RATE: Final = 1e-2
DECAY: Final = 1e-3
CLIP: Final = 5.0  # deviations
HELD_OUT: Final = 0.3  # share of the history, the newest, that tells how far forecasts are off
MIN_BATCHES: Final = 12
MOST_COMMON: Final = 8  # values of a column whose shares are followed
FLOOR: Final = 0.2  # least error, in deviations of the history


@dataclass(eq=False)
class BatchSequence:
    """A long short-term memory over the statistics of batches: rows, empty cells, means, quantiles, common values.

    Score: error of the worst statistic, in root mean square errors of its own forecasts. Blind to what moves no
    statistic; with few batches it knows little more than their mean.

    References
    ----------
    Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 9, 1997.
    """

    name: ClassVar[str] = "sequence"

    seed: int = 0
    keys: list[tuple[str, str]] = field(default_factory=list)
    centre: Floats = field(default_factory=lambda: np.empty(0))
    scale: Floats = field(default_factory=lambda: np.empty(0))
    error: Floats = field(default_factory=lambda: np.empty(0))
    foretold: Floats = field(default_factory=lambda: np.empty(0))  # of the next batch

    def fit(self, history: Sequence[pl.DataFrame]) -> Self:
        torch_or_error()
        held = [_statistics(frame) for frame in history]
        self.keys = [] if len(held) < MIN_BATCHES else _followed(held)
        if not self.keys:
            return self
        x = np.array([[s.get(key, np.nan) for key in self.keys] for s in held])
        self.centre = np.nanmean(x, 0)
        self.scale = np.maximum(np.nanstd(x, 0), 1e-3 * np.abs(self.centre) + 1e-6)
        z = self._scaled(x)
        first = round(len(z) * (1 - HELD_OUT))
        tried = _foretold(z[:first], z, self.seed)[first - 1 : -1]
        self.error = np.maximum(np.sqrt(((z[first:] - tried) ** 2).mean(0)), FLOOR)
        self.foretold = _foretold(z, z, self.seed)[-1]
        return self

    def score(self, batch: pl.DataFrame) -> Score:
        if not self.keys:
            return Score(0.0, ())
        now = _statistics(batch)
        z = self._scaled(np.array([now.get(key, np.nan) for key in self.keys]))
        off = np.abs(z - self.foretold) / self.error
        order = np.argsort(-off, kind="stable")
        columns = dict.fromkeys(self.keys[i][0] for i in order if self.keys[i][0])
        return Score(float(off[order[0]]), tuple(columns))

    def _scaled(self, x: Floats) -> Floats:
        z = (x - self.centre) / self.scale
        return np.clip(np.where(np.isfinite(z), z, 0.0), -CLIP, CLIP)

    def to_bytes(self) -> bytes:
        arrays = {name: getattr(self, name) for name in ("centre", "scale", "error", "foretold")}
        return pack(self.name, 1, {"seed": self.seed, "keys": self.keys}, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        facts, arrays = unpack(data, cls.name, 1)
        return cls(facts["seed"], [(column, statistic) for column, statistic in facts["keys"]], **arrays)


def _statistics(frame: pl.DataFrame) -> dict[tuple[str, str], float]:
    """Statistics of a batch by column ("" for the whole) and name. Columns of times are left out: they always move."""
    metrics = measure(frame)
    out = {("", "rows"): float(np.log1p(metrics.rows))}
    for name, column in metrics.columns.items():
        if column.kind == TIME:
            continue
        out[name, "null"] = column.nulls / max(column.rows, 1)
        if column.filled:
            out |= {(name, key): value for key, (value, _) in column.levels.items() if key not in ("low", "high")}
            out |= {(name, f"={value}"): cells / column.filled for value, cells in column.values.items()}
    return out


def _followed(held: list[dict[tuple[str, str], float]]) -> list[tuple[str, str]]:
    """Statistics that every batch has; of the shares of values those of the most common ones."""
    keys = [key for key in held[-1] if all(key in s for s in held)]
    names = dict.fromkeys(column for column, _ in keys)
    shares = {name: [k for k in keys if k[0] == name and k[1].startswith("=")] for name in names}
    dropped = {
        key
        for values in shares.values()
        for key in sorted(values, key=lambda k: (-sum(s[k] for s in held), k))[MOST_COMMON:]
    }
    return [key for key in keys if key not in dropped]


def _foretold(learnt: Floats, seen: Floats, seed: int) -> Floats:
    """What a network that learnt from `learnt` expects after each row of `seen`, shapes (batches, statistics).

    One network for all statistics, each a series of its own: thirty batches are too few for one that sees all at once.
    """
    torch = torch_or_error()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        memory = torch.nn.LSTM(1, HIDDEN)
        out = torch.nn.Linear(HIDDEN, 1)
    torch.nn.init.zeros_(out.weight)
    torch.nn.init.zeros_(out.bias)
    optimiser = torch.optim.AdamW([*memory.parameters(), *out.parameters()], lr=RATE, weight_decay=DECAY)

    def told(z: Floats) -> Any:
        return out(memory(torch.tensor(z[:, :, None], dtype=torch.float32))[0])[:, :, 0]

    aim = torch.tensor(learnt[1:], dtype=torch.float32)
    with one_thread(torch):
        for _ in range(STEPS):
            loss = ((told(learnt[:-1]) - aim) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            return np.asarray(told(seen).numpy(), dtype=np.float64)
