"""What the kinds of jobs do: the functions of `run`, with a source that may be read and results that may be told."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import KintsuError, OutputError, StaleRepair, UnknownRun, UsageError
from kintsu.diagnose.masking import Veil
from kintsu.io.service.jobs import Job
from kintsu.io.store.records import Run
from kintsu.io.store.store import Store
from kintsu.run.assess import opened
from kintsu.run.job_source import Desk, checked
from kintsu.run.kept_profile import keep_profile
from kintsu.run.treat import Progress

__all__ = ["KINDS", "Stopped", "is_worth_another_try", "past_run", "perform"]

TOLD_ELSEWHERE: Final = ("input", "output", "treatment", "cells")  # places on this machine, and long lists
PLANNED: Final = 100  # changes that the result of a dry run tells
_TREATMENT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class Stopped(BaseException):
    """A job is to end here: it was cancelled, or its worker stops. No failed step, so no `Exception`."""


def perform(job: Job, desk: Desk, progress: Progress) -> dict[str, Any]:
    """Do a job; its result. A change that an earlier try made is not made again.

    Raises
    ------
    KintsuError
        As the function that the kind names.
    Stopped
        Raised by `progress`, and nothing was changed.
    """
    if job.kind not in KINDS:
        raise UsageError(f"unknown kind of job {job.kind!r}; known: {', '.join(KINDS)}")
    return KINDS[job.kind](job, desk, progress)


def past_run(job: Job, desk: Desk) -> Run | None:
    """The run that an earlier try of this job announced; its status tells how far that came."""
    store = Store(desk.home)
    store.recover()
    try:
        found = store.run(job.run or "")
    except UnknownRun:
        return None
    if found.status == "prepared" and not store.is_written(found):
        store.settle(found)  # its machine is gone, and the job is here now
        return store.run(found.id)
    return found


def _treatment(desk: Desk, name: str) -> Path:
    """The folder of a treatment that a job trained."""
    if not _TREATMENT.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a treatment: write lower-case letters, digits, - and _, at most 63")
    return desk.shelf.fetch(desk.home / "treatments" / name)


def _heal(job: Job, desk: Desk, progress: Progress) -> dict[str, Any]:
    from kintsu.run.heal import heal

    before = past_run(job, desk)
    if before is not None and before.status in ("done", "undone"):
        return _left(before, desk)
    source = _source(job, desk)
    options = _options(job)
    if "treatment" in options:  # what is sensitive was settled when it was trained
        options["treatment"] = _treatment(desk, options["treatment"])
    else:
        options |= _marked(source, options, desk)
    if options.pop("dry_run", False):
        planned = heal(source, dry_run=True, home=desk.home, progress=progress, **options)
        told = {name: value for name, value in _told(planned.run_object()).items() if name != "run"}
        return told | {"changes": planned.changes.head(PLANNED).to_dicts()}
    folder = _folder(job, desk)
    out = folder / f"{source.name.split('.')[0]}.healed{''.join(source.suffixes)}"
    try:
        result = heal(source, out=out, home=desk.home, run=job.run, progress=progress, **options)
    except Stopped:
        before = past_run(job, desk)
        if before is None or before.status != "done":
            raise
        return _left(before, desk)  # it was asked to stop when all was written
    _keep(result, folder, desk)
    return _told(result.run_object())


def _left(run: Run, desk: Desk) -> dict[str, Any]:
    """What a heal that ended without saying so has to tell; its output goes to the other machines, if it lies here."""
    output = Path(run.output)
    if output.is_file():
        desk.shelf.keep(output.parent)
    return _told(run.summary)


def _check(job: Job, desk: Desk, progress: Progress) -> dict[str, Any]:
    from kintsu.run.check import check

    source, folder = _source(job, desk), _folder(job, desk)
    options = _options(job)
    options |= _marked(source, options, desk)
    result = check(source, home=desk.home, run=job.run, progress=progress, **options)
    _keep(result, folder, desk)
    return _told(result.run_object())


def _keep(result: Any, folder: Path, desk: Desk) -> None:
    """What the page of the table is drawn from, beside what was made."""
    keep_profile(result.assessed.reference, folder, result.sensitive)
    desk.shelf.keep(folder)


def _profile(job: Job, desk: Desk, progress: Progress) -> dict[str, Any]:
    from kintsu.run.profile import profile

    progress("reading", 0.0)
    source, options = _source(job, desk), _options(job)
    return _told(profile(source, **options | _marked(source, options, desk)).to_dict())


def _crash_test(job: Job, desk: Desk, progress: Progress) -> dict[str, Any]:
    from kintsu.run.crash_test import crash_test

    return _told(crash_test(_source(job, desk), progress=progress, **_options(job)).to_dict())


def _train(job: Job, desk: Desk, progress: Progress) -> dict[str, Any]:
    from kintsu.run.train import train

    options = _options(job)
    name = options.pop("name")
    folder = _treatment(desk, name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    source = _source(job, desk)
    options |= _marked(source, options, desk)
    made = train(source, out=folder, force=True, home=desk.home, progress=progress, **options)
    desk.shelf.keep(folder)
    return {**_told(made.to_dict()), "name": name}


def _score(job: Job, desk: Desk, progress: Progress) -> dict[str, Any]:
    from kintsu.run.score import score_table
    from kintsu.run.treatment import load_treatment

    treatment = load_treatment(_treatment(desk, _options(job)["treatment"]))
    veil, folder = Veil(desk.privacy.columns), _folder(job, desk)
    told = score_table(_source(job, desk), folder, treatment, veil=veil, progress=progress)
    desk.shelf.keep(folder)
    return told


def _monitor_run(job: Job, desk: Desk, progress: Progress) -> dict[str, Any]:
    from kintsu.run import watching
    from kintsu.run.notify import tell
    from kintsu.run.watch_settings import find_settings

    options, settings = _options(job), find_settings(desk.settings)
    policy = settings.policy()
    routes = settings.routes(os.environ) if job.tenant == "local" else ()  # they are those of whoever runs the service
    judged = watching.run(list(options.get("tables", ())) or None, home=desk.home, policy=policy, progress=progress)
    told = tell(routes, policy, home=desk.home)
    alarms = [{"table": each.table, "batch": each.batch, "error": each.error} for each in judged if each.alarm]
    return {"judged": len(judged), "alarms": alarms, "notices": told.to_dict()}


def _retrain(job: Job, desk: Desk, progress: Progress) -> dict[str, Any]:
    from kintsu.run.models import Models

    options = _options(job)
    name = options.pop("model")
    return Models.open(desk.home).retrain(name, by=job.created_by, progress=progress, **options).to_dict()


def _tidy(job: Job, desk: Desk, progress: Progress) -> dict[str, Any]:
    from kintsu.run.tidy import tidy

    return tidy(desk, datetime.now(UTC), **_options(job))


KINDS: Final[Mapping[str, Callable[[Job, Desk, Progress], dict[str, Any]]]] = {
    "heal": _heal,
    "check": _check,
    "profile": _profile,
    "crash_test": _crash_test,
    "train": _train,
    "score": _score,
    "monitor_run": _monitor_run,
    "retrain": _retrain,
    "tidy": _tidy,
}


def _source(job: Job, desk: Desk) -> Path:
    told = job.arguments["source"]
    path = desk.source(told)
    return checked(desk.shelf.fetch(path) if "upload" in told else path, desk.limits)


def _marked(source: Path, options: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """The columns that are sensitive: those that the job names, and those of every table."""
    everywhere = Veil(desk.privacy.columns)
    if not everywhere.patterns:
        return {}
    named = options.get("sensitive", ())
    columns = opened(source, ReadOptions()).columns
    return {"sensitive": tuple(dict.fromkeys([*named, *everywhere.over(columns)]))}


def _folder(job: Job, desk: Desk) -> Path:
    folder = desk.folder(job.arguments["source"], job.run or job.id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _options(job: Job) -> dict[str, Any]:
    """The options as the functions take them: lists are tuples there."""
    given = job.arguments.get("options", {})
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def _told(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in TOLD_ELSEWHERE}


def is_worth_another_try(error: BaseException) -> bool:
    """Whether the same job may do better later: the disk was full, a file was being written, or a fault of our own."""
    return isinstance(error, OutputError | StaleRepair) or not isinstance(error, KintsuError)
