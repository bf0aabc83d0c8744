"""What is pushed is mended in this process: a thread for each table that has events."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kintsu.apps.office import Office
from kintsu.io.service.pushed import Pushed
from kintsu.io.store.events import Events
from kintsu.io.store.history import History
from kintsu.io.store.home import has_store
from kintsu.io.store.schema import tenants
from kintsu.run.ingest import Target, mend_pushed, targets_from

__all__ = ["Intake"]

PAUSE_S: Final = 1.0  # before what failed, or what another process has in hand, is tried again
log = logging.getLogger("kintsu.api")


@dataclass(eq=False)
class Intake:
    """The threads. One ends when nothing has come for a while; the next event starts another."""

    office: Office
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _news: dict[tuple[str, str], threading.Event] = field(default_factory=dict)
    _threads: dict[tuple[str, str], threading.Thread] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._targets = targets_from(self.office.file.sections.get("ingest"))

    def target(self, tenant: str, table: str) -> Target:
        """Where events of a table go, and what mends them."""
        told = self._targets.get((tenant, table), Target())
        named = dict(self.office.settings.treatments).get(table if tenant == "local" else f"{tenant}/{table}")
        return told if named is None else Target(named, told.folder, told.bootstrap, told.healed, told.quarantine)

    def wake(self, tenant: str, table: str) -> None:
        """Say that events of a table have come."""
        with self._lock:
            about = tenant, table
            self._news.setdefault(about, threading.Event()).set()
            if about not in self._threads and not self._stop.is_set():
                self._threads[about] = threading.Thread(target=self._mend_on, args=about, daemon=True)
                self._threads[about].start()

    def resume(self) -> None:
        """Go on with what was accepted before this process began."""
        for tenant in ("local", *tenants(self.office.settings.home)):
            home = self.office.home(tenant)
            if has_store(home):
                for table in Pushed(History(home)).waiting():
                    self.wake(tenant, table)

    def close(self) -> None:
        """Settle what is under way, and end."""
        self._stop.set()
        with self._lock:
            for news in self._news.values():
                news.set()
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()

    def _mend_on(self, tenant: str, table: str) -> None:
        home, target, about = self.office.home(tenant), self.target(tenant, table), (tenant, table)
        pushed = Pushed(History(home))

        def alert(record: Mapping[str, Any]) -> None:
            if home != self.office.home("local") and record["stage"] == "detect":  # of whose store nobody hears events
                told = {name: record[name] for name in ("alert", "stream", "kind", "column")}
                Events(self.office.of(tenant)).add("alert", told)

        while not self._stop.is_set():
            try:
                mend_pushed(table, home=home, target=target, news=self._news[about], stop=self._stop, alert=alert)
                with self._lock:
                    if not pushed.waiting().get(table):
                        del self._threads[about]
                        return
            except Exception:  # the store itself may be away: a thread that died would never be started again
                log.exception("events of %s cannot be mended now: they wait", table)
            self._stop.wait(PAUSE_S)
