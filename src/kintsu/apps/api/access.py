"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Scope

from kintsu.apps.api.principal import Principal
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.service import Service, service_of
from kintsu.core.settings import nearest

__all__ = ["Admin", "Engineer", "Principal", "Steward", "Viewer", "principal_of", "principal_with"]

CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
bearer = HTTPBearer(auto_error=False, description="An API key (kintsu_...) or a token of the identity provider")


async def principal_of(scope: Scope, service: Service) -> Principal:
    """Whoever a request comes from; looked up once.

    Raises
    ------
    Refused
        401: nobody is signed in, or with a key that is not valid (any more).
    """
    state = scope.setdefault("state", {})
    if "known" not in state:
        said = Headers(scope=scope).get("authorization", "")
        state["known"] = await run_in_threadpool(principal_with, said, service) if said else principal_with("", service)
    known: Principal = state["known"]
    return known


def principal_with(text: str, service: Service) -> Principal:
    """Whoever says this: the value of an `Authorization` header, "" for nothing.

    Raises
    ------
    Refused
        As above.
    """
    scheme, _, token = text.partition(" ")
    if not text:
        if not service.settings.sign_in:
            return Principal("local", "local", "admin")
        raise Refused(401, "sign in: send an API key as `Authorization: Bearer kintsu_...`", CHALLENGE)
    if scheme.lower() != "bearer":
        raise Refused(401, f"{scheme} is not known: send `Authorization: Bearer KEY`", CHALLENGE)
    return _by_key(token.strip(), service) or _by_token(token.strip(), service)


def _by_key(token: str, service: Service) -> Principal | None:
    if not token.startswith("kintsu_"):
        return None
    key = service.keys("local").of(token, datetime.now(UTC))
    if key is None:
        raise Refused(401, "this key is unknown, revoked or expired: ask an admin for a new one", CHALLENGE)
    return Principal(key.tenant, key.name, key.role)


def _by_token(token: str, service: Service) -> Principal:
    if service.identity is None:
        raise Refused(401, "this is no API key, and the service knows no identity provider", CHALLENGE)
    return service.identity.principal(token)


def _refuse_unknown(request: Request) -> None:
    """A misspelt parameter must not be left out in silence."""
    fields = {each.alias: each.field_info.annotation for each in request.scope["route"].dependant.query_params}
    known = list(fields)
    for name in request.query_params:
        if name not in fields:
            raise Refused(422, f"unknown parameter {name!r}{nearest(name, known) if known else '; there is none here'}")
        if len(request.query_params.getlist(name)) > 1 and "list" not in str(fields[name]):
            raise Refused(422, f"{name} may be given once")


def _at_least(role: str) -> Callable[..., Any]:
    async def who(request: Request, _key: Annotated[Any, Depends(bearer)] = None) -> Principal:
        service = service_of(request)
        principal = await principal_of(request.scope, service)
        request.state.principal = principal
        _refuse_unknown(request)
        await service.limit(principal.tenant, principal.name)
        if not principal.may(role):
            raise Refused(403, f"this needs the role {role!r}, and {principal.name} has {principal.role!r}")
        return principal

    return who


Viewer = Annotated[Principal, Depends(_at_least("viewer"))]
Steward = Annotated[Principal, Depends(_at_least("steward"))]
Engineer = Annotated[Principal, Depends(_at_least("engineer"))]
Admin = Annotated[Principal, Depends(_at_least("admin"))]
