"""Incidents of watched tables, told and tended: what is new goes out, and people say what they know."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kintsu.core.errors import UsageError
from kintsu.core.notice import LEVELS, Notice
from kintsu.io.notify.routes import Route, labelled, send
from kintsu.io.store.history import open_history
from kintsu.io.store.incidents import SENT, WAITING, Delivery, IncidentStore
from kintsu.io.store.paging import Page
from kintsu.monitor.alerts import AlertPolicy
from kintsu.monitor.incidents import Incident, acknowledge, advance, resolve

__all__ = [
    "Telling",
    "acknowledge_incident",
    "incidents",
    "incidents_page",
    "resolve_incident",
    "tell",
    "try_routes",
]


@dataclass(frozen=True)
class Telling:
    """What was sent, and what could not be: that is tried again the next time."""

    sent: tuple[Delivery, ...] = ()
    failed: tuple[Delivery, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {"sent": [each.to_dict() for each in self.sent], "failed": [each.to_dict() for each in self.failed]}


def tell(
    routes: Iterable[Route] = (),
    policy: AlertPolicy | None = None,
    *,
    home: Path | str | None = None,
    now: datetime | None = None,
) -> Telling:
    """Tell what is new about the incidents, what has become due with time, and what could not be sent before.

    A notice is written to the store before it is sent: if this process ends in between, the next one sends it.
    """
    store, at, rules = IncidentStore(open_history(home)), now or datetime.now(UTC), policy or AlertPolicy()
    named = labelled(routes)
    with store.changing(ended_since=at - rules.reopen_within) as draft:
        draft.incidents, notices = advance(draft.incidents, [], at, rules)
        draft.deliveries = [
            Delivery(name, notice) for name, route in named.items() for notice in notices if route.takes(notice)
        ]
    return _sent(store, named, at)


def _sent(store: IncidentStore, routes: Mapping[str, Route], now: datetime) -> Telling:
    waiting = store.claim(routes, now) if routes else []
    done: list[Delivery] = []
    for name, route in routes.items():
        mine = [each for each in waiting if each.route == name]
        why = {failure.notice: failure.message for failure in send(route, [each.notice for each in mine])}
        tried = [_tried(each, why.get(each.notice.id, "")) for each in mine]
        if tried:
            store.settle(tried)
        done += tried
    sent = tuple(each for each in done if each.state == SENT)
    return Telling(sent, tuple(each for each in done if each.state == WAITING))


def _tried(delivery: Delivery, why: str) -> Delivery:
    return replace(delivery, state=WAITING if why else SENT, n_tries=delivery.n_tries + 1, failure=why)


def try_routes(routes: Iterable[Route], now: datetime | None = None) -> dict[str, str]:
    """Send a test notice over every route, whatever it is for; returns why it failed by route, "" where it worked.

    Raises
    ------
    UsageError
        There is no route.
    """
    named = labelled(routes)
    if not named:
        raise UsageError("there is nowhere to send to: name it in the section `notify:` of kintsu.yaml (--settings)")
    at = now or datetime.now(UTC)
    digest = hashlib.blake2b(f"test {at.isoformat()}".encode(), digest_size=8).hexdigest()
    title, line = "a test of kintsu: notices arrive here", "somebody asked for it with `kintsu monitor notify --test`"
    notice = Notice(digest, "opened", LEVELS[0], at, title, (), (), "none", (), "", "", (line,), ())
    return {name: next((each.message for each in send(route, [notice])), "") for name, route in named.items()}


def incidents(
    names: list[str] | None = None, *, with_ended: bool = False, home: Path | str | None = None
) -> tuple[Incident, ...]:
    """The open incidents of the named tables or of all of them, the longest known first; then the ended ones, the last
    first."""
    history = open_history(home)
    tables = [history.watched(name).name for name in names] if names else None
    return IncidentStore(history).incidents(tables, with_ended=with_ended)


def incidents_page(
    *,
    home: Path | str | None = None,
    limit: int,
    after: str | None = None,
    table: str | None = None,
    with_ended: bool = False,
) -> Page[Incident]:
    """At most so many of `incidents`, those after a cursor, of one table or of all."""
    tables = None if table is None else [table]
    return IncidentStore(open_history(home)).page(limit=limit, after=after, tables=tables, with_ended=with_ended)


def acknowledge_incident(id: str, *, by: str, home: Path | str | None = None, now: datetime | None = None) -> Incident:
    """Say that somebody is at an incident: it rises no more, and is told again only when it ends.

    Raises
    ------
    UsageError
        No open incident has this id.
    """
    return _tended(acknowledge, id, by, home, now)


def resolve_incident(id: str, *, by: str, home: Path | str | None = None, now: datetime | None = None) -> Incident:
    """Say that an incident is over; the next `tell` tells it."""
    return _tended(resolve, id, by, home, now)


def _tended(
    change: Callable[..., tuple[Incident, ...]],  # `acknowledge` or `resolve`
    id: str,
    by: str,
    home: Path | str | None,
    now: datetime | None,
) -> Incident:
    at, wanted = now or datetime.now(UTC), id.removeprefix("#")
    with IncidentStore(open_history(home)).changing(ended_since=at) as draft:
        draft.incidents = change(draft.incidents, wanted, at, by=by)
        return next(incident for incident in draft.incidents if incident.id == wanted)
