"""monitor incidents, acknowledge, resolve, notify, objectives, prune: what lasts, who is told, what is promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kintsu.apps.cli import options as o
from kintsu.apps.cli.console import console, emit, plain
from kintsu.apps.cli.monitors import By, Home, Names, Settings, monitor

if TYPE_CHECKING:
    from kintsu.io.store.incidents import Delivery
    from kintsu.monitor.incidents import Incident

__all__ = ["monitor", "told_failures"]

Id = Annotated[str, typer.Argument(metavar="ID", help="The incident, as `monitor incidents` names it.")]


def told_failures(failed: Sequence[Delivery]) -> None:
    """A line on standard error for each notice that did not arrive."""
    for each in failed:
        told = f"notice {plain(each.notice.title, 120)!r} not sent over {each.route}: {plain(each.failure)}"
        typer.echo(f"kintsu: {told}; it is tried again at the next run", err=True)


@monitor.command("incidents")
def incidents(
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    home: Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """List the open incidents, the longest known first."""
    from kintsu.apps.cli.watched import incidents_list
    from kintsu.run.notify import incidents as run

    found = run(names, with_ended=every, home=home)
    if as_json:
        emit({"incidents": [incident.to_dict() for incident in found]})
    elif not quiet and found:
        incidents_list(found, console())
    elif not quiet:
        console().print("no incidents" if every else "no open incidents")
    return 0


def _tended(incident: Incident, *, as_json: bool) -> int:
    if as_json:
        emit(incident.to_dict())
    else:
        subject = f"{plain(incident.table, 40)}: {incident.issue.replace('_', ' ')}"
        console().print(f"incident #{incident.id} ({subject}) is {incident.state} by {plain(incident.by)}")
    return 0


@monitor.command("acknowledge")
def acknowledge(id: Id, by: By = None, home: Home = None, as_json: o.Json = False) -> int:
    """Say that somebody is at an incident: it does not escalate, and is told again only when it ends."""
    import getpass

    from kintsu.run.notify import acknowledge_incident

    return _tended(acknowledge_incident(id, by=by or getpass.getuser(), home=home), as_json=as_json)


@monitor.command("resolve")
def resolve(id: Id, by: By = None, home: Home = None, as_json: o.Json = False) -> int:
    """Say that an incident is over; the next run tells it. Its batches stay held until `accept` or `reject`."""
    import getpass

    from kintsu.run.notify import resolve_incident

    return _tended(resolve_incident(id, by=by or getpass.getuser(), home=home), as_json=as_json)


@monitor.command("notify")
def notify(
    test: Annotated[bool, typer.Option("--test", help="Send a test notice over every route.")] = False,
    settings: Settings = None,
    home: Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Tell what is due, and try again what could not be sent; or test every route. Exits with 3 if one fails."""
    import os

    from kintsu.apps.cli.exits import OK, STEP_FAILED
    from kintsu.run.notify import tell, try_routes
    from kintsu.run.watch_settings import find_settings

    chosen = find_settings(settings)
    routes = chosen.routes(os.environ)
    if test:
        tried = try_routes(routes)
        if as_json:
            emit({"routes": [{"route": name, "sent": not why, "failure": why} for name, why in tried.items()]})
        elif not quiet:
            for name, why in tried.items():
                console().print(f"{name}: {plain(why) if why else 'sent'}", soft_wrap=True)
        return STEP_FAILED if any(tried.values()) else OK
    telling = tell(routes, chosen.policy(), home=home)
    told_failures(telling.failed)
    if as_json:
        emit(telling.to_dict())
    elif not quiet:
        console().print(f"{len(telling.sent)} notices sent, {len(telling.failed)} not")
    return STEP_FAILED if telling.failed else OK


@monitor.command("objectives")
def objectives(
    names: Names = None,
    settings: Settings = None,
    seed: o.Seed = 0,
    home: Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """How objectives stand: attained, error budget, when they will be missed. Exits with 1 if one is breached."""
    from kintsu.apps.cli.exits import BELOW, OK
    from kintsu.apps.cli.watched import objectives_table
    from kintsu.run.objectives import stand
    from kintsu.run.watch_settings import find_settings

    told = stand(find_settings(settings), names, home=home, seed=seed)
    if as_json:
        emit({"objectives": [each.to_dict() for each in told]})
    elif not quiet:
        objectives_table(told, console())
        for each in told:
            if each.attained.outlook.day is not None:
                console().print(f"{plain(each.table, 40)}: {plain(each.attained.message)}", soft_wrap=True)
    return BELOW if any(each.attained.state == "breached" for each in told) else OK


@monitor.command("prune")
def prune(
    names: Names = None,
    home: Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
    *,
    keep_days: Annotated[
        int, typer.Option("--keep-days", metavar="N", min=1, help="Forget months that ended before so many days ago.")
    ],
) -> int:
    """Forget old batches, and incidents that ended before then. What a baseline still learns from stays."""
    from kintsu.run.retention import prune as run

    gone = run(names, keep_days=keep_days, home=home)
    if as_json:
        emit(gone.to_dict())
    elif not quiet:
        also = f", {gone.windows:,} windows of streams" if gone.windows else ""
        console().print(f"forgotten: {gone.months} months of batches, {gone.incidents} incidents that had ended{also}")
    return 0
