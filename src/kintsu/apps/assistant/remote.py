"""The tools over a service: it grants what the role of the key allows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from kintsu.apps.assistant.folders import Folders, fresh
from kintsu.apps.assistant.tools import SHOWN, plan
from kintsu.apps.client.answers import Job, Question, Upload
from kintsu.apps.client.client import Client
from kintsu.diagnose.masking import HIDDEN_WHY, masked

__all__ = ["RemoteTools"]


@dataclass(frozen=True)
class RemoteTools:
    """Files of this machine are sent to the service, and what it mended is written beside them."""

    client: Client
    folders: Folders

    def check(self, path: str) -> dict[str, Any]:
        source = self.folders.table(path)
        with self._for_a_while(source) as sent:
            return dict(self._done("check", sent, source)["result"] or {})

    def heal(self, path: str, apply: bool = False, auto: float = 0.95) -> dict[str, Any]:
        source = self.folders.table(path)
        if not apply:
            with self._for_a_while(source) as sent:
                return plan(dict(self._done("heal", sent, source, auto=auto, dry_run=True)["result"] or {}))
        done = self._done("heal", self.client.upload(source), source, auto=auto)
        run = str(done["run"])
        told = dict(done["result"] or {}) | {"run": run, "output": str(self.client.download(run, fresh(source)))}
        return told | {"changes": self.changes(run)["changes"]}

    def questions(self, run: str, limit: int = 10) -> list[dict[str, Any]]:
        return [self._veiled(each) for each in self.client.questions(run, limit=limit)]

    def answer(self, run: str, question: str, option: str) -> dict[str, Any]:
        return dict(self.client.answer(run, question, option))

    def changes(
        self, run: str, column: str | None = None, row: int | None = None, limit: int = SHOWN
    ) -> dict[str, Any]:
        found = islice(self.client.changes(run, column=column, row=row), limit)
        told = [masked(dict(each), self.folders.veil) for each in found]
        return {"edits": self.client.run(run)["edits"], "changes": told}

    def undo(self, run: str, column: str | None = None, row: int | None = None) -> dict[str, Any]:
        return dict(self.client.undo(run, column=column, row=row))

    def _veiled(self, question: Question) -> dict[str, Any]:
        """A question without values of our sensitive columns: its words quote them."""
        veil = self.folders.veil
        told: dict[str, Any] = masked(dict(question), veil)
        if any(veil.hides(cell.get("column")) for option in question["options"] for cell in option["effect"]):
            told |= {"text": HIDDEN_WHY, "options": [{**each, "text": HIDDEN_WHY} for each in told["options"]]}
        return told

    def _done(self, kind: str, sent: Upload, source: Path, **options: Any) -> Job:
        return self.client.wait(self.client.submit(kind, sent, sensitive=self.folders.hidden(source), **options))

    @contextmanager
    def _for_a_while(self, source: Path) -> Iterator[Upload]:
        """A file that the service keeps no longer than it is looked at."""
        sent = self.client.upload(source)
        try:
            yield sent
        finally:
            self.client.remove(sent["id"])
