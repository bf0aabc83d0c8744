"""API keys of the tenant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from kintsu.apps.api.access import Admin
from kintsu.apps.api.paging import Asked, Listed
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of
from kintsu.io.service.keys import ApiKey

__all__ = ["router"]

router = APIRouter(prefix="/keys", tags=["keys"], route_class=Read)
Role = Literal["viewer", "steward", "engineer", "admin"]


class KeyItem(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    role: Role
    created_at: str
    created_by: str
    expires_at: str | None
    revoked_at: str | None
    used_at: str | None


class NewKey(Asked):
    """A key to be made."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$", examples=["nightly pipeline"])
    role: Role
    days: int = Field(90, ge=1, le=3650, description="After so many days it is no longer valid")


class MadeKey(BaseModel):
    """A key with its text, which is shown this once and kept nowhere."""

    key: str = Field(examples=["kintsu_4f2a9c1e0b7d_..."])
    about: KeyItem


@router.get("")
def keys(request: Request, who: Admin) -> Listed[KeyItem]:
    """The keys of this tenant, newest first."""
    found = service_of(request).keys(who.tenant).all()
    return Listed(items=[KeyItem(**_told(each)) for each in found])


@router.post("", status_code=201)
def create(request: Request, who: Admin, wanted: NewKey) -> MadeKey:
    """Make a key of this tenant."""
    expires = datetime.now(UTC) + timedelta(days=wanted.days)
    made, text = service_of(request).keys(who.tenant).create(wanted.name, wanted.role, by=who.name, expires_at=expires)
    return MadeKey(key=text, about=KeyItem(**_told(made)))


@router.delete("/{key}", status_code=204)
def revoke(request: Request, who: Admin, key: str) -> None:
    """End a key."""
    if not service_of(request).keys(who.tenant).revoke(key):
        raise Refused(404, f"no key {key!r}: GET /api/v1/keys lists them")


def _told(key: ApiKey) -> dict[str, Any]:
    return {name: value for name, value in vars(key).items() if name != "tenant"}
