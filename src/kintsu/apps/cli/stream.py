"""watch: mend a stream while it flows."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kintsu.apps.cli import options as o
from kintsu.apps.cli.console import console, emit, plain
from kintsu.apps.cli.monitors import Home

if TYPE_CHECKING:
    from kintsu.monitor.stream.tally import WindowTally
    from kintsu.run.watch_flow import Progress

__all__ = ["watch"]

_PACE = "Pace"
TELL_S = 1.0  # between lines of progress
WIDE = 78  # so that nothing is left of a longer line

Folder = Annotated[Path | None, typer.Argument(metavar="[FOLDER]", help="Mend the files that come here, not a topic.")]
OutFolder = Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="Where mended files of FOLDER go.")]
Bootstrap = Annotated[
    str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="A broker of Kafka; several with commas.")
]
Topic = Annotated[str | None, typer.Option("--topic", metavar="NAME", help="The topic that is mended.")]
Healed = Annotated[
    str | None, typer.Option("--healed", metavar="NAME", help="Where events go on to (else TOPIC.healed).")
]
Aside = Annotated[
    str | None,
    typer.Option("--quarantine", metavar="NAME", help="Where what cannot be mended goes: a topic, or a folder."),
]
TreatmentFolder = Annotated[Path, typer.Option("--treatment", metavar="DIR", help="What `kintsu train` made.")]
Metrics = Annotated[str, typer.Option("--metrics", metavar="NAME", help="The topic of counts.")]
Alerts = Annotated[str, typer.Option("--alerts", metavar="NAME", help="The topic of alerts.")]
Group = Annotated[str, typer.Option("--group", metavar="NAME", help="Workers of one group share the topic.")]
KafkaFile = Annotated[
    Path | None,
    typer.Option("--kafka", metavar="FILE.yaml", help="Options of librdkafka; secrets as ${NAME} of the environment."),
]
Registry = Annotated[
    str | None, typer.Option("--registry", metavar="URL", help="A schema registry: events are Avro (else JSON).")
]
ReferenceTable = Annotated[
    str | None,
    typer.Option("--reference", metavar="TABLE", help="Rows that were right: alerts are told by them."),
]
MaxShare = Annotated[
    float,
    typer.Option(
        "--max-share",
        metavar="P",
        help="Put a micro-batch aside as a whole if more than this share of all cells would change.",
    ),
]
Hold = Annotated[bool, typer.Option("--hold", help="Put whole micro-batches aside while an alert is open.")]
BatchSize = Annotated[
    int, typer.Option("--batch", metavar="N", min=1, help="Most events mended together.", rich_help_panel=_PACE)
]
WaitMs = Annotated[
    int, typer.Option("--wait-ms", metavar="N", min=1, help="How long it waits for so many.", rich_help_panel=_PACE)
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Processes that share the topic (else one a core, at most 4).",
        rich_help_panel=_PACE,
    ),
]
MaxEvents = Annotated[
    int | None,
    typer.Option("--max-events", metavar="N", min=1, help="End after N events, or N files.", rich_help_panel=_PACE),
]
UntilIdle = Annotated[
    float | None,
    typer.Option("--until-idle", metavar="SECONDS", help="End after so long without events.", rich_help_panel=_PACE),
]


def watch(
    folder: Folder = None,
    bootstrap: Bootstrap = None,
    topic: Topic = None,
    healed: Healed = None,
    quarantine: Aside = None,
    out: OutFolder = None,
    treatment: TreatmentFolder = ...,  # type: ignore[assignment]  # typer's sign of what has to be given
    group: Group = "kintsu",
    metrics: Metrics = "data-quality-metrics",
    alerts: Alerts = "quality-alerts",
    kafka: KafkaFile = None,
    registry: Registry = None,
    reference: ReferenceTable = None,
    max_share: MaxShare = 0.5,
    hold: Hold = False,
    sensitive: o.Sensitive = None,
    batch: BatchSize = 50_000,
    wait_ms: WaitMs = 100,
    workers: Workers = None,
    max_events: MaxEvents = None,
    until_idle: UntilIdle = None,
    home: Home = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line: progress, then the end.")
    ] = False,
    quiet: o.Quiet = False,
) -> int:
    """Mend a Kafka topic, or the files of a folder, as they come, until Ctrl-C; what is under way is finished first."""
    from kintsu.core.errors import UsageError

    if folder is None and (bootstrap is None or topic is None):
        raise UsageError("say what to watch: --bootstrap HOST:PORT and --topic NAME, or a FOLDER with --out DIR")
    if folder is not None and (bootstrap or topic or out is None or (workers or 1) > 1):
        raise UsageError("a FOLDER needs --out DIR, and neither --bootstrap nor --topic nor --workers")
    of_topics = {"--sensitive": sensitive, "--hold": hold, "--reference": reference, "--kafka": kafka}
    unheard = [name for name, value in (of_topics | {"--registry": registry}).items() if value]
    if folder is not None and unheard:
        more = "; what is sensitive is said when the treatment is trained" if sensitive else ""
        raise UsageError(f"{unheard[0]} is for a topic, not for a FOLDER{more}")
    from kintsu.run.watch_workers import collect_seldom, suited, watch_together

    collect_seldom()
    told: dict[str, Any] = {"home": home, "progress": _progress(as_json=as_json, quiet=quiet)}
    with _until_signal() as stop:
        if folder is not None:
            from kintsu.run.watch_folder import watch_folder

            done = watch_folder(
                folder,
                out=out or folder,
                treatment=treatment,
                quarantine=quarantine,
                max_files=max_events,
                until_idle_s=until_idle,
                max_share=max_share,
                stop=stop,
                **told,
            )
        else:
            from kintsu.run.treatment import load_treatment
            from kintsu.run.watch import watch as run
            from kintsu.run.watch_flow import Pace

            if workers is None:
                load_treatment(treatment)  # what is wrong with it is told at once
                workers = suited(bootstrap or "", topic or "", kafka) if max_events is None else 1
            done = (run if workers == 1 else partial(watch_together, workers))(
                bootstrap=bootstrap or "",
                topic=topic or "",
                treatment=treatment,
                healed=healed,
                quarantine=quarantine,
                metrics=metrics,
                alerts=alerts,
                group=group,
                kafka=kafka,
                registry=registry,
                reference=reference,
                pace=Pace(batch, wait_ms / 1000, max_events, until_idle, max_share, hold),
                sensitive=o.names(sensitive),
                stop=stop,
                **told,
            )
    if as_json:
        emit({"done": True, **done.to_dict()})
    elif not quiet:
        console().print(_told(done.tally) + f" in {done.seconds:,.1f} s")
    return 0


@contextmanager
def _until_signal() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets: the worker ends in good order. The second stops it at once."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: Any) -> None:
        stop.set()
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _progress(*, as_json: bool, quiet: bool) -> Progress:
    """Tells how far it is, at most once a second."""
    last = 0.0

    def tell(tally: WindowTally, lag: int | None) -> None:
        nonlocal last
        if quiet or time.monotonic() - last < TELL_S:
            return
        last = time.monotonic()
        if as_json:
            counts = {name: value for name, value in vars(tally).items() if name != "columns"}
            emit({"done": False, **counts, "lag": lag})
            sys.stdout.flush()
        elif sys.stderr.isatty():
            waits = "" if lag is None else f", {lag:,} wait"
            console(stderr=True).print(f"{_told(tally)}{waits}".ljust(WIDE), end="\r")

    return tell


def _told(tally: WindowTally) -> str:
    aside = tally.quarantined + tally.held
    return plain(f"{tally.events:,} events: {tally.healed:,} healed, {tally.passed:,} passed, {aside:,} put aside")
