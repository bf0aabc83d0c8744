"""How far out a number may lie: tail models that extrapolate, so that heavy tails are not called outliers.

Shared by the detector of numeric outliers and by the healer that caps them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kintsu.profile.atoms import Atoms, Floats, atoms_of, weighted_quantile

__all__ = ["Atoms", "Fences", "Tail", "atoms_of", "fit_fences", "weighted_quantile"]

MIN_VALUES = 30  # below this the tail of a column cannot be told from its body
SCATTERED_SHARE = 0.01  # more far values than this must keep a distance to count as errors
MIN_BUMP = 8  # fewer far values than this are judged one by one
FAMILY_ERROR = 0.01  # expected clean values beyond one fence of one column
_LARGEST_LOG = 700.0  # exp of more overflows a float


@dataclass(frozen=True)
class Tail:
    """A generalised Pareto tail beyond `start`, on the column's own or its logarithmic scale.

    P(X beyond x) = share * (1 + shape * (y - start) / scale) ** (-1 / shape), with y on the chosen scale and the
    sign turned for the lower tail.

    References
    ----------
    Pickands, "Statistical inference using extreme order statistics", Annals of Statistics 3, 1975: the shape from
    three quantiles. Here the outer quantile stays inside the column's body, so that a few wild values cannot move it,
    and a negative shape is halved: distributions such as the normal approach shape 0 only slowly, so that the plain
    estimate would promise an end point that the data then crosses.
    """

    start: float
    scale: float
    shape: float
    share: float
    sign: float
    is_log: bool
    floor: float  # smallest positive number on the log scale: half of the resolution

    def _y(self, x: Floats) -> Floats:
        if self.is_log:
            return self.sign * np.log(np.maximum(x, self.floor))
        return self.sign * x

    def survival(self, x: Floats) -> Floats:
        """Probability that one value lies as far out as `x`; 1 inside of `start`."""
        excess = np.maximum(self._y(x) - self.start, 0.0) / self.scale
        with np.errstate(divide="ignore", over="ignore"):
            if abs(self.shape) < 1e-9:
                tail = np.exp(-excess)
            else:
                tail = np.maximum(1 + self.shape * excess, 0.0) ** (-1 / self.shape)
        return np.where(excess > 0, self.share * tail, 1.0)

    def fence(self, p: float) -> float:
        """The number that one value in 1/p lies beyond."""
        ratio = min(p / self.share, 1.0)
        if abs(self.shape) < 1e-9:
            y = self.start - self.scale * np.log(ratio)
        else:
            # A tail fitted to numbers of the size 1e-147 may reach further than a float does.
            grown = np.exp(min(-self.shape * np.log(ratio), _LARGEST_LOG))
            y = self.start + self.scale * (grown - 1) / self.shape
        y *= self.sign
        return float(np.exp(min(y, _LARGEST_LOG)) if self.is_log else y)


def _tail(atoms: Atoms, *, sign: float, is_log: bool, inner: float, outer: float, least: float) -> Tail | None:
    """Fit by three quantiles at survival `inner`, the geometric mean, and `outer`; None where they coincide."""
    floor = atoms.step / 2
    levels = np.array([inner, np.sqrt(inner * outer), outer])
    q = weighted_quantile(atoms, levels if sign < 0 else 1 - levels)
    if is_log:
        q = np.log(np.maximum(q, floor / 2))
    q = sign * q
    near, far = q[1] - q[0], q[2] - q[1]
    if not (near > 0 and far > 0):
        return None
    base = np.sqrt(inner / outer)
    raw = float(np.log(far / near) / np.log(base))
    error = (1 + abs(raw)) / np.sqrt(atoms.total * outer)  # standard error of the shape, by order of magnitude
    # a bounded end is known better than a heavy one: half of the error is enough there
    shape = (raw / 2 if raw < 0 else raw) + min(error, 0.5) * (0.5 if raw < -0.3 else 1.0)
    shape = max(shape, least)
    spread = (base**shape - 1) / shape if abs(shape) > 1e-9 else np.log(base)
    return Tail(
        float(q[0]), float(max(near, far) if raw < -2 else near) / float(spread), shape, inner, sign, is_log, floor
    )


@dataclass(frozen=True)
class Signs:
    """How a column that is hardly ever negative fades towards zero, and so how many negative numbers it would hold.

    `step` is half of the 5 % quantile, `near` the number of values in (0, step], `ratio` how many times as rare as in
    the next step those are. A density that falls towards zero falls on beyond it at least as fast (log-concave tails),
    so that `near * ratio ** (x / step)` values are expected below -x. With a hard edge, many values just above zero
    and next to none just below it, no negative number is expected at all.
    """

    step: float
    near: float
    ratio: float
    has_edge: bool

    def expected(self, size: Floats) -> Floats:
        """Values expected below `-size`, for positive sizes."""
        if self.has_edge:
            return np.full(len(size), 1e-3)
        return self.near * self.ratio ** (np.maximum(size, 0) / self.step)


def _signs(atoms: Atoms) -> Signs | None:
    """The signs of a column; None where it has no negative numbers or more than a few."""
    negative = float(atoms.n[atoms.x < 0].sum())
    positive = atoms.where(atoms.x > 0)
    if not 0 < negative <= SCATTERED_SHARE * atoms.total or positive.total < 100:
        return None
    step = max(float(weighted_quantile(positive, np.array([0.05]))[0]) / 2, atoms.step / 2)
    near = float(positive.n[positive.x <= step].sum())
    further = float(positive.n[(positive.x > step) & (positive.x <= 2 * step)].sum())
    ratio = min((near + 1) / (further + 2), 0.9)
    below = float(atoms.n[(atoms.x < 0) & (atoms.x >= -step)].sum())
    return Signs(step, max(near, 1.0), ratio, below <= 0.1 * ratio * near and ratio * near >= 30)


@dataclass(frozen=True)
class Fences:
    """Where a column's numbers end, with the tail models behind it.

    Parameters
    ----------
    lower, upper
        Numbers beyond these are not explained by the column's own tails, given how many values it has.
    lower_tails, upper_tails
        Fitted tails; a value's surprise is the smallest probability that any of them gives it.
    n
        Values of the column.
    signs
        What a column that is hardly ever negative says of negative numbers; `lower` is then at least 0.
    modes
        Values that hold much of the column (often 0): never outliers, and left out of the fit.
    """

    lower: float
    upper: float
    lower_tails: tuple[Tail, ...]
    upper_tails: tuple[Tail, ...]
    n: float
    modes: tuple[float, ...]
    typical: tuple[float, float, float]  # 1 %, 50 %, 99 % quantiles of the clean part
    populations: tuple[tuple[float, float], ...] = ()  # far values that lie close together are no outliers
    signs: Signs | None = None
    bumps: tuple[tuple[float, float], tuple[float, float]] = ((-np.inf, 1.0), (np.inf, 1.0))  # (from, values) a side

    def surprise(self, x: Floats) -> Floats:
        """Expected number of values of a clean column that lie as far out: near 0 for outliers, at most n."""
        p = np.ones(len(x))
        for tail in self.lower_tails:
            outside = x < self.typical[1]
            if tail.is_log:  # a zero counts as half a step, where the column keeps well away from zero
                outside &= (x > 0) | ((x == 0) & (self.typical[0] > 20 * tail.floor))
            p = np.where(outside, np.minimum(p, tail.survival(x)), p)
        for tail in self.upper_tails:
            p = np.where(x > self.typical[1], np.minimum(p, tail.survival(x)), p)
        spared = np.isin(x, self.modes)
        for low, high in self.populations:
            spared |= (x >= low) & (x <= high)
        expected = p * self.n
        if self.signs is not None:
            expected = np.where(x < 0, np.minimum(expected, self.signs.expected(-x)), expected)
        expected = np.where(spared, self.n, expected)
        # within a bump, one flagged value in so many is clean
        for (start, excess), inside in zip(self.bumps, (x <= self.bumps[0][0], x >= self.bumps[1][0]), strict=True):
            if np.isfinite(start):
                expected = np.where(~spared & inside, np.minimum(expected / excess, 0.99 * FAMILY_ERROR), expected)
        return expected


def _is_population(wild: Atoms, edge: float) -> bool:
    """Whether many far values lie close together: a second population of the column, not scattered errors."""
    if wild.total < 20:
        return False
    q = weighted_quantile(wild, np.array([0.1, 0.5, 0.9]))
    return bool(q[2] - q[0] < 0.5 * abs(q[1] - edge))


def _populations(atoms: Atoms, wild: npt.NDArray[np.bool_], fences: Fences) -> tuple[tuple[float, float], ...]:
    """Ranges of far values that are second populations, one a side at most."""
    low, _, high = fences.typical
    found = []
    for part, edge in ((wild & (atoms.x > high), high), (wild & (atoms.x < low), low)):
        # negative numbers in a positive column mirror the body, and so lie as close together as it does
        if low >= 0:
            part = part & (atoms.x >= 0)
        if part.any() and _is_population(atoms.where(part), edge):
            found.append((float(atoms.x[part][0]), float(atoms.x[part][-1])))
    return tuple(found)


def _without(atoms: Atoms, fences: Fences, error: float, max_share: float) -> Atoms | None:
    """The atoms inside of the fences; None where nothing may be set aside."""
    wild = fences.surprise(atoms.x) < error
    if not 0 < atoms.n[wild].sum() <= max_share * atoms.total:
        return None
    for low, high in _populations(atoms, wild, fences):
        wild &= (atoms.x < low) | (atoms.x > high)
    if atoms.n[wild].sum() > SCATTERED_SHARE * atoms.total:
        wild &= _isolated(atoms, wild)
    return atoms.where(~wild) if wild.any() else None


def _isolated(atoms: Atoms, wild: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The wild values of each side that keep away from the rest by more than the rest is wide (in its outer half).

    Many scattered far values without such a gap are a long tail that the model missed.
    """
    inside = atoms.x[~wild]
    if not len(inside):
        return np.zeros(len(wild), np.bool_)
    middle = weighted_quantile(atoms.where(~wild), np.array([0.5]))[0]
    above, below = wild & (atoms.x > inside[-1]), wild & (atoms.x < inside[0])
    kept = np.zeros(len(wild), np.bool_)
    if above.any() and atoms.x[above][0] - inside[-1] > inside[-1] - middle:
        kept |= above
    if below.any() and inside[0] - atoms.x[below][-1] > middle - inside[0]:
        kept |= below
    return kept


