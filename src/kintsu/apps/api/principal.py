"""Whoever asks."""

from __future__ import annotations

from dataclasses import dataclass

from kintsu.io.service.keys import ROLES

__all__ = ["Principal"]


@dataclass(frozen=True)
class Principal:
    """A tenant's person or program, with one role."""

    tenant: str
    name: str
    role: str

    def may(self, role: str) -> bool:
        """Whether this role is theirs, or a lesser one."""
        return ROLES.index(self.role) >= ROLES.index(role)
