"""One alert a batch becomes incidents: opened, continued, escalated, resolved, re-opened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from kintsu.core.errors import UnknownName
from kintsu.core.notice import LEVELS, Notice
from kintsu.monitor.alerts import AlertPolicy
from kintsu.monitor.issue import WHOLE
from kintsu.monitor.judge import BatchJudgement
from kintsu.monitor.notices import told

__all__ = ["Incident", "JudgedBatch", "Placement", "acknowledge", "advance", "follow", "forgive", "resolve"]

KEPT: Final = 50  # names of batches that an incident keeps
MOST_COLUMNS: Final = 20  # a table in which everything moved is not told column by column
MOST_DOUBLINGS: Final = 4  # a flapping incident needs at most 16 times as many good batches


@dataclass(frozen=True)
class JudgedBatch:
    """What a monitor said of one batch of a table; `batch` names it, and is never used for another."""

    table: str
    batch: str
    judgement: BatchJudgement

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are to blame, first suspect first; none where the issue is about the whole batch."""
        if self.judgement.issue in WHOLE:
            return ()
        loud = [cause.column for cause in self.judgement.causes if cause.column and cause.strength > 1]
        return tuple(dict.fromkeys([*self.judgement.columns[:1], *loud]))[:MOST_COLUMNS]


@dataclass(frozen=True)
class Incident:
    """Trouble of one table that lasts: several may be open, none of them about the same columns.

    Attributes
    ----------
    id
        Of the content: table, issue, columns and first batch.
    state
        "open", "acknowledged" (somebody is at it: it no longer rises, and is told again only when it ends) or
        "resolved".
    opened_at, since
        When it was first seen, and when it was last opened or re-opened.
    n_alerts, n_since
        Alarming batches of which it was the main trouble, in all and since then.
    batches, good
        The last alarming batches, and the good ones since the last of these.
    news
        What has not been told yet, "" for nothing.
    by
        Who acknowledged or resolved it last, "" for nobody.
    """

    id: str
    table: str
    issue: str
    columns: tuple[str, ...]
    opened_at: datetime
    since: datetime
    last_seen_at: datetime
    state: str
    level: str
    n_alerts: int
    n_since: int
    n_reopened: int
    causes: tuple[str, ...]
    came: str
    expected: str
    batches: tuple[str, ...]
    good: tuple[str, ...] = ()
    resolved_at: datetime | None = None
    acknowledged_at: datetime | None = None
    told_at: datetime | None = None
    news: str = ""
    by: str = ""

    @property
    def is_open(self) -> bool:
        return self.state != "resolved"

    @property
    def subjects(self) -> frozenset[tuple[str, str]]:
        """What it is about: open incidents of one table share none of these."""
        return _subjects(self.issue, self.columns)

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {key: v.isoformat() if isinstance(v, datetime) else v for key, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Incident:
        """The incident of a JSON object."""
        read: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list | tuple) else value for key, value in plain.items()
        }
        moments = {
            key: datetime.fromisoformat(v) for key, v in plain.items() if v and (key == "since" or key[-3:] == "_at")
        }
        return cls(**read | moments)


Incidents = tuple[Incident, ...]


@dataclass(frozen=True)
class Placement:
    """The incident that an alarming batch belongs to, as it was after it; `relation` is "new", "continues" or
    "reopened"."""

    incident: Incident
    relation: str

    @property
    def message(self) -> str:
        """A few words."""
        i = self.incident
        if self.relation == "new":
            return f"new incident #{i.id}"
        if self.relation == "reopened":
            return f"incident #{i.id} of {i.opened_at:%Y-%m-%d} came back (time {i.n_reopened})"
        over = ", which is over," if not i.is_open else ""
        return f"continues #{i.id}{over} since {i.since:%Y-%m-%d} ({i.n_since} batch{'' if i.n_since == 1 else 'es'})"

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        i = self.incident
        told = {"id": i.id, "relation": self.relation, "state": i.state, "level": i.level, "since": i.since.isoformat()}
        return told | {"opened_at": i.opened_at.isoformat(), "n_batches": i.n_since, "message": self.message}


