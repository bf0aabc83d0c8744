"""How fast the service reads a large store: 10,000 tables and 1,000,000 runs.

    python bench/api.py [--tables 10000] [--runs 1000000] [--rate 200] [--seconds 20] [--keep DIR]

The store is filled by SQL from one real heal, whose run every other one repeats under another id and table. Then a
real `kintsu serve` is asked at a steady rate, whether or not it has answered (so that waiting counts), each operation
in turn with /healthz: the 99th percentile of each beside that of /healthz in the same run, and CPU of the service. The
same page is asked for again and again, as a dashboard does; of those with {n} or {run} another one each time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import httpx2 as httpx
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
                {**watched._asdict(), "id": 10 + start + i, "name": name, "settings": json.dumps(told), "folded": name}
                for i, (name, told) in enumerate(zip(names, about, strict=True))
            ]
            connection.execute(insert(schema.monitors), rows)
            batches = [{**batch._asdict(), "id": 10 + start + i, "monitor": 10 + start + i} for i in range(len(names))]
            connection.execute(insert(schema.batches), batches)
        for start in range(0, runs, CHUNK):
            entries, lines = [], []
            for i in range(start, min(start + CHUNK, runs)):
                n, table, name = 1000 + i, f"table_{i % tables:05}", f"r-{i:08}"
                own = {"made": name, "output": f"{name}.csv"}  # of each run: equal ones would be one long history
                told = json.dumps(payload | {"id": name, "table": table} | own)
                entries.append({**entry._asdict(), "n": n, "run": name, "payload": told})
                lines.append({**index._asdict(), "id": name, "n": n, "name": table, "status": "done", **own})
            connection.execute(insert(schema.entries), entries)
            connection.execute(insert(schema.runs), lines)
            print(f"{start + len(lines):,} runs", end="\r", flush=True)
    assert store.run(run).id == run
    return run


class Client:
    """HTTP over connections that stay open: a client that does more costs as much as the service it measures."""

    def __init__(self, port: int) -> None:
        self.port, self.free = port, []

    async def get(self, path: str) -> int:
        """The status of the answer, which is read whole."""
        while True:
            is_fresh = not self.free
            pair = await asyncio.open_connection("127.0.0.1", self.port) if is_fresh else self.free.pop()
            reader, writer = pair
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                if is_fresh:
                    raise
                continue  # the service let go of it while it was not used: as every client does, ask again on another
            length = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
            await reader.readexactly(length)
            self.free.append(pair)
            return int(head[9:12])


async def ask(client: Client, paths: list[str], rate: float, seconds: float) -> dict[str, list[float]]:
    """Seconds of each answer, from the moment at which it was to be sent. {n} in a path is another number each time."""
    times: dict[str, list[float]] = {path: [] for path in paths}
    began = time.perf_counter()

    async def one(path: str, n: int, due: float) -> None:
        here = path.replace("{n}", str(n * 7 % 9_900)).replace("{run}", f"r-{n * 7919 % 100_000:08}")
        status = await client.get(here)
        assert status == 200, (here, status)
        times[path].append(time.perf_counter() - began - due)

    tasks = []
    for i in range(int(rate * seconds)):
        due = i / rate
        await asyncio.sleep(max(0.0, began + due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(paths[i % len(paths)], i, due)))
    await asyncio.gather(*tasks)
    return times


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


async def measured(port: int, pid: int, operations: list[str], rate: float, seconds: float) -> None:
    client = Client(port)
    await ask(client, ["/healthz", *operations], 20, 3)  # first use imports
    before = cpu_s(pid)
    await ask(client, ["/healthz"], rate, seconds)
    plain_s = (cpu_s(pid) - before) / (rate * seconds)
    for path in operations:
        before = cpu_s(pid)
        times = await ask(client, ["/healthz", path], rate, seconds)
        each_s = 2 * (cpu_s(pid) - before) / (rate * seconds) - plain_s
        plain, told = (np.percentile(np.array(times[p]) * 1000, [50, 99]) for p in ("/healthz", path))
        print(
            f"{path}: p50 {told[0]:.1f} ms, p99 {told[1]:.1f} ms; /healthz p50 {plain[0]:.1f}, p99 {plain[1]:.1f}; "
            f"ratio of p99 {told[1] / plain[1]:.1f}; CPU {1000 * each_s:.2f} ms a request",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--only", choices=("again", "anew"), help="the same pages, or another one each time")
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
        command = [sys.executable, "-m", "kintsu", "serve", "--home", str(home), "--port", str(port), "--workers", "0"]
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
                again = [
                    *(f"{api}/tables?limit=50", f"{api}/tables?limit=50&after=5000", f"{api}/runs?limit=50"),
                    *(f"{api}/runs?limit=50&table=table_00042", f"{api}/runs/{run}", f"{api}/runs/{run}/changes"),
                    *(f"{api}/incidents", f"{api}/alerts", f"{api}/streams"),
                ]
                anew = [
                    f"{api}/tables?limit=50&after={{n}}",
                    f"{api}/runs?limit=50&after=1{{n}}",
                    *(f"{api}/runs/{{run}}", f"{api}/runs/{{run}}/changes", f"{api}/runs/{{run}}/issues"),
                    f"{api}/tables?limit=50&q={{n}}",
                ]
                asyncio.run(
                    measured(
                        port,
                        server.pid,
                        again * (chosen.only != "anew") + anew * (chosen.only != "again"),
                        chosen.rate,
                        chosen.seconds,
                    )
                )
                rss = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * 4096 / 2**20
                print(f"memory of the service afterwards: {rss:.0f} MiB")
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
