"""Notices to a channel of Slack, or of what takes the same messages (Mattermost, Rocket.Chat, Discord's /slack)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from kintsu.core.notice import Notice
from kintsu.core.settings import Setting
from kintsu.io.notify.post import KEYS, Target, post, target_from

__all__ = ["SlackNotifier"]

MARKS: Final = {"warn": ":large_yellow_circle:", "error": ":red_circle:", "page": ":rotating_light:"}
OVER: Final = ":white_check_mark:"
LONGEST: Final = 2_900  # Slack takes 3,000 characters in a block
MOST_LINES: Final = 10


@dataclass(frozen=True)
class SlackNotifier:
    """Posts a message to an incoming webhook of Slack."""

    name: ClassVar[str] = "slack"

    target: Target

    @classmethod
    def from_settings(cls, setting: Setting, environment: Mapping[str, str]) -> SlackNotifier:
        """Keys: url (as ${NAME}: whoever knows it can post), timeout, retries, allow_private, ca_file."""
        told = setting.mapping(KEYS, needed=("url",))
        return cls(target_from(told, environment, is_secret=True))

    def send(self, notice: Notice) -> None:
        """Post it."""
        post(self.name, self.target, message(notice), {"Idempotency-Key": notice.id})


def message(notice: Notice) -> dict[str, Any]:
    """The message: a headline, the reasons, and where it came from."""
    mark = OVER if notice.kind == "resolved" else MARKS[notice.level]
    reasons = [f"• {_safe(line)}" for line in notice.lines[:MOST_LINES]]
    if len(notice.lines) > MOST_LINES:
        reasons.append(f"and {len(notice.lines) - MOST_LINES} more")
    told = [f"{mark} *{_safe(notice.title)}*", *reasons]
    small = f"{notice.level} · incident {', '.join(notice.incidents[:3])} · batch {', '.join(notice.batches[:3])}"
    return {
        "text": _safe(notice.title)[:LONGEST],
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(told)[:LONGEST]}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": _safe(small)[:LONGEST]}]},
        ],
    }


def _safe(text: str) -> str:
    """Text that calls nobody and links nowhere: names and values come from the data."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("*", "∗").replace("@", "@\u200b")
