"""What is told to people and systems when an incident changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

__all__ = ["LEVELS", "NEWS", "Notice"]

LEVELS: Final = ("warn", "error", "page")
"""How urgent, mildest first."""

NEWS: Final = ("opened", "continued", "escalated", "reopened", "resolved")
"""What a notice says has happened."""


@dataclass(frozen=True)
class Notice:
    """News of one incident, or of several that began together.

    Attributes
    ----------
    id
        Of the content: the same news has the same id, so that a receiver can drop what came twice.
    kind, level
        One of `NEWS`, one of `LEVELS`.
    title
        One line for a subject or a headline.
    tables, incidents
        Names and ids, the most urgent first.
    issue, columns, came, expected
        Of the first incident; `expected` is "" where no range tells it.
    lines
        A sentence for each incident, or for each cause of the only one.
    batches
        The batch in which each incident was last seen.
    """

    id: str
    kind: str
    level: str
    at: datetime
    title: str
    tables: tuple[str, ...]
    incidents: tuple[str, ...]
    issue: str
    columns: tuple[str, ...]
    came: str
    expected: str
    lines: tuple[str, ...]
    batches: tuple[str, ...]
    upstream: str = ""

    @property
    def text(self) -> str:
        """Title and lines, as plain text."""
        return "\n".join([self.title, *(f"- {line}" for line in self.lines)])

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self) | {"at": self.at.isoformat()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Notice:
        """The notice of a JSON object."""
        told: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list | tuple) else value for key, value in plain.items()
        }
        return cls(**told | {"at": datetime.fromisoformat(plain["at"])})
