"""What is special about one day: holidays, days of the month, and what was odd a year ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from kintsu.monitor.forecast.design import Effect, columns, twins
from kintsu.monitor.forecast.holidays import holiday_names, is_substitute
from kintsu.monitor.forecast.series import DAY_S
from kintsu.monitor.forecast.structure import Structure

__all__ = ["Special", "special"]

WORDS: Final = {
    "month_end": "the end of the month",
    "quarter_end": "the end of a quarter",
    "business_end": "the last working day of the month",
    "business_start": "the first working day of the month",
}


@dataclass(frozen=True)
class Special:
    """By how much, in logarithms, a day may lie lower and higher than forecast, and how much more doubt there is."""

    low: float = 0.0
    high: float = 0.0
    doubt: float = 0.0
    reasons: tuple[str, ...] = ()


def special(structure: Structure, slot: int) -> Special:
    """What makes this slot unlike others of its weekday. Only days are special, and only in a series of days."""
    clock = structure.series.clock
    day = clock.stamps(np.array([slot])).astype("datetime64[D]")[0]
    shifts, doubt, reasons = [0.0], 0.0, []
    effects = dict(zip(structure.effects, structure.weights.tolist()))
    marked: list[Effect] = [e for e in effects if e[0] in WORDS or e[0] == "month_day"]
    active = columns(structure.series, marked, np.array([slot]))[0] > 0 if marked else []
    for effect, is_active in zip(marked, active):
        if is_active:
            reasons.append(f"{_marked(effect)} usually brings {_change(effects[effect])}")
    if structure.country:
        year = int(day.astype("datetime64[Y]").astype(int)) + 1970
        name = holiday_names(structure.country, year, year).get(day)
        common = effects[("holiday", structure.country)]
        if name and is_substitute(name):
            shifts.append(common)
            reasons.append(f"{name} ({structure.country}) may bring {_change(common)}")
        elif name:
            own = effects.get(("named", f"{structure.country}:{name}"))
            doubt = max(abs(common) / 2, 0.1) if own is None else 0.0
            reasons.append(f"{name} ({structure.country}) usually brings {_change(common + (own or 0.0))}")
    if clock.unit == "day" and clock.step_s == DAY_S and structure.odd:
        # A calendar knows the holidays that move: what else was odd goes by its date.
        for twin in twins(day, by_weekday=structure.country is None):
            away = structure.odd.get(int(twin.astype(int)) - clock.anchor)
            if away is not None:
                shifts.append(away)
                reasons.append(f"its like a year ago, {twin}, had {_change(away)} than usual")
    return Special(min(shifts), max(shifts), doubt, tuple(dict.fromkeys(reasons)))


def _marked(effect: Effect) -> str:
    kind, k = effect
    if kind == "month_day":
        return f"day {k} of the month"
    return f"the day {k} before the end of the month" if kind == "month_end" and k else WORDS[kind]


def _change(shift: float) -> str:
    return f"{-np.expm1(shift):.0%} fewer" if shift < 0 else f"{np.expm1(shift):.0%} more"