def advance(
    incidents: Iterable[Incident],
    batches: Sequence[JudgedBatch],
    now: datetime,
    policy: AlertPolicy | None = None,
    *,
    hold: bool = False,
) -> tuple[Incidents, tuple[Notice, ...]]:
    """The incidents after some judged batches, and what is to be told.

    An alarming batch continues the open incident with which it shares most columns (or the issue, where that is about
    the whole batch), else re-opens one that ended lately, else opens one. Further open incidents that it touches stay
    open. A clean batch counts for every open incident of its table; one that was judged while the monitor was still
    learning counts for none. Handing over an alarming batch, or the last clean one, again changes nothing.

    Parameters
    ----------
    incidents
        Those that are open, and those that ended within `reopen_within`; older ones play no part.
    batches
        In the order in which they came. None at all lets only time pass: incidents rise, held notices become due.
    now
        Of the same kind (with or without a time zone) in every call.
    hold
        Whether news of an opening may wait for others of the same upstream, if a notice about it went out less than
        `group_within` ago. Only for a service that calls again later. Otherwise the incidents of this call are grouped.
    """
    rules = policy or AlertPolicy()
    after, _ = follow(incidents, batches, now, rules)
    return told(sorted((_risen(incident, now, rules) for incident in after), key=_age), now, rules, hold=hold)


def follow(
    incidents: Iterable[Incident], batches: Sequence[JudgedBatch], now: datetime, policy: AlertPolicy | None = None
) -> tuple[Incidents, tuple[Placement | None, ...]]:
    """The first half of `advance`: the incidents after some batches, and where each batch belongs; None where it is
    clean. The news stay with the incidents, for a later `advance` without batches to tell: both give the same."""
    rules = policy or AlertPolicy()
    found: dict[str, dict[str, Incident]] = {}
    for incident in incidents:
        found.setdefault(incident.table, {})[incident.id] = incident
    placed: list[Placement | None] = []
    for batch in batches:
        mine = found.setdefault(batch.table, {})
        changed = _after(mine, batch, now, rules)
        placed.append(_placement(mine, changed, batch) if batch.judgement.alarm else None)
        mine |= {incident.id: incident for incident in changed}
    return tuple(incident for mine in found.values() for incident in mine.values()), tuple(placed)


def _placement(before: Mapping[str, Incident], changed: Sequence[Incident], batch: JudgedBatch) -> Placement:
    if not changed:  # it was handed over before
        about = _subjects(batch.judgement.issue, batch.columns)
        mine = [incident for incident in before.values() if batch.batch in incident.batches]
        return Placement(max(mine, key=lambda i: (len(i.subjects & about), i.is_open, _age(i))), "continues")
    known = before.get(changed[0].id)
    relation = "new" if known is None else "continues" if known.is_open else "reopened"
    return Placement(changed[0], relation)


def forgive(incidents: Iterable[Incident], table: str, batch: str, now: datetime) -> Incidents:
    """The incidents without a batch that was right after all. One that has no other batch is over.

    Its columns and its level stay: what else it holds was judged with them.
    """
    return tuple(_without(i, batch, now) if i.table == table and batch in i.batches else i for i in incidents)


def _without(incident: Incident, batch: str, now: datetime) -> Incident:
    rest = tuple(name for name in incident.batches if name != batch)
    fewer = int(incident.n_alerts >= len(incident.batches))  # else it may have been the main trouble of another one
    less = replace(
        incident,
        batches=rest,
        n_alerts=max(incident.n_alerts - fewer, 0),
        n_since=max(incident.n_since - fewer, 0),
    )
    if rest or not incident.is_open:
        return less
    return replace(less, state="resolved", resolved_at=now, news="resolved" if incident.told_at else "")


def acknowledge(incidents: Iterable[Incident], id: str, now: datetime, *, by: str = "") -> Incidents:
    """The incidents with one that somebody is at.

    Raises
    ------
    UnknownName
        No open incident has this id.
    """
    return _changed(incidents, id, state="acknowledged", acknowledged_at=now, by=by)


def resolve(incidents: Iterable[Incident], id: str, now: datetime, *, by: str = "") -> Incidents:
    """The incidents with one that a person says is over; it is told by the next `advance`."""
    return _changed(incidents, id, state="resolved", resolved_at=now, news="resolved", by=by)


def _changed(incidents: Iterable[Incident], id: str, **fields: Any) -> Incidents:
    """`fields` are those of an incident."""
    known = tuple(incidents)
    if not any(incident.id == id and incident.is_open for incident in known):
        there = ", ".join(incident.id for incident in known if incident.is_open) or "none"
        raise UnknownName(f"no open incident {id!r}; open: {there}")
    return tuple(replace(incident, **fields) if incident.id == id else incident for incident in known)


