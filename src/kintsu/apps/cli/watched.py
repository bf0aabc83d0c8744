"""Lists of watched tables for the terminal: alarms, status, courses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import polars as pl

from kintsu.apps.cli.console import GOLD, plain
from kintsu.apps.cli.summary import DIM, grid

if TYPE_CHECKING:
    from rich.console import Console

    from kintsu.monitor.incidents import Incident
    from kintsu.run.backtest import Backtest
    from kintsu.run.judging import Judged
    from kintsu.run.mend_batch import BatchMending
    from kintsu.run.objectives import Standing
    from kintsu.run.watching import Status

__all__ = [
    "backtest_table",
    "bars_of",
    "course_table",
    "incidents_list",
    "judged_table",
    "mending_table",
    "objectives_table",
    "status_table",
]

BARS: Final = "▁▂▃▄▅▆▇█"
CAUSES: Final = 3


def judged_table(judged: Sequence[Judged], console: Console) -> None:
    """Batches that alarmed: which, what, and why in words."""
    for each in judged:
        told = each.judgement
        issue = "unreadable" if told is None else told.issue
        where = f" ({each.incident.message})" if each.incident is not None else ""
        console.print(f"{plain(each.table, 40)} {plain(each.batch, 80)}: {issue}{where}", style=GOLD, soft_wrap=True)
        if told is None:
            console.print(f"    {plain(each.error or '')}", soft_wrap=True)
            continue
        for cause in told.causes[:CAUSES]:
            such = f" ({', '.join(plain(repr(value), 40) for value in cause.examples)})" if cause.examples else ""
            console.print(f"    {plain(cause.message)}{such}", soft_wrap=True)
        if len(told.causes) > CAUSES:
            console.print(f"    and {len(told.causes) - CAUSES} more", style=DIM)


def status_table(told: Sequence[Status], risky: Sequence[Standing], console: Console) -> None:
    """A line for each table, then open incidents and objectives at risk."""
    if not told:
        console.print("No table is watched: `kintsu monitor add NAME 'orders/*.csv'` begins with one.")
        return
    table = grid(*({"header": name} for name in ("table", "batches", "last", "state", "waiting", "alarms right")))
    table.show_header = True
    for each in told:
        right = "" if each.precision is None else f"{each.precision:.0%}"
        last = plain(each.last_batch or "", 40)
        cells = (plain(each.table, 40), str(each.n_batches), last, each.last_state or "", str(len(each.waiting)), right)
        table.add_row(*cells, style=GOLD if each.waiting else "")
    console.print(table)
    for each in told:
        if each.last_message:
            console.print(f"{plain(each.table, 40)}: {plain(each.last_message)}", soft_wrap=True)
    incidents = [incident for each in told for incident in each.incidents]
    if incidents:
        incidents_list(incidents, console)
    if risky:
        objectives_table(risky, console)


def incidents_list(incidents: Sequence[Incident], console: Console) -> None:
    """What each incident is about, since when, and why."""
    for i in incidents:
        named = ", ".join(f"`{plain(column, 60)}`" for column in i.columns[:CAUSES])
        about = f"{plain(i.table, 40)}: {i.issue.replace('_', ' ')}{' in ' if named else ''}{named}"
        by = f" by {plain(i.by, 60)}" if i.by else ""
        count = f"{i.n_alerts} batch{'' if i.n_alerts == 1 else 'es'}"
        last = f", last {plain(i.batches[-1], 80)}" if i.batches else ""
        style = GOLD if i.state == "open" else "" if i.is_open else DIM
        line = f"#{i.id} {about}: {i.state}{by}, {i.level}, since {i.since:%Y-%m-%d}, {count}{last}"
        console.print(line, style=style, soft_wrap=True)
        for cause in i.causes[:CAUSES]:
            console.print(f"    {plain(cause)}", style=style if style == DIM else "", soft_wrap=True)


def objectives_table(told: Sequence[Standing], console: Console) -> None:
    """A line for each objective."""
    headers = ("table", "objective", "state", "attained", "budget left", "burn rate", "breach")
    table = grid(*({"header": name} for name in headers))
    table.show_header = True
    for each in told:
        a = each.attained
        share = "" if a.attained is None else f"{100 * a.attained:.4g} %"
        burn = "" if a.burn_rate is None else f"{a.burn_rate:.2g}"
        breach = "" if a.outlook.day is None else f"{a.outlook.day:%Y-%m-%d}"
        cells = (plain(each.table, 40), plain(a.objective, 120), a.state.replace("_", " "), share)
        style = "" if a.state == "ok" else GOLD
        table.add_row(*cells, f"{a.left:.3g} of {a.allowed:.3g}", burn, breach, style=style)
    console.print(table)


def mending_table(done: BatchMending, console: Console) -> None:
    """What was wrong, what was tried, and what the monitor says now."""
    console.print(f"before: {plain(done.detected.message)}", soft_wrap=True)
    for each in done.tried:
        after = "" if each.after is None else f", then: {plain(each.after.message)}"
        words = plain(each.remedy.message)
        style = GOLD if each.outcome == "applied" else ""
        console.print(f"  {each.remedy.action:<16}{each.outcome:<9}{words}{after}", style=style, soft_wrap=True)
    console.print(f"{done.action}: {plain(done.message)}", soft_wrap=True)


def backtest_table(found: Backtest, console: Console) -> None:
    """What would be found of each kind of fault, the least found first, and the figures of the whole."""
    table = grid(*({"header": name} for name in ("fault", "issue", "batches", "found", "right column", "right issue")))
    table.show_header = True
    for row in found.kinds.iter_rows(named=True):
        shares = [_percent(row[name]) for name in ("found", "right_column", "right_issue")]
        table.add_row(row["kind"].replace("_", " "), row["issue"], str(row["n"]), *shares)
    console.print(table)
    told = found.to_dict()
    console.print(f"false alarms: {found.false_alarms} of {found.n_good} good batches")
    console.print(
        f"found: {_percent(told['found'])} of the damaged batches, every kind counting the same; the right column "
        f"first in {_percent(told['right_column'])}, the right issue in {_percent(told['right_issue'])}; a fault that "
        f"stays is seen after {found.delay:.1f} batches",
        soft_wrap=True,
    )
    kept = "it is the best" if found.recommended == found.sensitivity else f"{found.recommended:g} is better here"
    console.print(f"sensitivity {found.sensitivity:g}: {kept}")
    for each in found.judges:
        word = "wins here" if each.is_chosen else "does not win here"
        console.print(
            f"judge {each.judge}: {word}; false alarms {_percent(each.false_alarms[0])} without it and "
            f"{_percent(each.false_alarms[1])} with it, found {each.recall[0]:.1%} and {each.recall[1]:.1%} "
            f"(by chance: p = {each.p:.2g})",
            soft_wrap=True,
        )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def course_table(course: pl.DataFrame, facts: Sequence[str], console: Console) -> None:
    """A line for each batch, with a bar for each fact between its least and its most."""
    table = grid(*({"header": name} for name in ("batch", "state", *facts)))
    table.show_header = True
    bars = {fact: bars_of(course[fact].to_list()) for fact in facts}
    for i, row in enumerate(course.iter_rows(named=True)):
        cells = [f"{'' if row[fact] is None else f'{row[fact]:,.6g}'} {bars[fact][i]}" for fact in facts]
        table.add_row(plain(row["name"], 60), row["state"], *cells, style=GOLD if row["alarm"] else "")
    console.print(table)


def bars_of(values: Sequence[float | None]) -> list[str]:
    """A bar for each value between the least and the most of them."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    step = (high - low) / (len(BARS) - 1) or 1.0
    return [" " if value is None else BARS[round((value - low) / step)] for value in values]
