"""How many rows a table's next batch should have."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from kintsu.apps.api.access import Engineer, Viewer
from kintsu.apps.api.paging import Asked
from kintsu.apps.api.service import service_of
from kintsu.run.volume import judge_volume, train_volume

__all__ = ["router"]

router = APIRouter(tags=["volume"])
MOST_DAYS = 4_000

Count = Annotated[float, Field(ge=0, le=1e12)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]
Table = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S([^\x00-\x1f]*\S)?$", examples=["orders"])]
Country = Annotated[str | None, Field(pattern="^[A-Z]{2}$", description="Whose public holidays count")]


class DayCount(Asked):
    """Rows of a day."""

    date: Day
    count: Count


Days = Annotated[list[DayCount], Field(min_length=1, max_length=MOST_DAYS)]


class VolumeRequest(Asked):
    """A count, and those before it."""

    table_id: Table
    current_row_count: Count = Field(examples=[480])
    at: Day | None = Field(None, description="Day of the count; the day after the last known one, where it is not told")
    historical_data: Days | None = Field(None, description="Else what was trained, else what the watched table knows")
    country: Country = None


class Range(BaseModel):
    """The smallest and the largest ordinary count."""

    low: int
    high: int


class VolumeAnswer(BaseModel):
    """What is to be expected, and whether the count is."""

    table_id: str
    is_anomaly: bool
    severity: float = Field(ge=0, le=1, description="Share of the expected rows that is missing, or of the surplus")
    confidence: float = Field(ge=0, le=1, description="Probability that the count is a fault")
    expected_range: Range | None = Field(description="null while there is too little history")
    message: str


class TrainRequest(Asked):
    """Counts to learn from."""

    table_id: Table
    historical_data: Days | None = Field(None, min_length=4, description="Else what the watched table knows")
    training_days: int | None = Field(None, ge=4, le=MOST_DAYS, description="How many of the last days are taken")
    country: Country = None


class Trained(BaseModel):
    """A model of the registry, live from now on."""

    table_id: str
    model: str
    version: int
    days: int
    days_judged: int = Field(description="Last days that were judged, each by those before it")
    alarms: int = Field(description="How many of these alarmed")


@router.post("/detect/volume")
def detect(request: Request, who: Viewer, asked: VolumeRequest) -> VolumeAnswer:
    """Whether a table has as many rows as its past lets expect: weekdays, months, holidays, trends and gaps."""
    told = judge_volume(
        asked.table_id,
        asked.current_row_count,
        at=asked.at,
        counts=_counts(asked.historical_data),
        country=asked.country,
        home=service_of(request).home(who.tenant),
    )
    expected = told.expected_range
    return VolumeAnswer(
        table_id=asked.table_id,
        is_anomaly=told.is_anomaly,
        severity=told.severity,
        confidence=told.confidence,
        expected_range=None if expected is None else Range(low=expected[0], high=expected[1]),
        message=told.message,
    )


@router.post("/train/volume-anomaly")
def train(request: Request, who: Engineer, asked: TrainRequest) -> Trained:
    """Learn the counts of a table, for `/detect/volume` without `historical_data`."""
    made = train_volume(
        asked.table_id,
        _counts(asked.historical_data),
        days=asked.training_days,
        country=asked.country,
        by=who.name,
        home=service_of(request).home(who.tenant),
    )
    about = made.about
    return Trained(
        table_id=asked.table_id, model=made.name, version=made.version, days=about.data["days"], **about.metrics
    )


def _counts(days: list[DayCount] | None) -> list[tuple[date, float]] | None:
    """Two counts of one day are added up."""
    if days is None:
        return None
    total: dict[date, float] = {}
    for each in days:
        total[each.date] = total.get(each.date, 0.0) + each.count
    return list(total.items())
