"""How far the outlook of objectives can be trusted: made courses of 60 days, told ahead, held against the next 90.

python bench/outlook.py --courses 150
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from kintsu.monitor.attain import attain
from kintsu.monitor.objectives import read_sentence

START = datetime(2026, 1, 1, tzinfo=UTC)
PAST, AHEAD, WINDOW, ALLOWED = 60, 90, 30, 1.5
KINDS = ("noise", "trend", "weekday", "carried", "heavy")


def course(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Values of 150 days: noise, and what the kind adds."""
    t = np.arange(PAST + AHEAD)
    e = rng.standard_t(3, len(t)) if kind == "heavy" else rng.normal(0, 1, len(t))
    if kind == "carried":
        for i in t[1:]:
            e[i] = 0.7 * (e[i - 1] + e[i])
    if kind == "trend":
        e -= t * rng.uniform(0.01, 0.06)
    if kind == "weekday":
        e += np.array([0, 0, 0, 0, 0, -2, -2])[t % 7]
    return e


def main() -> None:
    """Print a line for each kind of course."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--courses", type=int, default=150)
    courses = parser.parse_args().courses
    print("course    n  mean told  breached  Brier  (of the mean)  next in 80 %  day in 80 %")
    at = [START + timedelta(days=i) for i in range(PAST)]
    for kind in KINDS:
        told, came, covered, dated = [], [], [], []
        for seed in range(courses):
            rng = np.random.default_rng([seed, 5])
            y = course(kind, rng)
            bound = y[:PAST].mean() - rng.uniform(1, 5)
            objective = read_sentence(f"mean of x >= {bound:.6f}, 95 % of days over {WINDOW} days")
            frame = pl.DataFrame({"at": at, "mean:x": y[:PAST]})
            outlook = attain(objective, frame, at[-1] + timedelta(hours=6)).outlook
            if outlook.probability is None:  # breached already
                continue
            missed = np.concatenate([[0], np.cumsum(y < bound)])
            spent = missed[PAST + 1 :] - missed[PAST + 1 - WINDOW : -WINDOW]
            first = np.flatnonzero(spent > ALLOWED)
            told.append(outlook.probability)
            came.append(float(len(first) > 0))
            covered.append(outlook.next_low <= y[PAST] <= outlook.next_high)
            if len(first):
                day = (at[-1] + timedelta(days=int(first[0]))).date()
                early = outlook.earliest is None or day < outlook.earliest
                dated.append(not early and (outlook.latest is None or day <= outlook.latest))
        p, q = np.array(told), np.array(came)
        brier, base = ((p - q) ** 2).mean(), q.mean() * (1 - q.mean())
        print(
            f"{kind:8} {len(p):3} {p.mean():10.2f} {q.mean():9.2f} {brier:6.3f} {base:14.3f} "
            f"{np.mean(covered):13.2f} {np.mean(dated):9.2f} of {len(dated)}"
        )


if __name__ == "__main__":
    main()