def _after(found: Mapping[str, Incident], batch: JudgedBatch, now: datetime, policy: AlertPolicy) -> list[Incident]:
    """The incidents of a batch's table that it changes or opens."""
    mine = sorted(found.values(), key=_age)
    running = [incident for incident in mine if incident.is_open]
    if not batch.judgement.alarm:
        return [_better(i, batch.batch, now, policy) for i in running] if batch.judgement.state == "judged" else []
    if any(batch.batch in incident.batches for incident in mine):
        return []
    about = _subjects(batch.judgement.issue, batch.columns)
    touched = [incident for incident in running if incident.subjects & about]
    if touched:
        main = max(touched, key=lambda incident: len(incident.subjects & about))
        others = [replace(i, last_seen_at=now, good=(), batches=_kept(i, batch)) for i in touched if i is not main]
        return [_worse(main, batch, now, "continued", running), *others]
    ended = [i for i in mine if i.resolved_at and i.subjects & about and now - i.resolved_at <= policy.reopen_within]
    if ended:
        last = max(ended, key=lambda incident: (incident.resolved_at, incident.id))
        again = replace(last, state="open", since=now, n_since=0, resolved_at=None, acknowledged_at=None, by="")
        return [_worse(replace(again, n_reopened=last.n_reopened + 1), batch, now, "reopened", running)]
    return [_opened(batch, now, policy)]


def _opened(batch: JudgedBatch, now: datetime, policy: AlertPolicy) -> Incident:
    issue, columns = batch.judgement.issue, batch.columns
    content = json.dumps([batch.table, issue, sorted(columns), batch.batch])
    return Incident(
        id=hashlib.blake2b(content.encode(), digest_size=6).hexdigest(),
        table=batch.table,
        issue=issue,
        columns=columns,
        opened_at=now,
        since=now,
        last_seen_at=now,
        state="open",
        level=LEVELS[policy.first_level(issue)],
        n_alerts=1,
        n_since=1,
        n_reopened=0,
        batches=(batch.batch,),
        news="opened",
        **_reasons(batch),
    )


def _worse(incident: Incident, batch: JudgedBatch, now: datetime, news: str, running: list[Incident]) -> Incident:
    """The incident with one more alarming batch; it takes on columns that no other open incident is about."""
    taken = {column for other in running if other.id != incident.id for column in other.columns}
    own = (*incident.columns, *batch.columns) if incident.columns else ()
    return replace(
        incident,
        columns=tuple(dict.fromkeys(column for column in own if column not in taken))[:MOST_COLUMNS],
        last_seen_at=now,
        n_alerts=incident.n_alerts + 1,
        n_since=incident.n_since + 1,
        batches=_kept(incident, batch),
        good=(),
        news=incident.news if news == "continued" and incident.news else news,
        **_reasons(batch),
    )


def _better(incident: Incident, batch: str, now: datetime, policy: AlertPolicy) -> Incident:
    """The incident with one more good batch."""
    good = incident.good if batch in incident.good else (*incident.good, batch)
    if len(good) < policy.resolve_after * 2 ** min(incident.n_reopened, MOST_DOUBLINGS):
        return replace(incident, good=good)
    return replace(incident, good=good, state="resolved", resolved_at=now, news="resolved")


def _risen(incident: Incident, now: datetime, policy: AlertPolicy) -> Incident:
    """The incident at the level that it has reached by now."""
    if incident.state != "open" or incident.good:
        return incident
    steps = max(incident.n_since // policy.escalate_after_batches, (now - incident.since) // policy.escalate_after)
    level = min(policy.first_level(incident.issue) + steps, len(LEVELS) - 1)
    if level <= LEVELS.index(incident.level):
        return incident
    news = incident.news if incident.news in ("opened", "reopened") else "escalated"
    return replace(incident, level=LEVELS[level], news=news)


def _subjects(issue: str, columns: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    return frozenset(("", column) for column in columns) or frozenset([(issue, "")])


def _kept(incident: Incident, batch: JudgedBatch) -> tuple[str, ...]:
    return (*incident.batches, batch.batch)[-KEPT:]


def _reasons(batch: JudgedBatch) -> dict[str, Any]:
    """Fields of an incident: why its last batch alarmed."""
    causes = [cause for cause in batch.judgement.causes if cause.strength > 1] or list(batch.judgement.causes[:1])
    return {
        "causes": tuple(cause.message for cause in causes),
        "came": causes[0].came if causes else "",
        "expected": causes[0].expected if causes else "",
    }


def _age(incident: Incident) -> tuple[datetime, str]:
    return incident.opened_at, incident.id
