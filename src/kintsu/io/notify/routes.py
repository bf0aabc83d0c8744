"""Which notices go where, and sending them: one notifier that fails does not stop the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kintsu.core.contracts import Notifier
from kintsu.core.errors import KintsuError
from kintsu.core.notice import LEVELS, NEWS, Notice
from kintsu.core.registry import load, names
from kintsu.core.settings import Setting

__all__ = ["Failure", "Route", "labelled", "routes_from", "send", "send_all"]

PATIENCE: Final = 2
ENTRY: Final = "`- log: {}`"
FILTERS: Final = ("at_least", "kinds", "tables")


@dataclass(frozen=True)
class Route:
    """A notifier, and the notices that it gets: of a level and above, of some kinds, of some tables (all, if none)."""

    notifier: Notifier
    at_least: str = LEVELS[0]
    kinds: tuple[str, ...] = NEWS
    tables: tuple[str, ...] = ()

    def takes(self, notice: Notice) -> bool:
        """Whether the notice is for this notifier."""
        return (
            LEVELS.index(notice.level) >= LEVELS.index(self.at_least)
            and notice.kind in self.kinds
            and (not self.tables or not {*self.tables}.isdisjoint(notice.tables))
        )


@dataclass(frozen=True)
class Failure:
    """A notice that did not reach a notifier, and why."""

    notifier: str
    notice: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {"notifier": self.notifier, "notice": self.notice, "message": self.message}


def routes_from(setting: Setting | None, environment: Mapping[str, str]) -> tuple[Route, ...]:
    """The routes of the section `notify:`, a list with one notifier an entry.

    Each is a mapping of its name to its settings, which may hold `at_least` (a level), `kinds` and `tables` as well.
    `environment` is where ${NAME} is looked up.

    Raises
    ------
    UsageError
        What is no notifier or no setting of it; names file, line and the nearest known word.
    """
    return tuple(_route(each, environment) for each in setting.items(form=ENTRY)) if setting is not None else ()


def _route(setting: Setting, environment: Mapping[str, str]) -> Route:
    entry = setting.mapping(names("notifiers"), form=ENTRY)
    if len(entry) != 1:
        raise setting.wrong(f"expected one notifier an entry: write {ENTRY}")
    name, options = next(iter(entry.items()))
    if not isinstance(options.value, Mapping | None):
        load("notifiers", name).from_settings(options, environment)  # it knows best what is to be written
    told = options.mapping() if options.value is not None else {}
    own = {key: each for key, each in told.items() if key not in FILTERS}
    notifier = load("notifiers", name).from_settings(replace(options, value=own), environment)
    chosen: dict[str, Any] = {}
    if "at_least" in told:
        chosen["at_least"] = told["at_least"].choice(LEVELS)
    if "kinds" in told:
        chosen["kinds"] = tuple(each.choice(NEWS) for each in told["kinds"].items(form=f"[{NEWS[0]}]"))
    if "tables" in told:
        chosen["tables"] = tuple(each.text() for each in told["tables"].items(form="[orders, items]"))
    return Route(notifier, **chosen)


def labelled(routes: Iterable[Route]) -> dict[str, Route]:
    """The routes by name: that of the notifier, and a number from its second entry on ("webhook 2")."""
    found: dict[str, Route] = {}
    seen: Counter[str] = Counter()
    for route in routes:
        seen[route.notifier.name] += 1
        n = seen[route.notifier.name]
        found[route.notifier.name if n == 1 else f"{route.notifier.name} {n}"] = route
    return found


def send_all(routes: Iterable[Route], notices: Sequence[Notice]) -> list[Failure]:
    """Send every notice wherever it belongs; what failed is returned, for a person and for another try.

    A notifier that failed twice in a row is not waited for again in this call.
    """
    return [failure for route in routes for failure in send(route, [n for n in notices if route.takes(n)])]


def send(route: Route, notices: Sequence[Notice]) -> list[Failure]:
    """Send notices over one route, whatever it takes; returns those that failed."""
    failures: list[Failure] = []
    in_a_row = 0
    for notice in notices:
        if in_a_row == PATIENCE:
            why = f"{route.notifier.name}: not tried, since it failed {PATIENCE} times before"
        else:
            why = _failure(route.notifier, notice)
            in_a_row = in_a_row + 1 if why else 0
        if why:
            failures.append(Failure(route.notifier.name, notice.id, why))
    return failures


def _failure(notifier: Notifier, notice: Notice) -> str:
    """Why a notice could not be sent, "" where it was."""
    try:
        notifier.send(notice)
    except KintsuError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - one that fails must not stop the others; its text may hold a secret
        return f"{notifier.name}: failed with {type(error).__name__}"
    return ""
