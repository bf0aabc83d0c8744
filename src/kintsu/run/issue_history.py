"""Cases for the model of issues from what there is: past batches of watched tables, or tables that are given.

The newest batches (of given tables: some tables, else their last rows) are held back: models are compared on them.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl

from kintsu.core.errors import UsageError
from kintsu.io.store.batch_rows import Watched
from kintsu.io.store.history import History
from kintsu.monitor.classify.cases import Cases, cases_of, cases_of_batches, concat
from kintsu.monitor.judge import MIN_HISTORY
from kintsu.run.backtest import delivered, good_batches
from kintsu.run.batches import MonitorSettings

__all__ = ["Amount", "Gathered", "from_batches", "from_tables"]

ENOUGH: Final = 4  # given tables from which whole tables are held back

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Amount:
    """How many cases are made.

    Attributes
    ----------
    steps
        Batches of a table that are damaged in every way, at most: the newest ones.
    rounds
        Times that the rows of a table are cut into batches anew, in other sizes and orders.
    most_tables
        Watched tables that are looked at, drawn by the seed.
    held
        Share of the damaged batches, or of the rows of given tables, that is held back.
    """

    steps: int = 24
    rounds: int = 10
    most_tables: int = 100
    held: float = 0.3


@dataclass(frozen=True, eq=False)
class Gathered:
    """Cases to learn from, cases held back, and the data window of the former: table -> what of it was learnt from.

    `at` tells when a held-back batch was, by table and cut; of given tables nothing is known.
    """

    learnt: Cases
    held: Cases
    tables: Mapping[str, Mapping[str, Any]]
    left_out: Mapping[str, str] = field(default_factory=dict)
    at: Mapping[tuple[str, str], datetime] = field(default_factory=dict)

    def held_after(self, seen: Mapping[str, Any]) -> Cases:
        """The held-back cases that came after the data window of another model too."""
        until = {name: datetime.fromisoformat(one["until"]) for name, one in seen.items() if "until" in one}
        keys = zip(self.held.table.tolist(), self.held.cut.tolist(), strict=True)
        return self.held[np.array([table not in until or self.at[table, cut] > until[table] for table, cut in keys])]


def from_batches(
    history: History,
    tables: Sequence[Watched],
    amount: Amount,
    *,
    seed: int,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> Gathered:
    """Cases from the good batches of watched tables.

    Raises
    ------
    UsageError
        No table has enough batches.
    """
    chosen = list(tables)
    if len(chosen) > amount.most_tables:
        rng = np.random.default_rng(seed)
        chosen = [chosen[i] for i in sorted(rng.permutation(len(chosen))[: amount.most_tables])]
    learnt, held, window, left_out = list[Cases](), list[Cases](), dict[str, Any](), dict[str, str]()
    at: dict[tuple[str, str], datetime] = {}
    for i, table in enumerate(chosen):
        if progress is not None:
            progress(table.name, i / len(chosen))
        size = MonitorSettings(**table.settings).window
        good = good_batches(history, table, now=now)[-(size + amount.steps) :]
        steps = range(max(MIN_HISTORY, len(good) - amount.steps), len(good))
        first = len(good) - round(amount.held * len(steps))
        if len(steps) < 2 or first == len(good):
            left_out[table.name] = f"{len(good)} good batches are too few"
            continue
        batches = [delivered(each) for each in good]
        cases = cases_of_batches(table.name, batches, seed, window=size, steps=steps)
        assert cases is not None
        is_held = cases.cut.astype(int) >= first
        learnt.append(cases[~is_held])
        held.append(cases[is_held])
        mine = cases.table[0].item()  # as the cases name it: shortened
        at |= {(mine, str(step)): good[step].at for step in range(first, len(good))}
        schema = batches[first - 1].frame.schema
        rows = pl.concat([batch.frame for batch in batches[:first] if batch.frame.schema == schema])
        cut = cases_of(table.name, rows, zlib.crc32(table.name.encode()) + seed, rounds=amount.rounds)
        learnt += [] if cut is None else [cut]
        window[mine] = {"batches": first, "first": good[0].at.isoformat(), "until": good[first - 1].at.isoformat()}
        window[mine] |= {"rows": rows.height, "columns": rows.width, "sha256": digest(rows)}
    if not learnt:
        told = "; ".join(f"{name}: {why}" for name, why in left_out.items()) or "no table is watched"
        raise UsageError(f"there is nothing to learn from: {told}. A table needs {MIN_HISTORY + 2} good batches")
    return Gathered(concat(learnt), concat(held), window, left_out, at)


def from_tables(
    tables: Mapping[str, pl.DataFrame], amount: Amount, *, seed: int, progress: Progress | None = None
) -> Gathered:
    """Cases from tables cut into batches at random; a table of too few rows is left out.

    Every fourth table is held back, in the order of their names' hashes; of fewer tables their last rows are.
    """
    order = sorted(tables, key=lambda name: (zlib.crc32(name.encode()), name))
    whole = set(order[::ENOUGH]) if len(order) >= ENOUGH else set[str]()
    learnt, held, window, left_out = list[Cases](), list[Cases](), dict[str, Any](), dict[str, str]()
    for i, name in enumerate(tables):
        if progress is not None:
            progress(name, i / len(tables))
        frame = tables[name]
        n = 0 if name in whole else frame.height if whole else round((1 - amount.held) * frame.height)
        fewer = -(-amount.rounds // 3)  # to measure takes fewer cases than to learn
        for part, into, rounds in ((frame[:n], learnt, amount.rounds), (frame[n:], held, fewer)):
            made = cases_of(name, part, zlib.crc32(name.encode()) + seed, rounds=rounds) if part.height else None
            if made is not None:
                into.append(made)
                if into is learnt:
                    window[name] = {"rows": n, "columns": frame.width, "sha256": digest(part), "cases": len(made)}
            elif part.height:
                left_out[name] = f"{part.height} rows are too few"
    if not learnt or not held:
        told = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise UsageError(f"there is nothing to learn from, or nothing is left to measure on: {told}")
    return Gathered(concat(learnt), concat(held), window, left_out)


def digest(frame: pl.DataFrame) -> str:
    """SHA-256 of all cells, columns and types."""
    held = io.BytesIO()
    frame.rechunk().write_ipc(held, compression="uncompressed")
    return hashlib.sha256(held.getbuffer()).hexdigest()
