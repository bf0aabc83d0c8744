"""Watch a folder: mend every new file by a trained treatment, each once."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, Final

import polars as pl

from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import InputError, KintsuError, StoreUnusable, UnsupportedFormat, UsageError
from kintsu.core.phrase import phrase
from kintsu.io.files import bytes_version
from kintsu.io.store.history import History
from kintsu.io.store.home import folder_of, home_for
from kintsu.io.store.streams import EXAMPLES, Passed, StreamStore
from kintsu.monitor.stream.tally import WindowTally, tally_columns
from kintsu.run.assess import opened, readable
from kintsu.run.heal import heal
from kintsu.run.replay import Treatment
from kintsu.run.treatment import load_treatment
from kintsu.run.watch import Watched
from kintsu.run.watch_flow import WINDOW_US, Progress

__all__ = ["watch_folder"]

UNFINISHED: Final = (".tmp", ".part", ".partial", ".crdownload", ".inprogress")
ROWS: Final = 131_072
LOOK_S: Final = 0.5  # between two looks


@dataclass
class _Folder:
    """What is known of the files of a folder between two looks."""

    path: Path
    still_s: float
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict)  # size and time of change, at the last look
    _done: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def fresh(self) -> list[Path]:
        """Files that came or changed, and that nobody writes any more: unchanged for a while, and since the last look.

        A name that begins with a dot or ends like an unfinished download is left alone.
        """
        found = {}
        for path in self.path.iterdir():
            if path.name.startswith((".", "_")) or path.name.lower().endswith(UNFINISHED) or not path.is_file():
                continue
            facts = path.stat()
            found[path] = (facts.st_size, facts.st_mtime_ns)
        now = time.time_ns()
        still = [
            path
            for path, facts in found.items()
            if self._seen.get(path) == facts != self._done.get(path) and now - facts[1] >= self.still_s * 1e9
        ]
        self._seen = found
        return sorted(still, key=lambda path: (found[path][1], path.name))

    def done(self, path: Path) -> None:
        """It needs no more looks, unless it changes."""
        self._done[path] = self._seen[path]

    def waits(self) -> int:
        """Files that are there and not done: some may still be written to."""
        return sum(self._done.get(path) != facts for path, facts in self._seen.items())


def watch_folder(
    folder: Path | str,
    *,
    out: Path | str,
    treatment: Treatment | Path | str,
    quarantine: Path | str | None = None,
    home: Path | str | None = None,
    still_s: float = 1.0,
    max_files: int | None = None,
    until_idle_s: float | None = None,
    max_share: float = 0.5,
    progress: Progress = lambda tally, lag: None,
    stop: threading.Event | None = None,
) -> Watched:
    """Mend the files that come into a folder until told to stop; each is written to `out` under its name, once.

    Each is a heal of its own: logged, and undone by `kintsu undo`. Which files are done is kept in the store by name
    and content: after a restart, or with another content, only what is new is mended. Files are mended whole; rows that
    cannot be mended stay in them and are listed in `quarantine` (OUT/quarantine, if none is named), where files that
    cannot be read are copied, with the reason beside them.

    Parameters
    ----------
    still_s
        For so long a file has to be unchanged before it counts as written.
    max_files, until_idle_s
        End after so many files, or after so long without any.

    Raises
    ------
    InputError, UsageError
        The folder is missing, or `out` lies where files are looked for.
    """
    source, target = Path(folder).absolute(), Path(out).absolute()
    aside = Path(quarantine).absolute() if quarantine is not None else target / "quarantine"
    if not source.is_dir():
        raise InputError(f"{folder}: no such folder. Check the spelling, or make it")
    if source in (target, aside):
        raise UsageError(f"what is mended cannot go back to {folder}: name another folder with --out")
    target.mkdir(parents=True, exist_ok=True)
    treats = treatment if isinstance(treatment, Treatment) else load_treatment(treatment)
    place = folder_of(home) if home is not None else home_for(None)
    worker = _Files(_Folder(source, still_s), target, aside, treats, StreamStore(History(place)), place, max_share)
    stop, began, last, total, n_files = stop or threading.Event(), time.monotonic(), time.monotonic(), WindowTally(), 0
    while not stop.is_set() and n_files != max_files:
        for tally in worker.look(None if max_files is None else max_files - n_files):
            total, n_files, last = total.merge(tally), n_files + 1, time.monotonic()
            progress(total, worker.folder.waits())
            if stop.is_set():
                break
        if worker.folder.waits():
            last = time.monotonic()
        if until_idle_s is not None and time.monotonic() - last >= until_idle_s:
            break
        stop.wait(LOOK_S)
    return Watched(worker.name, time.monotonic() - began, total)


@dataclass
class _Files:
    """Mends one file after the other."""

    folder: _Folder
    out: Path
    aside: Path
    treatment: Treatment
    store: StreamStore
    home: Path
    max_share: float

    def __post_init__(self) -> None:
        self.name = f"folder {self.folder.path}"
        self._stream = self.store.stream(self.name, {"treatment": self.treatment.id})

    def look(self, most: int | None) -> Iterator[WindowTally]:
        """Mend what is new; the counts of each file."""
        known: set[str] | None = None
        n_mended = 0
        for path in self.folder.fresh():
            if n_mended == most:
                return
            if known is None:
                known = {source for source, _ in self.store.marks(self._stream)}
            name = f"{path.name[-180:]} {bytes_version(path)[:32]}"
            mended = self._mend(path) if name not in known else None
            self.folder.done(path)
            if mended is not None:
                n_mended += 1
                yield self._counted(name, *mended)

    def _counted(self, name: str, tally: WindowTally, shown: Sequence[Mapping[str, Any]]) -> WindowTally:
        at_us = time.time_ns() // 1_000 // WINDOW_US * WINDOW_US
        one = {(name, 0): 1}
        passed = Passed({(name, 0): 0}, one, lambda marks: tally, shown, lag=self.folder.waits())
        return self.store.record(self._stream, at_us, passed).tally

    def _mend(self, path: Path) -> tuple[WindowTally, Sequence[Mapping[str, Any]]] | None:
        """Write the mended file, and beside it what cannot be mended; None where it is no table of a known kind.

        Told are its counts, and some of its changes to be shown.
        """
        try:
            table = opened(path, ReadOptions())
            result = heal(
                path,
                out=self.out / path.name,
                treatment=self.treatment,
                home=self.home,
                max_share=self.max_share,
                force=True,  # a file that was written before a crash is written again, the same
            )
        except UnsupportedFormat:
            return None
        except StoreUnusable:  # which is no fault of the file: it is mended when it comes again
            raise
        except KintsuError as error:
            self._put_aside(path, str(error))
            return WindowTally(events=1, quarantined=1), ()
        applied = result.decisions.filter(pl.col("action") == "apply", pl.col("edit") == "set")
        tallies, rows = [], []
        for batch in readable(table, ROWS, None):
            here = pl.col("row").is_in(batch.row.implode())
            ours = applied.filter(here)
            found = result.findings.filter(here)
            rows.append(self.treatment.quarantine.unmendable(batch, found, result.decisions.filter(here)))
            n, healed, odd = len(batch), set(ours["row"]), set(rows[-1]["row"])
            cells = pl.DataFrame([column.text for column in batch])
            tallies.append(
                WindowTally(
                    n, n - len(healed | odd), len(healed - odd), len(odd), 0, ours.height, 0, tally_columns(cells, ours)
                )
            )
        unmendable = pl.concat([*rows, _malformed(table)])
        if unmendable.height:
            self.aside.mkdir(parents=True, exist_ok=True)
            unmendable.write_csv(self.aside / f"{path.name}.rows.csv")
        bad = table.malformed.height
        return reduce(WindowTally.merge, tallies, WindowTally(events=bad, quarantined=bad)), _shown(
            path, result.changes
        )

    def _put_aside(self, path: Path, why: str) -> None:
        self.aside.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, self.aside / path.name)
        (self.aside / f"{path.name}.why").write_text(why + "\n", encoding="utf-8")


def _shown(path: Path, changes: pl.DataFrame) -> list[dict[str, Any]]:
    """Some changes of a file as those of a topic are shown: values of sensitive columns are masked already."""
    chosen = changes.filter(pl.col("edit") == "set").head(EXAMPLES)
    chosen = chosen.with_columns(
        pl.when(f"{of}_null").then(None).otherwise(of).alias(of) for of in ("old", "new")
    ).select(phrase("{}/{}", pl.lit(path.name), "row").alias("id"), "column", "old", "new", "recipe", "confidence")
    return chosen.to_dicts()


def _malformed(table: Any) -> pl.DataFrame:
    bad: pl.DataFrame = table.malformed.select(pl.col("row").cast(pl.Int64), pl.col("why").cast(pl.String))
    return bad
