"""News of incidents as notices: what is worth telling now, and what belongs together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from kintsu.core.notice import LEVELS, NEWS, Notice
from kintsu.monitor.alerts import AlertPolicy

if TYPE_CHECKING:
    from kintsu.monitor.incidents import Incident

__all__ = ["told"]

OPENINGS: Final = ("opened", "reopened")
MOST_NAMES: Final = 5  # names in a title


def told(
    incidents: Sequence[Incident], now: datetime, policy: AlertPolicy, *, hold: bool
) -> tuple[tuple[Incident, ...], tuple[Notice, ...]]:
    """The incidents with their news told, and the notices: one for each kind of news and upstream.

    One that began and ended since the last time is told with both.
    """
    kept, groups = [], dict[tuple[str, str], list["Incident"]]()
    recent = _recently_told(incidents, now, policy) if hold else set()
    for incident in incidents:
        if not incident.news or _waits(incident, recent, now, policy):
            kept.append(incident)
            continue
        if incident.news == "continued" and _is_quiet(incident, now, policy):
            kept.append(replace(incident, news=""))
            continue
        is_over_untold = incident.news == "resolved" and incident.told_at is None
        for kind in ("opened", "resolved") if is_over_untold else (incident.news,):
            groups.setdefault((kind, policy.upstream.get(incident.table, "")), []).append(incident)
        kept.append(replace(incident, news="", told_at=now))
    ordered = sorted(groups.items(), key=lambda group: NEWS.index(group[0][0]))  # stable; what began before its end
    return tuple(kept), tuple(_notice(kind, upstream, of, now) for (kind, upstream), of in ordered)


def _is_quiet(incident: Incident, now: datetime, policy: AlertPolicy) -> bool:
    """Whether it would only be repeated that the incident goes on."""
    if incident.state == "acknowledged":
        return True
    return incident.told_at is not None and now - incident.told_at < policy.cool_down


def _recently_told(incidents: Sequence[Incident], now: datetime, policy: AlertPolicy) -> set[str]:
    """The upstreams of which something was told a short time ago."""
    told_at = ((policy.upstream.get(i.table, ""), i.told_at) for i in incidents)
    return {upstream for upstream, at in told_at if at is not None and now - at < policy.group_within}


def _waits(incident: Incident, recent: set[str], now: datetime, policy: AlertPolicy) -> bool:
    """Whether an opening waits for others of its upstream; what pages never does."""
    if incident.news not in OPENINGS or incident.level == LEVELS[-1] or now - incident.since >= policy.group_within:
        return False
    return policy.upstream.get(incident.table, "") in recent


def _notice(kind: str, upstream: str, incidents: Sequence[Incident], now: datetime) -> Notice:
    ranked = sorted(incidents, key=lambda i: (-LEVELS.index(i.level), i.opened_at, i.table, i.id))
    first = ranked[0]
    content = [kind, [[i.id, i.level, i.n_alerts, i.n_reopened] for i in ranked]]
    digest = hashlib.blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()
    return Notice(
        id=digest,
        kind=kind,
        level=first.level,
        at=now,
        title=_title(kind, upstream, ranked),
        tables=tuple(dict.fromkeys(i.table for i in ranked)),
        incidents=tuple(i.id for i in ranked),
        issue=first.issue,
        columns=first.columns,
        came=first.came,
        expected=first.expected,
        lines=first.causes if len(ranked) == 1 else tuple(f"{_subject(i)}: {_reason(i)}" for i in ranked),
        batches=tuple(i.batches[-1] for i in ranked if i.batches),  # one that was right after all has none
        upstream=upstream,
    )


def _title(kind: str, upstream: str, ranked: Sequence[Incident]) -> str:
    first = ranked[0]
    if len(ranked) == 1:
        return f"{_subject(first)} {_NEWS[kind].format(n=first.n_since, level=first.level, times=first.n_reopened)}"
    tables = list(dict.fromkeys(i.table for i in ranked))
    named = ", ".join(tables[:MOST_NAMES]) + (f" and {len(tables) - MOST_NAMES} more" if tables[MOST_NAMES:] else "")
    feed = f" fed by {upstream}" if upstream else ""
    what = f"{len(ranked)} incidents of {len(tables)} table{'s' if len(tables) > 1 else ''}{feed}"
    return f"{what} {_SEVERAL[kind]}: {named}"


_NEWS: Final = {
    "opened": "began",
    "continued": "goes on, {n} batches by now",
    "escalated": "is not over after {n} batches: now {level}",
    "reopened": "came back (time {times})",
    "resolved": "is over",
}
_SEVERAL: Final = {
    "opened": "began",
    "continued": "go on",
    "escalated": "are not over, now more urgent",
    "reopened": "came back",
    "resolved": "are over",
}


def _subject(incident: Incident) -> str:
    named = ", ".join(f"`{column}`" for column in incident.columns[:MOST_NAMES])
    return f"{incident.table}: {incident.issue.replace('_', ' ')}{' in ' if named else ''}{named}"


def _reason(incident: Incident) -> str:
    return incident.causes[0] if incident.causes else "no reason was given"
