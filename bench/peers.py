"""How does Kintsu compare with a published system on the same tables, on the same machine?

    python bench/peers.py --data DIR --peer PYTHON         DIR/<table>/dirty.csv and clean.csv

The peer is Raha + Baran (raha 1.26) with 20 labelled rows, seed 1. PYTHON is the interpreter of an environment of its
own, for it fails on pandas 3 and numpy 2:

    python -m venv peers && peers/bin/pip install "raha==1.26" "pandas<2.3" "numpy<2" "scikit-learn<1.6"

Kintsu runs from the command line with no labels. Each is a process of its own: seconds on the clock, CPU seconds, and
the peak memory of its largest process. Scores are those of `bench/cleaning.py`.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def mend_with_raha(folder: Path, out: Path, found: Path) -> None:
    """Detect and correct with 20 labelled rows; runs in the peer's own environment."""
    import numpy
    import raha

    random.seed(1)
    numpy.random.seed(1)  # noqa: NPY002 - what the peer draws from
    data = {"name": folder.name, "path": str(folder / "dirty.csv"), "clean_path": str(folder / "clean.csv")}
    detection = raha.Detection()
    detection.LABELING_BUDGET, detection.SAVE_RESULTS = 20, False
    detected = detection.run(data)
    dataset = raha.dataset.Dataset(data)
    dataset.detected_cells = dict(detected)
    correction = raha.Correction()
    correction.LABELING_BUDGET, correction.SAVE_RESULTS = 20, False
    dataset.create_repaired_dataset(correction.run(dataset))
    dataset.repaired_dataframe.to_csv(out, index=False)
    with found.open("w", newline="") as file:
        names = list(dataset.dataframe.columns)
        csv.writer(file).writerows([("row", "column"), *((row, names[at]) for row, at in detected)])


def measured(command: list[str], log: Path, folder: Path) -> dict[str, float]:
    """Run to the end: seconds, CPU seconds, peak MiB."""
    began = time.monotonic()
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed:\n{log.read_text()[-2000:]}")
    return {
        "seconds": time.monotonic() - began,
        "CPU s": usage.ru_utime + usage.ru_stime,
        "peak MiB": usage.ru_maxrss / 1024,
    }


def compare(folder: Path, peer: str, numeric: bool, exclude: set[str], work: Path) -> list[dict[str, object]]:
    """One line for Kintsu and one for the peer."""
    from cleaning import Case

    case, lines = Case(folder, numeric=numeric, exclude=exclude), []
    healed, found = work / "healed.csv", work / "found.csv"
    files = ["-o", str(healed), "--findings", str(found), "--auto", "0.5", "--force", "--quiet"]
    ours = [sys.executable, "-m", "kintsu", "heal", str(folder / "dirty.csv"), *files]
    theirs = [peer, os.path.realpath(__file__), "--child", str(folder), str(healed), str(found)]
    for name, command in (("Kintsu, no labels", ours), ("Raha + Baran, 20 labelled rows", theirs)):
        cost = measured(command, work / "log.txt", work)
        with found.open(newline="") as file:
            flagged = {
                (int(line["row"]), line["column"]) for line in csv.DictReader(file) if line["row"] and line["column"]
            }
        detection, repair = case.detection(flagged), case.score(healed)
        lines.append({"table": folder.name, "system": name, "detect F1": detection[2], "repair F1": repair[2], **cost})
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of folders with dirty.csv and clean.csv")
    parser.add_argument("--peer", help="interpreter of the environment that has raha")
    parser.add_argument("--tables", default="hospital,flights,beers", help="comma separated")
    parser.add_argument("--numeric", default="", help="tables whose cells are compared as numbers, comma separated")
    parser.add_argument("--exclude", default="", help="identifier columns that are not scored, comma separated")
    parser.add_argument("--child", nargs=3, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        mend_with_raha(*arguments.child)
        return
    if not arguments.data or not arguments.peer:
        parser.error("--data and --peer are needed: there is nothing to compare otherwise")
    import polars as pl

    numeric, exclude = set(arguments.numeric.split(",")), set(arguments.exclude.split(","))
    lines = []
    for name in arguments.tables.split(","):
        with tempfile.TemporaryDirectory() as work:
            folder = (arguments.data / name).resolve()
            lines += compare(folder, arguments.peer, name in numeric, exclude, Path(work))
    frame = pl.DataFrame(lines)
    ratio = frame.with_columns(
        (pl.col(c) / pl.col(c).first().over("table")).alias(f"{c} / ours") for c in ("repair F1", "seconds", "peak MiB")
    )
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=170, float_precision=3, tbl_hide_dataframe_shape=True):
        print(ratio)


if __name__ == "__main__":
    main()
