"""How long do `kintsu check` and `kintsu heal` take, and how much memory?

    python bench/mending.py                      a generated table of orders, 1 million rows
    python bench/mending.py --data FILE          a table of yours

Each command runs in a process of its own; wall and CPU seconds and peak memory are the operating system's accounting of
that process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measured(arguments: list[str]) -> tuple[float, float, float, int]:
    """Wall seconds, CPU seconds, peak resident GiB and exit status of one run of the command line."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "kintsu", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024**2, os.waitstatus_to_exitcode(status)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="table to check and heal")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the generated table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        table = arguments.data or Path(name) / "orders.csv"
        if arguments.data is None:
            generate = ["generate", "orders", "--rows", str(arguments.rows), "--errors", "0.005", "-o", str(table)]
            subprocess.run([sys.executable, "-m", "kintsu", *generate], check=True, stdout=subprocess.DEVNULL)
        print(f"{'command':<8} {'wall s':>8} {'CPU s':>8} {'GiB':>6} {'exit':>5}")
        report = Path(name) / "report.html"
        healed = ["-o", str(Path(name) / f"healed{table.suffix}"), "--home", str(Path(name) / "store")]
        healed += ["--report", str(report), "--findings", str(Path(name) / "findings.csv")]
        healed += ["--changes", str(Path(name) / "changes.csv")]
        for command, extra in (("profile", []), ("check", []), ("heal", healed)):
            wall, cpu, memory, status = measured([command, str(table), *extra, "--json"])
            print(f"{command:<8} {wall:8.1f} {cpu:8.1f} {memory:6.2f} {status:5d}", flush=True)
        if report.exists():
            print(f"report of heal: {report.stat().st_size / 1e6:.2f} MB; findings and changes were written too")


if __name__ == "__main__":
    main()
