"""`kintsu.Client`: a service from Python, with the words of the library."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

from kintsu.apps.client.answers import (
    Change,
    Decided,
    Job,
    Me,
    Monitor,
    Question,
    Run,
    Said,
    Table,
    Undone,
    Upload,
)
from kintsu.apps.client.wire import Wire, path_of
from kintsu.core.errors import InputError, OutputError, ServiceProblem

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Client"]

ENDED: Final = ("done", "failed", "cancelled")
FIRST_S: Final = 0.05  # between two looks at a job, at first
MOST_S: Final = 2.0


class Client:
    """A service that `kintsu serve` runs. Needs `pip install 'kintsu[client]'`.

    Lists come page by page while they are read. What the service refuses is a `ServiceProblem` with its words.
    Requests that change nothing, and those that the service recognises when they come twice, are tried again.

    Parameters
    ----------
    url
        Where the service is; else KINTSU_URL, else this machine.
    key
        An API key; else KINTSU_KEY. A service without sign-in needs none.
    timeout_s
        Of one request.
    tries
        How often a request is sent at most.

    Examples
    --------
    >>> import kintsu as kt
    >>> with kt.Client("http://127.0.0.1:8000") as client:  # doctest: +SKIP
    ...     job = client.heal("orders.csv", out="orders.healed.csv", auto=0.9)
    ...     for change in client.changes(job["run"]):
    ...         print(change["row"], change["column"], change["old"], change["new"], change["why"])
    """

    def __init__(
        self, url: str | None = None, key: str | None = None, *, timeout_s: float = 30.0, tries: int = 4
    ) -> None:
        url = url or os.environ.get("KINTSU_URL") or "http://127.0.0.1:8000"
        key = (key or os.environ.get("KINTSU_KEY") or "").strip() or None
        self._wire = Wire.to(url, key, timeout_s=timeout_s, tries=tries)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.http.close()

    def me(self) -> Me:
        """Who asks, with which role, and the version of the service."""
        return cast(Me, self._wire.ask("GET", "/me"))

    # what is known

    def tables(self, *, kind: str | None = None, name: str | None = None) -> Iterator[Table]:
        """The tables, with their last scores; `kind` is "watched" or "runs"."""
        return self._wire.pages("/tables", kind=kind, name=name)

    def runs(self, *, table: str | None = None, kind: str | None = None) -> Iterator[Run]:
        """Heals, answers and undos, newest first."""
        return self._wire.pages("/runs", table=table, kind=kind)

    def run(self, run: str) -> dict[str, Any]:
        """One of them, with its recipes."""
        return cast("dict[str, Any]", self._wire.ask("GET", path_of("runs", run)))

    def changes(
        self, run: str, *, row: int | None = None, column: str | None = None, recipe: str | None = None
    ) -> Iterator[Change]:
        """The cells and rows that a run changed."""
        return self._wire.pages(path_of("runs", run, "changes"), row=row, column=column, recipe=recipe, limit=500)

    def findings(self, run: str, *, column: str | None = None, kind: str | None = None) -> Iterator[dict[str, Any]]:
        """What a run found."""
        return self._wire.pages(path_of("runs", run, "findings"), column=column, kind=kind, limit=500)

    # files and jobs

    def upload(self, path: Path | str, *, name: str | None = None) -> Upload:
        """Send a file.

        Raises
        ------
        InputError
            It cannot be read.
        """
        place = Path(path)
        try:
            file = place.open("rb")
        except OSError as error:
            raise InputError(f"cannot read {place}: {error.strerror or error}") from error
        with file:
            size = {"Content-Length": str(os.fstat(file.fileno()).st_size)}
            asked = {"name": name or place.name}
            return cast(Upload, self._wire.ask("POST", "/uploads", params=asked, content=_pieces(file), headers=size))

    def remove(self, upload: str) -> None:
        """Delete a file that was sent, and what was mended of it."""
        self._wire.ask("DELETE", path_of("uploads", upload))

    def submit(
        self,
        kind: str,
        source: Upload | str | None = None,
        *,
        priority: int = 0,
        key: str | None = None,
        **options: Any,
    ) -> Job:
        """Hand in a job: heal, check, profile, crash_test, train, monitor_run or retrain.

        Parameters
        ----------
        source
            An upload, or the path of a file in a folder that the service may read.
        key
            Names this job: the same key again gives the same job. Without one it has a key of its own, so that it is
            safe to send it again when an answer is lost.
        options
            As the command takes them.
        """
        told: dict[str, Any] = {"kind": kind, "priority": priority, "options": _plain(options)}
        if source is not None:
            told["source"] = {"path": source} if isinstance(source, str) else {"upload": source["id"]}
        headers = {"Idempotency-Key": key or uuid4().hex}
        return cast(Job, self._wire.ask("POST", "/jobs", json=told, headers=headers, again=True))

    def jobs(self, *, state: str | None = None, kind: str | None = None) -> Iterator[Job]:
        """Jobs, newest first; without their results."""
        return self._wire.pages("/jobs", state=state, kind=kind)

    def job(self, job: str) -> Job:
        """A job: how far it is, and what came of it."""
        return cast(Job, self._wire.ask("GET", path_of("jobs", job)))

    def cancel(self, job: str) -> Job:
        """Stop a job: at once where it waits, soon where it runs."""
        return cast(Job, self._wire.ask("POST", path_of("jobs", job, "cancel"), again=True))

    def wait(self, job: Job | str, *, timeout_s: float | None = None) -> Job:
        """A job once it is done.

        Raises
        ------
        ServiceProblem
            It failed or was cancelled, and the message says why.
        TimeoutError
            It goes on for longer than this; it is not cancelled.
        """
        name = job if isinstance(job, str) else job["id"]
        end, pause = time.monotonic() + (timeout_s if timeout_s is not None else float("inf")), FIRST_S
        while (now := self.job(name))["state"] not in ENDED:
            if time.monotonic() + pause > end:
                raise TimeoutError(f"job {name} is still {now['state']} ({now['stage']}, {now['progress']:.0%})")
            time.sleep(pause)
            pause = min(pause * 1.5, MOST_S)
        if now["state"] != "done":
            problem = now["problem"]
            why, kind = ("somebody cancelled it", None) if problem is None else (problem["message"], problem["type"])
            raise ServiceProblem(f"job {name} {now['state']}: {why}", kind=kind)
        return now

    def download(self, run: str, out: Path | str, *, force: bool = False) -> Path:
        """Write the mended table of a run, as later answers and undos left it.

        Raises
        ------
        OutputError
            There is such a file already (without `force`), or it cannot be written; nothing is half written.
        """
        from kintsu.io.store.atomic import explained, rename, temporary

        target = Path(out)
        if target.exists() and not force:
            raise OutputError(f"{target} exists: choose another name, or say force=True")
        with self._wire.stream(path_of("runs", run, "output")) as pieces, temporary(target) as part, explained(target):
            with part.open("xb") as file:
                file.writelines(pieces)
            rename(part, target, replace=force)
        return target

    def heal(
        self,
        path: Path | str,
        *,
        out: Path | str | None = None,
        force: bool = False,
        timeout_s: float | None = None,
        **options: Any,
    ) -> Job:
        """Send a table, have it mended, wait, and write the mended table where `out` says.

        `result` of the job holds the scores and counts, and `run` leads to the changes and questions.
        """
        if out is not None and Path(out).exists() and not force:
            raise OutputError(f"{out} exists: choose another name, or say force=True")
        done = self.wait(self.submit("heal", self.upload(path), **options), timeout_s=timeout_s)
        if out is not None:
            self.download(str(done["run"]), out, force=force)
        return done

    # what people say

    def questions(self, run: str, *, limit: int = 20) -> list[Question]:
        """What only a person can tell about a run, the most valuable first."""
        found = self._wire.ask("GET", path_of("runs", run, "questions"), params={"limit": limit})
        return cast("list[Question]", found["items"])

    def answer(self, run: str, question: str, option: str) -> Said:
        """Choose an option of a question: the cells change at once."""
        told = {"option": option}
        return cast(Said, self._wire.ask("POST", path_of("runs", run, "questions", question), json=told))

    def correct(self, run: str, cells: Iterable[tuple[int, str, str | None]]) -> Said:
        """Give the right values of cells, as (row of the input, column, value or None for an empty cell)."""
        told = {"cells": [{"row": row, "column": column, "value": value} for row, column, value in cells]}
        return cast(Said, self._wire.ask("POST", path_of("runs", run, "corrections"), json=told))

    def undo(self, run: str, *, row: int | None = None, column: str | None = None, recipe: str | None = None) -> Undone:
        """Take a run, an answer or a part of it back, exactly; an undo can be undone."""
        part = {name: each for name, each in (("row", row), ("column", column), ("recipe", recipe)) if each is not None}
        return cast(Undone, self._wire.ask("POST", path_of("runs", run, "undo"), json=part))

    # watched tables

    def monitor(self, table: str) -> Monitor:
        """How a watched table is doing."""
        return cast(Monitor, self._wire.ask("GET", path_of("monitors", table)))

    def course(self, table: str, *facts: str, days: float | None = None) -> dict[str, list[Any]]:
        """The batches of a watched table over time: a list for each column."""
        asked = {"fact": list(facts), "days": days}
        params = {name: value for name, value in asked.items() if value}
        found = self._wire.ask("GET", path_of("monitors", table, "course"), params=params)
        return cast("dict[str, list[Any]]", found["columns"])

    def batch(self, table: str, batch: str) -> dict[str, Any]:
        """A batch: its facts, and how it was judged."""
        return cast("dict[str, Any]", self._wire.ask("GET", path_of("monitors", table, "batches", batch)))

    def decide(self, table: str, batch: str, *, is_right: bool) -> Decided:
        """Say whether a batch that alarmed is right: then it is learnt from. If not, it stays out."""
        told = {"is_right": is_right}
        return cast(Decided, self._wire.ask("POST", path_of("monitors", table, "batches", batch), json=told))

    def incidents(self, *, table: str | None = None, ended: bool = False) -> Iterator[dict[str, Any]]:
        """Trouble that lasts, the longest known first; then what is over, if asked for."""
        return self._wire.pages("/incidents", table=table, ended=ended)

    def acknowledge(self, incident: str) -> dict[str, Any]:
        """Say that you are at an incident: it rises no more."""
        return cast("dict[str, Any]", self._wire.ask("POST", path_of("incidents", incident, "acknowledge")))

    def resolve(self, incident: str) -> dict[str, Any]:
        """Say that an incident is over."""
        return cast("dict[str, Any]", self._wire.ask("POST", path_of("incidents", incident, "resolve")))


def _pieces(file: IO[bytes]) -> Iterable[bytes]:
    return iter(lambda: file.read(1 << 18), b"")


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Options as the service takes them: what the functions take as tuples are lists there."""
    return {
        name: list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
        for name, value in options.items()
    }
