"""Lazy registry: a name -> "module:Class", imported on first use. Built-ins register exactly like plug-ins."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from kintsu.core.errors import DuplicateName, UsageError
from kintsu.core.registered import BUILT_IN

__all__ = ["load", "load_all", "names", "packages"]


@cache
def _targets(kind: str) -> dict[str, str]:
    """Name -> "module:Class" of all members of a kind, built-ins first, then entry points `kintsu.<kind>`."""
    targets = dict(BUILT_IN[kind])
    for point in entry_points(group=f"kintsu.{kind}"):
        if point.name in targets and targets[point.name] != point.value:
            raise DuplicateName(f"two {kind} are called {point.name!r}: {targets[point.name]} and {point.value}")
        targets[point.name] = point.value
    return targets


def names(kind: str) -> list[str]:
    """Names of all members of a kind ("detectors", "connectors", "notifiers", ...), in registration order."""
    return list(_targets(kind))


def load(kind: str, name: str) -> Any:
    """The class (any plug-in contract: hence Any) behind a name.

    Raises
    ------
    UsageError
        No member has this name; the message lists those that exist.
    """
    targets = _targets(kind)
    if name not in targets:
        raise UsageError(f"unknown {kind.rstrip('s')} {name!r}; known: {', '.join(targets)}")
    module, _, attribute = targets[name].partition(":")
    return getattr(import_module(module), attribute)


def load_all(kind: str) -> dict[str, Any]:
    """Name -> class of every member of a kind."""
    return {name: load(kind, name) for name in names(kind)}


def packages() -> frozenset[str]:
    """Names of the packages that registered detectors and healers come from."""
    return frozenset(
        target.partition(":")[0].partition(".")[0]
        for kind in ("detectors", "healers")
        for target in _targets(kind).values()
    )
