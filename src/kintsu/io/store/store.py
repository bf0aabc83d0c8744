"""One store: the ledger, an index of runs, and the blobs that hold values."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from kintsu.core.errors import LedgerBroken, OutputError, UnknownRun, UsageError
from kintsu.core.frames import conformed
from kintsu.core.lazy import lazy
from kintsu.io.store.blobs import Blobs, FolderBlobs, content_hash
from kintsu.io.store.home import server_of
from kintsu.io.store.ledger import Entry, append, read, verify_chain
from kintsu.io.store.presence import Held, hold, is_written
from kintsu.io.store.process import is_here
from kintsu.io.store.records import CHANGES, COUNTED, Run, counted_by_recipe, now_text, text_of
from kintsu.io.store.unfinished import is_unfinished

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["Store", "Verified", "blobs_of"]

LOST_AFTER = timedelta(hours=1)  # a machine that was away so long does not come back to tell how its run ended

RELEASING = ("purged", "pruned", "respelt")  # entries that say which blobs are gone, and what replaced them


Releases = dict[str, list[tuple[str | None, int]]]
"""Blob that is gone -> (what replaced it, or None; line of the log), in order."""


@dataclass(frozen=True)
class Verified:
    """What a check of the whole store looked at. `gone` counts blobs that were purged or pruned, as the log says."""

    entries: int
    blobs: int
    gone: int


@dataclass(frozen=True)
class Store:
    """The history of one home. Opening is cheap: nothing is touched before the first use."""

    home: Path

    @lazy
    def blobs(self) -> Blobs:
        """The values of runs."""
        return blobs_of(self, "store") or FolderBlobs(self.home / "blobs")

    @lazy
    def engine(self) -> Engine:
        from kintsu.io.store import schema

        return schema.opened(self.home)

    @lazy
    def _held(self) -> dict[str, Held]:
        """Runs that are being written through this object."""
        return {}

    # runs

    def prepare(self, run: Run) -> None:
        """Announce a run whose result lies complete in a temporary file.

        Raises
        ------
        OutputError
            Another living process is about to write the same output.
        """
        from kintsu.io.store import schema

        facts = {name: value for name, value in run.to_dict().items() if name not in ("status", "line")}
        held = hold(self.engine, run.id)
        try:
            with schema.writing(self.engine) as connection:
                same = (schema.runs.c.output == run.output, schema.runs.c.status == "prepared")
                for other in self._runs(connection, *same):
                    if is_written(connection, other):
                        raise OutputError(f"{run.output} is being written by {other.id} right now: wait for it")
                n = append(connection, now_text(), run.id, "prepared", facts)
                index = {"id": run.id, "n": n, "base": run.base, "made": run.made, "output": run.output}
                index |= {"kind": run.kind, "name": run.table}
                connection.execute(schema.runs.insert().values(**index, status="prepared"))
        except BaseException:
            if held is not None:
                held.release()
            raise
        if held is not None:
            self._held[run.id] = held

    def finish(self, run: Run, status: str, **payload: Any) -> None:
        """Log that a prepared run is "done" or "failed"; when done, the runs in `run.also` get their new status."""
        try:
            self._finish(run, status, payload)
        finally:
            if run.id in self._held:
                self._held.pop(run.id).release()

    def _finish(self, run: Run, status: str, payload: Mapping[str, Any]) -> None:
        from kintsu.io.store import schema

        with schema.writing(self.engine) as connection:
            runs = schema.runs
            before = connection.execute(runs.select().where(runs.c.id == run.id)).one()
            if before.status != "prepared":
                return  # another process settled it in the meantime
            append(connection, now_text(), run.id, status, payload)
            connection.execute(runs.update().where(runs.c.id == run.id).values(status=status))
            for other, fresh in run.also.items() if status == "done" else ():
                append(connection, now_text(), other, "undone" if fresh == "undone" else "redone", {"by": run.id})
                connection.execute(runs.update().where(runs.c.id == other).values(status=fresh))

    def recover(self) -> list[str]:
        """Settle the runs that killed processes left behind: done where the output is there, failed where not."""
        return self._settled(self.runs(status="prepared"))

    def _settled(self, prepared: list[Run]) -> list[str]:
        waiting = [run for run in prepared if self._is_left(run)]
        for run in waiting:
            self.settle(run)
        return [run.id for run in waiting]

    def is_written(self, run: Run) -> bool:
        """Whether the process that announced this run is alive, on whatever machine."""
        from kintsu.io.store import schema

        with schema.reading(self.engine) as connection:
            return is_written(connection, run)

    def _is_left(self, run: Run) -> bool:
        """Whether nobody writes this run any more, and this machine can tell how it ended.

        Another machine's file is for that machine to look at, as long as it may come back.
        """
        if self.is_written(run):
            return False
        is_near = self.engine.dialect.name == "sqlite" or is_here(run.process) or self._is_complete(run)
        return is_near or run.started < text_of(datetime.now(UTC) - LOST_AFTER)

    @staticmethod
    def _is_complete(run: Run) -> bool:
        """Whether the output is there, as it was announced."""
        path = Path(run.output)
        return bool(run.made) and path.exists() and content_hash(path) == run.made

    def settle(self, run: Run) -> None:
        """Log how a prepared run that was interrupted ended.

        A file tells by its hash. A database does not: it is logged as done, and an undo checks every cell first.
        """
        if not run.made or self._is_complete(run):
            self.finish(run, "done", recovered=True)
        else:
            self.finish(run, "failed", reason="it ended before the output had its name")

    def left_behind(self, output: str) -> bool:
        """Whether the file at `output` is complete and was left by a run that was killed before it could say so.

        To the log, or to the person who waited for it: the file holds the very bytes that this history knows.
        """
        last = self.runs(output=output)[-1:]
        if not last or last[0].status not in ("done", "prepared") or self.is_written(last[0]):
            return False
        if not self._is_complete(last[0]):
            return False
        if last[0].status == "prepared" or is_unfinished(self.home, last[0].id):
            return True
        return any(entry.payload.get("recovered") for entry in self.entries(last[0].id))

    @staticmethod
    def _runs(connection: Connection, *conditions: Any) -> list[Run]:
        rows = connection.execute(_told_runs().where(*conditions))
        return [Run.from_dict({**json.loads(row.payload), "status": row.status, "line": row.n}) for row in rows]

    def runs(
        self,
        *,
        status: str | None = None,
        base: str | None = None,
        made: str | None = None,
        output: str | None = None,
        table: str | None = None,
        kind: str | None = None,
    ) -> list[Run]:
        """Runs and undos, oldest first, that match what is given."""
        from kintsu.io.store import schema

        wanted = {"status": status, "base": base, "made": made, "output": output, "name": table, "kind": kind}
        conditions = [schema.runs.c[name] == value for name, value in wanted.items() if value is not None]
        with schema.reading(self.engine) as connection:
            return self._runs(connection, *conditions)

    def published(self, *, made: str | None = None, output: str | None = None) -> list[tuple[str, str]]:
        """Ids and outputs of the runs and undos that made this file or wrote to this path, oldest first; from the index
        alone, for a table may be mended every hour."""
        from sqlalchemy import select

        from kintsu.io.store import schema

        runs = schema.runs.c
        wanted = {runs.made: made, runs.output: output}
        query = select(runs.id, runs.output).where(runs.status.in_(("done", "undone"))).order_by(runs.n)
        query = query.where(*(column == value for column, value in wanted.items() if value is not None))
        with schema.reading(self.engine) as connection:
            return [(row.id, row.output) for row in connection.execute(query)]

    def latest(
        self,
        fields: Sequence[str],
        *,
        limit: int,
        before: int | None = None,
        table: str | None = None,
        kind: str | None = None,
    ) -> list[dict[str, Any]]:
        """These fields of at most `limit` runs and undos, newest first: of those announced before a line of the log,
        of a table, of a kind. The database takes them out: a run over thousands of columns is long."""
        from sqlalchemy import select

        from kintsu.io.store import schema

        runs, entries = schema.runs.c, schema.entries.c
        written = tuple(name for name in fields if name not in ("status", "line"))
        told = schema.fields_of(self.engine.dialect.name, entries.payload, written)
        query = select(told.label("told"), runs.status, runs.n).join_from(
            schema.runs, schema.entries, runs.n == entries.n
        )
        wanted = {runs.name: table, runs.kind: kind}
        query = query.where(*(column == value for column, value in wanted.items() if value is not None))
        query = query if before is None else query.where(runs.n < before)
        with schema.reading(self.engine) as connection:
            rows = connection.execute(query.order_by(runs.n.desc()).limit(limit)).all()
        return [schema.fields_in(told, written) | {"status": status, "line": n} for told, status, n in rows]

    def run(self, name: str) -> Run:
        """The run with this id, or the only one whose id starts like this; "last" is the last that was done.

        Raises
        ------
        UnknownRun, UsageError
            None, or several.
        """
        from kintsu.io.store import schema

        with schema.reading(self.engine) as connection:
            return self._run(connection, name)

    def look_up(self, name: str) -> tuple[Run, Releases]:
        """A run as `run` finds it, after `recover`, and what the log says of blobs that are gone: of one moment.

        Raises
        ------
        UnknownRun, UsageError
            As above.
        """
        from kintsu.io.store import schema

        with schema.reading(self.engine) as connection:
            prepared = self._runs(connection, schema.runs.c.status == "prepared")
            found = self._run(connection, name), _releases(connection)
        return (self.run(name), self.releases()) if prepared and self._settled(prepared) else found

    def _run(self, connection: Connection, name: str) -> Run:
        from sqlalchemy import func, select

        from kintsu.io.store import schema

        runs = schema.runs.c
        if name == "last":
            status = func.coalesce(runs.status, "")  # not by the index over states, which would sort all that are done
            last = select(runs.n).where(status.in_(("done", "undone"))).order_by(runs.n.desc()).limit(1)
            found = self._runs(connection, runs.n == last.scalar_subquery())
        else:
            found = self._runs(connection, runs.id == name)
            if not found:
                begun = select(runs.id).where(runs.id.startswith(name, autoescape=True)).limit(2)
                if self.engine.dialect.name == "sqlite":  # its LIKE does not look into the index
                    begun = begun.where(runs.id.between(name, f"{name}\U0010ffff"))
                found = self._runs(connection, runs.id.in_(connection.execute(begun).scalars().all()))
        if not found:
            raise UnknownRun(
                f"no run {name!r} in {self.home}: `kintsu log` lists them (dry runs and data frames leave none)"
            )
        if len(found) > 1:
            raise UsageError(f"{name!r} fits several runs, such as {found[0].id} and {found[1].id}: write it out")
        return found[0]

    # values

    def put_frame(self, frame: pl.DataFrame) -> str:
        """Keep a table as a Parquet blob; returns its hash."""
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        return self.blobs.put(buffer.getvalue())

    def put_changes(self, run: Run, changes: pl.DataFrame) -> Run:
        """The run with its change set (schema `records.CHANGES`), which is kept and counted."""
        counted = counted_by_recipe(changes)
        by_recipe = counted.to_dicts() if len(counted) <= COUNTED else None
        return run.but(changes=self.put_frame(changes), by_recipe=by_recipe)

    def respell(self, run: Run, changes: pl.DataFrame) -> None:
        """Keep the change set as a database carried it out: keys of the rows, values as its columns spell them."""
        fresh = self.put_frame(changes)
        if fresh != run.changes:
            self.note(run.id, "respelt", {"blobs": {run.changes: fresh}})
            if not any(other.id != run.id and run.changes == other.changes for other in self.runs()):
                self.blobs.remove(run.changes)

    def frame(self, digest: str, *, since: int = 0, releases: Releases | None = None) -> pl.DataFrame:
        """The table in a blob as it is now: without the values that were purged after line `since` of the log.

        Whoever asks for many blobs hands in `releases`.

        Raises
        ------
        UsageError
            It was purged or pruned; the message says when.
        """
        current, line = _followed(self.releases() if releases is None else releases, digest, since)
        if current is None:
            raise UsageError(f"these values are gone: they were removed on purpose (line {line} of `kintsu log`)")
        if not self.blobs.has(current):
            raise LedgerBroken(f"blob {current[:12]} is missing from {self.blobs.place}", since)
        return self.read(current)

    def read(self, digest: str) -> pl.DataFrame:
        """The table in this very blob."""
        return pl.read_parquet(io.BytesIO(self.blobs.get(digest)))

    def changes(self, run: Run, *, releases: Releases | None = None) -> pl.DataFrame:
        """The change set of a run, schema `records.CHANGES` plus `purged` Boolean where values were purged."""
        frame = self.frame(run.changes, since=run.line, releases=releases)
        return conformed(frame, CHANGES, *(name for name in frame.columns if name not in CHANGES))

    def releases(self) -> Releases:
        """What the log says of blobs that are gone."""
        from kintsu.io.store import schema

        with schema.reading(self.engine) as connection:
            return _releases(connection)

    def current(self, digest: str | None, *, since: int, releases: Releases | None = None) -> str | None:
        """The blob with what this one held, less what was purged after line `since`; None where all is gone."""
        if not digest:
            return None
        return _followed(self.releases() if releases is None else releases, digest, since)[0]

    # the log

    def entries(self, run: str | None = None) -> list[Entry]:
        """Lines of the log in order."""
        from kintsu.io.store import schema

        with schema.reading(self.engine) as connection:
            return list(read(connection, run=run))

    def note(self, run: str, kind: str, payload: Mapping[str, Any]) -> int:
        """Append a line that changes no run's status ("purged", "pruned", …); returns its number."""
        from kintsu.io.store import schema

        with schema.writing(self.engine) as connection:
            return append(connection, now_text(), run, kind, payload)

    def verify(self) -> Verified:
        """Check every line, the index of runs and every blob.

        Raises
        ------
        LedgerBroken
            Names the first line that does not fit.
        """
        from kintsu.io.store import schema

        with schema.reading(self.engine) as connection:
            entries = verify_chain(connection)
            index = {row.n: row for row in connection.execute(schema.runs.select())}
        status, lines = _replayed(entries)
        for entry in entries:
            if entry.kind == "prepared":
                self._check_index(entry, index.pop(entry.n, None), status[entry.run])
        if index:
            n, row = next(iter(index.items()))
            raise LedgerBroken(f"the index knows a run {row.id} that line {n} does not announce", n)
        return self._check_blobs(entries, lines)

    @staticmethod
    def _check_index(entry: Entry, row: Any, status: str) -> None:
        facts = entry.payload
        known = ("id", "base", "made", "output", "kind", "table")
        expected = (status, *(facts[name] for name in known))
        if row is None or (row.status, row.id, row.base, row.made, row.output, row.kind, row.name) != expected:
            raise LedgerBroken(f"the index of runs does not agree with line {entry.n} of the history", entry.n)

    def _check_blobs(self, entries: list[Entry], lines: Mapping[str, int]) -> Verified:
        gone = {old: entry.n for entry in entries if entry.kind in RELEASING for old in entry.payload["blobs"]}
        missing = checked = 0
        for digest, line in lines.items():
            if not self.blobs.has(digest):
                if gone.get(digest, 0) < line:
                    raise LedgerBroken(f"blob {digest[:12]} of line {line} is missing", line)
                missing += entries[gone[digest] - 1].kind != "respelt"
            elif not self.blobs.check(digest):
                raise LedgerBroken(f"blob {digest[:12]} of line {line} was edited", line)
            else:
                checked += 1
        return Verified(len(entries), checked, missing)


