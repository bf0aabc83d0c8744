"""How long do `kintsu check` and `kintsu heal` take on small and middling tables, and how much memory?

    python bench/speed.py                              generated customers and orders of 1,000, 50,000 and 200,000 rows
    python bench/speed.py --rows 1000 --repeat 3       the best of three runs
    python bench/speed.py --data DIR --rows            DIR/<table>/dirty.csv alone

Each command runs in a process of its own and writes what people have it write (healed file and log); wall and CPU
seconds and peak memory are the operating system's accounting of that process. Of several runs the one with the least
CPU time counts. The load that the machine was under is printed, for wall seconds mean little under load.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mending import measured

TABLES = ("customers", "orders")
ERRORS = "0.01"


def tables(data: Path | None, rows: list[int], work: Path) -> Iterator[tuple[str, Path]]:
    """Name and file of every table, small ones first."""
    if data is not None:
        yield from ((path.parent.name, path) for path in sorted(data.glob("*/dirty.csv")))
    for n in rows:
        for kind in TABLES:
            path = work / f"{kind}-{n}.csv"
            generate = ["generate", kind, "--rows", str(n), "--errors", ERRORS, "-o", str(path)]
            subprocess.run([sys.executable, "-m", "kintsu", *generate], check=True, stdout=subprocess.DEVNULL)
            yield path.stem, path


def shape(path: Path) -> str:
    """Rows and columns of a CSV file, for people."""
    import polars as pl

    frame = pl.scan_csv(path, infer_schema=False)
    return f"{frame.select(pl.len()).collect().item():,} x {len(frame.collect_schema())}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of folders with dirty.csv")
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 50_000, 200_000], help="of generated tables")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each command")
    arguments = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'table':<18} {'shape':>14} {'command':<8} {'wall s':>8} {'CPU s':>8} {'GiB':>6} {'exit':>5}")
    with tempfile.TemporaryDirectory() as name:
        for table, path in tables(arguments.data, arguments.rows, Path(name)):
            size = shape(path)
            healed = ["-o", f"{name}/healed.csv", "--force", "--home", f"{name}/store"]
            for command, extra in (("check", []), ("heal", healed)):
                runs = [measured([command, str(path), *extra, "--json"]) for _ in range(arguments.repeat)]
                wall, cpu, memory, status = min(runs, key=lambda run: run[1])
                print(
                    f"{table:<18} {size:>14} {command:<8} {wall:8.1f} {cpu:8.1f} {memory:6.2f} {status:5d}", flush=True
                )


if __name__ == "__main__":
    main()
