"""Units of measure and currencies: their usual spellings, and whether a header names one."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["UNITS", "header_unit", "is_multiplier", "leading_unit_of", "unit_of"]

_SPELLINGS: Final = {
    "%": "% pct percent prozent", "kg": "kg kgs kilo kilos kilogram kilograms kilogramm", "g": "g gr gram grams gramm",
    "mg": "mg milligram milligrams", "t": "t ton tons tonne tonnes", "lb": "lb lbs pound pounds",
    "oz": "oz ounce ounces",
    "l": "l lt ltr liter liters litre litres", "ml": "ml milliliter millilitre", "cl": "cl",
    "gal": "gal gallon gallons", "floz": "floz fl.oz fl.oz.",
    "m": "m meter meters metre metres mtr", "km": "km kms kilometer kilometers kilometre kilometres", "cm": "cm",
    "mm": "mm", "in": "in inch inches \"", "ft": "ft foot feet '", "yd": "yd yard yards", "mi": "mi mile miles",
    "m2": "m2 m² sqm qm", "sqft": "sqft ft2 ft² sf", "ha": "ha hectare hectares", "acre": "acre acres", "m3": "m3 m³",
    "s": "s sec secs second seconds", "ms": "ms msec millisecond milliseconds", "min": "min mins minute minutes",
    "h": "h hr hrs hour hours std", "d": "d day days tage", "wk": "wk week weeks", "mo": "mo month months",
    "y": "y yr yrs year years",
    "c": "°c c celsius degc", "f": "°f f fahrenheit degf", "k": "kelvin", "deg": "° deg degree degrees",
    "usd": "$ usd us$ dollar dollars", "eur": "€ eur euro euros", "gbp": "£ gbp", "jpy": "¥ jpy yen", "chf": "chf fr.",
    "inr": "₹ inr rs rs.", "cny": "cny rmb yuan", "sek": "sek kr",
    "w": "w watt watts", "kw": "kw", "kwh": "kwh", "mw": "mw", "v": "v volt volts", "a": "amp amps", "hz": "hz",
    "khz": "khz", "mhz": "mhz", "ghz": "ghz", "b": "byte bytes", "kb": "kb", "mb": "mb", "gb": "gb", "tb": "tb",
    "pa": "pa", "kpa": "kpa", "hpa": "hpa", "bar": "bar", "psi": "psi", "kmh": "km/h kmh kph", "mph": "mph",
    "kcal": "kcal", "cal": "cal", "kj": "kj", "bpm": "bpm", "mmhg": "mmhg", "rpm": "rpm", "db": "db",
    "pcs": "pcs pc pieces stk stück units unit", "people": "people persons person",
}  # fmt: skip

UNITS: Final[dict[str, str]] = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
"""Usual spelling, lower case -> standard name."""


def unit_of(affix: str) -> str | None:
    """Standard name of the unit that an affix of a number spells; None where it spells none.

    >>> unit_of("oz."), unit_of(" KG"), unit_of("St"), unit_of("oz. can")
    ('oz', 'kg', None, 'oz')
    """
    folded = affix.strip().lower()
    for text in (folded, folded.rstrip("."), re.split(r"[\s(]", folded)[0].rstrip(".,")):
        if text in UNITS:
            return UNITS[text]
    return None


_BEFORE: Final = {"%", "usd", "eur", "gbp", "jpy", "chf", "inr", "cny", "sek"}  # units written before their number


def leading_unit_of(affix: str) -> str | None:
    """Standard name of the unit that stands before a number: a currency. Other letters there make a code.

    >>> leading_unit_of("EUR "), leading_unit_of("V")
    ('eur', None)
    """
    unit = unit_of(affix)
    return unit if unit in _BEFORE else None


_MULTIPLIERS: Final = {
    *("k", "m", "b", "t", "tsd", "mio", "mln", "mn", "bn", "mrd", "bio", "mille", "lakh", "crore"),
    *("thousand", "thousands", "million", "millions", "billion", "billions", "trillion"),
    *("tausend", "millionen", "milliarde", "milliarden"),
}


def is_multiplier(affix: str) -> bool:
    """Whether an affix of a number may multiply it: "0.5m" may be half a million as well as half a metre.

    >>> is_multiplier("M"), is_multiplier(" Mio."), is_multiplier("kg")
    (True, True, False)
    """
    return affix.strip().lower().rstrip(".") in _MULTIPLIERS


def header_unit(header: str) -> str | None:
    """Unit that a column's name ends in or holds in brackets: "weight_kg", "Price (EUR)", "ounces".

    One-letter units count only in brackets.
    """
    words = [w for w in re.split(r"[^\w%°€$£]+|_", header.lower()) if w]
    if not words:
        return None
    unit = UNITS.get(words[-1])
    is_bracketed = bool(re.search(r"[(\[]\s*\S+\s*[)\]]\s*$", header))
    return unit if unit and (len(words[-1]) > 1 or is_bracketed) else None
