"""Do learnt judges find what `kt.Monitor` does not? On damaged copies of a table's past batches.

    python -P bench/judges.py --faults batch_faults.py TABLE [--date created_at | --sort pickup --batch-size 60]

`batch_faults.py` cuts and damages (a generator kept outside the repository; the smallest magnitude of each fault); one
more fault is made here: two categories that go together are torn apart. Each step is judged after the 30 batches
before. `joint` is the classifier of `kt.drift`, at p < .01 against the history, on the clean and the torn batch of
every third step only. (-P: torch imports a `profile` that is not ours.)
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import kintsu as kt
from kintsu.monitor.deep.autoencoder import RowAutoencoder
from kintsu.monitor.deep.choose import choose
from kintsu.monitor.deep.sequence import BatchSequence

HISTORY = 30
JUDGES = (RowAutoencoder, BatchSequence)


def loaded(path: str) -> Any:
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def pair(frame: pl.DataFrame) -> tuple[str, str] | None:
    """The two categories that tell most of each other, by the uncertainty coefficient; None below a quarter."""
    names = [c.name for c in frame if c.dtype == pl.String and 2 <= c.n_unique() <= 20]

    def entropy(*columns: str) -> float:
        share = frame.group_by(columns).len()["len"].to_numpy() / frame.height
        return float(-(share * np.log(share)).sum())

    told = [
        ((entropy(a) + entropy(b) - entropy(a, b)) / min(entropy(a), entropy(b)), a, b)
        for a, b in itertools.combinations(names, 2)
    ]
    best = max(told, default=None)
    return None if best is None or best[0] < 0.25 else (best[1], best[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--faults", required=True)
    parser.add_argument("--date")
    parser.add_argument("--sort")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--steps", type=int, default=18)
    options = parser.parse_args()
    faults = loaded(options.faults)
    table = pl.read_parquet(options.table)
    table = table.sort(options.sort) if options.sort else table
    batches = faults.cut(table, date=options.date, batch_size=options.batch_size)
    steps = np.linspace(HISTORY, len(batches) - 1, options.steps).astype(int).tolist()
    torn = pair(table.head(5_000))
    rows: list[dict[str, Any]] = []
    joint: list[tuple[bool, bool]] = []
    cpu = dict.fromkeys(("monitor", "joint", *(kind.name for kind in JUDGES)), 0.0)
    for place, t in enumerate(steps):
        past = batches[t - HISTORY : t]
        cases = [batches[t]]
        reference = pl.concat([b.frame for b in past]).tail(5_000)
        cases += [faults.damage(batches[t], kind, min(m), reference) for kind, (_, m) in faults.FAULTS.items()]
        kept = [(c.kind, c.frame, c.due, c.arrived) for c in cases if c is not None]
        if torn is not None:
            broken = batches[t].frame.with_columns(pl.col(torn[0]).shuffle(seed=1))
            kept.append(("torn apart", broken, batches[t].due, batches[t].arrived))
        began = time.process_time()
        monitor = kt.Monitor(window=HISTORY)
        for b in past:
            monitor.learn(b.frame, due=b.due, arrived=b.arrived)
        alarms = [monitor.judge(frame, due=due, arrived=arrived).alarm for _, frame, due, arrived in kept]
        cpu["monitor"] += time.process_time() - began
        scores = {}
        for kind in JUDGES:
            began = time.process_time()
            judge = kind().fit([b.frame for b in past])
            scores[kind.name] = [judge.score(frame).score for _, frame, _, _ in kept]
            cpu[kind.name] += time.process_time() - began
        for i, (kind, *_) in enumerate(kept):
            held = {name: found[i] for name, found in scores.items()}
            rows.append({"step": t, "kind": kind, "alarm": alarms[i], **held})
        began = time.process_time()
        for kind, frame, *_ in kept if place % 3 == 0 else []:
            if kind in ("clean", "torn apart"):
                p = kt.drift([b.frame for b in past], frame).joint
                joint.append((kind == "clean", p is not None and p.p < 0.01))
        cpu["joint"] += time.process_time() - began
    found = pl.DataFrame(rows)
    is_damaged = (found["kind"] != "clean").to_numpy()
    names = [kind.name for kind in JUDGES]
    scored = {name: found[name].to_numpy() for name in names}
    is_torn = (found["kind"] == "torn apart").to_numpy()
    alarm = found["alarm"].to_numpy()
    print(f"{options.table.stem}: {len(steps)} steps, {int(is_damaged.sum())} damaged cases, torn apart: {torn}")
    print("| judge | on | false alarms | recall | torn apart | p | CPU s |\n|---|---|---:|---:|---:|---:|---:|")
    told = " | ".join(f"{alarm[kind].mean():.3f}" if kind.any() else "" for kind in (~is_damaged, is_damaged, is_torn))
    print(f"| monitor | yes | {told} | | {cpu['monitor']:.0f} |")
    for c in choose(scored, is_damaged, alarm, found["step"].to_numpy()):
        with_it = alarm | (scored[c.judge] > c.threshold)
        torn_found = f"{with_it[is_torn].mean():.3f}" if is_torn.any() else ""
        both = f"{c.false_alarms[1]:.3f} | {c.recall[1]:.3f} | {torn_found}"
        print(f"| and {c.judge} | {'yes' if c.is_chosen else 'no'} | {both} | {c.p:.2g} | {cpu[c.judge]:.0f} |")
    clean = [hit for is_clean, hit in joint if is_clean]
    hits = [hit for is_clean, hit in joint if not is_clean]
    rate = f"{sum(clean)}/{len(clean)} | | " + (f"{sum(hits)}/{len(hits)}" if hits else "")
    print(f"| joint alone | | {rate} | | {cpu['joint']:.0f} |")


if __name__ == "__main__":
    main()
