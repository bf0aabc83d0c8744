"""Streams: values a CPU second, false alarms on clean streams, and values between a change and its alert.

    python bench/streams.py [--seeds 40]

All figures go through `kt.StreamMonitor`. CPU seconds, not wall time. A value is one cell.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

import kintsu as kt

REFERENCE = 20_000
STATES = np.array(["open", "paid", "sent", "returned", "lost"])


def wide(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    """Sixteen columns of numbers and eight of categories; some cells are empty."""
    numbers = {f"x{i}": rng.normal(i, 1 + i, rows) for i in range(14)}
    whole = {"n": rng.poisson(3, rows), "id": rng.integers(0, 10**9, rows)}
    words = {f"c{i}": STATES[rng.choice(5, rows, p=[0.3, 0.4, 0.2, 0.08, 0.02])] for i in range(4)}
    many = {f"m{i}": np.char.add("town ", (rng.zipf(1.6, rows) % 300).astype(str)) for i in range(4)}
    frame = pl.DataFrame(numbers | whole | words | many)
    empty = pl.Series(rng.random(rows) < 0.05)
    return frame.with_columns(pl.when(~empty).then(pl.col("x0", "x1", "c0", "m0")))


def normal(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    return pl.DataFrame({"x": rng.normal(size=rows)})


def states(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    return pl.DataFrame({"x": STATES[rng.choice(5, rows, p=[0.3, 0.4, 0.2, 0.08, 0.02])]})


def heavy(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    return pl.DataFrame({"x": np.round(np.exp(rng.standard_t(3, rows)), 2)})


def autocorrelated(rho: float) -> Callable[[np.random.Generator, int], pl.DataFrame]:
    def made(rng: np.random.Generator, rows: int) -> pl.DataFrame:
        from scipy.signal import lfilter

        noise = rng.normal(size=rows + 2_000) * (1 - rho**2) ** 0.5
        return pl.DataFrame({"x": lfilter([1.0], [1.0, -rho], noise)[2_000:]})

    return made


def speed(seed: int) -> Iterator[str]:
    rng = np.random.default_rng(seed)
    reference, rows = wide(rng, REFERENCE), wide(rng, 200_000)
    for size in (1, 100, 1_000, 10_000):
        used = rows[: min(200_000, size * 2_000)]
        parts = [used[start : start + size] for start in range(0, used.height, size)]
        for rates in (False, True):
            monitor = kt.StreamMonitor(reference, rates=rates)
            monitor.add(rows[:1_000])
            began = time.process_time()
            for part in parts:
                monitor.add(part)
            took = time.process_time() - began
            values = used.height * used.width
            yield f"| {size:,} | {'with rates' if rates else 'blocks'} | {values / took / 1e6:.1f} M |"


def false_alarms(seeds: int) -> Iterator[str]:
    made = {"normal": normal, "categories": states, "heavy tails": heavy, "24 columns": wide}
    made |= {f"AR({rho:g})": autocorrelated(rho) for rho in (0.5, 0.9, 0.99, 0.999)}
    for name, make in made.items():
        for n in (2_000, REFERENCE):
            for rates in (False, True):
                alarms = values = 0
                for seed in range(seeds if name != "24 columns" else max(seeds // 4, 1)):
                    rng = np.random.default_rng([1, seed])
                    rows = make(rng, n + 100_000)  # one stream: its start is the reference
                    monitor = kt.StreamMonitor(rows[:n], rates=rates)
                    alarms += len(monitor.add(rows[n:]))
                    values += 100_000 * rows.width
                told = f"{alarms} | {alarms / values * 1e5:.3f}"
                yield f"| {name} | {n:,} | {'with rates' if rates else 'blocks'} | {values:,} | {told} |"


def delays(seeds: int) -> Iterator[str]:
    def moved(by: float) -> Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]:
        return lambda frame, rng: frame.with_columns(x=pl.col("x") + by)

    def scaled(by: float) -> Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]:
        return lambda frame, rng: frame.with_columns(x=pl.col("x") * by)

    def emptied(share: float) -> Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]:
        return lambda frame, rng: frame.with_columns(x=pl.when(pl.Series(rng.random(len(frame)) >= share)).then("x"))

    def put(value: str, share: float) -> Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]:
        def done(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
            hit = pl.Series(rng.random(len(frame)) < share)
            return frame.with_columns(x=pl.when(hit).then(pl.lit(value)).otherwise("x"))

        return done

    changes = {f"mean by {by:g} sd": (normal, moved(by)) for by in (0.25, 0.5, 1.0, 2.0)}
    changes |= {f"sd x {by:g}": (normal, scaled(by)) for by in (0.7, 1.5)}
    changes |= {f"{share:.0%} empty": (normal, emptied(share)) for share in (0.02, 0.05, 0.3)}
    changes |= {f"{share:.0%} of the cells become 'paid'": (states, put("paid", share)) for share in (0.1, 0.3)}
    changes |= {f"{share:.0%} become a new value": (states, put("lent", share)) for share in (0.02, 0.1)}
    changes |= {f"mean by 0.5 sd, AR({rho:g})": (autocorrelated(rho), moved(0.5)) for rho in (0.5, 0.9, 0.99)}
    for name, (make, change) in changes.items():
        found = []
        for seed in range(seeds):
            rng = np.random.default_rng([2, seed])
            rows = make(rng, REFERENCE + 11_000)
            start = 5_000 + int(rng.integers(0, 500))
            stream = rows[REFERENCE:]
            monitor = kt.StreamMonitor(rows[:REFERENCE])
            monitor.add(stream[:start])
            alerts = monitor.add(change(stream[start:], rng))
            found.append(alerts[0].rows[1] - start if alerts else np.inf)
        missed = int(np.isinf(found).sum())
        known = [d for d in found if np.isfinite(d)] or [np.nan]
        yield f"| {name} | {np.median(known):.0f} | {max(known):.0f} | {missed}/{seeds} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    seeds = parser.parse_args().seeds
    print("| rows a micro-batch, 24 columns | judged by | values a CPU second |\n|---:|---|---:|")
    for line in speed(0):
        print(line, flush=True)
    print(
        "\n| clean stream | reference | judged by | values | false alarms | in 100,000 values |"
        "\n|---|---:|---|---:|---:|---:|"
    )
    for line in false_alarms(seeds):
        print(line, flush=True)
    print("\n| change | median delay | longest delay | missed in 6,000 rows |\n|---|---:|---:|---:|")
    for line in delays(seeds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
