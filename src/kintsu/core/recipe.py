"""A recipe: one reusable operation on a column, told in words, with its parameters and its support."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """What a healer does to a column, as data.

    Parameters
    ----------
    healer
        Name of the healer that can replay it.
    column
        The column that is edited; None for whole rows.
    operation
        Short standard name, such as "strip_unit", "null_token", "vote".
    text
        One sentence for a person: what it does, to which column.
    nature
        One of `vocabulary.NATURES`; the policy treats them differently.
    parameters
        JSON-able values that, with the healer, define the operation.
    kind
        One of `vocabulary.KINDS`: what is wrong with a cell that this recipe mends, for cells no detector flagged.
    """

    healer: str
    column: str | None
    operation: str
    text: str
    nature: str = "follows"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "format"

    @property
    def id(self) -> str:
        """Content address: equal operations have equal ids on every machine."""
        content = [self.healer, self.column, self.operation, self.parameters]
        digest = hashlib.blake2b(json.dumps(content, sort_keys=True, default=str).encode(), digest_size=6)
        return f"r-{digest.hexdigest()}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for YAML or JSON."""
        return {"id": self.id, **asdict(self), "parameters": dict(self.parameters)}
