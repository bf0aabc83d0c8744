"""People who sign in with an OpenID Connect provider: their token is checked, and tells tenant and role."""

from __future__ import annotations

import json
import ssl
from functools import cached_property
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, build_opener

import jwt

from kintsu.apps.api.principal import Principal
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.settings import Identity
from kintsu.core.errors import UsageError
from kintsu.io.service.keys import ROLES
from kintsu.io.store.home import is_tenant

__all__ = ["IdentityProvider"]

ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]  # none with a shared secret
CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
PATIENCE_S: Final = 5.0
LEEWAY_S: Final = 30.0  # clocks differ
MOST: Final = 1 << 20  # bytes that a provider may tell of itself


class _Stays(HTTPRedirectHandler):
    """Whoever is asked for keys answers himself: a redirect is an error."""

    def redirect_request(self, *_: Any) -> None:
        return None


class IdentityProvider:
    """Checks tokens against the keys that the issuer publishes; `tls` says whose certificates it may have."""

    def __init__(self, settings: Identity, tls: ssl.SSLContext | None = None) -> None:
        if not settings.issuer.startswith("https://"):
            raise UsageError(f"an issuer has an https address, not {settings.issuer!r}")
        self.settings, self._tls = settings, tls

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        where = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        with build_opener(_Stays, HTTPSHandler(context=self._tls)).open(where, timeout=PATIENCE_S) as answer:
            told = json.loads(answer.read(MOST))
        keys = told.get("jwks_uri") if isinstance(told, dict) else None
        if not isinstance(keys, str) or not keys.startswith("https://"):
            raise ValueError("the issuer's keys have no https address")
        return jwt.PyJWKClient(keys, timeout=PATIENCE_S, ssl_context=self._tls)

    def principal(self, token: str) -> Principal:
        """Whoever the token was made for.

        Raises
        ------
        Refused
            401 where it is not valid, 403 where it names no tenant or no role.
        """
        claims = self._claims(token)
        tenant, roles = claims.get(self.settings.tenant_claim), claims.get(self.settings.role_claim)
        given = [roles] if isinstance(roles, str) else roles if isinstance(roles, list) else []
        known = [role for role in ROLES if role in given]
        if not isinstance(tenant, str) or not is_tenant(tenant) or not known:
            lacks = f"a tenant ({self.settings.tenant_claim}) and a role ({self.settings.role_claim})"
            raise Refused(403, f"the token has to name {lacks}; roles: {', '.join(ROLES)}")
        name = str(claims.get("email") or claims.get("preferred_username") or claims["sub"])
        return Principal(tenant, name[:255], known[-1])

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            needed = {"require": ["exp", "iss", "aud", "sub"]}
            return jwt.decode(
                token,
                key.key,
                algorithms=ALGORITHMS,
                audience=self.settings.audience,
                issuer=self.settings.issuer,
                leeway=LEEWAY_S,
                options=needed,  # type: ignore[arg-type]
            )
        except (jwt.PyJWKClientConnectionError, OSError) as error:
            if isinstance(error, HTTPError):
                error.close()
            raise Refused(503, "the identity provider cannot be reached: try again, or use an API key") from error
        except (jwt.PyJWTError, KeyError, ValueError, RecursionError) as error:  # the last: JSON that is too deep
            raise Refused(401, f"this token is not valid: {type(error).__name__}; sign in again", CHALLENGE) from error
