"""Requests to a service: signed in, tried again where that is safe, problems as exceptions."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

import kintsu
from kintsu.core.errors import MissingExtra, ServiceProblem

if TYPE_CHECKING:
    import httpx2

__all__ = ["Wire", "path_of"]

PASSING: Final = (429, 502, 503, 504)  # the same request may be answered a moment later
LONGEST_S: Final = 20.0  # between two tries
log = logging.getLogger("kintsu.client")


@dataclass(frozen=True)
class Wire:
    """One service, and connections to it that are kept open."""

    http: httpx2.Client
    tries: int = 4

    @classmethod
    def to(cls, url: str, key: str | None, *, timeout_s: float, tries: int) -> Wire:
        try:
            import httpx2
        except ModuleNotFoundError as error:
            raise MissingExtra("httpx2", "client") from error
        headers = {"User-Agent": f"kintsu/{kintsu.__version__}", "Accept": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        # redirects are not followed: a key goes to nobody but the service that was named
        return cls(httpx2.Client(base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=timeout_s), tries)

    def ask(self, method: str, path: str, *, again: bool | None = None, **more: Any) -> Any:
        """The JSON of an answer, None without any.

        Parameters
        ----------
        again
            Whether the request may be sent twice; by default those that change nothing, and DELETE.

        Raises
        ------
        ServiceProblem
            The service refused or failed, or cannot be reached.
        """
        safe = method in ("GET", "DELETE") if again is None else again

        def once() -> Any:
            with self._reached():
                answer = self.http.request(method, path, **more)
            _refuse(answer)
            return answer.json() if answer.content else None

        return self._again(once) if safe else once()

    def pages(self, path: str, **asked: Any) -> Iterator[Any]:
        """The items of a list, page by page as they are taken."""
        after: dict[str, str] = {}
        params = {name: value for name, value in asked.items() if value is not None}
        while True:
            page = self.ask("GET", path, params=params | after)
            yield from page["items"]
            if page["next"] is None:
                return
            after = {"after": page["next"]}

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[bytes]]:
        """The bytes of a file as they come."""
        with self._reached(), self.http.stream("GET", path, headers={"Accept": "*/*"}) as answer:
            if answer.status_code >= 400:
                answer.read()
            _refuse(answer)
            yield answer.iter_bytes()

    def _again(self, once: Any) -> Any:
        trying = Retrying(
            stop=stop_after_attempt(self.tries),
            wait=_pause,
            retry=retry_if_exception(_may_pass),
            before_sleep=_noted,
            reraise=True,
        )
        return trying(once)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        import httpx2

        try:
            yield
        except httpx2.HTTPError as error:
            what = f"{type(error).__name__}: {error}".rstrip(": ")
            raise ServiceProblem(f"{self.http.base_url} does not answer ({what}): is `kintsu serve` there?") from error


def path_of(*parts: str) -> str:
    """An address, of parts that may hold anything."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, ServiceProblem) and (error.status is None or error.status in PASSING)


def _pause(state: RetryCallState) -> float:
    """As long as the service said, else longer and longer, by chance, so that not all come back at once."""
    error = state.outcome.exception() if state.outcome is not None else None
    told = error.retry_after_s if isinstance(error, ServiceProblem) else None
    return min(told, LONGEST_S) if told is not None else wait_random_exponential(0.1, LONGEST_S)(state)


def _noted(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    log.info("try %d: %s", state.attempt_number, error)


def _refuse(answer: httpx2.Response) -> None:
    """Raise what an answer tells, if it is a problem."""
    if answer.status_code < 300:
        return
    told: Mapping[str, Any] = {}
    if "json" in answer.headers.get("content-type", ""):
        told = answer.json()
    text = str(told.get("detail") or f"{answer.request.url} answered {answer.status_code} {answer.reason_phrase}")
    seconds = answer.headers.get("retry-after", "")
    raise ServiceProblem(
        text,
        status=answer.status_code,
        kind=told.get("type"),
        request=told.get("request"),
        errors=tuple(told.get("errors") or ()),
        retry_after_s=float(seconds) if seconds.isdigit() else None,
    )
