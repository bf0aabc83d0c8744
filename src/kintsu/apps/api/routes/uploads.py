"""Files that are sent to be worked on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from kintsu.apps.api.access import Engineer, Viewer
from kintsu.apps.api.files import BYTES, download
from kintsu.apps.api.paging import Limit, Listed
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of

__all__ = ["router"]

router = APIRouter(prefix="/uploads", tags=["uploads"], route_class=Read)
After = Annotated[
    str | None, Query(pattern="^[0-9TZ:.-]{24}_[0-9a-f]{32}$", description="The `next` of the page before")
]
BINARY = {"requestBody": {"required": True, "content": BYTES}}


class UploadItem(BaseModel):
    """A file that was sent."""

    id: str
    name: str = Field(examples=["orders.csv"])
    bytes: int
    sha256: str
    created_at: str
    created_by: str


@router.post("", status_code=201, openapi_extra=BINARY)
async def upload(
    request: Request, response: Response, who: Engineer, name: Annotated[str, Query(min_length=1, max_length=255)]
) -> UploadItem:
    """Send a file: its bytes are the body, its name tells the format."""
    service = service_of(request)
    most = service.settings.max_upload_bytes
    made = await service.uploads(who.tenant).add(name, request.stream(), by=who.name, most=most)
    response.headers["Location"] = f"{request.url.path}/{made.id}"
    return UploadItem(**vars(made))


@router.get("")
def uploads(request: Request, who: Viewer, limit: Limit = 50, after: After = None) -> Listed[UploadItem]:
    """Files that were sent, newest first."""
    page = service_of(request).uploads(who.tenant).page(limit=limit, before=after)
    return Listed(items=[UploadItem(**vars(each)) for each in page.items], next=page.next)


@router.get("/{upload}")
def detail(request: Request, who: Viewer, upload: str) -> UploadItem:
    """A file that was sent."""
    found = service_of(request).uploads(who.tenant).find(upload)
    if found is None:
        raise Refused(404, f"no upload {upload!r}: GET /api/v1/uploads lists them")
    return UploadItem(**vars(found))


@router.get(
    "/{upload}/file",
    response_class=FileResponse,
    responses={200: {"content": BYTES, "description": "The bytes as they were sent"}},
)
def file(request: Request, who: Viewer, upload: str) -> FileResponse:
    """The file itself."""
    service = service_of(request)
    uploads = service.uploads(who.tenant)
    found = uploads.find(upload)
    if found is None:
        raise Refused(404, f"no upload {upload!r}: GET /api/v1/uploads lists them")
    return download(uploads.at_hand(found), who, service.privacy)


@router.delete("/{upload}", status_code=204)
def remove(request: Request, who: Engineer, upload: str) -> None:
    """Delete a file that was sent, and what was mended of it."""
    uploads = service_of(request).uploads(who.tenant)
    found = uploads.find(upload)
    if found is None:
        raise Refused(404, f"no upload {upload!r}: GET /api/v1/uploads lists them")
    uploads.remove(found)
