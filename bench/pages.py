"""How soon pages of the dashboard are there on a large store: `python bench/pages.py HOME [TIMES]`.

HOME is what `bench/api.py --keep DIR` left: 10,000 tables and 1,000,000 runs. It is served as it is, and every page is
visited in a browser that knows nothing yet. Told are, since the address was asked for, the first contentful paint,
the moment when the content that the page is for is there, and the memory of the service before and after. Needs
Chromium and playwright; nothing is written to HOME but what opening it leaves.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from playwright.sync_api import sync_playwright

PAGES = {
    "overview": ("/", "[role=rowgroup] [role=row]"),
    "overview, all tables": ("/", "p[role=status]:has-text('healthy')"),
    "runs": ("/runs", "main tbody tr"),
    "run": ("/runs/r-00512345", "[role=grid] [role=row]"),
    "questions": ("/runs/r-2/questions", "main section, main .border-dashed"),  # of the heal that the others repeat
    "table, its runs": ("/tables/runs/table_05123", "section[aria-labelledby=runs] tbody tr"),
    "table, its scores": ("/tables/runs/table_05123", "[aria-labelledby=score] canvas"),
    "mend": ("/mend", "input[type=file]"),
    "incidents": ("/incidents", "main .border-dashed, main article"),
    "streams": ("/streams", "main .border-dashed, main tbody tr"),
    "objectives": ("/objectives", "main .border-dashed, main article"),
    "models": ("/models", "main .border-dashed, main tbody tr"),
    "settings": ("/settings", "#audit"),
}
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main() -> None:
    """Serve the store, visit every page some times, print a table."""
    home, times = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as fresh, served(Path(fresh)) as (process, _):
        time.sleep(3)  # idle
        print(f"kintsu serve on a fresh home: {rss(process.pid):.0f} MB, idle")
    with served(home) as (process, address), sync_playwright() as playwright:
        print(f"on this store: {rss(process.pid):.0f} MB, idle; load {Path('/proc/loadavg').read_text().split()[0]}")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        print(f"{'page':22} {'painted':>8} {'worst':>8} {'content':>8} {'worst':>8}   ms, median and worst of {times}")
        for name, (path, content) in PAGES.items():
            found = [visit(browser, address + path, content) for _ in range(times)]
            told = [
                figure
                for times_ms in zip(*found, strict=True)
                for figure in (statistics.median(times_ms), max(times_ms))
            ]
            print(f"{name:22} " + " ".join(f"{each:8.0f}" for each in told), flush=True)
        browser.close()
        print(f"afterwards: {rss(process.pid):.0f} MB; load {Path('/proc/loadavg').read_text().split()[0]}")


class served:
    """`kintsu serve` on a home, until it is left."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.command = [sys.executable, "-m", "kintsu", "serve", "--home", str(home), "--port", str(self.port)]

    def __enter__(self) -> tuple[subprocess.Popen[bytes], str]:
        self.process = subprocess.Popen([*self.command, "--workers", "0"], stderr=subprocess.DEVNULL)
        address, end = f"http://127.0.0.1:{self.port}", time.monotonic() + 120
        while True:
            try:
                with urlopen(f"{address}/healthz", timeout=5):
                    return self.process, address
            except OSError:
                if time.monotonic() > end:
                    self.process.terminate()
                    raise
                time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


def rss(process: int) -> float:
    """Memory that a process holds, in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def visit(browser, address: str, content: str) -> tuple[float, float]:
    """Milliseconds to the first paint and to the content."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(address, wait_until="commit")
    page.locator(content).first.wait_for(timeout=60_000)
    there = page.evaluate("performance.now()")
    painted = page.evaluate(PAINT)
    context.close()
    return painted, there


if __name__ == "__main__":
    main()
