"""What to expect of a table's next batch: how many rows, and by when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from kintsu.monitor.forecast.lateness import judge_lateness
from kintsu.monitor.forecast.model import VolumeForecast, VolumeModel

__all__ = ["forecast_volume", "judge_lateness"]


def forecast_volume(
    history: Any,
    at: date | datetime | str,
    count: float | None = None,
    *,
    country: str | None = None,
    method: str = "auto",
) -> VolumeForecast:
    """The range to expect on the day `at` and, where its `count` is given, whether that is an anomaly.

    `history` is a frame [date, count], or what polars makes one of: days, hours, weeks or months, in any order. Rows
    of `at` and later ones are left out. Two rows of one date are added up; a date without a row is a gap, not a zero.
    To judge many days of one table, keep a `VolumeModel`: it chooses its effects once a week.

    Parameters
    ----------
    country
        Code of the calendar of public holidays, such as "US". Without it the calendar that explains the history is
        taken, if one does. Both need the package `holidays`.
    method
        "auto" needs no extra. "weekday", "mstl", "autoets", "autoarima" (statsforecast) and "prophet" are there to
        compare.

    Examples
    --------
    >>> from datetime import date, timedelta
    >>> days = [date(2026, 1, 5) + timedelta(days=i) for i in range(70)]
    >>> history = {"date": days, "count": [100 if day.weekday() > 4 else 1000 + day.day for day in days]}
    >>> told = forecast_volume(history, date(2026, 3, 16), count=480)
    >>> told.is_anomaly, forecast_volume(history, date(2026, 3, 16), count=1010).is_anomaly
    (True, False)
    """
    return VolumeModel.fit(history, method=method, country=country, before=at).judge(at, count)
