"""Jobs over HTTP: how fast they are accepted and done, and what becomes of them when workers are killed.

    python bench/jobs.py [--jobs 1000] [--clients 32] [--kills 0] [--kind profile] [--store postgresql://...]

Starts `kintsu serve` with one worker on a fresh store; as many clients as told hand in the jobs at once, each a
profile of one small upload. `--kills` ends a worker with SIGKILL so many times, three seconds apart.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np

BODY = b"id,city\n" + b"".join(b"%d,%s\n" % (n, (b"Lyon", b"Paris", b"Nice")[n % 3]) for n in range(100))
OPEN = ("queued", "running")


async def main(jobs: int, clients: int, kills: int, kind: str, store: str | None) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="kintsu-bench-") as home:
        command = [sys.executable, "-m", "kintsu", "serve", "--home", home, "--port", str(port), "--lease", "5"]
        command += ["--store", store] if store else []
        service = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=120) as client:
                await measured(client, jobs, clients, kills, kind, service.pid)
        finally:
            service.terminate()
            service.wait(60)


async def measured(client: Any, jobs: int, clients: int, kills: int, kind: str, service: int) -> None:
    for _ in range(300):
        try:
            await client.get("/me")
            break
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    upload = (await client.post("/uploads", params={"name": "orders.csv"}, content=BODY)).json()["id"]
    told = {"kind": kind, "source": {"upload": upload}}
    took: list[float] = []

    async def submit(n: int) -> None:
        for _ in range(n):
            began = time.perf_counter()
            answer = await client.post("/jobs", json=told)
            assert answer.status_code == 202, answer.text
            took.append((time.perf_counter() - began) * 1000)

    began, before = time.perf_counter(), cpu_s(service)
    await asyncio.gather(*(submit(len(part)) for part in np.array_split(np.arange(jobs), clients)))
    accepted, spent = time.perf_counter() - began, cpu_s(service) - before
    print(
        f"accepted {len(took)} jobs in {accepted:.2f} s ({spent:.2f} CPU s of the service); "
        f"each: median {np.median(took):.0f} ms, p99 {np.quantile(took, 0.99):.0f} ms"
    )
    while await counted(client, OPEN):
        if kills:
            await asyncio.sleep(3)
            for pid in workers(service):
                os.kill(pid, signal.SIGKILL)
            kills -= 1
        await asyncio.sleep(0.25)
    ended = time.perf_counter() - began
    print(f"all ended after {ended:.1f} s, {jobs / ended:.0f} a second")
    parts = [service, *workers(service)]
    print(f"CPU: service {cpu_s(parts[0]):.1f} s, workers {sum(map(cpu_s, parts[1:])):.1f} s")
    states = {state: await counted(client, (state,)) for state in ("done", "failed", "cancelled")}
    print(states)
    assert states["done"] == jobs, states


async def counted(client: Any, states: tuple[str, ...]) -> int:
    """Jobs in these states, as the service's figures tell."""
    lines = (await client.get(str(client.base_url).replace("/api/v1/", "/metrics"))).text.splitlines()
    return sum(
        int(float(line.split()[-1])) for line in lines for state in states if f'kintsu_jobs{{state="{state}"}}' in line
    )


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def workers(service: int) -> list[int]:
    """The processes that the service started."""
    told = Path(f"/proc/{service}/task/{service}/children").read_text().split()
    return [int(pid) for pid in told]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--kind", default="profile")
    parser.add_argument("--store")
    asyncio.run(main(**vars(parser.parse_args())))
