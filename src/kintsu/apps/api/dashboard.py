"""The dashboard: built pages that ship in the package (from `web/`), served beside the API."""

from __future__ import annotations

import gzip
import mimetypes
from functools import cached_property
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Dashboard"]

STATIC: Final = Path(__file__).parent / "static"
ASSETS: Final = "/assets/"  # a hash of the content is in each name: what a name stands for never changes
NOT_PAGES: Final = ("/api", "/healthz", "/metrics", "/ws")
FOREVER: Final = "public, max-age=31536000, immutable"
LEAST: Final = 1_000  # bytes below which packing gains nothing


class Dashboard:
    """Answers GET with a file, or with the page where the address is one of its own; all else is the service's."""

    def __init__(self, app: ASGIApp, folder: Path = STATIC) -> None:
        self.app, self.folder = app, folder

    @cached_property
    def _files(self) -> dict[str, bytes]:
        """Every file by its address: no other path is ever opened, and an upgrade beneath a service takes none away."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {f"/{path.relative_to(self.folder).as_posix()}": path.read_bytes() for path in found}

    @cached_property
    def _packed(self) -> dict[str, bytes]:
        return {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            found = self._answer(scope["path"], "gzip" in Headers(scope=scope).get("accept-encoding", ""))
            if found is not None:
                await found(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _answer(self, path: str, is_packed: bool) -> Response | None:
        if any(path == each or path.startswith(f"{each}/") for each in NOT_PAGES):
            return None
        name = path if path in self._files or path.startswith(ASSETS) else "/index.html"
        body = self._files.get(name)
        if body is None:
            return None
        headers = {"Cache-Control": FOREVER if path.startswith(ASSETS) else "no-cache", "Vary": "Accept-Encoding"}
        if is_packed and len(body) >= LEAST:
            headers["Content-Encoding"] = "gzip"
            if name not in self._packed:
                self._packed[name] = gzip.compress(body, mtime=0)
            body = self._packed[name]
        return Response(body, media_type=mimetypes.guess_type(name)[0] or "application/octet-stream", headers=headers)
