"""Public holidays of every country, as days: from the package `holidays`, which is optional."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from types import ModuleType

import numpy as np

from kintsu.core.errors import MissingExtra, UsageError

__all__ = ["available", "calendar", "countries", "holiday_names"]


@lru_cache(maxsize=1)
def _package() -> ModuleType | None:
    try:
        return import_module("holidays")
    except ImportError:
        return None


def available() -> bool:
    """Whether the package is installed."""
    return _package() is not None


@lru_cache(maxsize=1)
def countries() -> tuple[str, ...]:
    """Codes of all countries that have a calendar; none without the package."""
    package = _package()
    return tuple(sorted(package.list_supported_countries(include_aliases=False))) if package else ()


def check_country(country: str) -> str:
    """The country's code.

    Raises
    ------
    MissingExtra, UsageError
        The package is missing; no calendar has this code.
    """
    if not available():
        raise MissingExtra("holidays", "forecast")
    if country.upper() not in countries():
        raise UsageError(f"no calendar of public holidays for {country!r}, expected a code such as 'US' or 'DE'")
    return country.upper()


@lru_cache(maxsize=8_192)
def _year(country: str, year: int) -> dict[np.datetime64, str]:
    package = _package()
    assert package is not None
    held = package.country_holidays(country, years=year)
    return {np.datetime64(day, "D"): name for day, name in held.items() if day.year == year}


def holiday_names(country: str, first: int, last: int) -> dict[np.datetime64, str]:
    """The holidays of the years from `first` to `last`."""
    return {day: name for year in range(first, last + 1) for day, name in _year(country, year).items()}


@lru_cache(maxsize=64)
def calendar(first: int, last: int) -> tuple[np.datetime64, np.ndarray]:
    """Days off of all countries in the years from `first` to `last`: (first day, matrix of days by country).

    Days on which a holiday is only made up for are left out: whether they are kept differs by business.
    """
    origin = np.datetime64(f"{first}-01-01")
    n = int((np.datetime64(f"{last + 1}-01-01") - origin).astype(int))
    table = np.zeros((n, len(countries())), bool)
    for j, country in enumerate(countries()):
        days = [day for day, name in holiday_names(country, first, last).items() if not is_substitute(name)]
        table[(np.array(days, "datetime64[D]") - origin).astype(int), j] = True
    return origin, table


def is_substitute(name: str) -> bool:
    """Whether the package marks the day as one on which a holiday is only made up for."""
    return "(observed" in name or "substitute" in name.lower()
