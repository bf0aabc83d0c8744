"""monitor add, backfill, run, status, trend, accept, reject, remove: tables that are watched over time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kintsu.apps.cli import options as o
from kintsu.apps.cli.console import console, emit, plain, progress

__all__ = ["monitor"]

monitor = typer.Typer(
    name="monitor",
    help="Watch tables over time: learn what is normal, judge each new batch, hold back what is not.",
    no_args_is_help=True,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The watched table.", show_default=False)]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Watched tables; all where none is named.")
]
BatchName = Annotated[str, typer.Argument(metavar="BATCH", help="The batch, as `monitor run` names it.")]
Home = Annotated[
    str | None,
    typer.Option("--home", metavar="PLACE", help="A folder or a PostgreSQL URL (else KINTSU_HOME, else .kintsu here)."),
]
By = Annotated[str | None, typer.Option("--by", metavar="WHO", help="Who decides (else the user of this machine).")]
Settings = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="Objectives, alerts and where notices go (else kintsu.yaml here, if it is there).",
    ),
]


@monitor.command("add")
@o.reads
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name for the table.", show_default=False)],
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A pattern of files in quotes, 'orders/*.csv': each is a batch. Or one table, with --date.",
            show_default=False,
        ),
    ],
    date: Annotated[
        str | None, typer.Option("--date", metavar="COLUMN", help="Cut one table into batches by this column.")
    ] = None,
    every: Annotated[str, typer.Option("--every", metavar="1d", help="Length of a period: 1h, 1d, 1w, 6h.")] = "1d",
    window: Annotated[int, typer.Option("--window", metavar="N", min=2, help="Batches that are learnt from.")] = 60,
    sensitivity: Annotated[
        float,
        typer.Option("--sensitivity", metavar="X", help="Above 1 finds smaller faults, with more false alarms."),
    ] = 1.0,
    sensitive: Annotated[
        list[str] | None,
        typer.Option("--sensitive", metavar="COLUMN", help="Keep values of this column as hashes only; repeatable."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Change the settings of a table watched already.")] = False,
    home: Home = None,
    *,
    read: o.Read,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Begin to watch a table: files that come, or the periods of one table."""
    from kintsu.run import watching
    from kintsu.run.batches import MonitorSettings

    chosen = {key: value for key, value in vars(read).items() if value is not None}
    settings = MonitorSettings(source, date, every, window, sensitivity, chosen or None, o.names(sensitive))
    watched = watching.add(name, settings, home=home, replace=replace)
    if as_json:
        emit({"name": watched.name, "settings": dict(watched.settings)})
    elif not quiet:
        console().print(f"watching {plain(name)}: `kintsu monitor backfill {plain(name)}` learns from what is there")
    return 0


@monitor.command("backfill")
def backfill(name: Name, home: Home = None, as_json: o.Json = False, quiet: o.Quiet = False) -> int:
    """Learn from the batches that are there already, oldest first."""
    from kintsu.apps.cli.watched import judged_table
    from kintsu.run import watching

    with progress(quiet or as_json) as show:
        judged = watching.backfill(name, home=home, progress=show)
    held = [each for each in judged if each.state == "held"]
    if as_json:
        emit({"learnt": len(judged) - len(held), "held": [each.to_dict() for each in held]})
    elif not quiet:
        console().print(f"{len(judged) - len(held)} batches learnt, {len(held)} held back as unusual")
        judged_table(held, console())
    return 0


