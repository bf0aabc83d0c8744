"""Long work: handed in, looked at, cancelled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from kintsu.apps.api.access import Engineer, Viewer
from kintsu.apps.api.files import BYTES, download
from kintsu.apps.api.paging import Asked, Limit, Listed
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.reads import Read
from kintsu.apps.api.service import service_of
from kintsu.apps.traces import traceparent
from kintsu.diagnose.masking import Veil, masked
from kintsu.io.service.jobs import Job
from kintsu.io.store.records import text_of
from kintsu.run.score import PROPOSALS, SCORES

__all__ = ["router"]

router = APIRouter(prefix="/jobs", tags=["jobs"], route_class=Read)
Kind = Literal["heal", "check", "profile", "crash_test", "train", "score", "monitor_run", "retrain", "tidy"]
State = Literal["queued", "running", "done", "failed", "cancelled"]
After = Annotated[
    str | None, Query(pattern="^j-[0-9]{8}-[0-9]{6}-[0-9a-f]{12}$", description="The `next` of the page before")
]
Share = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Columns = Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=5_000)]
Name = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,62}$")]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _text(moment: Any) -> Any:
    """The document says that a moment is a text; a bare number would be taken for seconds."""
    if not isinstance(moment, str):
        raise ValueError("write a moment as text, such as 2026-11-21T06:00:00Z")
    return moment


class Strict(Asked, BaseModel):
    """A value of another type is refused too."""

    model_config = ConfigDict(strict=True)


class FromUpload(Strict):
    """A file that was sent."""

    upload: str = Field(min_length=1, max_length=64)


class FromPath(Strict):
    """A file in a folder that the service allows."""

    path: str = Field(min_length=1, max_length=4096)


Source = FromUpload | FromPath


class CheckOptions(Strict):
    """How to look; as `kintsu check` says."""

    seed: Seed = 0
    keys: Columns = []
    identifiers: Columns = []
    sensitive: Columns = []
    order_column: str | None = Field(None, max_length=512)


class TrainOptions(Strict):
    """What to learn; as `kintsu train` says."""

    name: Name = Field(description="Under which a heal finds it; one of this name is replaced")
    auto: Share = 0.95
    seed: Seed = 0
    impute: bool = False
    cap: bool = False
    winsorise: bool = False
    max_share: Share = 0.5
    never_touch: Columns = []
    only: Columns = []
    keys: Columns = []
    sensitive: Columns = []
    crash_test: bool = True


class HealOptions(Strict):
    """How to mend; as `kintsu heal` says."""

    auto: Share = Field(0.95, description="Least confidence at which a repair is applied")
    seed: Seed = 0
    impute: bool = False
    cap: bool = False
    winsorise: bool = False
    drop_duplicates: bool = False
    max_share: Share = Field(0.5, description="Of all cells: above it nothing is applied")
    never_touch: Columns = []
    only: Columns = []
    keys: Columns = []
    identifiers: Columns = []
    sensitive: Columns = []
    order_column: str | None = Field(None, max_length=512)
    crash_test: bool = True
    treatment: Name | None = Field(None, description="A trained one is replayed; its own settings count then")
    dry_run: bool = Field(False, description="Decide, and write nothing: the result tells the first changes")


class ProfileOptions(Strict):
    seed: Seed = 0
    sensitive: Columns = []


class CrashTestOptions(Strict):
    seed: Seed = 0


class ScoreOptions(Strict):
    treatment: Name = Field(description="A trained one says what is wrong and how it would be mended")


class MonitorOptions(Strict):
    tables: Columns = Field([], description="All that are watched, where none is named")


class RetrainOptions(Strict):
    model: str = Field(min_length=1, max_length=255, examples=["issues"])
    older_than: str | None = Field(None, pattern="^[0-9]{1,4}[dhw]$", description="Only where the newest is older")


class Work(Strict):
    """What all jobs have."""

    priority: int = Field(0, ge=-100, le=100, description="The higher, the sooner")
    run_at: Annotated[AwareDatetime, BeforeValidator(_text)] | None = Field(
        None, ge=EPOCH, le=EPOCH + timedelta(days=100_000), strict=False, description="Not before this moment"
    )


class HealJob(Work):
    kind: Literal["heal"]
    source: Source
    options: HealOptions = HealOptions()


class CheckJob(Work):
    kind: Literal["check"]
    source: Source
    options: CheckOptions = CheckOptions()


class ProfileJob(Work):
    kind: Literal["profile"]
    source: Source
    options: ProfileOptions = ProfileOptions()


class CrashTestJob(Work):
    kind: Literal["crash_test"]
    source: Source
    options: CrashTestOptions = CrashTestOptions()


class TrainJob(Work):
    kind: Literal["train"]
    source: Source
    options: TrainOptions


class ScoreJob(Work):
    kind: Literal["score"]
    source: Source
    options: ScoreOptions


class MonitorJob(Work):
    kind: Literal["monitor_run"]
    options: MonitorOptions = MonitorOptions()


class RetrainJob(Work):
    kind: Literal["retrain"]
    options: RetrainOptions


NewJob = Annotated[
    HealJob | CheckJob | ProfileJob | CrashTestJob | TrainJob | ScoreJob | MonitorJob | RetrainJob,
    Body(
        discriminator="kind",
        openapi_examples={
            "heal": {"value": {"kind": "heal", "source": {"upload": "9f86d081884c7d659a2feaa0c55ad015"}}},
            "monitors": {"value": {"kind": "monitor_run", "options": {"tables": ["orders"]}}},
        },
    ),
]


class JobProblem(BaseModel):
    """Why a try of a job failed."""

    type: str = Field(description="The kind of error", examples=["InputError"])
    message: str = Field(examples=["orders.csv is not text: it looks like a binary file."])


class JobItem(BaseModel):
    """A job in a list."""

    id: str = Field(examples=["j-20261121-101530-123456a1b2c3"])
    kind: str
    state: State
    priority: int
    arguments: dict[str, Any] = Field(description="`source` and `options`, as they were handed in")
    created_at: str
    created_by: str
    due_at: str = Field(description="It is not started before")
    started_at: str | None
    ended_at: str | None
    tries: int
    stage: str
    progress: float = Field(ge=0, le=1, description="Of the stage")
    cancels: bool = Field(description="It was asked to stop")
    run: str | None = Field(description="The run that a heal makes: /api/v1/runs/{run}")
    problem: JobProblem | None = Field(description="Why it failed, or why it is tried again")


class JobDetail(JobItem):
    """A job with its result."""

    result: dict[str, Any] | None


@router.post("", status_code=202, responses={202: {"headers": {"Location": {"schema": {"type": "string"}}}}})
def submit(
    request: Request,
    response: Response,
    who: Engineer,
    job: NewJob,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=255, description="The same key again gives the first job")
    ] = None,
) -> JobDetail:
    """Hand in a job: heal, check, profile, crash_test, train, score, monitor_run or retrain. It is done by a worker."""
    service = service_of(request)
    told = job.model_dump(exclude_unset=True, mode="json")
    arguments: dict[str, Any] = {"options": told.get("options", {})}
    if "source" in told:
        arguments["source"] = told["source"]
        service.desk(who.tenant).source(told["source"])
    now = datetime.now(UTC)
    draft = service.jobs(who.tenant).drafted(
        job.kind,
        arguments,
        by=who.name,
        now=now,
        priority=job.priority,
        key=idempotency_key,
        due=job.run_at,
        trace=traceparent(),
    )
    made, is_new = service.submit(draft).told()
    if is_new and (job.run_at is None or job.run_at <= now):
        service.wake(made)
    response.headers["Location"] = f"{request.url.path}/{made.id}"
    return _detail(made, service.veil(who))


@router.get("")
def jobs(
    request: Request,
    who: Viewer,
    limit: Limit = 50,
    after: After = None,
    state: State | None = None,
    kind: Kind | None = None,
) -> Listed[JobItem]:
    """Jobs, newest first."""
    page = service_of(request).jobs(who.tenant).page(limit=limit, before=after, state=state, kind=kind)
    return Listed(items=[JobItem(**_told(job)) for job in page.items], next=page.next)


@router.get("/{job}")
def detail(request: Request, who: Viewer, job: str) -> JobDetail:
    """A job: how far it is, and what came of it."""
    service = service_of(request)
    found = service.jobs(who.tenant).find(job)
    if found is None:
        raise Refused(404, f"no job {job!r}: GET /api/v1/jobs lists them")
    return _detail(found, service.veil(who))


@router.get(
    "/{job}/{part}.csv",
    response_class=FileResponse,
    responses={200: {"content": BYTES, "description": "A line for each row, or proposal"}},
)
def scores(request: Request, who: Viewer, job: str, part: Literal["scores", "proposals"]) -> FileResponse:
    """What a job of the kind score wrote: how bad each row is and why, or the cells that would change."""
    service = service_of(request)
    found = service.jobs(who.tenant).find(job)
    if found is None or found.kind != "score" or found.run is None:
        raise Refused(404, f"no job {job!r} of the kind score: GET /api/v1/jobs?kind=score lists them")
    desk = service.desk(who.tenant)
    path = desk.folder(found.arguments["source"], found.run) / (SCORES if part == "scores" else PROPOSALS)
    return download(desk.shelf.fetch(path), who, service.privacy)


@router.post("/{job}/cancel")
def cancel(request: Request, who: Engineer, job: str) -> JobDetail:
    """Stop a job: at once where it waits, soon where it runs. One that has ended stays as it is."""
    service = service_of(request)
    found = service.jobs(who.tenant).cancel(job, datetime.now(UTC))
    if found is None:
        raise Refused(404, f"no job {job!r}: GET /api/v1/jobs lists them")
    return _detail(found, service.veil(who))


def _detail(job: Job, veil: Veil) -> JobDetail:
    return JobDetail(**_told(job), result=None if job.result is None else masked(dict(job.result), veil))


def _told(job: Job) -> dict[str, Any]:
    due = text_of(EPOCH + timedelta(microseconds=job.due_us))
    return {name: getattr(job, name) for name in JobItem.model_fields if name != "due_at"} | {"due_at": due}
