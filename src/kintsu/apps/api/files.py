"""Files that are sent to whoever asks: always to be saved, never to be shown as a page of this service."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fastapi.responses import FileResponse

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
    return FileResponse(_there(path), filename=path.name, media_type="application/octet-stream")


def sealed(path: Path) -> FileResponse:
    """A report to be looked at."""
    return FileResponse(_there(path), media_type="text/html", headers={"Content-Security-Policy": SEALED})


def _there(path: Path) -> Path:
    if not path.is_file():
        raise Refused(404, "this file is not kept here any more")
    return path