@monitor.command("run")
def run(
    names: Names = None,
    settings: Settings = None,
    home: Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Judge the batches that have come since the last time, and tell whom it concerns. Exits with 1 if any alarms."""
    import os

    from kintsu.apps.cli.exits import BELOW, OK, STEP_FAILED
    from kintsu.apps.cli.incidents import told_failures
    from kintsu.apps.cli.watched import judged_table
    from kintsu.run import watching
    from kintsu.run.notify import tell
    from kintsu.run.watch_settings import find_settings

    chosen = find_settings(settings)
    policy, routes = chosen.policy(), chosen.routes(os.environ)
    with progress(quiet or as_json) as show:
        judged = watching.run(names, home=home, policy=policy, progress=show)
        telling = tell(routes, policy, home=home)
    alarms = [each for each in judged if each.alarm]
    told_failures(telling.failed)
    if as_json:
        plain_judged = [each.to_dict() for each in judged]
        emit({"judged": plain_judged, "alarms": len(alarms), "notices": telling.to_dict()})
    elif not quiet:
        console().print(f"{len(judged)} new batches judged, {len(alarms)} alarm" if judged else "no new batches")
        judged_table(alarms, console())
        if alarms and alarms[0].judgement is not None:
            at = f"{plain(alarms[0].table)} {plain(alarms[0].batch)}"
            console().print(
                f"right after all? `kintsu monitor accept {at}`; wrong? `kintsu monitor reject {at}`", soft_wrap=True
            )
    return BELOW if alarms else STEP_FAILED if telling.failed else OK


@monitor.command("status")
def status(
    names: Names = None,
    settings: Settings = None,
    home: Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """How the watched tables are doing: last batch, what waits for a decision, open incidents, objectives at risk."""
    from kintsu.apps.cli.watched import status_table
    from kintsu.run import watching
    from kintsu.run.objectives import at_risk
    from kintsu.run.watch_settings import find_settings

    told = watching.status(names, home=home)
    risky = at_risk(find_settings(settings), names, home=home)
    if as_json:
        from kintsu.run.models import Models

        drifts = Models.open(home).drifts()
        tables = {"tables": [each.to_dict() for each in told], "objectives": [each.to_dict() for each in risky]}
        emit(tables | ({"models": drifts} if drifts else {}))
    elif not quiet:
        status_table(told, risky, console())
    return 0


@monitor.command("trend")
def trend(
    name: Name,
    fact: Annotated[
        list[str] | None,
        typer.Option("--fact", metavar="FACT", help="A number to show, such as completeness:email; repeatable."),
    ] = None,
    days: Annotated[float | None, typer.Option("--days", metavar="N", help="Only the last N days.")] = None,
    home: Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """The course of a table over its batches."""
    from kintsu.apps.cli.watched import course_table
    from kintsu.core.errors import UsageError
    from kintsu.run import watching

    course = watching.trend(name, fact, days=days, home=home)
    unknown = [each for each in fact or () if course[each].null_count() == course.height] if course.height else []
    if unknown:
        known = watching.trend(name, days=days, home=home).columns[12:]
        raise UsageError(f"no batch of {name!r} has a fact {unknown[0]!r}; there is {', '.join(known[:12])}, ...")
    if as_json:
        emit({"batches": course.to_dicts()})
    elif not quiet:
        course_table(course, fact or ["rows"], console())
    return 0


@monitor.command("report")
def report(
    name: Name,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT.html", help="Write the page here.")],
    days: Annotated[int, typer.Option("--days", metavar="N", min=1, help="How far back it looks.")] = 180,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT.html.")] = False,
    home: Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Draw a watched table over time: a calendar of alarms, courses with what was expected, the last batch."""
    from kintsu.run.pictures import report as run

    path = run(name, out, days=days, home=home, force=force)
    if as_json:
        emit({"table": name, "report": path})
    elif not quiet:
        console().print(f"written to {plain(path)}", soft_wrap=True)
    return 0


def _decide(name: str, batch: str, *, is_right: bool, home: str | None, by: str | None, as_json: bool) -> int:
    import getpass

    from kintsu.run import watching

    verdict = watching.decide(name, batch, is_right=is_right, by=by or getpass.getuser(), home=home)
    row, incident = verdict.batch, verdict.incident
    if as_json:
        left = None if incident is None else incident.to_dict()
        emit({"table": name, "batch": row.name, "state": row.state, "by": row.verdict_by, "incident": left})
        return 0
    console().print(f"{plain(batch)} is {row.state}: it is {'learnt from' if is_right else 'not learnt from'}")
    if incident is not None:
        rest = f"goes on with {', '.join(plain(each, 80) for each in incident.batches[-3:])}"
        console().print(f"incident #{incident.id} {rest if incident.is_open else 'is over'}", soft_wrap=True)
    return 0


@monitor.command("accept")
def accept(name: Name, batch: BatchName, by: By = None, home: Home = None, as_json: o.Json = False) -> int:
    """Say that a batch that alarmed is right: the alarm was false, and the batch is learnt from."""
    return _decide(name, batch, is_right=True, home=home, by=by, as_json=as_json)


@monitor.command("reject")
def reject(name: Name, batch: BatchName, by: By = None, home: Home = None, as_json: o.Json = False) -> int:
    """Say that a batch that alarmed is wrong: it stays out of what is normal."""
    return _decide(name, batch, is_right=False, home=home, by=by, as_json=as_json)


@monitor.command("mend")
def mend(
    name: Name,
    batch: BatchName,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="OUT", help="Write the mended batch here (.csv or .parquet).")
    ] = None,
    apply: Annotated[
        list[str] | None,
        typer.Option("--apply", metavar="ACTION", help="Carry out what has to be asked for, by its name; repeatable."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="COLUMN", help="Find rows of the last good batch by this column.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT.")] = False,
    by: By = None,
    home: Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Mend a batch that alarmed, or say what would help; then judge it again. Exits with 1 if it still alarms."""
    import getpass

    from kintsu.apps.cli.exits import BELOW, OK
    from kintsu.apps.cli.watched import mending_table
    from kintsu.run.mend_batch import mend_batch

    who = by or getpass.getuser()
    done = mend_batch(name, batch, home=home, out=out, allow=apply or (), key=key, by=who, force=force)
    if as_json:
        emit({"table": name, "batch": batch, "output": out} | done.to_dict())
    elif not quiet:
        mending_table(done, console())
        if out is not None:
            console().print(f"written to {plain(out)}", soft_wrap=True)
    return BELOW if done.validated.alarm else OK


@monitor.command("backtest")
def backtest(
    name: Name,
    steps: Annotated[
        int, typer.Option("--steps", metavar="N", min=1, help="Damage the last N good batches, each in every way.")
    ] = 10,
    seed: o.Seed = 0,
    apply: Annotated[
        bool, typer.Option("--apply", help="Use the recommended sensitivity, and judges, from now on.")
    ] = False,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Try judges that learn from rows, too (needs the extra deep): a minute or two."),
    ] = False,
    home: Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Damage past batches in known ways: how much would be found here, with how many false alarms, how soon?"""
    from kintsu.apps.cli.watched import backtest_table
    from kintsu.run.backtest import backtest as run

    with progress(quiet or as_json) as show:
        found = run(name, steps=steps, seed=seed, home=home, apply=apply, deep=deep, progress=show)
    if as_json:
        emit({"table": name, "applied": apply} | found.to_dict())
    elif not quiet:
        backtest_table(found, console())
        if not apply and (found.recommended != found.sensitivity or found.chosen):
            how = " --deep" if deep else ""
            console().print(f"`kintsu monitor backtest {plain(name)}{how} --apply` uses it from now on")
    return 0


@monitor.command("remove")
def remove(name: Name, home: Home = None, as_json: o.Json = False) -> int:
    """Stop watching a table and forget its history."""
    from kintsu.run import watching

    watching.remove(name, home=home)
    if as_json:
        emit({"removed": name})
    else:
        console().print(f"{plain(name)} is watched no longer")
    return 0
