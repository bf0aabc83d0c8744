"""How alerts become incidents and notices: the policy, and how it is written in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from kintsu.core.errors import UsageError
from kintsu.core.notice import LEVELS
from kintsu.core.settings import Setting
from kintsu.monitor.issue import ISSUES

__all__ = ["UNREADABLE", "AlertPolicy", "policy_from"]

UNREADABLE: Final = "unreadable"
"""The issue of an incident about a batch or a source that cannot be read: a monitor has not judged it."""


@dataclass(frozen=True)
class AlertPolicy:
    """When incidents open, rise, end and are told.

    Attributes
    ----------
    level, levels
        Urgency of a new incident, and of those of an issue ("schema": "error").
    resolve_after
        Good batches in a row that end an incident. Twice as many each time that it came back, up to 16 times, so that
        a flapping table is not told again and again.
    reopen_within
        After its end, the time in which the same trouble re-opens an incident instead of opening another.
    cool_down
        An incident that only goes on is told again no sooner than this after its last notice.
    escalate_after_batches, escalate_after
        An open incident that nobody acknowledged and that had no good batch since rises a level after so many alarming
        batches, or after so long.
    group_within
        Where notices may wait (see `incidents.advance`), the longest that an incident waits for others of its upstream.
    upstream
        Table -> what feeds it. Incidents that open together are one notice for each upstream; tables that are not named
        are taken together.
    """

    level: str = "warn"
    levels: Mapping[str, str] = field(default_factory=dict)
    resolve_after: int = 2
    reopen_within: timedelta = timedelta(days=7)
    cool_down: timedelta = timedelta(hours=24)
    escalate_after_batches: int = 3
    escalate_after: timedelta = timedelta(hours=48)
    group_within: timedelta = timedelta(minutes=15)
    upstream: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for level in (self.level, *self.levels.values()):
            if level not in LEVELS:
                raise UsageError(f"unknown level {level!r}; known: {', '.join(LEVELS)}")
        if self.resolve_after < 1 or self.escalate_after_batches < 1:
            raise UsageError("resolve_after and escalate_after_batches are numbers of batches, at least 1")
        if self.escalate_after <= timedelta(0):
            raise UsageError("escalate_after is a time, longer than none")

    def first_level(self, issue: str) -> int:
        """Place in `LEVELS` at which an incident opens."""
        return LEVELS.index(self.levels.get(issue, self.level))

    def to_dict(self) -> dict[str, Any]:
        """What `policy_from` reads."""
        return {
            "level": self.level,
            "levels": dict(self.levels),
            "resolve_after": self.resolve_after,
            "reopen_within": _seconds(self.reopen_within),
            "cool_down": _seconds(self.cool_down),
            "escalate_after": {"batches": self.escalate_after_batches, "time": _seconds(self.escalate_after)},
            "group_within": _seconds(self.group_within),
            "upstream": dict(self.upstream),
        }


def policy_from(setting: Setting | None) -> AlertPolicy:
    """The policy of the section `alerts:`; what it does not say stays at its default.

    Raises
    ------
    UsageError
        An unknown word or a value that cannot be one; names file, line and the nearest known word.
    """
    if setting is None:
        return AlertPolicy()
    known = ("level", "levels", "resolve_after", "reopen_within", "cool_down", "escalate_after", "group_within")
    told = setting.mapping((*known, "upstream"))
    found: dict[str, Any] = {}
    for name in ("reopen_within", "cool_down", "group_within"):
        if name in told:
            found[name] = told[name].duration()
    if "level" in told:
        found["level"] = told["level"].choice(LEVELS)
    if "levels" in told:
        levels = told["levels"].mapping(
            (*(issue for issue in ISSUES if issue != "none"), UNREADABLE), form="{schema: error}"
        )
        found["levels"] = {issue: each.choice(LEVELS) for issue, each in levels.items()}
    if "resolve_after" in told:
        found["resolve_after"] = told["resolve_after"].count(least=1)
    if "escalate_after" in told:
        steps = told["escalate_after"].mapping(("batches", "time"))
        if "batches" in steps:
            found["escalate_after_batches"] = steps["batches"].count(least=1)
        if "time" in steps:
            found["escalate_after"] = steps["time"].duration()
            if not found["escalate_after"]:
                raise steps["time"].wrong("expected a time longer than none")
    if "upstream" in told:
        found["upstream"] = {
            table: each.text() for table, each in told["upstream"].mapping(form="{orders: shop}").items()
        }
    return AlertPolicy(**found)


def _seconds(time: timedelta) -> str:
    seconds = time.total_seconds()
    return f"{int(seconds) if seconds == int(seconds) else seconds} seconds"
