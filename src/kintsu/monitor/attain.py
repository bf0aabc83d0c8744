"""How far an objective is attained: the share of units that kept it, the error budget, and when it will be missed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl

from kintsu.core.errors import UsageError
from kintsu.monitor.facts import facts
from kintsu.monitor.measure import BatchMetrics
from kintsu.monitor.objectives import Objective
from kintsu.monitor.outlook import Outlook, Units, look_ahead
from kintsu.monitor.windows import WEEKEND, as_date, day_number, n_days, window

__all__ = ["Attainment", "attain", "facts_frame", "is_kept"]

NOTHING_KEPT: Final = 1e-9  # budgets are sums of floats
RISKY: Final = 0.25  # share of the budget that is left below which an objective is at risk
GRACE: Final = timedelta(days=1)  # after its end a day without any batch has missed its rows
SECOND: Final = 1 / 3600  # hours by which an arrival may be past the deadline: hours are kept with seven digits


@dataclass(frozen=True)
class Attainment:
    """How an objective stands.

    Attributes
    ----------
    state
        "breached": more units missed it than the window allows. "at_risk": less than a quarter of the budget is left,
        or it will probably be breached before the window (the next 30 days, where the window goes along) ends. "ok".
    attained, target
        Shares of units in [0, 1]; `attained` is None before the first one.
    n_counted, n_missed
        Units of the window by now, and those that missed it.
    allowed, left
        Units that may miss it in the whole window, and those of it that are left (below 0 where breached). A window has
        as many units as it has days, or as batches come in so many days of late.
    burn_rate
        How fast the budget is spent: 1 spends it exactly by the end of the window. None where nothing is allowed.
    start, end
        Days of the window, both included.
    last_missed
        The day of the last unit that missed it.
    """

    objective: str
    state: str
    attained: float | None
    target: float
    n_counted: int
    n_missed: int
    allowed: float
    left: float
    burn_rate: float | None
    start: date
    end: date
    last_missed: date | None
    outlook: Outlook

    @property
    def message(self) -> str:
        """One sentence."""
        if self.attained is None:
            return f"{self.objective}: nothing to judge since {self.start}"
        told = f"{self.objective}: {100 * self.attained:.4g} % of {self.n_counted}; "
        told += f"{self.n_missed} missed, {self.allowed:.3g} allowed"
        if self.state == "breached":
            return f"{told}: breached"
        return f"{told}; {self.outlook.message}" if self.outlook.day else told

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        days = {name: getattr(self, name) for name in ("start", "end", "last_missed")}
        told = {name: None if day is None else day.isoformat() for name, day in days.items()}
        numbers = {k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(self).items()}
        return numbers | told | {"outlook": self.outlook.to_dict(), "message": self.message}


def facts_frame(batches: Iterable[BatchMetrics]) -> pl.DataFrame:
    """What `attain` reads: a row for each batch that has a due time, with the columns `at` (UTC) and its facts."""
    rows = [{"at": _utc(batch.due), **facts(batch)} for batch in batches if batch.due is not None]
    if not rows:
        return pl.DataFrame(schema={"at": pl.Datetime("us", "UTC")})
    frame = (
        pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame(schema={"at": pl.Datetime("us", "UTC")})
    )
    return frame.sort("at")


def is_kept(objective: Objective, found: dict[str, float], at: datetime | None = None) -> bool | None:
    """Whether one batch keeps an objective; None where its facts do not tell.

    `at` is the end of its period, which "arrives by" needs.
    """
    if objective.by and at is None:
        return None
    row = {"at": _utc(at) if at else datetime(1970, 1, 1, tzinfo=UTC), "it": found.get(objective.fact)}
    frame = pl.DataFrame([row], schema={"at": pl.Datetime("us", "UTC"), "it": pl.Float64})
    missed = _missed(objective, frame.rename({"it": objective.fact}))[0]
    return None if np.isnan(missed) else not missed


def attain(objective: Objective, batches: pl.DataFrame, now: datetime, *, seed: int = 0) -> Attainment:
    """How the objective stands at `now`.

    A day without a batch missed an objective "of days" or "of weekdays" about rows and arrival, once it is over (by a
    day, for the rows) or its deadline has passed; what a batch that never came holds is not judged. Several batches of
    a day all have to keep it.

    Parameters
    ----------
    batches
        A row each: `at`, the end of its period, as Datetime (in UTC where it has no time zone), and the facts as
        Float64 (see `facts.facts`). A batch at midnight belongs to the day that ends then. Other columns are ignored.
    now
        In UTC where it has no time zone.
    seed
        Of the paths from which the outlook is drawn.
    """
    zone = ZoneInfo(objective.zone)
    units = _units(objective, _clean(objective, batches), _utc(now), zone)
    today = _utc(now).astimezone(zone).date()
    start, end = window(objective, today)
    mine = (units.days >= day_number(start)) & (units.days <= day_number(end)) & np.isfinite(units.missed)
    missed = units.missed[mine]
    n_counted, n_missed = len(missed), int(missed.sum())
    target = objective.percent / 100
    first = int(units.days[0]) if len(units.days) else day_number(today)
    pace = units.per_day if objective.unit == "batches" else 1.0
    allowed = (1 - target) * max(pace * n_days(objective, today, first), n_counted)
    left = allowed - n_missed
    is_breached = left < -NOTHING_KEPT
    outlook = look_ahead(objective, units, today, is_breached=is_breached, seed=seed)
    horizon = min(end, today + timedelta(days=30)) if isinstance(objective.window, str) else today + timedelta(days=30)
    is_risky = n_missed > 0 and left < RISKY * allowed
    is_risky |= outlook.day is not None and outlook.day <= horizon
    when = units.days[mine][missed > 0]
    return Attainment(
        objective=objective.text,
        state="breached" if is_breached else "at_risk" if is_risky else "ok",
        attained=1 - n_missed / n_counted if n_counted else None,
        target=target,
        n_counted=n_counted,
        n_missed=n_missed,
        allowed=allowed,
        left=left,
        burn_rate=n_missed / n_counted / (1 - target) if n_counted and target < 1 else None,
        start=start,
        end=end,
        last_missed=as_date(when.max()) if len(when) else None,
        outlook=outlook,
    )


def _clean(objective: Objective, batches: pl.DataFrame) -> pl.DataFrame:
    """Two columns, `at` in UTC and the fact, oldest first."""
    if "at" not in batches.columns or not isinstance(batches.schema["at"], pl.Datetime):
        raise UsageError("the batches need a column `at` of type Datetime: the end of each one's period")
    at = pl.col("at").dt.cast_time_unit("us")
    zone = batches.schema["at"].time_zone
    at = at.dt.replace_time_zone("UTC") if zone is None else at.dt.convert_time_zone("UTC")
    fact = pl.col(objective.fact).cast(pl.Float64) if objective.fact in batches.columns else pl.lit(None, pl.Float64)
    return batches.select(at=at, **{objective.fact: fact}).drop_nulls("at").sort("at", objective.fact)


def _missed(objective: Objective, frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    """1 where a batch missed the objective, 0 where it kept it, NaN where it has no such fact. Shape (batches,).

    Stored facts have seven digits: numbers are compared as such.
    """
    x = frame[objective.fact].to_numpy().astype(np.float64)
    if objective.measure == "arrives":
        late = x > _deadlines_h(objective, frame["at"]) + SECOND
        return np.where(np.isfinite(x), late, np.nan)
    with np.errstate(over="ignore"):
        found = x.astype(np.float32)
        least = np.float32(-np.inf if objective.least is None else objective.least)
        most = np.float32(np.inf if objective.most is None else objective.most)
    kept = (found > least) & (found < most) if objective.is_strict else (found >= least) & (found <= most)
    return np.where(np.isnan(x), np.nan, ~kept)


def _deadlines_h(objective: Objective, at: pl.Series) -> npt.NDArray[np.float64]:
    """Hours after the end of its period by which a batch has to be there."""
    if objective.within_h is not None:
        return np.full(len(at), objective.within_h)
    hour, minute = (int(part) for part in objective.by.split(":"))
    wall = pl.col("at").dt.convert_time_zone(objective.zone).dt.replace_time_zone(None)
    due = wall.dt.truncate("1d") + pl.duration(hours=hour, minutes=minute)
    due = pl.when(due < wall).then(due + pl.duration(days=1)).otherwise(due)
    stood = {"ambiguous": "earliest", "non_existent": "null"}  # a time that the clock skips is the hour after it
    exact = pl.coalesce(
        due.dt.replace_time_zone(objective.zone, **stood),  # type: ignore[arg-type]
        (due + pl.duration(hours=1)).dt.replace_time_zone(objective.zone, **stood),  # type: ignore[arg-type]
    )
    told = pl.DataFrame({"at": at}).select((exact.dt.epoch("us") - pl.col("at").dt.epoch("us")) / 3.6e9)
    return told.to_series().to_numpy()


def _units(objective: Objective, frame: pl.DataFrame, now: datetime, zone: ZoneInfo) -> Units:
    days = _days_of(frame["at"], objective.zone)
    missed = _missed(objective, frame)
    value = frame[objective.fact].to_numpy().astype(np.float64)
    if objective.measure == "arrives" and objective.by:
        value = value - _deadlines_h(objective, frame["at"])  # hours after the deadline
    if objective.unit == "batches":
        return Units(days, missed, value, np.zeros(len(days), bool))
    worst = "min" if objective.most is None else "max" if objective.least is None else "mean"
    if objective.measure == "arrives":
        worst = "max"
    by_day = (
        pl.DataFrame({"day": days, "missed": missed, "value": value})
        .fill_nan(None)
        .group_by("day")
        .agg(pl.col("missed").max(), getattr(pl.col("value"), worst)())
    )
    if by_day.is_empty():
        return Units(days, missed, value, np.zeros(0, bool))
    last = max(_last_closed(objective, now, zone), int(by_day["day"].max()))  # type: ignore[arg-type]
    every = pl.DataFrame({"day": np.arange(int(by_day["day"].min()), last + 1)})  # type: ignore[arg-type]
    if objective.unit == "weekdays":
        every = every.filter((pl.col("day") + 3) % 7 < WEEKEND)
    whole = every.join(by_day.with_columns(came=True), on="day", how="left", maintain_order="left")
    is_gap = whole["came"].is_null().to_numpy()
    counts_gaps = objective.measure in ("rows", "arrives")
    gone = np.where(is_gap & counts_gaps, 1.0, whole["missed"].to_numpy())
    return Units(whole["day"].to_numpy(), gone, whole["value"].to_numpy(), is_gap & counts_gaps)


def _last_closed(objective: Objective, now: datetime, zone: ZoneInfo) -> int:
    """The last day that has missed its batch if none came by now."""
    day = now.astimezone(zone).date()
    for back in range(int((objective.within_h or 0.0) // 24) + 4):
        over = datetime.combine(day - timedelta(days=back - 1), time(), zone).astimezone(UTC)
        wait = GRACE
        if objective.measure == "arrives":
            at = pl.Series("at", [over], dtype=pl.Datetime("us", "UTC"))
            wait = timedelta(hours=float(_deadlines_h(objective, at)[0]))
        if over + wait <= now:
            break
    return day_number(day) - back


def _days_of(at: pl.Series, zone: str) -> npt.NDArray[np.int64]:
    """The day that each batch belongs to, counted from 1970."""
    just_before = pl.DataFrame({"at": at}).select(
        (pl.col("at").dt.convert_time_zone(zone) - pl.duration(microseconds=1)).dt.date().to_physical().cast(pl.Int64)
    )
    return just_before.to_series().to_numpy()


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
