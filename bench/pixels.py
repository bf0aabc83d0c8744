"""How long after an event of the service a page shows it: `python bench/pixels.py [TIMES]`. Needs Chromium, playwright.

A cell is taken back and put in place again, over REST. The page of runs hears of it by its WebSocket, asks for the
list, and draws a line more. Told is the time from the message's arrival in the browser to the change of the page, and
to the frame after it, which shows it.
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

import kintsu as kt
from kintsu.run.generate import generate

SPY = """
window.told = [];
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) {
    super(...given);
    this.addEventListener('message', () => { window.heard = performance.now(); window.isOpen = true; });
  }
};
new MutationObserver((changes) => {
  const isLine = changes.some((each) => [...each.addedNodes].some((node) => node.nodeName === 'TR'));
  if (!isLine || window.heard === undefined) return;
  const [heard, changed] = [window.heard, performance.now()];
  window.heard = undefined;
  requestAnimationFrame(() => { const port = new MessageChannel();
    port.port1.onmessage = () => window.told.push([changed - heard, performance.now() - heard]);
    port.port2.postMessage(0); });
}).observe(document, { childList: true, subtree: true });
"""


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory(prefix="kintsu-pixels-") as name, socket.socket() as free:
        folder = Path(name)
        generate("customers", 400, seed=7).dirty.write_csv(folder / "customers.csv")
        run = kt.heal(folder / "customers.csv", home=folder / "home").run
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "kintsu", "serve", "--home", str(folder / "home"), "--port", str(port)]
        with subprocess.Popen([*command, "--workers", "0"]) as process, sync_playwright() as playwright:
            try:
                begun(address)
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                told = measure(browser.new_page(base_url=address), run, times)
                browser.close()
            finally:
                process.terminate()
    for at, what in enumerate(("changed", "painted")):
        found = sorted(each[at] for each in told)
        tail = found[int(len(found) * 0.95)]
        print(f"{what:8} {len(found)} events  median {statistics.median(found):6.1f} ms  p95 {tail:6.1f} ms")


def begun(address: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            with urlopen(f"{address}/healthz", timeout=5):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def until(page, what: str) -> None:
    """Until this is true in the page, whose policy lets no text be run by itself."""
    end = time.monotonic() + 15
    while not page.evaluate(what):
        assert time.monotonic() < end, f"never: {what}"
        page.wait_for_timeout(20)


def measure(page, run: str, times: int) -> list[list[float]]:
    page.add_init_script(SPY)
    page.goto("/runs")
    page.get_by_role("table").wait_for()
    until(page, "window.isOpen === true")
    change = page.request.get(f"/api/v1/runs/{run}/changes?limit=1").json()["items"][0]
    body: dict[str, object] = {"row": change["row"], "column": change["column"]}
    for n in range(times):
        page.wait_for_timeout(700)  # the page asks at most twice a second: each event is one of its own
        page.evaluate("window.heard = undefined")
        run = page.request.post(f"/api/v1/runs/{run}/undo", data=body).json()["change"]
        body = {}
        until(page, f"window.told.length > {n}")
    return page.evaluate("window.told")


if __name__ == "__main__":
    main()
