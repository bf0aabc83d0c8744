"""How well do detection and repair carry over to errors and tables that nobody tuned them for?

    python bench/generality.py                         six generated domains and the generator's own tables
    python bench/generality.py --data DIR              DIR/<table>/clean.csv, as clean input
    python bench/generality.py --rates 0 0.01 --only people,sports

Clean tables are damaged at several rates by a library of operations (`slips.py`) that the product does not import.
Each column suffers from a few operations drawn for it, so mistakes are systematic as they are in life. Cells are
compared as exact text. F1 is at the threshold 0.5; "applied" is what the threshold 0.95 applies. At rate 0 the clean
table itself is healed: every finding (kind `missing` aside) and every change is false.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl
from schemas import clean_tables
from slips import FIXED, FREE, ROW

RATES = (0.0, 0.001, 0.01, 0.1, 0.3, 0.5)
Cells = dict[tuple[int, str], tuple[str, str | None]]  # damaged cell -> operation and damaged text


def _slips_of(column: list[str | None], rng: random.Random, most: int) -> list[tuple[str, Any]]:
    """A few operations that apply to the values of this column."""
    probe = [text for text in rng.sample(column, min(40, len(column))) if text]
    made = {name: make(rng) for name, make in FIXED.items()} | FREE
    fit = {
        name: slip
        for name, slip in made.items()
        if sum(slip(t, rng) not in (None, t) for t in probe) >= 0.3 * max(len(probe), 1)
    }
    names = [*fit, *ROW]
    return [(name, fit.get(name)) for name in rng.sample(names, min(most, len(names)))]


def damage(clean: pl.DataFrame, rate: float, seed: int, most: int) -> tuple[pl.DataFrame, Cells]:
    """The damaged table and what was done to which cells."""
    rng = random.Random(f"{seed}:{rate}")
    names = clean.columns
    columns = {n: clean[n].to_list() for n in names}
    dirty = {n: list(cells) for n, cells in columns.items()}
    done: Cells = {}
    for at, name in enumerate(names):
        slips = _slips_of(columns[name], rng, most)
        right = names[(at + 1) % len(names)]
        wanted = int(rate * len(clean)) + (rng.random() < rate * len(clean) % 1)
        rows = rng.sample(range(len(clean)), min(wanted, len(clean)))
        for row in rows:
            old, beside = columns[name][row], columns[right][row]
            if not old or (row, name) in done:
                continue
            operation, slip = rng.choice(slips)
            new: str | None
            if slip is not None:
                new = slip(old, rng)
            elif operation == "other_value":
                new = rng.choice(columns[name])
            elif not beside or (row, right) in done or at + 1 == len(names):
                continue
            elif operation == "neighbour_column":
                new = beside
                dirty[right][row] = old
                if old != beside:
                    done[row, right] = (operation, old)
            else:
                new = f"{old} {beside}"
                dirty[right][row] = None
                done[row, right] = (operation, None)
            if new is not None and new != old:
                dirty[name][row] = new or None
                done[row, name] = (operation, new or None)
    return pl.DataFrame(dirty, schema=dict.fromkeys(names, pl.String)), done


def trial(name: str, clean: pl.DataFrame, rate: float, seed: int, most: int) -> dict[str, Any]:
    """Heal one damaged table; everything that is counted, by operation where it can be."""
    import kintsu as kt
    from kintsu.core.policy import Policy, decide

    dirty, done = damage(clean, rate, seed, most)
    began = time.process_time()
    result = kt.heal(dirty, dry_run=True, auto=0.95)
    seconds = time.process_time() - began
    kept = result.decisions.filter(pl.col("action") != "withdraw")
    loose = decide(kept, result.recipes, Policy(auto=0.5), rows=len(dirty), columns=dirty.width)
    found = {
        (r, c)
        for r, c, kind in result.findings.select("row", "column", "kind").drop_nulls().iter_rows()
        if kind != "missing" or (r, c) in done
    }
    by: Counter[tuple[str, str]] = Counter()
    misses: list[tuple[Any, ...]] = []
    for _, (operation, _new) in done.items():
        by[operation, "cells"] += 1
    for key in found & done.keys():
        by[done[key][0], "found"] += 1
    by["", "false findings"] = len(found - done.keys())
    told = result.findings.select("row", "column", "detector", "kind").drop_nulls().unique()
    falsely = Counter((c, d, k) for r, c, d, k in told.iter_rows() if (r, c) not in done and k != "missing")
    for threshold, decided in (("0.5", loose), ("0.95", result.decisions)):
        applied = decided.filter((pl.col("action") == "apply") & (pl.col("edit") == "set"))
        lines = applied.select("row", "column", "old", "new", "healer", "why")
        for row, column, old, new, healer, why in lines.iter_rows():
            operation = done.get((row, column), ("", None))[0]
            truth = clean[column][row]
            if new != truth and (new or "").split() == (old or "").split():
                continue  # blanks of a value that is damaged otherwise
            right = (new or None) == (truth or None)
            by[operation, f"made {threshold}"] += 1
            by[operation, f"right {threshold}"] += right
            by["healer " + healer, f"made {threshold}"] += 1
            by["healer " + healer, f"right {threshold}"] += right
            if not right:
                misses.append((threshold, name, rate, row, column, operation, old, new, truth, healer, why))
    for (row, column), (operation, new) in list(done.items())[:400]:
        if (row, column) not in found:
            misses.append(("unseen", name, rate, row, column, operation, new, None, clean[column][row], "", ""))
    return {
        "table": name, "rate": rate, "rows": len(dirty), "total": len(dirty) * dirty.width, "by": by, "misses": misses,
        "seconds": seconds, "failed": [f"{step.name}: {step.error}" for step in result.failed], "falsely": falsely,
    }  # fmt: skip


def ratio(a: float, b: float) -> float | None:
    return a / b if b else None


def f1(right: int, made: int, wanted: int) -> float | None:
    return ratio(2 * right, made + wanted)


def line_of(name: str, rate: float | None, trials: list[dict[str, Any]]) -> dict[str, Any]:
    by: Counter[tuple[str, str]] = sum((t["by"] for t in trials), Counter())
    counted = ("cells", "found", "made 0.5", "right 0.5", "made 0.95", "right 0.95", "false findings")
    n = {c: sum(v for (op, w), v in by.items() if w == c and not op.startswith("healer")) for c in counted}
    flagged, total = n["found"] + n["false findings"], sum(t["total"] for t in trials)
    return {
        "table": name,
        "rate": rate,
        "errors": n["cells"],
        "detect P": ratio(n["found"], flagged),
        "detect R": ratio(n["found"], n["cells"]),
        "detect F1": f1(n["found"], flagged, n["cells"]),
        "repair P": ratio(n["right 0.5"], n["made 0.5"]),
        "repair R": ratio(n["right 0.5"], n["cells"]),
        "repair F1": f1(n["right 0.5"], n["made 0.5"], n["cells"]),
        "applied": n["made 0.95"],
        "applied P": ratio(n["right 0.95"], n["made 0.95"]),
        "applied R": ratio(n["right 0.95"], n["cells"]),
        "false finds %": 100 * n["false findings"] / max(total, 1),
        "CPU s": sum(t["seconds"] for t in trials),
    }


def by_operation(trials: list[dict[str, Any]], prefix: str = "") -> pl.DataFrame:
    """One line an operation (or, with prefix "healer ", a healer); "" is what was done to clean cells."""
    by: Counter[tuple[str, str]] = sum((t["by"] for t in trials), Counter())
    names = sorted({op for op, _ in by if op.startswith("healer ") == bool(prefix)})
    lines = []
    for op in names:
        cells = by[op, "cells"]
        lines.append({
            "operation": op.removeprefix(prefix) or "(clean cells)",
            "cells": cells,
            "detect R": ratio(by[op, "found"], cells),
            "made .5": by[op, "made 0.5"],
            "P .5": ratio(by[op, "right 0.5"], by[op, "made 0.5"]),
            "repair R": ratio(by[op, "right 0.5"], cells),
            "made .95": by[op, "made 0.95"],
            "P .95": ratio(by[op, "right 0.95"], by[op, "made 0.95"]),
            "applied R": ratio(by[op, "right 0.95"], cells),
        })  # fmt: skip
    return pl.DataFrame(lines, infer_schema_length=None)


def read(folder: Path) -> dict[str, pl.DataFrame]:
    out = {}
    for path in sorted(folder.glob("*/clean.csv")):
        table = pl.read_csv(path, infer_schema=False)
        out[path.parent.name] = table
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of folders with clean.csv")
    parser.add_argument("--rates", type=float, nargs="*", default=RATES, help="shares of cells that are damaged")
    parser.add_argument("--only", default="", help="tables, comma separated")
    parser.add_argument("--rows", type=int, default=1200, help="rows of the generated tables, about")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=4, help="operations per column")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--errors", type=Path, help="write wrong repairs and unseen errors here (CSV)")
    arguments = parser.parse_args()
    tables = read(arguments.data) if arguments.data else clean_tables(arguments.seed, arguments.rows)
    only = set(filter(None, arguments.only.split(",")))
    jobs = [(n, t, r, arguments.seed, arguments.most) for n, t in tables.items() if not only or n in only
            for r in arguments.rates]  # fmt: skip
    if arguments.jobs > 1:
        with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
            trials = list(pool.map(trial, *zip(*jobs, strict=True)))
    else:
        trials = [trial(*job) for job in jobs]
    lines = [line_of(t["table"], t["rate"], [t]) for t in trials]
    for rate in arguments.rates:
        lines.append(line_of("ALL", rate, [t for t in trials if t["rate"] == rate]))
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=180, float_precision=3, tbl_hide_dataframe_shape=True,
                   tbl_hide_column_data_types=True):  # fmt: skip
        print(pl.DataFrame(lines, infer_schema_length=None))
        print(by_operation(trials))
        print(by_operation(trials, "healer "))
        falsely: Counter[tuple[str, ...]] = Counter()
        for t in trials:
            falsely.update({(t["table"], *key): n for key, n in t["falsely"].items()})
        print("failed steps:", sorted({step for t in trials for step in t["failed"]}))
        print("false findings:", *falsely.most_common(25), sep="\n  ")
    if arguments.errors:
        names = ["threshold", "table", "rate", "row", "column", "operation", "old", "new", "truth", "healer", "why"]
        rows = [miss for t in trials for miss in t["misses"]]
        pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String) | {"rate": pl.Float64, "row": pl.Int64},
                     orient="row").write_csv(arguments.errors)  # fmt: skip


if __name__ == "__main__":
    main()
