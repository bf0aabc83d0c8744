"""Real places on this machine that notices are sent to: web servers, a mail server, a broker."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kintsu.core.notice import Notice


def notice(number: int = 1, **changed: Any) -> Notice:
    """Made-up news, with characters that formats have to escape."""
    told: dict[str, Any] = {
        "id": f"notice{number:02d}",
        "kind": "opened",
        "level": "error",
        "at": datetime(2026, 11, 21, 6, 30, tzinfo=UTC),
        "title": f"orders: missing in `é-mail {number}` began",
        "tables": ("orders",),
        "incidents": ("0a1b2c",),
        "issue": "missing",
        "columns": (f"é-mail {number}",),
        "came": "40.0 % of the cells are empty",
        "expected": "0.0 % to 1.0 %",
        "lines": ("40.0 % of the cells are empty; 0.0 % to 1.0 % was expected",),
        "batches": ("2026-11-21",),
    }
    return Notice(**told | changed)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@dataclass
class Web:
    """A web server: what it got, and what it answers next (200 when it has no more)."""

    url: str = ""
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.got]

    @property
    def text(self) -> str:
        """Paths, headers and bodies, with the characters that JSON and Slack escape as they are meant."""
        parts = [
            f"{path} {headers} {json.dumps(json.loads(body), ensure_ascii=False)}" for path, headers, body in self.got
        ]
        return "\n".join(parts)


@contextmanager
def web_server(context: ssl.SSLContext | None = None) -> Iterator[Web]:
    """A server on a free port of 127.0.0.1, with TLS where a context is given."""
    web = Web()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            web.got.append((self.path, dict(self.headers.items()), body))
            status, headers = web.answers.pop(0) if web.answers else (200, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = False
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that refuses its certificate
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    web.url = f"{'https' if context else 'http'}://localhost:{server.server_port}"
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])
