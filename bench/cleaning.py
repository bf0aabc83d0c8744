"""How well are dirty tables mended with no labels? Detection and repair against the truth.

    python bench/cleaning.py                      a generated table of customers
    python bench/cleaning.py --data DIR           DIR/<table>/dirty.csv and clean.csv, same rows in the same order

Scores are cell-level and micro, as in the literature on error detection and repair: cells are compared as text after
white space is collapsed; columns are matched by position; a repair is right where the healed cell equals the clean one.
`--numeric TABLE,...` compares the named tables as numbers where both cells are numbers.
"""

from __future__ import annotations

import argparse
import csv
import re
import tempfile
import time
from pathlib import Path

import polars as pl

import kintsu as kt

SPACES = re.compile(r"\s+")


def cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV file as text."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        header, *rows = csv.reader(file)
    return header, [row for row in rows if row]


def normal(text: str, numeric: bool) -> str:
    """The cell as it is compared."""
    text = SPACES.sub(" ", text).strip()
    if numeric:
        try:
            return f"{float(text):.9g}"
        except ValueError:
            pass
    return text


def f1(right: int, made: int, wanted: int) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean; 0 where undefined."""
    p, r = right / made if made else 0.0, right / wanted if wanted else 0.0
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


def score(folder: Path, auto: float, numeric: bool, work: Path) -> dict[str, object]:
    """Heal one dirty table and compare it with its truth."""
    healed = work / f"{folder.name}.{auto}.csv"
    began = time.perf_counter()
    result = kt.heal(folder / "dirty.csv", out=healed, auto=auto, home=work / "store")
    seconds = time.perf_counter() - began
    (names, dirty), (_, clean), (_, mended) = (cells(p) for p in (folder / "dirty.csv", folder / "clean.csv", healed))
    at = {name: i for i, name in enumerate(names)}
    grid = [[[normal(cell, numeric) for cell in row] for row in table] for table in (dirty, clean, mended)]
    d, c, h = grid
    errors = {(i, j) for i, row in enumerate(d) for j, cell in enumerate(row) if cell != c[i][j]}
    made = {(i, j) for i, row in enumerate(d) for j, cell in enumerate(row) if cell != h[i][j]}
    right = {(i, j) for i, j in made & errors if h[i][j] == c[i][j]}
    found = result.findings.select("row", "column").drop_nulls().unique()
    flagged = {(row, at[column]) for row, column in found.iter_rows() if column in at}
    detection, repair = f1(len(flagged & errors), len(flagged), len(errors)), f1(len(right), len(made), len(errors))
    return {
        "table": folder.name,
        "auto": auto,
        "rows": len(d),
        "errors": len(errors),
        "detect P": detection[0],
        "detect R": detection[1],
        "detect F1": detection[2],
        "repair P": repair[0],
        "repair R": repair[1],
        "repair F1": repair[2],
        "seconds": seconds,
    }


def generated(work: Path) -> Path:
    """A folder with one generated table and its truth."""
    from kintsu.run.generate import generate

    folder = work / "data" / "customers"
    folder.mkdir(parents=True)
    made = generate("customers", rows=3000, seed=11, errors=0.02)
    made.dirty.write_csv(folder / "dirty.csv")
    made.clean.write_csv(folder / "clean.csv")
    return folder.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of folders with dirty.csv and clean.csv")
    parser.add_argument("--numeric", default="", help="tables whose cells are compared as numbers, comma separated")
    parser.add_argument("--auto", type=float, nargs="*", default=[0.5, 0.95])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        data = arguments.data or generated(work)
        numeric = set(arguments.numeric.split(","))
        folders = sorted(path.parent for path in data.glob("*/dirty.csv"))
        lines = [score(f, auto, f.name in numeric, work) for f in folders for auto in arguments.auto]
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=140, float_precision=3, tbl_hide_dataframe_shape=True):
        print(pl.DataFrame(lines))


if __name__ == "__main__":
    main()
