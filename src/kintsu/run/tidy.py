"""What a service forgets in time: files that were sent, jobs that ended, events; and, if asked, history and undo."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from typing import Any

from kintsu.core.errors import UsageError
from kintsu.io.service.jobs import Jobs
from kintsu.io.store.events import Events
from kintsu.run.job_source import Desk
from kintsu.run.retention import prune
from kintsu.run.store import prune as prune_store

__all__ = ["tidy"]


def tidy(
    desk: Desk,
    now: datetime,
    *,
    files_days: int | None = None,
    history_days: int | None = None,
    undo_days: int | None = None,
) -> dict[str, Any]:
    """Forget what is older than so many days, of one tenant. The log of runs and the trail of writes stay whole.

    Parameters
    ----------
    files_days
        Uploads with all that was made of them, jobs that ended, and events. What a waiting job needs stays.
    history_days
        See `run.retention.prune`.
    undo_days
        See `run.store.prune`: runs that are older can no longer be undone.

    Raises
    ------
    UsageError
        No number of days is named, or one below 1.
    """
    asked = {"files_days": files_days, "history_days": history_days, "undo_days": undo_days}
    for name, days in asked.items():
        if days is not None and (type(days) is not int or days < 1):
            raise UsageError(f"{name} is a number of days, at least 1, not {days!r}")
    if not any(asked.values()):
        raise UsageError(f"say what is to be forgotten: {', '.join(asked)}")
    told: dict[str, Any] = {}
    if files_days is not None:
        told |= _files(desk, now - timedelta(days=files_days))
    if history_days is not None:
        told |= prune(keep_days=history_days, home=desk.home, now=now).to_dict()
    if undo_days is not None:
        told["undos_gone"] = len(prune_store(home=desk.home, older_than_days=undo_days).undos_gone)
    return told


def _files(desk: Desk, since: datetime) -> dict[str, int]:
    history = desk.uploads.history
    jobs, n_ended = Jobs(history), 0
    while ended := jobs.ended(since):  # some at a time: each holds its result
        for job in ended:
            if "source" in job.arguments and "upload" not in job.arguments["source"]:  # others go with their upload
                folder = desk.folder(job.arguments["source"], job.run or job.id)
                desk.shelf.drop(folder)
                shutil.rmtree(folder, ignore_errors=True)
        jobs.forget(ended)
        n_ended += len(ended)
    needed = {job.arguments.get("source", {}).get("upload") for job in jobs.open()}
    old = [upload for upload in desk.uploads.before(since) if upload.id not in needed]
    for upload in old:
        desk.uploads.remove(upload)
    events = Events(history).forget(since)
    return {"jobs": n_ended, "uploads": len(old), "events": events}