def _fit_once(
    atoms: Atoms, inner: float, outer: float, mode: tuple[float, ...], error: float, least: float
) -> Fences | None:
    n = atoms.total
    scales = [False, True] if atoms.x[0] > 0 or atoms.where(atoms.x <= 0).total < 0.05 * n else [False]
    positive = atoms.where(atoms.x > 0)
    lower: list[Tail] = []
    upper: list[Tail] = []
    for is_log in scales:
        part = positive if is_log else atoms
        if part.total < MIN_VALUES:
            continue
        for sign, found in ((-1.0, lower), (1.0, upper)):
            tail = _tail(part, sign=sign, is_log=is_log, inner=inner, outer=outer, least=least)
            if tail is not None:
                found.append(tail)
    if not lower and not upper:
        return None
    p = error / n
    raw_low = [t.fence(p) for t in lower if not t.is_log]
    log_low = [t.fence(p) for t in lower if t.is_log]
    q = weighted_quantile(atoms, np.array([0.01, 0.5, 0.99]))
    low = max([*raw_low, *log_low], default=-np.inf)
    high = min([t.fence(p) for t in upper], default=np.inf)
    return Fences(low, high, tuple(lower), tuple(upper), n, mode, (float(q[0]), float(q[1]), float(q[2])))


def _without_modes(atoms: Atoms) -> tuple[Atoms, tuple[float, ...]]:
    """Set aside the value that holds a fifth of the column, and one more that holds half of what is left."""
    modes: tuple[float, ...] = ()
    for share in (0.2, 0.5):
        top = int(np.argmax(atoms.n)) if len(atoms.x) else 0
        if len(atoms.x) < (3 if not modes else 20) or atoms.n[top] <= share * atoms.total:
            break
        modes += (float(atoms.x[top]),)
        atoms = atoms.where(np.arange(len(atoms.x)) != top)
    return atoms, modes


