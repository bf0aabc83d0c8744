"""How fast the service reads a large store: 10,000 tables and 1,000,000 runs.

    python bench/api.py [--tables 10000] [--runs 1000000] [--rate 200] [--seconds 20] [--keep DIR]

The store is filled by SQL from one real heal, whose run every other one repeats under another id and table. Then a
real `kintsu serve` is asked at a steady rate, whether or not it has answered (so that waiting counts), each operation
in turn with /healthz: the 99th percentile of each beside that of /healthz in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import httpx
import numpy as np
import polars as pl
from sqlalchemy import insert

import kintsu as kt
from kintsu.io.store import schema
from kintsu.io.store.history import History
from kintsu.io.store.store import Store

CITIES = ["Lyon", "Paris", "Nice"]
CHUNK = 20_000


def fill(home: Path, tables: int, runs: int) -> str:
    """Heal one table, then repeat what it left behind. Returns its run."""
    home.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame({"id": range(60), "city": CITIES * 19 + ["Pariss", "Lyonn", "Nice"]})
    frame.write_csv(home / "orders.csv")
    run = kt.heal(home / "orders.csv", home=home, auto=0.5).run
    store, history = Store(home), History(home)
    with schema.writing(history.engine) as connection:
        entry = connection.execute(schema.entries.select().where(schema.entries.c.kind == "prepared")).one()
        index = connection.execute(schema.runs.select()).one()
        watched = connection.execute(schema.monitors.select()).one()
        batch = connection.execute(schema.batches.select()).one()
        payload = json.loads(entry.payload)
        for start in range(0, tables, CHUNK):
            names = [f"table_{i:05}" for i in range(start, min(start + CHUNK, tables))]
            about = [{**json.loads(watched.settings), "table": name} for name in names]
            rows = [
                {**watched._asdict(), "id": 10 + start + i, "name": name, "settings": json.dumps(told)}
                for i, (name, told) in enumerate(zip(names, about, strict=True))
            ]
            connection.execute(insert(schema.monitors), rows)
            batches = [{**batch._asdict(), "id": 10 + start + i, "monitor": 10 + start + i} for i in range(len(names))]
            connection.execute(insert(schema.batches), batches)
        for start in range(0, runs, CHUNK):
            entries, lines = [], []
            for i in range(start, min(start + CHUNK, runs)):
                n, table, name = 1000 + i, f"table_{i % tables:05}", f"r-{i:08}"
                told = json.dumps(payload | {"id": name, "table": table})
                entries.append({**entry._asdict(), "n": n, "run": name, "payload": told})
                lines.append({**index._asdict(), "id": name, "n": n, "name": table, "status": "done"})
            connection.execute(insert(schema.entries), entries)
            connection.execute(insert(schema.runs), lines)
            print(f"{start + len(lines):,} runs", end="\r", flush=True)
    assert store.run(run).id == run
    return run


async def ask(client: httpx.AsyncClient, paths: list[str], rate: float, seconds: float) -> dict[str, list[float]]:
    """Seconds of each answer, from the moment at which it was to be sent."""
    times: dict[str, list[float]] = {path: [] for path in paths}
    began = time.perf_counter()

    async def one(path: str, due: float) -> None:
        answer = await client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        times[path].append(time.perf_counter() - began - due)

    tasks = []
    for i in range(int(rate * seconds)):
        due = i / rate
        await asyncio.sleep(max(0.0, began + due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(paths[i % len(paths)], due)))
    await asyncio.gather(*tasks)
    return times


async def measured(base: str, operations: list[str], rate: float, seconds: float) -> None:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=base, timeout=30, limits=limits) as client:
        await ask(client, ["/healthz", *operations], 20, 3)  # first use imports
        for path in operations:
            times = await ask(client, ["/healthz", path], rate, seconds)
            plain, told = (np.percentile(np.array(times[p]) * 1000, [50, 99]) for p in ("/healthz", path))
            print(
                f"{path}: p50 {told[0]:.1f} ms, p99 {told[1]:.1f} ms; /healthz p50 {plain[0]:.1f}, p99 {plain[1]:.1f}; "
                f"ratio of p99 {told[1] / plain[1]:.1f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--keep", type=Path, help="a folder for the store, which is used again")
    chosen = parser.parse_args()
    place = nullcontext(chosen.keep) if chosen.keep else tempfile.TemporaryDirectory()
    with place as folder:
        home = Path(folder) / "home"
        mark = home / "run.txt"
        run = mark.read_text() if mark.is_file() else fill(home, chosen.tables, chosen.runs)
        mark.write_text(run)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "kintsu", "serve", "--home", str(home), "--port", str(port)]
        with subprocess.Popen(command) as server:
            try:
                base = f"http://127.0.0.1:{port}"
                for _ in range(200):
                    try:
                        httpx.get(f"{base}/healthz")
                        break
                    except httpx.TransportError:
                        time.sleep(0.1)
                api = "/api/v1"
                operations = [
                    f"{api}/tables?limit=50",
                    f"{api}/tables?limit=50&after=5000",
                    f"{api}/runs?limit=50",
                    f"{api}/runs?limit=50&table=table_00042",
                    f"{api}/runs/{run}",
                    f"{api}/runs/{run}/changes",
                    f"{api}/incidents",
                ]
                asyncio.run(measured(base, operations, chosen.rate, chosen.seconds))
                rss = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * 4096 / 2**20
                print(f"memory of the service afterwards: {rss:.0f} MiB")
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
