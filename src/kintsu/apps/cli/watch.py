"""gate: whether the next batch of a table may pass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kintsu.apps.cli import options as o
from kintsu.apps.cli.console import console, emit, plain, progress
from kintsu.apps.cli.monitors import Home

__all__ = ["gate"]

Histories = Annotated[
    list[str] | None,
    typer.Option(
        "--history",
        metavar="GLOB",
        help="Earlier files that were right, such as 'orders/2026-11-*.csv', or their folder; repeatable.",
    ),
]
WatchedTable = Annotated[
    str | None,
    typer.Option("--watched", metavar="NAME", help="Judge it as `kintsu monitor run` would judge it for this table."),
]
Record = Annotated[
    bool, typer.Option("--record", help="Keep the batch with the watched table, as `kintsu monitor run` does.")
]
Objectives = Annotated[
    Path | None,
    typer.Option(
        "--objectives",
        metavar="FILE.yaml",
        help="Objectives that the batch has to keep (else, with --watched, those of kintsu.yaml here).",
    ),
]
Of = Annotated[
    str | None, typer.Option("--of", metavar="NAME", help="Whose objectives, where the file has several tables.")
]
FailUnder = Annotated[
    float | None,
    typer.Option("--fail-under", metavar="X", min=0, max=100, help="Stop if the overall score is below X."),
]
WhileLearning = Annotated[
    str, typer.Option("--while-learning", metavar="WHAT", help="pass, hold or stop while there is too little history.")
]
Due = Annotated[
    str | None,
    typer.Option("--due", metavar="TIME", help="End of the period of the batch (else from the day in its name)."),
]
Arrived = Annotated[str | None, typer.Option("--arrived", metavar="TIME", help="When the batch came (else: now).")]


@o.reads
def gate(
    source: o.In,
    history: Histories = None,
    watched: WatchedTable = None,
    record: Record = False,
    home: Home = None,
    objectives: Objectives = None,
    of: Of = None,
    fail_under: FailUnder = None,
    while_learning: WhileLearning = "pass",
    due: Due = None,
    arrived: Arrived = None,
    seed: o.Seed = 0,
    *,
    read: o.Read,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Let a batch pass, hold it or stop it, by its history, its objectives and its score: exit code 0 or 1."""
    from kintsu.apps.cli.exits import BELOW, OK
    from kintsu.run.gate import gate as run
    from kintsu.run.gate import moment, past_files
    from kintsu.run.watch_settings import find_settings

    if watched is not None and objectives is None and watched in (usual := find_settings()).objectives():
        objectives = Path(usual.where)
    with progress(quiet or as_json):
        result = run(
            source,
            history=past_files(history, source) if history else None,
            watched=watched,
            record=record,
            home=home,
            objectives=objectives,
            table=of,
            fail_under=fail_under,
            while_learning=while_learning,
            due=moment(due, "--due") if due else None,
            arrived=moment(arrived, "--arrived") if arrived else None,
            seed=seed,
            read=read,
        )
    if as_json:
        emit(result.to_dict())
    elif result.passed and not quiet:
        console().print(f"pass: {plain(result.reason)}")
    for reason in result.reasons:
        typer.echo(f"kintsu: {reason.decision}: {plain(reason.message)}", err=True)
    return OK if result.passed else BELOW