def fit_fences(
    atoms: Atoms, *, error: float = FAMILY_ERROR, max_share: float = 0.08, least_shape: float = -1.0
) -> Fences | None:
    """Fences of a column of numbers; None where it has too few values or no spread.

    First from the body alone (survival 0.4 to 0.12), which withstands a few percent of wild values but extrapolates
    from far away; what it rules out by a wide margin is set aside, and the fences are fitted again closer to the ends.

    Parameters
    ----------
    error
        Expected number of clean values beyond one fence.
    max_share
        Largest share of values that may be set aside; more is a second population, not outliers.
    least_shape
        Lower limit of the tails' shape: 0 assumes exponential tails at least.
    """
    if atoms.total < MIN_VALUES or len(atoms.x) < 3:
        return None
    kept, modes = _without_modes(atoms)
    if kept.total < MIN_VALUES or len(kept.x) < 3:
        return None
    body = _fit_once(kept, 0.4, 0.12, modes, error / 100, least_shape)
    if body is not None:
        kept = _without(kept, body, error / 100, max_share) or kept
    fences = None
    for _ in range(4):
        outer = float(np.clip(8 / kept.total, 0.01, 0.1))
        fences = _fit_once(kept, min(10 * outer, 0.35), outer, modes, error, least_shape)
        trimmed = None if fences is None else _without(kept, fences, error, max_share)
        if trimmed is None:
            break
        kept = trimmed
    if fences is None:
        return None
    # judged from further inside, where the excess itself weighs less
    inner = _fit_once(kept, 0.3, 0.03, modes, error, least_shape) if kept.total >= 5000 else None
    bumps = _bump(atoms, inner or fences, below=True), _bump(atoms, inner or fences, below=False)
    low, high = max(fences.lower, bumps[0][0]), min(fences.upper, bumps[1][0])
    signs = _signs(atoms) if fences.typical[0] >= 0 else None
    fences = replace(fences, bumps=bumps, signs=signs, lower=max(low, 0.0) if signs else low, upper=high)
    wild = fences.surprise(atoms.x) < error
    spared = _populations(atoms, wild, fences)
    if atoms.n[wild].sum() > SCATTERED_SHARE * atoms.total:
        tail = wild & ~_isolated(atoms, wild)
        spared += tuple((float(x[0]), float(x[-1])) for x in _runs(atoms.x, tail))
    return replace(fences, populations=spared + _rungs(atoms, wild))


