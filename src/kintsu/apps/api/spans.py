"""A span of OpenTelemetry for each request; nothing where it is not installed."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

import kintsu
from kintsu.apps.api.guard import route_of

__all__ = ["Spans"]


class Spans:
    """Around the whole application. A span continues that of whoever asks (`traceparent`); it tells method, route,
    status, tenant and the id of the request, no address and no body."""

    def __init__(self, app: ASGIApp, provider: Any = None) -> None:
        self.app = app
        try:
            from opentelemetry import trace
        except ModuleNotFoundError:
            self.tracer = None
            return
        self.tracer = trace.get_tracer("kintsu", kintsu.__version__, tracer_provider=provider)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.tracer is None or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind, StatusCode

        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        status = 500

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"]
        with self.tracer.start_as_current_span(
            method, context=extract(carrier), kind=SpanKind.SERVER, record_exception=False
        ) as span:
            try:
                await self.app(scope, receive, told)
            finally:
                if span.is_recording():
                    route = route_of(scope)
                    span.update_name(f"{method} {route}" if route else method)
                    span.set_attributes(_facts(scope, method, route, status))
                    if status >= 500:
                        span.set_status(StatusCode.ERROR)


def _facts(scope: Scope, method: str, route: str | None, status: int) -> dict[str, Any]:
    state = scope.get("state", {})
    principal = state.get("principal")
    facts = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "kintsu.request": state.get("id"),
        "kintsu.tenant": None if principal is None else principal.tenant,
    }
    return {name: value for name, value in facts.items() if value is not None}
