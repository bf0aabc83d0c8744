"""Notices to Python's logging, or to a file of JSON lines."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from kintsu.core.errors import NotifyError
from kintsu.core.notice import Notice
from kintsu.core.settings import Setting

__all__ = ["LogNotifier"]

LOGGER: Final = "kintsu.alerts"
LEVEL: Final = {"warn": logging.WARNING, "error": logging.ERROR, "page": logging.CRITICAL}


@dataclass(frozen=True)
class LogNotifier:
    """Logs to the logger `kintsu.alerts`, or appends a line of JSON to a file.

    Levels are WARNING, ERROR and CRITICAL; what is resolved is INFO.
    """

    name: ClassVar[str] = "log"

    file: Path | None = None

    @classmethod
    def from_settings(cls, setting: Setting, environment: Mapping[str, str]) -> LogNotifier:
        """Keys: file; none at all logs."""
        told = setting.mapping(("file",), form="{}, or {file: alerts.jsonl}") if setting.value is not None else {}
        return cls(Path(told["file"].text()) if "file" in told else None)

    def send(self, notice: Notice) -> None:
        """Log it, or append it."""
        if self.file is None:
            level = logging.INFO if notice.kind == "resolved" else LEVEL[notice.level]
            logging.getLogger(LOGGER).log(level, "%s", notice.text, extra={"notice": notice.to_dict()})
            return
        try:
            with self.file.open("a", encoding="utf-8", errors="replace") as lines:
                lines.write(json.dumps(notice.to_dict(), ensure_ascii=False) + "\n")
        except OSError as error:
            raise NotifyError(self.name, f"cannot append to {self.file}: {error.strerror}") from error
