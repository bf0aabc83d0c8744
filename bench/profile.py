"""Our profile against DuckDB SUMMARIZE: CPU seconds of the whole process, same file, same run.

    python bench/profile.py --data orders.parquet orders.csv [--repeat 3]
    python bench/profile.py --rows 1000000          # writes a table of its own first

Each measurement is a process of its own (imports, read, work); the best of `--repeat` counts. CPU seconds are the
figure to trust: wall time carries whatever else the machine does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PEERS = {
    "duckdb SUMMARIZE": "import sys, duckdb; duckdb.sql(f\"SUMMARIZE SELECT * FROM '{sys.argv[1]}'\").fetchall()",
    "kintsu profile": "import sys, json, kintsu.run.profile as p; json.dumps(p.profile(sys.argv[1]).to_dict())",
}


def measured(code: str, path: Path) -> tuple[float, float, float]:
    """CPU seconds, wall seconds and peak resident MB of a child process."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if status:
        raise SystemExit(f"failed: {code} {path}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def generated(folder: Path, rows: int) -> list[Path]:
    """A table of 24 columns of the usual kinds, as Parquet and CSV."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(0)
    words = np.array(["oak", "elm", "ash", "fir", "yew", "bay", "fig", "box"])
    columns = {f"id{i}": rng.permutation(rows) + 10**9 for i in range(2)}
    columns |= {
        f"code{i}": [f"{a:08x}-{b:05d}" for a, b in zip(rng.integers(0, 2**32, rows), range(rows))] for i in range(4)
    }
    columns |= {f"word{i}": words[rng.integers(0, 8, rows)] for i in range(6)}
    columns |= {f"amount{i}": rng.lognormal(3, 1, rows).round(2) for i in range(8)}
    columns |= {f"count{i}": rng.poisson(3, rows) for i in range(4)}
    frame = pl.DataFrame(columns)
    paths = [folder / "table.parquet", folder / "table.csv"]
    frame.write_parquet(paths[0])
    frame.write_csv(paths[1])
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="*", type=Path, default=[])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=2)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'file':28} {'tool':18} {'CPU s':>8} {'x':>6} {'wall s':>8} {'RSS MB':>8}")
        for path in chosen.data or generated(Path(folder), chosen.rows):
            base = None
            for tool, code in PEERS.items():
                cpu, wall, rss = min(measured(code, path) for _ in range(chosen.repeat))
                base = base or cpu
                print(f"{path.name:28} {tool:18} {cpu:8.2f} {cpu / base:6.2f} {wall:8.2f} {rss:8.0f}", flush=True)


if __name__ == "__main__":
    main()
