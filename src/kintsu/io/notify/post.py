"""Post JSON over HTTP: with a time limit and retries, to public addresses only unless others are allowed."""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from kintsu.core.errors import NotifyError
from kintsu.core.settings import Setting

__all__ = ["KEYS", "Target", "post", "target_from"]

KEYS: Final = ("url", "timeout", "retries", "allow_private", "ca_file")
"""Settings that every notifier over HTTP has."""

LONGEST_WAIT_S: Final = 30.0
FIRST_WAIT_S: Final = 0.5
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
PASSING: Final = (408, 425, 429, 500, 502, 503, 504)  # answers after which another try may do


@dataclass(frozen=True)
class Target:
    """Where to post. The URL may be a secret: only its host is ever told.

    Attributes
    ----------
    timeout_s
        For connecting, and for each read.
    retries
        Further tries after one that failed in passing, with waits that double and are jittered.
    allow_private
        Whether addresses of this machine and of private networks are allowed. Otherwise a URL, or a name server
        behind it, cannot make us talk to what only we can reach.
    ca_file
        Certificates to trust instead of the system's.
    """

    url: str = field(repr=False)
    timeout_s: float = 10.0
    retries: int = 3
    allow_private: bool = False
    ca_file: str | None = None
    first_wait_s: float = FIRST_WAIT_S

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


class _Passing(Exception):
    """A try that failed in a way that may pass; `wait_s` is what the server asked for."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def target_from(told: Mapping[str, Setting], environment: Mapping[str, str], *, is_secret: bool = False) -> Target:
    """The target of a notifier's settings; `is_secret` where whoever knows the URL can post."""
    url = told["url"].secret(environment, is_required=is_secret)
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # a port that is no number
        is_web = False
    if not is_web:
        raise told["url"].wrong("expected a URL such as https://example.org/hook")
    if parts.username is not None:
        raise told["url"].wrong("a user and password in a URL are not sent: leave them out")
    found: dict[str, Any] = {"url": url}
    if "timeout" in told:
        found["timeout_s"] = told["timeout"].duration().total_seconds()
        if not found["timeout_s"]:
            raise told["timeout"].wrong("expected a time longer than none")
    if "retries" in told:
        found["retries"] = told["retries"].count(least=0)
    if "allow_private" in told:
        found["allow_private"] = told["allow_private"].flag()
    if "ca_file" in told:
        found["ca_file"] = told["ca_file"].text()
    return Target(**found)


def post(
    name: str,
    target: Target,
    content: bytes | Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    also: tuple[int, ...] = (),
) -> None:
    """Post JSON; an answer of 2xx, or one of `also`, is success. Redirects are not followed.

    Raises
    ------
    NotifyError
        What went wrong, with the host and never with the rest of the URL. `name` is who asks.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    tries = Retrying(
        stop=stop_after_attempt(target.retries + 1),
        wait=_wait(target),
        retry=retry_if_exception_type(_Passing),
        reraise=True,
    )
    try:
        tries(_try, name, target, body, dict(headers), also)
    except _Passing as error:
        n = target.retries + 1
        times = f"{n} times" if n > 1 else "once"
        raise NotifyError(name, f"{target.host} was tried {times}: {error}") from None  # the cause may hold the URL


def _wait(target: Target) -> Any:
    """tenacity's waits are functions of its own state, which has no public type."""
    from tenacity import wait_random_exponential

    jittered = wait_random_exponential(multiplier=target.first_wait_s, max=LONGEST_WAIT_S)

    def wait(state: Any) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_s if isinstance(error, _Passing) else 0.0
        return float(min(max(asked, jittered(state)), LONGEST_WAIT_S))

    return wait


def _try(name: str, target: Target, body: bytes, headers: dict[str, str], also: tuple[int, ...]) -> None:
    parts = urlsplit(target.url)
    connection = _connection(name, target, parts)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", "User-Agent": "kintsu", **headers})
        with connection.getresponse() as answer:
            status, asked = answer.status, answer.getheader("Retry-After") or ""
    except ssl.SSLCertVerificationError as error:
        raise NotifyError(name, f"{target.host}: its certificate is not trusted ({error.verify_message})") from None
    except (OSError, http.client.HTTPException) as error:
        raise _Passing(f"{type(error).__name__}: no answer") from None
    except ValueError:
        raise NotifyError(
            name, f"{target.host}: the URL or a header holds a character that must not be there"
        ) from None
    finally:
        connection.close()
    if 200 <= status < 300 or status in also:
        return
    if status in PASSING:
        raise _Passing(f"it answered {status}", float(asked) if asked.isdecimal() else 0.0)
    if 300 <= status < 400:
        raise NotifyError(name, f"{target.host} answered {status}, a redirect: give the address that it leads to")
    hint = ": check the address and the secret" if status in (401, 403, 404) else ""
    raise NotifyError(name, f"{target.host} refused with {status}{hint}")


def _connection(name: str, target: Target, parts: SplitResult) -> http.client.HTTPConnection:
    """A connection to an address that was checked: the name is not looked up again."""
    addresses = _addresses(name, target, parts)
    if parts.scheme == "http":
        return _Plain(target.host, parts.port, addresses, target.timeout_s)
    try:
        context = ssl.create_default_context(cafile=target.ca_file)
    except OSError as error:
        raise NotifyError(name, f"cannot read the certificates of {target.ca_file}: {error.strerror}") from None
    return _Secure(target.host, parts.port, addresses, target.timeout_s, context)


def _addresses(name: str, target: Target, parts: SplitResult) -> list[tuple[str, int]]:
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(target.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _Passing("no such host") from None
    addresses = [str(each[4][0]) for each in found]
    private = [address for address in addresses if not _is_public(address)]
    if private and not target.allow_private:
        raise NotifyError(
            name,
            f"{target.host} is {private[0]}, an address of this machine or a private network; "
            "say `allow_private: true` if that is meant",
        )
    return [(address, port) for address in dict.fromkeys(addresses)]


def _is_public(address: str) -> bool:
    """Whether an address, or the one that is wrapped in it, is one of the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def _reached(addresses: Sequence[tuple[str, int]], timeout_s: float | None) -> socket.socket:
    """A connection to the first address that takes one."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection(address, timeout_s)
        except OSError:
            continue
    return socket.create_connection(addresses[-1], timeout_s)


class _Plain(http.client.HTTPConnection):
    """HTTP to a host at known addresses."""

    def __init__(self, host: str, port: int | None, addresses: Sequence[tuple[str, int]], timeout_s: float) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self.addresses = addresses

    def connect(self) -> None:
        """Connect to an address, whatever the host's name leads to by now."""
        self.sock = _reached(self.addresses, self.timeout)


class _Secure(http.client.HTTPSConnection):
    """HTTPS to a host at known addresses; the certificate has to be the host's."""

    def __init__(
        self,
        host: str,
        port: int | None,
        addresses: Sequence[tuple[str, int]],
        timeout_s: float,
        context: ssl.SSLContext,
    ) -> None:
        super().__init__(host, port, timeout=timeout_s, context=context)
        self.addresses, self.trust = addresses, context

    def connect(self) -> None:
        """Connect to an address, whatever the host's name leads to by now."""
        plain = _reached(self.addresses, self.timeout)
        try:
            self.sock = self.trust.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
