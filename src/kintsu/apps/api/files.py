"""Files that are sent to whoever asks: always to be saved, never to be shown as a page of this service."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fastapi.responses import FileResponse, HTMLResponse

from kintsu.apps.api.principal import Principal
from kintsu.apps.api.problems import Refused
from kintsu.run.privacy import Privacy

__all__ = ["BYTES", "download", "sealed"]

BYTES: Final[dict[str, Any]] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
"""A file, for the OpenAPI document."""
SEALED: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'"
)
"""A report shows cells of tables: whatever slips through is neither run nor does it load anything."""


def download(path: Path, who: Principal, privacy: Privacy) -> FileResponse:
    """A file to be saved: as it is, with the values of all columns in it.

    Raises
    ------
    Refused
        403: whoever asks sees values only where they are masked.
    """
    if not privacy.may_download(who.role):
        raise Refused(403, f"files as they are need the role {privacy.downloads_to!r}, and {who.name} has {who.role!r}")
    if not path.is_file():
        raise Refused(404, "this file is not kept here any more")
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


def sealed(page: str) -> HTMLResponse:
    """A report to be looked at."""
    return HTMLResponse(page, headers={"Content-Security-Policy": SEALED})
