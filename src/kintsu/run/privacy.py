"""Whose values are masked, and for whom not: the section `privacy:` of the settings file."""

from __future__ import annotations

from dataclasses import dataclass

from kintsu.core.settings import Setting
from kintsu.diagnose.masking import Veil
from kintsu.io.service.keys import ROLES

__all__ = ["Privacy", "privacy_from"]


@dataclass(frozen=True)
class Privacy:
    """What people who ask a service may see.

    Attributes
    ----------
    columns
        Patterns of names of columns that are sensitive in every table, besides those that a run was told.
    shown_to
        The least role that sees the values of sensitive columns; nobody where None.
    downloads_to
        The least role that may download files as they are, values of all columns in them.
    """

    columns: tuple[str, ...] = ()
    shown_to: str | None = None
    downloads_to: str = "steward"

    def veil(self, role: str) -> Veil:
        """What is masked for a role."""
        return Veil(self.columns, self.shown_to is not None and _at_least(role, self.shown_to))

    def may_download(self, role: str) -> bool:
        """Whether a role gets files as they are."""
        return _at_least(role, self.downloads_to)


def _at_least(role: str, least: str) -> bool:
    return ROLES.index(role) >= ROLES.index(least)


def privacy_from(setting: Setting | None) -> Privacy:
    """The section as it was read; nothing but what runs were told is sensitive without it."""
    if setting is None:
        return Privacy()
    told = setting.mapping(("columns", "shown_to", "downloads_to"))
    columns = tuple(each.text() for each in told["columns"].items()) if "columns" in told else ()
    roles = {name: told[name].choice(ROLES) for name in ("shown_to", "downloads_to") if name in told}
    return Privacy(columns, **roles)
