"""Events that are pushed for a table: accepted, and mended in flight by its trained treatment."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kintsu.core.errors import UnknownName, UsageError
from kintsu.core.events import HEALED, QUARANTINE, EventSink
from kintsu.core.settings import Setting
from kintsu.io.event_files import EventFiles
from kintsu.io.json_events import JsonEvents
from kintsu.io.service.pushed import Pushed, PushedEvents, event_id
from kintsu.io.store.history import History
from kintsu.io.store.presence import alone
from kintsu.io.store.shelf import Shelf
from kintsu.io.store.streams import StreamStore
from kintsu.run.streams import PUSHED
from kintsu.run.treatment import MANIFEST, load_treatment
from kintsu.run.watch_alerts import StreamJudge
from kintsu.run.watch_flow import Flow, Pace

__all__ = ["Accepted", "Target", "accept", "find_treatment", "mend_pushed", "split", "targets_from"]

MOST_EVENTS: Final = 10_000  # of a request
BLANKS: Final = re.compile(r"[ \t\r\n]+")
PACE: Final = Pace(batch=5_000, wait_s=0.2, max_events=500_000, until_idle_s=30.0)
"""After so much, or so long without any, the treatment is read anew."""


@dataclass(frozen=True)
class Target:
    """Where what is pushed for a table goes on to: a folder, or topics of a broker."""

    treatment: Path | None = None
    folder: Path | None = None
    bootstrap: str | None = None
    healed: str = ""
    quarantine: str = ""


@dataclass(frozen=True)
class Accepted:
    """What became of a request: the id of each event, and which of them are new."""

    ids: tuple[str, ...]
    fresh: tuple[bool, ...]


def targets_from(setting: Setting | None) -> dict[tuple[str, str], Target]:
    """The section `ingest:` of a settings file: where events of (tenant, table) go, and what mends them."""
    found = {}
    for each in setting.items() if setting is not None else ():
        names = ("table", "tenant", "treatment", "out", "bootstrap", "healed", "quarantine")
        told = each.mapping(names, needed=("table",))
        if ("out" in told) == ("bootstrap" in told):
            raise each.wrong("say where the events go: either `out`, a folder, or `bootstrap`, a broker")
        texts = {name: setting.text() for name, setting in told.items()}
        table = texts["table"]
        found[texts.get("tenant", "local"), table] = Target(
            Path(texts["treatment"]) if "treatment" in texts else None,
            Path(texts["out"]) if "out" in texts else None,
            texts.get("bootstrap"),
            texts.get("healed", f"{table}.healed"),
            texts.get("quarantine", f"{table}.quarantine"),
        )
    return found


def find_treatment(table: str, home: Path, named: Path | None = None) -> Path:
    """The folder of the treatment of a table: the one that is named, else what a job trained under the table's name.

    Raises
    ------
    UnknownName
        There is none.
    """
    place = named if named is not None else Shelf(home).fetch(home / "treatments" / table)
    if not (place / MANIFEST).is_file():
        raise UnknownName(
            f"no treatment of {table!r}: train one by a job (POST /api/v1/jobs, kind train, name {table!r})"
        )
    return place


def split(body: bytes, *, is_array: bool) -> list[bytes]:
    """The events of a body, byte for byte: the members of a JSON array, or its lines.

    Raises
    ------
    UsageError
        It is no array, or holds too many events or none.
    """
    values = _members(body) if is_array else [line.strip() for line in body.split(b"\n") if line.strip()]
    if not 1 <= len(values) <= MOST_EVENTS:
        raise UsageError(f"a request has 1 to {MOST_EVENTS:,} events, not {len(values):,}: send them in parts")
    return values


def _members(body: bytes) -> list[bytes]:
    try:
        text, found, decoder = body.decode("utf-8"), [], json.JSONDecoder()
        at = _past(text, 0, "[")
        while text[at] != "]":
            _, end = decoder.raw_decode(text, at)
            member = text[at:end]
            found.append((" ".join(member.split("\n")) if "\n" in member else member).encode())
            at = _past(text, end)
            if text[at] != "]":
                at = _past(text, at, ",")
                if text[at] == "]":
                    raise ValueError("a comma before the end")
        if text[at + 1 :].strip():
            raise ValueError("more after the array")
    except (ValueError, IndexError, RecursionError) as error:
        raise UsageError(
            "the body is no JSON array of events: send one, or JSON lines as application/x-ndjson"
        ) from error
    return found


def _past(text: str, at: int, sign: str = "") -> int:
    """The place of the next character that is no blank, after `sign` if one is wanted."""
    at = _after_blanks(text, at)
    if not sign:
        return at
    if text[at] != sign:
        raise ValueError(f"no {sign!r}")
    return _after_blanks(text, at + 1)


def _after_blanks(text: str, at: int) -> int:
    found = BLANKS.match(text, at)
    return at if found is None else found.end()


def accept(
    table: str, values: list[bytes], *, home: Path, key: str | None = None, id_field: str | None = None, most: int
) -> Accepted:
    """Write events down; when this returns none of them is lost by a crash.

    An event is known again by its field `id_field`, else by the `key` of its request and its place in it, else by its
    bytes: then two equal events are one.

    Raises
    ------
    Full
        More than `most` would wait.
    UsageError
        An event lacks the field.
    """
    if id_field is not None:
        ids = [_field(value, id_field, place) for place, value in enumerate(values)]
    elif key is not None:
        ids = [event_id(f"{key}\0{place}".encode()) for place in range(len(values))]
    else:
        ids = [event_id(value) for value in values]
    at_ms = time.time_ns() // 1_000_000
    fresh = Pushed(History(home)).add(table, list(zip(ids, values, strict=True)), at_ms=at_ms, most=most)
    return Accepted(tuple(ids), tuple(fresh))


def _field(value: bytes, name: str, place: int) -> str:
    try:
        told = json.loads(value)[name]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise UsageError(f"event {place} has no field {name!r}, by which it is to be known again") from error
    if told is None or isinstance(told, dict | list | bool):
        raise UsageError(f"event {place} has no text or number in {name!r}")
    text = str(told)
    # half a character is not printable, and has bytes all the same
    return text if len(text) <= 64 and text.isprintable() else event_id(text.encode("utf-8", "surrogatepass"))


def mend_pushed(
    table: str,
    *,
    home: Path,
    target: Target,
    news: threading.Event,
    stop: threading.Event,
    alert: Callable[[Mapping[str, Any]], None] = lambda record: None,
    pace: Pace = PACE,
) -> int:
    """Mend what is pushed for a table until none came for a while, or until told to stop; returns how many events.

    One process mends a table at a time: where another does, this returns at once.
    """
    treatment = load_treatment(find_treatment(table, home, target.treatment))
    folder = target.folder or home / "ingested" / table
    history = History(home)
    with _alone(home / "ingested", table) as is_ours, alone(history.engine, f"push {table}") as is_ours_everywhere:
        if not (is_ours and is_ours_everywhere):
            return 0
        flow = Flow(
            f"{PUSHED}{table}",
            PushedEvents(Pushed(history), table, news),
            _sink(table, target, folder, alert),
            treatment,
            JsonEvents(),
            StreamStore(history),
            StreamJudge(),
            pace,
            stop,
            hidden=treatment.sensitive,
        )
        news.set()  # what was left from before
        try:
            flow.run()
        finally:
            flow.close()
        return flow.total.events


def _sink(table: str, target: Target, folder: Path, alert: Callable[[Mapping[str, Any]], None]) -> EventSink:
    if target.bootstrap is None:
        return EventFiles(folder, table, lambda record: alert(json.loads(record)))
    from kintsu.io.kafka.sink import KafkaSink
    from kintsu.io.kafka.topics import Broker

    broker = Broker(target.bootstrap, {})
    names = {HEALED: target.healed, QUARANTINE: target.quarantine}
    names |= {"metrics": "data-quality-metrics", "alerts": "quality-alerts"}
    parts = broker.make(names.values(), 1)
    return KafkaSink(broker, names, {name: parts[name] for name in names.values()}, 1)


@contextmanager
def _alone(folder: Path, table: str) -> Iterator[bool]:
    """Whether no other process mends this table now; the system lets go when the process ends, however it does."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows: run one process there
        yield True
        return
    with (folder / f".{table}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
