"""Level, calendar and memory of a series in logarithms: a regression whose errors are exponentially smoothed.

log(1 + count) = effects of the calendar + n(t), and n(t) is an ARIMA process of few parameters: a level that moves by a
share `alpha` of each surprise, a memory `phi` of the last day, a weekday pattern that moves by a share `gamma`.
Filtering by that process turns both sides into surprises (one-step errors), on which the effects are fitted by ridge
regression: these are generalised least squares without a loop over days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from kintsu.monitor.forecast.design import Effect, all_countries, columns, names, possible, prior, standing, twins
from kintsu.monitor.forecast.holidays import available, countries
from kintsu.monitor.forecast.series import DAY_S, Series

__all__ = ["Memory", "Structure", "fit_structure", "noise"]

ALPHAS: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7)
PHIS: Final = (0.0, 0.25, 0.5)
GAMMAS: Final = (0.0, 0.1, 0.25)
PROOF: Final = 4.5
"""Standard errors from which an effect of the calendar or a step is believed: of a thousand candidates, one in a
hundred histories shows such a one by chance."""
CLIP: Final = 3.5
"""Deviations at which a surprise is cut before effects are looked for: one odd day proves no effect."""
ODD: Final = 4.5
ODD_SHARE: Final = 0.015
"""Largest share of days that may be set aside as odd. What happens more often belongs to the series."""
YEARLY_SHARE: Final = 0.08
"""Largest share of days that can be odd by the year: some thirty days off."""
MOST_EFFECTS: Final = 10
SETTLED: Final = 5
"""Slots for which a new level must last before it is believed."""
LEAST_SD: Final = 0.01


@dataclass(frozen=True)
class Memory:
    """How surprises live on: `alpha` in the level, `phi` to the next slot, `gamma` to the same slot of the next
    period."""

    alpha: float
    phi: float
    gamma: float
    period: int

    def _polynomials(self) -> tuple[np.ndarray, np.ndarray]:
        b = np.convolve([1.0, -1.0], [1.0, -self.phi])
        a = np.array([1.0, self.alpha - 1.0])
        if self.gamma and self.period > 1:
            season = np.zeros((2, self.period + 1))
            season[:, 0], season[0, -1], season[1, -1] = 1, -1, self.gamma - 1
            b, a = np.convolve(b, season[0]), np.convolve(a, season[1])
        return b, a

    def surprises(self, x: np.ndarray) -> np.ndarray:
        """One-step errors of forecasting `x` along its first axis."""
        b, a = self._polynomials()
        return np.asarray(_filtered(b, a, x, axis=0))

    def ahead(self, x: np.ndarray, n: int) -> np.ndarray:
        """The next `n` values to expect after `x`."""
        b, a = self._polynomials()
        _, state = _filtered(b, a, x, zi=np.zeros(max(len(a), len(b)) - 1))
        told = np.empty(n)
        for i in range(n):
            told[i] = -state[0]
            _, state = _filtered(b, a, told[i : i + 1], zi=state)
        return told

    def spread(self, n: int) -> np.ndarray:
        """Variance of the error 1 to `n` slots ahead, as a multiple of that one slot ahead."""
        b, a = self._polynomials()
        impulse = np.zeros(n)
        impulse[0] = 1
        return np.cumsum(_filtered(a, b, impulse) ** 2)


@dataclass(frozen=True)
class Structure:
    """A fitted series. `weights` belong to `effects`; `clean` is log(1 + count) with gaps and odd days filled.

    `odd` tells by how much the days set aside differed; `errors` are one-step errors of the days that were not, in
    units of their own deviation, oldest first.
    """

    series: Series
    effects: tuple[Effect, ...]
    priors: np.ndarray
    memory: Memory
    weights: np.ndarray
    covariance: np.ndarray
    sd: float
    clean: np.ndarray
    odd: dict[int, float]
    errors: np.ndarray
    country: str | None
    may_be_empty: bool
    """Whether slots without any row are usual where others have many. They are left out of the rest."""

    def forecast(self, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Expected log(1 + count) at the `slots` that follow the series, and its deviation without the noise of
        counting."""
        n = len(self.clean)
        design = columns(self.series, list(self.effects), np.concatenate([self.series.slots, slots]))
        rest = self.memory.ahead(self.clean - design[:n] @ self.weights, len(slots))
        leverage = self.memory.surprises(design)[n:]
        doubt = np.einsum("ij,jk,ik->i", leverage, self.covariance, leverage)
        return design[n:] @ self.weights + rest, np.sqrt(self.sd**2 * self.memory.spread(len(slots)) + doubt)

    def effect(self, kinds: set[str], slot: int) -> float:
        """What the effects of these kinds add at a slot, in logarithms."""
        chosen = [j for j, (kind, _) in enumerate(self.effects) if kind in kinds]
        row = columns(self.series, [self.effects[j] for j in chosen], np.array([slot]))[0]
        return float(row @ self.weights[chosen])


