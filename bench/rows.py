"""Odd rows beside scikit-learn's isolation forest: `python bench/rows.py --data DIR` with .npz files that hold X and y.

y = 1 marks an odd row. Prints ROC AUC and average precision of `kt.score_rows` and the mean over five seeds of an
IsolationForest, both fitted to 70 % of the rows and scored on the rest, and the share of usual rows that are named.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split

import kintsu as kt

SEEDS, MAX_ROWS = 5, 10_000


def figures(path: Path) -> np.ndarray:
    """ROC and PR of the forest, ROC and PR of ours, share of usual rows named, our CPU seconds."""
    held = np.load(path)
    x, y = held["X"].astype(float), held["y"]
    if len(x) > MAX_ROWS:
        few = np.random.default_rng(0).permutation(len(x))[:MAX_ROWS]
        x, y = x[few], y[few]
    train, test, _, odd = train_test_split(x, y, test_size=0.3, stratify=y, random_state=0)
    forests = [-IsolationForest(random_state=seed).fit(train).score_samples(test) for seed in range(SEEDS)]
    forest = np.mean([(roc_auc_score(odd, s), average_precision_score(odd, s)) for s in forests], axis=0)
    began = time.process_time()
    scored = kt.score_rows(train, test)
    cpu_s = time.process_time() - began
    ours = scored["score"].to_numpy()
    named = scored["is_anomaly"].to_numpy()[odd == 0].mean()
    return np.array([*forest, roc_auc_score(odd, ours), average_precision_score(odd, ours), named, cpu_s])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    rows = []
    print("set                   forest ROC   PR   ours ROC   PR   usual named   CPU s")
    for path in sorted(parser.parse_args().data.glob("*.npz")):
        rows.append(figures(path))
        print(path.stem.ljust(20), "  ".join(f"{value:8.4f}" for value in rows[-1]), flush=True)
    mean = np.mean(rows, axis=0)
    print("mean".ljust(20), "  ".join(f"{value:8.4f}" for value in mean))
    print(f"ROC {mean[2] - mean[0]:+.4f}, PR {mean[3] - mean[1]:+.4f}; ", end="")
    print(f"{np.mean([row[4] < 0.05 for row in rows]):.0%} of sets name under 5 % of the usual rows")


if __name__ == "__main__":
    main()
