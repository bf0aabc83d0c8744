"""A surprise in words: what came, what was expected."""

from __future__ import annotations

import math
from typing import Final

from kintsu.monitor.baseline import Surprise
from kintsu.monitor.measure import QUANTILES, TIME
from kintsu.monitor.traits import ColumnTraits

__all__ = ["BAND", "sentence", "tell"]

SHARES: Final = {
    "null": "cells of `{c}` are empty",
    "fresh": "cells of `{c}` hold a value never seen before",
    "odd": "cells of `{c}` have a pattern never seen before",
    "foreign": "cells of `{c}` hold letters that are not ASCII",
    "blank": "cells of `{c}` start or end with a blank",
    "upper": "cells of `{c}` are in capitals",
    "calendar": "cells of `{c}` fit the date of the batch",
    "distinct": "cells of `{c}` are distinct",
    "top": "cells of `{c}` hold one and the same value",
    "duplicate": "rows repeat another row",
}
LEVELS: Final = {
    "mean": "the mean of `{c}`",
    "low": "the lowest `{c}`",
    "high": "the highest `{c}`",
    "spread": "the standard deviation of `{c}`",
    "length": "the mean length of `{c}`",
    "length_spread": "the standard deviation of the length of `{c}`",
    "shortest": "the shortest `{c}`",
    "longest": "the longest `{c}`",
}
WHOLE: Final = {
    "distance": "the distribution of `{c}` is another one than before",
    "moved": "the mix of values of `{c}` is another one than before",
    "rest": "`{c}` no longer fits the other columns of its rows as it did",
    "rest_spread": "`{c}` fits the other columns of its rows less well than before",
}
BAND: Final = 2.0  # deviations: about 95 of 100


def tell(surprise: Surprise, column: ColumnTraits | None) -> tuple[str, str]:
    """What came and what was expected ("" where no range tells it), with numbers in the units of the table."""
    s, name = surprise.statistic, surprise.column
    low, high = surprise.expected - BAND * surprise.width, surprise.expected + BAND * surprise.width
    if s in WHOLE:
        return f"{WHOLE[s].format(c=name)} ({abs(surprise.z):.1f} deviations off)", ""
    if s in SHARES or s.startswith("="):
        words = SHARES.get(s, "cells of `{c}` are " + repr(s[1:])).format(c=name)
        found, least, most = (_percent(x) for x in (surprise.found, max(low, 0.0), min(high, 1.0)))
        expected = least if least == most else f"{least} to {most}"
        return f"{found} of the {words}", expected
    x, least_x, most_x = (_natural(s, value, column) for value in (surprise.found, low, high))
    if s == "rows":
        return f"{x:,.0f} rows came", f"{least_x:,.0f} to {most_x:,.0f}"
    if s == "late":
        return f"it came {_duration(x)} after it was due", f"{_duration(least_x)} to {_duration(most_x)}"
    what = f"the {round(QUANTILES[s] * 100)} % quantile of `{name}`" if s in QUANTILES else LEVELS[s].format(c=name)
    if column is not None and column.kind == TIME:
        return f"{what} is {_hours(x)} the due time", f"{_hours(least_x)} to {_hours(most_x)}"
    return f"{what} is {_number(x)}", f"{_number(least_x)} to {_number(most_x)}"


def sentence(statistic: str, came: str, expected: str) -> str:
    """What came and what was expected, in one sentence.

    >>> sentence("rows", "12 rows came", "80 to 90")
    '12 rows came; 80 to 90 were expected'
    """
    verb = "were" if statistic == "rows" else "was"
    return f"{came}; {expected} {verb} expected" if expected else came


def _natural(statistic: str, x: float, column: ColumnTraits | None) -> float:
    """The inverse of the scales in `traits`."""
    centre, width = (0.0, 1.0) if column is None else (column.centre, column.width)
    if statistic == "mean" or statistic in QUANTILES:
        return centre + width * x
    if statistic in ("low", "high"):
        return centre + width * math.sinh(min(max(x, -700.0), 700.0))
    if statistic == "spread":
        return width * max(_exp(x) - 0.05, 0.0)
    if statistic in ("rows", "shortest", "longest"):
        return max(_exp(x) - 1, 0.0)
    if statistic == "length_spread":
        return max(_exp(x) - 0.05, 0.0)
    if statistic == "late":
        return max(_exp(x) - 1 / 60, 0.0)
    return x


def _exp(x: float) -> float:
    return math.exp(min(x, 700.0))


def _percent(share: float) -> str:
    """A share in percent, with a digit more where it is nearly none or nearly all."""
    percent = 100 * share
    digits = 2 if 0 < percent < 1 or 99 < percent < 100 else 1
    return f"{percent:.{digits}f} %"


def _number(x: float) -> str:
    return f"{x:,.4g}" if abs(x) < 1e6 else f"{x:.4g}"


def _duration(hours: float) -> str:
    return f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.1f} h"


def _hours(hours: float) -> str:
    return f"{abs(hours):.1f} h {'before' if hours < 0 else 'after'}"
