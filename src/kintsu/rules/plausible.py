"""How plausible a number is in its column and, where another column says much about its size, in its group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.batch import Batch
from kintsu.rules.coding import Codes, filled_text

__all__ = ["Plausibility", "best_context"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_GROUP = 3  # a median of two says nothing about which of them is wrong
NARROWER = 0.5  # a context counts where it halves the spread of the logarithms
BINS = 40


@dataclass(frozen=True)
class Context:
    """A column whose value sets the size of the number: the usual log10 size per value, and the spread around it."""

    column: str
    codes: Codes
    centre: Floats  # per code; NaN where there were too few rows
    spread: float


@dataclass(frozen=True)
class Plausibility:
    """Log densities of one number column; only differences within a column mean something.

    Parameters
    ----------
    negative, zero, fractional
        Shares of the cells below 0, at 0, and with decimals, each smoothed so that none is impossible.
    edges, density
        Histogram of log10 |x|, smoothed, with heavy ends.
    context
        The column that says most about the size; None where none does.
    """

    negative: float
    zero: float
    fractional: float
    edges: Floats
    density: Floats
    context: Context | None

    @staticmethod
    def of(numbers: Floats, context: Context | None = None) -> Plausibility:
        x = numbers[np.isfinite(numbers)]
        n = len(x) + 1
        size = np.log10(np.abs(x[x != 0])) if (x != 0).any() else np.zeros(1)
        low, high = np.quantile(size, [0.005, 0.995])
        edges = np.linspace(low - 1e-9, max(high, low + 0.5) + 1e-9, BINS + 1)
        count = np.histogram(size, edges)[0].astype(np.float64)
        smooth = np.convolve(np.pad(count, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
        density = np.log((smooth + 0.02 * len(size) / BINS + 0.5) / n / (edges[1] - edges[0]))
        return Plausibility(
            negative=(float((x < 0).sum()) + 0.1) / n,
            zero=(float((x == 0).sum()) + 0.1) / n,
            fractional=(float((x != np.round(x)).sum()) + 0.1) / n,
            edges=edges,
            density=density,
            context=context,
        )

    def log_density(self, values: Floats, centre: Floats) -> Floats:
        """Of every value, given the usual log10 size of its group (NaN: not known); -50 for NaN and infinity."""
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.log10(np.abs(values))
        if self.context is not None:
            z = (size - np.where(np.isfinite(centre), centre, 0)) / self.context.spread
            inside = -2.5 * np.log1p(z * z / 4) - np.log(self.context.spread)  # Student's t with 4 degrees of freedom
        else:
            inside = np.zeros(len(values))
        place = np.clip(np.searchsorted(self.edges, size) - 1, 0, BINS - 1)
        beyond = np.maximum(np.maximum(self.edges[0] - size, size - self.edges[-1]), 0)
        # outside the seen sizes the density falls by e^6 at once and by e^3 per factor of ten
        everywhere = self.density[place] - np.where(beyond > 0, 6 + 3 * beyond, 0)
        at = np.where(np.isfinite(centre) & (self.context is not None), inside, everywhere)
        at = np.where(values == 0, np.log(self.zero), at)
        at = at + np.log(np.where(values < 0, self.negative, 1 - min(self.negative, 0.99)))
        whole = values == np.round(values)
        at = at + np.where(whole, 0.0, np.log(self.fractional))
        return np.where(np.isfinite(values), at, -50.0)

    def centres(self, batch: Batch) -> Floats:
        """The usual log10 size in the group of every row; NaN where there is none."""
        if self.context is None or self.context.column not in batch.columns:
            return np.full(len(batch), np.nan)
        code = self.context.codes.encode(filled_text(batch[self.context.column]))
        return np.where(code >= 0, self.context.centre[np.maximum(code, 0)], np.nan)


def best_context(numbers: Floats, groups: dict[str, tuple[Codes, Ints]]) -> Context | None:
    """The column within whose values the log size varies least, if that is at most half as much as overall."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.log10(np.abs(numbers))
    good = np.isfinite(size)
    if good.sum() < 30:
        return None
    overall = float(np.median(np.abs(size[good] - np.median(size[good]))))
    best: tuple[float, str, Floats] | None = None
    for name, (codes, code) in groups.items():
        use = good & (code >= 0)
        frame = pl.DataFrame({"code": code[use], "size": size[use]})
        stats = (
            frame.group_by("code").agg(centre=pl.col("size").median(), n=pl.len()).filter(pl.col("n") >= LEAST_GROUP)
        )
        if stats["n"].sum() < 0.3 * good.sum() or len(stats) < 3:
            continue
        centre = np.full(len(codes), np.nan)
        centre[stats["code"].to_numpy()] = stats["centre"].to_numpy()
        gap = np.abs(size[use] - centre[code[use]])
        # a median takes one degree of freedom from its group: small groups look narrower than they are
        rows = int(stats["n"].sum())
        free = rows / (rows - len(stats))
        spread = float(np.nanmedian(gap)) * free
        if spread <= NARROWER * overall and (best is None or (spread, name) < best[:2]):
            best = (spread, name, centre)
    if best is None:
        return None
    return Context(best[1], groups[best[1]][0], best[2], max(best[0] * 1.48, 0.005))
