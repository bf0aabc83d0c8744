"""A folder as a sink of events: a file of JSON lines for each micro-batch, and beside it what was put aside.

The name of a file tells its first and last event. Files appear whole, in order, and an event that is in one is not
written again: after a crash each event stands in exactly one file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kintsu.core.events import QUARANTINE, WHY, Output
from kintsu.io.store.atomic import explained, flush, rename, sweep, temporary

__all__ = ["EventFiles"]

SUFFIX: Final = ".ndjson"


@dataclass
class EventFiles:
    """`folder`/NAME-FIRST-LAST.ndjson holds events as they went on; `folder`/quarantine has a file of the same name for
    those that were put aside, with the reason: `{"id": ..., "why": ..., "event": ...}`.
    """

    folder: Path
    name: str
    alert: Callable[[bytes], None] = lambda record: None

    def __post_init__(self) -> None:
        self._aside = self.folder / "quarantine"
        with explained(self.folder):
            self._aside.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._last = max((end for _, end in self._mine(self.folder)), default=0)
        for path, end in list(self._mine(self._aside)):
            if end > self._last:  # a crash came before the file that says that the micro-batch is written
                path.unlink()

    def _mine(self, folder: Path) -> Iterator[tuple[Path, int]]:
        """The files of this name and their last events; another table may share the folder, and begin with its name."""
        named = re.compile(rf"{re.escape(self.name)}-\d{{12,}}-(\d{{12,}}){re.escape(SUFFIX)}")
        for path in folder.iterdir():
            if found := named.fullmatch(path.name):
                yield path, int(found[1])

    def send(self, outputs: Sequence[Output]) -> None:
        fresh = [output for output in outputs if output.event.place > self._last]
        if not fresh:
            return
        first, last = fresh[0].event.place, fresh[-1].event.place
        name = f"{self.name}-{first:012}-{last:012}{SUFFIX}"
        aside = [_told(output) for output in fresh if output.to == QUARANTINE]
        if aside:
            self._write(self._aside / name, aside)
        passed = [output.value for output in fresh if output.to != QUARANTINE and output.value is not None]
        # even where all were put aside: this file says that the micro-batch is written
        self._write(self.folder / name, passed)
        self._last = last

    def _write(self, target: Path, lines: Sequence[bytes]) -> None:
        with explained(target), temporary(target) as fresh:
            sweep(target)
            fresh.write_bytes(b"".join(line + b"\n" for line in lines))
            flush(fresh)
            rename(fresh, target, replace=True)

    def tell(self, channel: str, key: str, record: bytes) -> None:
        if channel == "alerts":
            self.alert(record)

    def settled(self, wait_s: float) -> bool:
        return True

    def close(self) -> None:
        pass


def _told(output: Output) -> bytes:
    headers, event = dict(output.headers), output.event
    id = (event.key or event.id.encode()).decode()
    value = (event.value or b"").decode("utf-8", "replace")
    return json.dumps(
        {"id": id, "why": (headers.get(WHY) or b"").decode(), "event": value}, ensure_ascii=False
    ).encode()
