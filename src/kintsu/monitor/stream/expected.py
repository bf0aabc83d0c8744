"""What a block of a column should hold, and how unlikely it is that it holds something else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from kintsu.monitor.drift.measures import likelihood_ratio
from kintsu.monitor.stream.bins import BEYOND, FIRST, NULL

__all__ = ["Expected", "expect"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RARE: Final = 5.0  # expected cells of a bin below which it is judged as a rare event, apart from the chi2
MIN_BLOCKS: Final = 4  # blocks of the reference below which they do not tell how far blocks differ
DOUBT: Final = 0.01  # p-value of blocks that differ no more than by chance, below which they are taken to differ more
EDGES: Final = 2.0  # cells of new data expected outside the range of as many cells of reference


@dataclass(frozen=True, eq=False)
class Expected:
    """The shares of the bins of one column in the reference, and how far its blocks were off them.

    Attributes
    ----------
    cells
        Of each code in the reference.
    block
        Cells of a block.
    unseen
        Cells that may have been missed of what lies outside the reference: singletons (Good and Turing), two extremes.
    mean, freedom
        Of the chi2 of a block where neighbouring cells are alike: its mean over that of independent cells, and its
        degrees of freedom, as `blocks` of the reference tell them. 0 blocks: cells are as good as independent.
    clump, null_clump
        Cells that stick together, among filled and among empty ones.
    """

    cells: tuple[int, ...]
    unseen: float
    block: int
    mean: float = 1.0
    freedom: float = 0.0
    blocks: int = 0
    clump: float = 1.0
    null_clump: float = 1.0

    @cached_property
    def pools(self) -> Floats:
        """Which ordinary bins are judged together, shape (bins, pools) of 0 and 1: those with few cells in a block."""
        held = np.array(self.cells[FIRST:], dtype=float)
        due = held / max(float(held.sum()), 1.0) * self.block
        order = np.argsort(due, kind="stable")
        n_small = int((due < RARE).sum())
        pool = np.empty(len(due), dtype=np.int64)
        pool[order] = np.maximum(np.arange(len(due)) - max(n_small - 1, 0), 0)
        return np.eye(int(pool.max(initial=0)) + 1)[pool]

    @cached_property
    def pooled(self) -> Floats:
        """Cells of the reference in each pool."""
        return np.asarray(np.array(self.cells[FIRST:], dtype=float) @ self.pools)

    @property
    def n(self) -> int:
        """Cells of the reference, at least 1."""
        return max(sum(self.cells), 1)

    def rate(self, code: int) -> tuple[float, float]:
        """Expected share of empty or of new cells, and the number of cells of the reference that tell it."""
        if code == NULL:
            return (self.cells[NULL] + 0.5) / (self.n + 1), self.n
        filled = max(self.n - self.cells[NULL], 1)
        return min(self.unseen * self.clump / filled, 0.5), filled

    def log10_p(self, counts: Ints) -> Floats:
        """log10 of the p-value of blocks: bins, empty cells, new cells. Shape (blocks, 3) from (blocks, n_codes)."""
        total = counts.sum(1)
        nulls, new = counts[:, NULL], counts[:, BEYOND]
        by_null = _log10_tail(nulls, total, *self.rate(NULL), self.null_clump)
        by_new = _log10_tail(new, total - nulls, *self.rate(BEYOND), self.clump)
        return np.column_stack([self._by_bins(counts[:, FIRST:]), by_null, by_new])

    def _by_bins(self, counts: Ints) -> Floats:
        if self.pools.shape[1] < 2:
            return np.zeros(len(counts))
        pooled = counts @ self.pools
        statistic = likelihood_ratio(pooled, self.pooled)
        k = self.pools.shape[1] - 1
        if self.blocks:
            p = special.fdtrc(self.freedom, self.freedom * self.blocks, statistic / (self.mean * k))
        else:
            p = special.chdtrc(k, statistic)
        # where nearly all cells are empty, too few are left for the law of chi2
        return np.where(pooled.sum(1) >= RARE * (k + 1), _log10(p), 0.0)


def _log10(p: Floats) -> Floats:
    return np.log10(np.maximum(p, 1e-300))


def _log10_tail(k: Ints, n: Ints, rate: float, told_by: float, clump: float) -> Floats:
    """Two-sided tail of `k` out of `n` at a rate known from `told_by` cells.

    Cells come in clumps of `clump`. Where few are due, their number is a negative binomial: a Poisson count whose rate
    has a gamma posterior.
    """
    due = n * rate
    deviation = np.sqrt(np.maximum(due * (1 - rate) * clump * (1 + n / told_by), 1e-12))
    log10 = _log10(2 * special.ndtr(-np.abs(k - due) / deviation))
    few = due < RARE * clump
    few_left = ~few & (n - due < RARE * clump)  # nearly all cells are empty: the filled ones are the rare event
    before, now = told_by / clump, np.maximum(n, 1) / clump
    for rare, events, share in ((few, k, rate), (few_left, n - k, 1 - rate)):
        if rare.any():
            many = rare & (events > n * share)
            at_least = special.betainc(events[many] / clump, share * before, now[many] / (before + now[many]))
            log10[rare] = 0.0
            log10[many] = _log10(2 * at_least)
    return np.minimum(log10, 0.0)


def expect(codes: Ints, n_codes: int, *, once: int, is_text: bool, block: int) -> Expected:
    """What the codes of the reference, in the order in which they came, let expect of a block.

    `once` is the number of texts that it holds once.
    """
    kept = codes[codes >= 0]
    cells = np.bincount(kept, minlength=n_codes)
    unseen = once + 0.5 if is_text else EDGES
    n_blocks = len(kept) // block
    if n_blocks < MIN_BLOCKS:
        return Expected(tuple(cells.tolist()), unseen, block)
    at = np.arange(n_blocks * block) // block * n_codes + kept[: n_blocks * block]
    counts = np.bincount(at, minlength=n_blocks * n_codes).reshape(n_blocks, n_codes)
    expected = Expected(tuple(cells.tolist()), unseen, block, null_clump=_clump(counts[:, NULL], block))
    return _with_spread(expected, counts[:, FIRST:])


def _clump(found: Ints, block: int) -> float:
    """Variance of counts over that of independent cells, where that is more than chance; else 1."""
    share = float(found.mean()) / block
    if not 0 < share < 1:
        return 1.0
    over = float(found.var()) / (block * share * (1 - share))
    return over if over > 1 + 3 * (2 / len(found)) ** 0.5 else 1.0


def _with_spread(expected: Expected, counts: Ints) -> Expected:
    """Where blocks of the reference differ by more than chance, say how far: neighbouring cells are alike.

    The statistic is then a sum of squares of unequal weight. It is taken as a chi2 that is scaled by the largest
    weight, which rules its tail, to the mean of the blocks of the reference; as these are few, that is an F
    distribution.
    """
    pooled = counts[counts.sum(1) > 0] @ expected.pools
    freedom, blocks = pooled.shape[1] - 1, len(pooled)
    if freedom < 1 or blocks < MIN_BLOCKS:
        return expected
    others = expected.pooled - pooled  # a block is nearer to the whole that holds it
    statistic = likelihood_ratio(pooled, others)
    if special.chdtrc(freedom * blocks, float(statistic.sum())) > DOUBT:
        return expected
    n, m = pooled.sum(1)[:, None], others.sum(1)[:, None]
    share = expected.pooled / expected.pooled.sum()
    z = (pooled - n * share) / np.sqrt(n * share * (1 - n / (n + m)))
    weights = np.linalg.eigvalsh(z.T @ z / blocks)
    total, largest = float(weights.sum()), max(float(weights[-1]), 1.0)
    return replace(
        expected,
        mean=float(statistic.mean()) / freedom,
        freedom=min(max(total / largest, 1.0), float(freedom)),
        blocks=blocks,
        clump=largest,
    )
