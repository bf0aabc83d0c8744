"""What the service and its workers log, as JSON lines: who asked what and how it ended, what became of jobs; never
values of cells, bodies or secrets."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

__all__ = ["FORMATS", "JsonLines", "to_stream"]

FORMATS: Final = ("json", "text")
FACTS: Final = ("request", "tenant", "who", "method", "route", "status", "ms", "job", "kind", "state", "tries")


class JsonLines(logging.Formatter):
    """A JSON object a line. Of an error its kind and place are told, not its words: they may quote a cell."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        told |= {name: getattr(record, name) for name in FACTS if getattr(record, name, None) is not None}
        if record.exc_info and record.exc_info[1] is not None:
            told |= _error(record.exc_info[1])
        return json.dumps(told, ensure_ascii=False)


def _error(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "at_lines": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    }


class _Text(logging.Formatter):
    """The same for people, in one line."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={getattr(record, name)}" for name in FACTS if getattr(record, name, None) is not None)
        error = record.exc_info[1] if record.exc_info else None
        told = [self.formatTime(record), record.levelname, record.name, record.getMessage(), facts]
        return " ".join(filter(None, [*told, "" if error is None else str(_error(error))]))


def to_stream(form: str, stream: TextIO | None = None) -> logging.Handler:
    """Log requests, jobs and what goes wrong to standard error, or to `stream`; returns the handler."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if form == "json" else _Text())
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger("kintsu").setLevel(logging.INFO)
    return handler
