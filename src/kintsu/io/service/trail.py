"""The audit trail: every call of the service that may have written something. Append-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kintsu.io.store.history import History
from kintsu.io.store.paging import Page
from kintsu.io.store.records import now_text

__all__ = ["Act", "Trail", "keep_acts"]


@dataclass(frozen=True)
class Act:
    """One call: who did what, and how it ended (an HTTP status)."""

    who: str
    role: str
    action: str
    status: int
    request: str
    at: str = ""
    id: int = 0


def keep_acts(history: History, acts: Sequence[tuple[str, Act]]) -> None:
    """Append calls, each with the tenant of whoever called."""
    from kintsu.io.store import schema

    rows = [
        {
            "tenant": tenant,
            "at": act.at or now_text(),
            "who": act.who,
            "role": act.role,
            "action": act.action[:512],
            "status": act.status,
            "request": act.request,
        }
        for tenant, act in acts
    ]
    with schema.adding(history.engine) as connection:
        connection.execute(schema.audit.insert(), rows)


@dataclass(frozen=True)
class Trail:
    """The trail of one tenant."""

    history: History

    def page(self, *, limit: int, before: int | None = None) -> Page[Act]:
        """The last calls, newest first; those before the one with this id."""
        from kintsu.io.store import schema

        table = schema.audit
        query = table.select().where(table.c.tenant == self.history.tenant).order_by(table.c.id.desc())
        query = query if before is None else query.where(table.c.id < before)
        with schema.reading(self.history.engine) as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        acts = [Act(row.who, row.role, row.action, row.status, row.request, row.at, row.id) for row in rows]
        return Page.cut(acts, limit, lambda act: str(act.id))