def _rungs(atoms: Atoms, wild: npt.NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Next steps of a ladder of few numbers (0, 1, 2, 3 with falling counts): rare by nature, hence no outliers.

    A step is spared where it follows the last one without a gap and is not a thousand times as rare.
    """
    inside = np.flatnonzero(~wild)
    if not 2 <= len(atoms.x) <= 1000 or len(inside) == 0:
        return ()
    width = 1.5 * max(atoms.step, float(np.median(np.diff(atoms.x[inside]))) if len(inside) > 1 else atoms.step)
    spared = []
    for at, way in ((int(inside[-1]), 1), (int(inside[0]), -1)):
        last = at
        while 0 <= last + way < len(atoms.x):
            step = last + way
            if abs(atoms.x[step] - atoms.x[last]) > width or atoms.n[step] * 1000 < atoms.n[last]:
                break
            last = step
        if last != at:
            low, high = sorted((float(atoms.x[at]), float(atoms.x[last])))
            spared.append((low, high))
    return tuple(spared)


def _bump(atoms: Atoms, fences: Fences, *, below: bool) -> tuple[float, float]:
    """Where an excess of far values begins on one side, and how many there are; infinite and 1 where there is none.

    Many values where the tail expects few are errors even when the tail does not exclude a single one of them: among
    k values where it expects e, the share e / k is clean (Benjamini and Hochberg, JRSS B 57, 1995). A tail that was
    fitted too light shows an excess as well, but one that grows steadily outwards to inwards; a bump has a valley
    before it.
    """
    nothing = (-np.inf if below else np.inf, 1.0)
    side = (atoms.x < fences.typical[0]) if below else (atoms.x > fences.typical[2])
    part = atoms.where(side)
    if part.total < MIN_BUMP:
        return nothing
    x, n = (part.x, part.n) if below else (part.x[::-1], part.n[::-1])
    expected = np.maximum.accumulate(fences.surprise(x))
    beyond = np.cumsum(n)
    inward = beyond[np.searchsorted(expected, 10 * expected, side="right") - 1]
    valley = inward <= 1.2 * beyond + 15 * expected
    is_bump = (beyond >= MIN_BUMP) & (expected <= FAMILY_ERROR * beyond) & (expected > 0) & valley
    is_bump &= (beyond <= SCATTERED_SHARE * atoms.total) & (expected < 0.1 * fences.n)
    hit = np.flatnonzero(is_bump)
    return (float(x[hit[-1]]), float(beyond[hit[-1]])) if len(hit) else nothing


def _runs(x: Floats, chosen: npt.NDArray[np.bool_]) -> list[Floats]:
    """The chosen numbers as at most two runs: those below the unchosen ones and those above."""
    rest = np.flatnonzero(~chosen)
    if not len(rest):
        return [x]
    sides = (x[: rest[0]], x[rest[-1] + 1 :])
    return [side for side in sides if len(side)]
