"""Several processes that watch one topic as one group: each takes its share of the partitions, a core each."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Mapping
from functools import reduce
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Final, NamedTuple

from kintsu.core.errors import UsageError
from kintsu.io.kafka.topics import Broker
from kintsu.monitor.stream.tally import WindowTally
from kintsu.run.watch import Watched, of_client, watch
from kintsu.run.watch_flow import Progress

__all__ = ["collect_seldom", "suited", "watch_together"]

MOST: Final = 4  # processes that nobody asked for: each takes some 300 MiB
AGAIN_S: Final = 1.0  # before a process that was killed is replaced
LOOK_S: Final = 0.2
_SPAWN: Final = multiprocessing.get_context("spawn")  # threads of librdkafka and polars do not survive a fork


class _Told(NamedTuple):
    tally: WindowTally
    lag: int | None


class _Member(NamedTuple):
    process: SpawnProcess
    told: Connection


def collect_seldom() -> None:
    """Let Python look for cycles seldom: events come and go by ten thousands and form none. A fifth of the time."""
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


def suited(bootstrap: str, topic: str, kafka: Path | str | Mapping[str, Any] | None = None) -> int:
    """Processes that suit a topic on this machine: one for each core that is ours, but no more than partitions.

    Raises
    ------
    InputError
        No broker answers, or the topic is missing.
    """
    from joblib import cpu_count  # it knows of the limits of a container

    return int(max(min(cpu_count(), Broker(bootstrap, of_client(kafka)).check(topic), MOST), 1))


def watch_together(
    workers: int,
    *,
    progress: Progress = lambda tally, lag: None,
    stop: threading.Event | None = None,
    **arguments: Any,
) -> Watched:
    """`watch` by several processes; one that is killed is replaced, one that fails ends all with its error.

    Parameters
    ----------
    workers
        Processes, no more than the topic has partitions to be of use. Each needs the memory of a worker.
    progress
        Told of the counts of all; those of a process that was killed are what it told last (the store's are exact).
    arguments
        Those of `watch`; they go to other processes, so the treatment is a folder.

    Raises
    ------
    UsageError
        `max_events` of the pace counts the events of one process.
    """
    pace = arguments.get("pace")
    if pace is not None and pace.max_events is not None:
        raise UsageError("--max-events counts the events of one worker: leave it or --workers out")
    from joblib import cpu_count

    # a thread of polars each: handing work to the other cores costs more than it gains where they are busy too
    os.environ.setdefault("POLARS_MAX_THREADS", str(max(cpu_count() // workers, 1)))
    stop, began = stop or threading.Event(), time.monotonic()
    crew = {at: _started(arguments) for at in range(workers)}
    past, now, ends = WindowTally(), dict.fromkeys(crew, WindowTally()), dict[int, Watched]()
    try:
        while crew:
            if stop.is_set():
                _end(crew)
            ready = wait([member.told for member in crew.values()], LOOK_S)
            for at, member in list(crew.items()):
                if member.told not in ready:
                    continue
                told = _told(member)
                if isinstance(told, _Told):
                    now[at] = told.tally
                    progress(reduce(WindowTally.merge, now.values(), past), told.lag)
                    continue
                del crew[at]
                member.process.join()
                if isinstance(told, Watched):
                    ends[at], now[at] = told, told.tally
                elif isinstance(told, BaseException):
                    raise told
                elif not stop.wait(AGAIN_S):
                    past, now[at] = past.merge(now[at]), WindowTally()
                    crew[at] = _started(arguments)
    finally:
        _end(crew)
        for member in crew.values():
            member.process.join()
    stream = next((each.stream for each in ends.values()), "")
    return Watched(stream, time.monotonic() - began, reduce(WindowTally.merge, now.values(), past))


def _end(crew: Mapping[int, _Member]) -> None:
    """Ask all to end in good order: by a signal, since what processes share is locked for good if one is killed."""
    for member in crew.values():
        member.process.terminate()


def _started(arguments: Mapping[str, Any]) -> _Member:
    told, teller = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=_work, args=(dict(arguments), teller), daemon=True)
    process.start()
    teller.close()  # so that its end is seen here when the process dies
    return _Member(process, told)


def _told(member: _Member) -> Any:
    """How far it is, the end, an error; None where the process died without a word."""
    try:
        return member.told.recv()
    except EOFError:
        return None


def _work(arguments: dict[str, Any], teller: Connection) -> None:
    """What a process does: watch until it is told to stop, or the process that started it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the process that started this one
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
    collect_seldom()
    try:
        done = watch(**arguments, progress=lambda tally, lag: teller.send(_Told(tally, lag)), stop=stop)
        teller.send(done)
    except Exception as error:  # noqa: BLE001 - raised again by the process that started this one
        teller.send(error)


def _end_with_parent(stop: threading.Event) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        stop.set()