def noise(mean: np.ndarray | float) -> np.ndarray:
    """Variance of log(1 + count) for a Poisson count of this mean."""
    mean = np.maximum(mean, 0.1)  # where nothing ever came, one row is no sensation
    return np.asarray(mean / (1 + mean) ** 2)


def fit_structure(series: Series, country: str | None = None, known: Structure | None = None) -> Structure:
    """Fit a series that has at least one count. With `known`, only its weights are fitted: the choice of effects is
    kept."""
    idle = _idle(series)
    fit = _Fit(replace(series, counts=np.where(idle, np.nan, series.counts)), may_be_empty=bool(idle.any()))
    if known is not None:
        fit.memory, fit.country = known.memory, known.country
        fit.odd |= np.isin(series.slots, list(known.odd))
        fit.extend(list(known.effects), known.priors)
        fit.set_aside(after=int(known.series.slots[-1]))
    else:
        fit.choose_memory()
        fit.choose_effects(country)
        fit.set_aside()
        fit.choose_memory()
        fit.set_aside()
    return fit.done()


class _Fit:
    """The steps of a fit. They share arrays over the slots of one series."""

    def __init__(self, series: Series, *, may_be_empty: bool) -> None:
        self.series = series
        self.may_be_empty = may_be_empty
        self.country: str | None = None
        self.seen = np.isfinite(series.counts)
        self.n_seen = int(self.seen.sum())
        self.raw = np.log1p(np.where(self.seen, series.counts, 0))
        self.memory = Memory(0.1, 0.25 if self.n_seen >= 30 else 0.0, 0.0, series.clock.period)
        self.effects = standing(series)
        self.priors = prior(self.effects)
        self.design = columns(series, self.effects, series.slots)
        self.odd = np.zeros(len(self.seen), bool)
        self.sd = 0.3
        self.clean = self._fill(self.raw, np.zeros(len(self.effects)))
        self.variance = noise(np.expm1(self.clean))
        self.solve()
        self.clean = self._fill(self.raw, self.weights)

    def extend(self, effects: list[Effect], priors: np.ndarray) -> None:
        self.effects, self.priors = effects, priors
        self.design = columns(self.series, effects, self.series.slots)
        self.solve()

    def _fill(self, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """`values` where a count is known and not odd, elsewhere the effects and the level around."""
        known = self.seen & ~self.odd
        if known.all():
            return values
        base = self.design @ weights
        rest = np.where(known, values - base, 0)
        around = np.ones(2 * max(self.memory.period, 3) + 1)
        near = np.convolve(known, around)[len(around) // 2 :][: len(known)]
        level = np.convolve(rest, around)[len(around) // 2 :][: len(known)] / np.maximum(near, 1)
        if not known.any():
            return values
        level = np.interp(np.arange(len(known)), np.flatnonzero(near > 0.5), level[near > 0.5])
        return np.where(known, values, base + level)

    def solve(self, memory: Memory | None = None) -> np.ndarray:
        """Fit the weights for a memory; the one-step errors over the slots, in units of their deviation."""
        memory = memory or self.memory
        left, right = memory.surprises(self.design), memory.surprises(self.clean)
        used = self.seen & ~self.odd
        scale = np.sqrt(self.sd**2 + self.variance)
        huber = np.ones(len(right))
        for _ in range(3):
            root = np.where(used, np.sqrt(huber) / scale, 0)
            a = left * root[:, None]
            inverse = np.linalg.inv(a.T @ a + np.diag(1 / self.priors**2))
            weights = inverse @ (a.T @ (right * root))
            error = right - left @ weights
            size = np.abs(error[used])
            total = _deviation(size)
            self.sd = max(np.sqrt(max(total**2 - np.median(self.variance[used]), 0)), LEAST_SD)
            scale = np.sqrt(self.sd**2 + self.variance)
            huber = np.minimum(1, 2.5 / np.maximum(np.abs(error) / scale, 1e-9))
        self.weights, self.inverse, self.left = weights, inverse, left
        return np.asarray(error / scale)

    def choose_memory(self) -> None:
        """The memory with the smallest usual error, one parameter after the other."""
        if self.n_seen < 30:
            return
        best, least = self.memory, self._loss(self.memory)
        trials: list[tuple[str, tuple[float, ...]]] = [("alpha", ALPHAS), ("phi", PHIS), ("alpha", ALPHAS)]
        if self.n_seen >= 8 * self.memory.period > 8:
            trials.append(("gamma", GAMMAS))
        for name, values in trials:
            for value in values:
                trial = replace(best, **{name: value})  # type: ignore[arg-type]
                if trial == best:
                    continue
                loss = self._loss(trial)
                if loss < least:
                    best, least = trial, loss
        self.memory = best
        self.solve()
        self.clean = self._fill(self.raw, self.weights)

    def _loss(self, memory: Memory) -> float:
        errors = self.solve(memory) * np.sqrt(self.sd**2 + self.variance)
        late = np.flatnonzero(self.seen & ~self.odd)[self.n_seen // 5 :]
        size = np.sort(np.abs(errors[late]))
        return float(np.mean(size[: max(int(0.98 * len(size)), 1)] ** 2))

    def choose_effects(self, country: str | None) -> None:
        """Add the holidays, days of the month and lasting steps that the errors prove, strongest first."""
        candidates, raw = self._candidates(country)
        if not candidates:
            return
        error = np.clip(self.solve(), -CLIP, CLIP)
        rows = self.seen & (np.arange(len(self.seen)) >= 1)
        scale = np.sqrt(self.sd**2 + self.variance)
        tried = (self.memory.surprises(raw) / scale[:, None])[rows]
        basis = np.linalg.qr((self.left / scale[:, None])[rows])[0]
        rest = error[rows]
        tried -= basis @ (basis.T @ tried)
        start = (tried**2).sum(axis=0)
        free = start > 1e-6
        chosen: list[int] = []
        for _ in range(MOST_EFFECTS):
            size = (tried**2).sum(axis=0)
            proof = np.where(free & (size > 0.05 * start), np.abs(tried.T @ rest) / np.sqrt(np.maximum(size, 1e-9)), 0)
            best = int(np.argmax(proof))
            if proof[best] < PROOF:
                break
            chosen.append(best)
            unit = tried[:, best] / np.sqrt(size[best])
            rest = rest - unit * (unit @ rest)
            tried -= np.outer(unit, unit @ tried)
            free[best] = False
            if candidates[best][0] == "holiday":
                free &= np.array([kind != "holiday" for kind, _ in candidates])
        effects = [candidates[i] for i in chosen]
        if country and ("holiday", country) not in effects and ("holiday", country) in candidates:
            effects.append(("holiday", country))
        if effects:
            self.extend(self.effects + effects, np.concatenate([self.priors, prior(effects)]))
        self.country = next((str(k) for kind, k in effects if kind == "holiday"), None)
        if self.country:
            self._part_holidays(self.country)

    def _candidates(self, country: str | None) -> tuple[list[Effect], np.ndarray]:
        slots, n = self.series.slots, len(self.seen)
        found = possible(self.series)
        parts = [columns(self.series, found, slots)]
        days = self.series.clock.stamps(slots).astype("datetime64[D]")
        if available() and self.series.clock.unit in ("day", "short") and (n >= 60 or country):
            codes = [c for c in countries() if country in (None, c)]
            parts.append(all_countries(days)[:, [countries().index(c) for c in codes]].astype(float))
            found = found + [("holiday", c) for c in codes]
        if n >= 4 * SETTLED:
            late = np.arange(SETTLED, n - SETTLED + 1)
            late = late[:: max(len(late) // 800, 1)]
            parts.append((np.arange(n)[:, None] >= late[None, :]).astype(float))
            found = found + [("step", int(slots[i])) for i in late]
        raw = np.concatenate(parts, axis=1)
        # Once or twice is no pattern; a step of course is seen once.
        enough = np.array([kind == "step" for kind, _ in found], bool) | ((raw * self.seen[:, None]).sum(axis=0) >= 3)
        if country:
            enough |= np.array([kind == "holiday" for kind, _ in found], bool)
        return [e for e, good in zip(found, enough) if good], raw[:, enough]

    def _part_holidays(self, country: str) -> None:
        """Let each holiday differ from the others by about half of what they have in common."""
        common = abs(float(self.weights[self.effects.index(("holiday", country))]))
        days = self.series.clock.stamps(self.series.slots).astype("datetime64[D]")
        named: list[Effect] = [("named", f"{country}:{name}") for name in names(country, days)]
        if named:
            self.extend(self.effects + named, np.concatenate([self.priors, np.full(len(named), max(common / 2, 0.1))]))

    def set_aside(self, *, after: int | None = None) -> None:
        """Mark the odd days and fill them, so that they move neither the level nor the effects.

        Only slots `after` the given one are judged, if one is: the others have been.
        """
        fresh = np.ones(len(self.odd), bool) if after is None else self.series.slots > after
        if after is None:
            self.odd[:] = False
            self.clean = self._fill(self.raw, self.weights)
            self.odd = self._yearly()
        n_before = int(self.odd.sum())
        self.clean = self._fill(self.raw, self.weights)
        for _ in range(5 if after is None else 2):
            surprise = self.solve()
            fitted = self.clean - surprise * np.sqrt(self.sd**2 + self.variance)
            errors = np.where(self.seen & ~self.odd, np.abs(surprise), 0)
            self.variance = noise(np.expm1(np.clip(fitted, 0, 30))) if self.n_seen >= 14 else self.variance
            limit = max(ODD, float(np.quantile(errors[self.seen], 1 - ODD_SHARE)) if self.n_seen else ODD)
            new = (errors > limit) & _highest(errors) & fresh
            room = int(ODD_SHARE * self.n_seen) - (int(self.odd.sum()) - n_before)
            if room <= 0 or not new.any():
                break
            worst = np.argsort(-errors * new)[: min(room, int(new.sum()))]
            self.odd[worst] = True
            self.clean = self._fill(self.raw, self.weights)

    def _yearly(self) -> np.ndarray:
        """Days that are odd in the same way as their like of another year: holidays that no calendar tells of."""
        found = np.zeros(len(self.odd), bool)
        clock = self.series.clock
        if self.country or clock.unit != "day" or clock.step_s != DAY_S:
            return found
        error = np.where(self.seen, self.solve(), 0)
        odd = np.flatnonzero((np.abs(error) > ODD) & _highest(np.abs(error)))
        if len(odd) > YEARLY_SHARE * self.n_seen:
            return found
        places = {int(self.series.slots[i]): i for i in odd}
        days = clock.stamps(self.series.slots[odd]).astype("datetime64[D]")
        for i, day in zip(odd, days):
            like = [places.get(int(twin.astype(int)) - clock.anchor) for twin in twins(day)]
            pairs = [j for j in like if j is not None and error[i] * error[j] > 0]
            found[pairs] = True
            found[i] |= bool(pairs)
        return found

    def done(self) -> Structure:
        errors = self.solve()
        usual = self.seen & ~self.odd
        # The first slots have no past to be surprised by.
        usual[: min(self.memory.period, self.n_seen // 3)] = False
        odd = np.flatnonzero(self.odd)
        away = dict(zip(self.series.slots[odd].tolist(), (self.raw - self.clean)[odd].tolist()))
        return Structure(
            self.series, tuple(self.effects), self.priors, self.memory, self.weights, self.inverse,
            self.sd, self.clean, away, errors[usual], self.country, self.may_be_empty,
        )  # fmt: skip


def _highest(errors: np.ndarray) -> np.ndarray:
    """Which errors are the largest of their neighbours: an odd day makes the next ones look odd."""
    padded = np.pad(errors, 3)
    return np.asarray(errors == np.max([padded[i : i + len(errors)] for i in range(7)], axis=0))


def _idle(series: Series) -> np.ndarray:
    """Slots that are empty though their weekday, or hour, usually has many rows: none of them if they are rare.

    Then they are incidents, and no part of what the table does.
    """
    stamps = series.clock.stamps(series.slots)
    days = stamps.astype("datetime64[D]")
    kind = (
        (stamps - days).astype(np.int64) // 3_600 if series.clock.unit == "short" else (days.astype(np.int64) + 3) % 7
    )
    idle = np.zeros(len(kind), bool)
    for k in np.unique(kind[series.counts == 0]):
        counts = series.counts[(kind == k) & np.isfinite(series.counts)]
        # A Poisson count with a mean of 20 is never empty; nine in ten empty means that emptiness is the rule.
        if (counts > 0).mean() > 0.1 and np.median(counts[counts > 0]) >= 20:
            idle |= (kind == k) & (series.counts == 0)
    return idle if idle.sum() >= max(3, ODD_SHARE * series.n_seen) else np.zeros(len(kind), bool)


def _deviation(size: np.ndarray) -> float:
    """Standard deviation from absolute errors, by their bulk."""
    if not len(size):
        return 0.3
    middle, wide = np.quantile(size, [0.6827, 0.95])
    return float(max(middle, wide / 1.96 / 1.25))


def _filtered(*arguments: Any, **named: Any) -> Any:
    """`scipy.signal.lfilter`, imported on first use: a service would wait for it before it answers."""
    from scipy.signal import lfilter

    return lfilter(*arguments, **named)
