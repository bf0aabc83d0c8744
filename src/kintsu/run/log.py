"""The history as people read it: one line per entry, and the check that nobody edited it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from kintsu.io.store.home import find_home
from kintsu.io.store.records import Run
from kintsu.io.store.store import Store, Verified

__all__ = ["LINE", "learning", "log", "run_line", "runs", "verify"]


LINE: Final = {
    **{"run": "id", "kind": "kind", "status": "status", "started": "started", "table": "table", "input": "input"},
    **{"output": "output", "set": "n_set", "drop": "n_drop", "add": "n_add", "undoes": "undoes"},
    "selection": "selection",
}
"""How a run is told -> field of `Run`."""


def run_line(run: Run) -> dict[str, Any]:
    """A run as one JSON-able line: no cell values."""
    return {name: getattr(run, field) for name, field in LINE.items()}


def learning(run: Run, known: list[Run]) -> dict[str, Any]:
    """How a heal fared with people, from the answers to it that are in effect; null where there is nothing to count.

    `acceptance_rate` is the share of verdicts on recipes that said yes; `recovery_rate` the cells that the heal mended
    by those that it found wrong.
    """
    said = [each for each in known if each.answer.get("of") == run.id and each.status == "done"]
    verdicts = [bool(told["accepted"]) for each in said for told in each.answer.get("verdicts", [])]
    found = int(run.summary.get("cells_found") or 0)
    return {
        "answers": len(said),
        "verdicts": len(verdicts),
        "acceptance_rate": round(sum(verdicts) / len(verdicts), 4) if verdicts else None,
        "recovery_rate": round(min(run.n_set / found, 1.0), 4) if found else None,
    }


def _told(run: Run, known: list[Run]) -> dict[str, Any]:
    return run_line(run) | (learning(run, known) if run.kind == "heal" else {})


def runs(*, home: Path | str | None = None, table: str | None = None) -> list[dict[str, Any]]:
    """Runs and undos, oldest first; of one table (its name or a path of it) where given."""
    store = Store(find_home(home))
    store.recover()
    known = store.runs()
    lines = [_told(run, known) for run in known]
    if table is None:
        return lines
    places = {table, str(Path(table).resolve())}
    return [line for line in lines if places & {line["table"], line["input"], line["output"]}]


def log(*, home: Path | str | None = None, run: str | None = None) -> list[dict[str, Any]]:
    """Every line of the ledger, in order: number, time, what happened, to which run; of one run where given."""
    store = Store(find_home(home))
    store.recover()
    known = {each.id: each for each in store.runs()}
    chosen = store.run(run).id if run is not None else None
    lines = []
    for entry in store.entries(chosen):
        line = {"n": entry.n, "at": entry.at, "event": entry.kind, "run": entry.run, "hash": entry.hash}
        if entry.run in known:
            facts = run_line(known[entry.run])
            line |= {name: facts[name] for name in ("kind", "table", "input", "output", "set", "drop", "add", "undoes")}
        if entry.kind != "prepared":
            line |= {name: value for name, value in entry.payload.items() if name != "blobs"}
        lines.append(line)
    return lines


def verify(*, home: Path | str | None = None) -> Verified:
    """Check the hash chain, the index and every stored value.

    Raises
    ------
    LedgerBroken
        Names the first line that does not fit.
    """
    return Store(find_home(home)).verify()