def blobs_of(store: Store, room: str) -> Blobs | None:
    """The blobs that all machines of a store share, for runs ("store") or files of the service ("files"); None where
    it is a folder of one machine."""
    server = server_of(store.home)
    if server is None:
        return None
    if server.blobs is not None:
        return FolderBlobs(server.blobs / room, is_shared=True)
    from kintsu.io.store.table_blobs import TableBlobs

    return TableBlobs(lambda: store.engine, room)


@cache
def _told_runs() -> Any:
    """Payload, status and line of runs, oldest first."""
    from sqlalchemy import select

    from kintsu.io.store import schema

    runs, entries = schema.runs.c, schema.entries.c
    query = select(entries.payload, runs.status, runs.n).join(schema.runs, runs.n == entries.n)
    return query.order_by(runs.n)


def _releases(connection: Connection) -> Releases:
    found: Releases = {}
    for entry in read(connection, kinds=RELEASING):
        for old, new in entry.payload["blobs"].items():
            found.setdefault(old, []).append((new, entry.n))
    return found


def _followed(releases: Releases, digest: str, since: int) -> tuple[str | None, int]:
    """What became of a blob that was named in line `since`, and in which line.

    A purge holds for runs announced before it: the same values may come in again afterwards.
    """
    current: str | None = digest
    line = since
    while current is not None:
        later = [step for step in releases.get(current, []) if step[1] > line]
        if not later:
            break
        current, line = later[0]
    return current, line


def _replayed(entries: list[Entry]) -> tuple[dict[str, str], dict[str, int]]:
    """Status of each run as the entries tell it, and the line that last names each blob."""
    status: dict[str, str] = {}
    lines: dict[str, int] = {}
    for entry in entries:
        if entry.kind in ("prepared", "done", "failed", "undone"):
            status[entry.run] = entry.kind
        elif entry.kind == "redone":
            status[entry.run] = "done"
        for digest in _named_blobs(entry):
            lines[digest] = entry.n
    return status, lines


def _named_blobs(entry: Entry) -> Iterator[str]:
    if entry.kind == "prepared":
        named = ("changes", "findings", "original", "pending", "recipes", "learned", "report")
        yield from (entry.payload[name] for name in named if entry.payload.get(name))
    elif entry.kind in RELEASING:
        yield from (new for new in entry.payload["blobs"].values() if new)
