"""What alarmed: batches of watched tables and streams, in one list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kintsu.diagnose.masking import HIDDEN, Veil
from kintsu.io.store.alerts import Alert, alerts_page
from kintsu.io.store.history import open_history
from kintsu.io.store.paging import Page

__all__ = ["alerts"]


def alerts(
    *,
    home: Path | str | None = None,
    limit: int = 50,
    before: str | None = None,
    table: str | None = None,
    veil: Veil | None = None,
) -> Page[Alert]:
    """The alarms of a store, newest first: those before a cursor, of a table or stream.

    `veil` says whose values are masked.
    """
    place = None
    if before is not None:
        at, kind, id = before.split("_", 2)
        place = (int(at), kind, id)
    page = alerts_page(open_history(home, create=True), limit=limit, before=place, table=table)
    screen = veil or Veil()
    return Page([_masked(each, screen) for each in page.items], page.next)


def _masked(alert: Alert, veil: Veil) -> Alert:
    return replace(alert, message=HIDDEN) if any(map(veil.hides, alert.columns)) else alert
