"""The dashboard in a real browser, over the real service: a morning with it, and whether everybody can use it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import polars as pl
import pytest

import kintsu as kt
from kintsu.io.store.history import History
from kintsu.io.store.incidents import IncidentStore
from kintsu.io.store.models import About, ModelStore
from kintsu.monitor.incidents import JudgedBatch, follow
from kintsu.monitor.judge import BatchJudgement, Cause
from kintsu.run.generate import generate
from kintsu.run.store import purge

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]
DEADLINE_S = 60
OBJECTIVES = """objectives:
  days:
  - rows between 250 and 350, every batch over 365 days
  - completeness of amount >= 0.98, every batch over 365 days
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("dashboard")


@pytest.fixture(scope="module")
def service(folder) -> Iterator[str]:
    """A service over a store with a table that was healed and one that is watched, with objectives; its address."""
    home, table = folder / "home", folder / "customers.csv"
    generate("customers", 400, seed=7).dirty.write_csv(table)
    kt.heal(table, home=home)
    watch(folder, home)
    settings = folder / "kintsu.yaml"
    settings.write_text(OBJECTIVES)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kintsu", "serve", "--home", str(home), "--port", str(port)]
    with subprocess.Popen([*command, "--settings", str(settings)]) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            answers(address)
            yield address
        finally:
            process.terminate()


def watch(folder: Path, home: Path) -> None:
    for day in range(12):
        at = date(2026, 11, 1) + timedelta(days=day)
        rows = 300 if day < 11 else 20
        pl.DataFrame({"amount": [1 + i % 7 for i in range(rows)]}).write_csv(folder / f"days-{at}.csv")
    for words in (("add", "days", str(folder / "days-*.csv"), "--every", "1d"), ("backfill", "days")):
        subprocess.run([sys.executable, "-m", "kintsu", "monitor", *words, "--home", str(home)], check=True)


def answers(address: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while True:
        try:
            with urlopen(f"{address}/healthz", timeout=5):
                return
        except OSError:
            assert time.monotonic() < end, "the service does not start"
            time.sleep(0.1)  # it tells nobody when it is ready


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, service):
    """A page of 1440 by 900; whatever it complains of fails the test."""
    context = browser.new_context(base_url=service, viewport={"width": 1440, "height": 900})
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert not wrong


def test_a_morning_with_the_dashboard(page):
    page.goto("/")
    page.get_by_role("heading", name="Overview").wait_for()
    page.get_by_role("row").filter(has_text="customers.csv").get_by_text("healthy").wait_for()
    page.get_by_role("link", name="customers.csv").filter(has_text="cells").last.click()

    # a cell is taken back, with the keyboard, and put in place again
    page.get_by_role("button", name="Undo cell").wait_for()
    first = page.get_by_role("grid").get_by_role("row").first
    first.locator(".mended").wait_for()
    page.keyboard.press("u")
    page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    page.get_by_role("status").get_by_text("1 change taken back.").wait_for()
    first.get_by_text("taken back").wait_for()
    assert first.locator(".mended").count() == 0
    page.get_by_role("button", name="Undo that").click()
    first.locator(".mended").wait_for()

    # a question is answered with one key, its effect shown before it is confirmed
    page.keyboard.press("q")
    page.get_by_text("Question 1 of").wait_for()
    question = page.locator("main section p").nth(1).inner_text()
    page.keyboard.press("a")
    page.get_by_role("heading", name="What this answer does").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Answered:").wait_for()
    page.get_by_text(question).first.wait_for(state="detached")
    page.keyboard.press("u")
    page.get_by_role("status").get_by_text("The answer is taken back.").wait_for()
    page.get_by_text(question).first.wait_for()


def test_the_tab_key_begins_at_the_top_and_a_phone_shows_where_one_is(page):
    page.goto("/settings")
    page.get_by_role("heading", name="Settings").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    link = page.get_by_role("link", name="Settings")
    link.wait_for()
    box = link.bounding_box()
    assert box["x"] > 0 and box["x"] + box["width"] < 391  # parts of a pixel


def test_a_batch_that_waits_is_decided_on(page):
    page.goto("/tables/watched/days")
    page.get_by_role("button", name="It is wrong").click()
    page.get_by_role("dialog").get_by_role("button", name="It is wrong").click()
    page.get_by_text("is rejected now").wait_for()
    page.get_by_text("No batch waits for a decision.").wait_for()


def test_a_file_is_mended_taken_back_and_downloaded(page, tmp_path):
    table = tmp_path / "people.csv"
    generate("customers", 200, seed=3).dirty.write_csv(table)
    page.goto("/")
    page.get_by_role("link", name="Mend a file").click()
    page.get_by_label("File", exact=False).set_input_files(table)
    page.get_by_role("button", name="Mend").click()
    page.get_by_text("cells mended in").wait_for(timeout=DEADLINE_S * 1000)
    page.locator("main [role=grid] .mended").first.wait_for()
    page.get_by_role("button", name="Left alone").click()  # of the data that the report is drawn from
    page.get_by_role("region", name="Left alone").get_by_role("row").nth(1).wait_for()
    page.get_by_role("button", name="Changes").click()
    mended = downloaded(page, tmp_path)
    assert mended != table.read_bytes()

    # a person knows better: the cell, and what came of it, are taken back again
    page.get_by_role("grid").get_by_role("row").first.click()
    page.keyboard.press("e")
    page.get_by_role("dialog").get_by_label("Right value").fill("Zanzibar 7")
    page.get_by_role("dialog").get_by_role("button", name="Correct").click()
    page.get_by_role("status").get_by_text("Corrected:").wait_for()
    assert downloaded(page, tmp_path) != mended
    page.get_by_role("button", name="Undo that").click()
    page.get_by_role("status").get_by_text("taken back.").wait_for()
    assert downloaded(page, tmp_path) == mended

    page.get_by_role("button", name="Undo run").click()
    page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    page.get_by_role("grid").get_by_text("taken back").first.wait_for()
    assert page.locator("main [role=grid] .mended").count() == 0
    assert downloaded(page, tmp_path) == table.read_bytes()


def test_a_file_that_is_no_table_is_refused_with_the_reason(page, tmp_path):
    table = tmp_path / "picture.csv"
    table.write_bytes(bytes(range(256)) * 20)
    page.goto("/mend")
    page.get_by_label("File", exact=False).set_input_files(table)
    page.get_by_role("button", name="Mend").click()
    page.get_by_role("alert").get_by_text("picture.csv is not text").wait_for(timeout=DEADLINE_S * 1000)
    page.get_by_role("button", name="Mend another file").click()
    page.get_by_label("File", exact=False).wait_for()


def downloaded(page, folder: Path) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the table").click()
    download.value.save_as(folder / "got")
    return (folder / "got").read_bytes()


def test_the_page_of_a_run_is_drawn_from_its_report(page, folder):
    table = folder / "guests.csv"
    generate("customers", 300, seed=5).dirty.write_csv(table)
    run = kt.heal(table, home=folder / "home", auto=0.8).run
    told = page.request.get(f"/api/v1/runs/{run}/report.json").json()
    page.goto(f"/runs/{run}")
    page.get_by_text(f"{told['run']['applied']} cells mended in {told['run']['rows']} rows").wait_for()
    page.get_by_role("button", name="Download the report").wait_for()
    page.get_by_role("button", name="Issues").click()
    lines = page.get_by_role("region", name="What was wrong").get_by_role("row")
    lines.nth(1).wait_for()
    assert lines.count() - 1 == len(told["issues"]) + len(told["minor"]) == told["issues_in_all"]
    page.get_by_role("button", name="Recipes").click()
    for others in page.locator("main summary").all():
        others.click()
    for part in ("applied", "suggested"):
        for recipe in told[part]:
            assert page.get_by_role("heading", name=recipe["text"].replace("`", ""), exact=True).count() >= 1
    page.goto("about:blank")
    purge(home=folder / "home", run=run)
    page.goto(f"/runs/{run}")
    page.get_by_text("No report of this run is kept any more.").wait_for()
    assert page.get_by_role("button", name="Left alone").count() == 0
    page.get_by_text(f"{told['run']['applied']} cells mended in {told['run']['rows']} rows").wait_for()


def test_what_others_do_is_seen_at_once(page, service):
    page.goto("/runs")
    page.get_by_role("table").wait_for()
    with page.expect_websocket() as socket:
        page.reload()
    socket.value.wait_for_event("framereceived")  # it listens
    runs = page.request.get("/api/v1/runs?kind=heal").json()["items"]
    before = page.get_by_role("table").get_by_role("row").count()
    run = next(each["run"] for each in runs if each["table"] == "customers.csv")
    page.request.post(f"/api/v1/runs/{run}/undo", data={"row": last_row(page, run)})
    page.get_by_role("table").get_by_role("row").nth(before).wait_for(timeout=5_000)  # the ETags are asked every 10 s


def last_row(page, run: str) -> int:
    """A row that no other test takes back."""
    return page.request.get(f"/api/v1/runs/{run}/changes?limit=500").json()["items"][-1]["row"]


@pytest.fixture(scope="module")
def treatment(folder) -> Path:
    """Learned from customers of whom few are wrong."""
    made = generate("customers", 2000, seed=11)
    made.clean.head(1900).vstack(made.dirty.tail(100)).write_csv(folder / "known.csv")
    kt.train(folder / "known.csv", out=folder / "customers.treatment", home=folder / "home", crash_test=False)
    return folder / "customers.treatment"


@contextmanager
def watching(kafka, folder, treatment) -> Iterator[None]:
    """`kintsu watch` on the topic `customers`, told of in the service's store."""
    words = ["--bootstrap", kafka.address, "--topic", "customers", "--healed", "healed", "--quarantine", "aside"]
    words += ["--treatment", str(treatment), "--home", str(folder / "home"), "--quiet"]
    with subprocess.Popen([sys.executable, "-m", "kintsu", "watch", *words]) as process:
        try:
            yield
        finally:
            process.terminate()


def test_a_page_of_a_list_that_fails_is_not_asked_for_without_end(browser, service):
    asked = []

    def answer(route):
        if "after=" in route.request.url:
            asked.append(route.request.url)
            route.fulfill(status=404, json={"status": 404, "title": "Not Found", "detail": "gone"})
        else:
            first = route.fetch()
            route.fulfill(response=first, json={**first.json(), "next": "1"})

    page = browser.new_page(base_url=service)
    page.route("**/api/v1/tables?*", answer)
    page.goto("/")
    page.get_by_role("row").filter(has_text="customers.csv").wait_for()
    page.wait_for_timeout(1_000)
    page.close()
    assert len(asked) == 1


def test_a_stream_moves_while_events_flow(page, folder, service, treatment, kafka):
    events = [json.dumps(row, default=str).encode() for row in generate("customers", 600, seed=5).dirty.to_dicts()]
    kafka.make("customers", 2)
    with watching(kafka, folder, treatment):
        kafka.put("customers", events[:400])
        page.goto("/streams")
        page.get_by_role("link", name="customers").click(timeout=DEADLINE_S * 1000)
        total = page.locator("dl div").filter(has=page.get_by_text("Events", exact=True)).locator("dd")
        total.get_by_text("400", exact=True).wait_for(timeout=DEADLINE_S * 1000)
        page.locator("section[aria-labelledby=examples] .mended").first.wait_for()
        page.get_by_role("img", name="Line chart: events, healed").wait_for()
        assert float(rate(page).replace(",", "")) > 0
        kafka.put("customers", events[400:])
        total.get_by_text(str(len(events)), exact=True).wait_for(
            timeout=DEADLINE_S * 1000
        )  # by itself: nothing was pressed


def rate(page) -> str:
    return page.locator("dl div").filter(has=page.get_by_text("Events a second", exact=True)).locator("dd").inner_text()


def test_objectives_tell_budget_and_forecast(page):
    page.goto("/objectives")
    missed = page.get_by_role("article").filter(has_text="rows between 250 and 350")
    missed.get_by_text("▲ missed").wait_for()
    assert missed.get_by_role("meter", name="Error budget").get_attribute("aria-valuenow") == "0"
    kept = page.get_by_role("article").filter(has_text="completeness of amount")
    assert kept.get_by_text("● kept").is_visible() and kept.get_by_text("Forecast").is_visible()
    kept.get_by_role("link", name="days").click()
    page.get_by_role("heading", name="days").wait_for()


@contextmanager
def of_its_own(home: Path, *more: str) -> Iterator[str]:
    """A service over another store; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kintsu", "serve", "--home", str(home), "--port", str(port)]
    with subprocess.Popen([*command, *more]) as process:
        try:
            answers(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_incidents_and_models_come_page_by_page(browser, tmp_path):
    history, now = History(tmp_path), datetime(2026, 11, 1, tzinfo=UTC)
    history.watch("orders", {"source": "orders/*.csv"})
    batches = []
    for n in range(60):
        ModelStore(history).register("volume:orders", b"{}", About(), by="ann")
        cause = Cause(f"c{n}", "null", 3.0, f"c{n} is empty", "0 % to 1 %")
        judged = BatchJudgement(True, 3.0, "missing", (cause.column,), (cause,), "judged", 30)
        batches.append(JudgedBatch("orders", f"b{n}", judged))
    with IncidentStore(history).changing(ended_since=now) as draft:
        found, _ = follow((), batches, now)
        draft.incidents = (*found[5:], *(replace(each, state="resolved", resolved_at=now) for each in found[:5]))
    with of_its_own(tmp_path) as address:
        page = browser.new_page(base_url=address)
        more = page.get_by_role("button", name="Show more")
        for place, part, first, rest in (
            ("/incidents", page.locator("article"), 50, 55),
            ("/tables/watched/orders", page.locator("article"), 50, 55),
            ("/models", page.locator("tbody tr"), 50, 60),
        ):
            page.goto(place)
            part.nth(first - 1).wait_for()
            assert part.count() == first
            more.click()
            part.nth(rest - 1).wait_for()
            assert part.count() == rest and more.count() == 0
        page.goto("/incidents")
        page.get_by_label("Show those that are over").check()
        more.click()
        page.locator("article").nth(59).wait_for()
        assert page.get_by_role("button", name="It is over").count() == 55
        page.goto("/")
        page.get_by_role("region", name="Waiting for you").get_by_role("listitem").nth(4).wait_for()
        page.close()


def test_keys_are_made_and_asked_for(browser, tmp_path, service):
    """Signing in, with a service of its own that wants it."""
    from kintsu.apps.api.app import create_app  # noqa: F401 - the extra is there
    from kintsu.io.service.keys import Keys

    _, key = Keys(History(tmp_path)).create("ann", "viewer", by="test")
    with of_its_own(tmp_path, "--sign-in") as address:
        page = browser.new_page(base_url=address)
        page.goto("/settings")
        page.get_by_label("API key").fill("kintsu_wrong")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").get_by_text("unknown").wait_for()
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("ann, viewer of local").wait_for()
        page.get_by_text("Admins see keys").wait_for()
        page.close()


PAGES = ("/", "/runs", "{run}", "{run}/questions", "/tables/runs/customers.csv", "/tables/watched/days")
PAGES = (*PAGES, "/mend", "/incidents", "/streams", "/streams/1", "/objectives", "/models", "/settings", "/nothing")


@pytest.mark.parametrize("width, scheme", [(1440, "light"), (1440, "dark"), (390, "light")])
def test_everybody_can_use_it(browser, service, width, scheme):
    """No serious accessibility fault, and nothing wider than the screen."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(base_url=service, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto("/runs")
    run = page.get_by_role("table").get_by_role("link").first.get_attribute("href")
    faults = []
    for address in PAGES:
        page.goto(address.format(run=run))
        page.wait_for_load_state("networkidle")
        page.locator("h1").wait_for()
        page.get_by_text("Loading …").first.wait_for(state="hidden")  # what came is looked at, not the waiting for it
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        faults += [f"{address}: {wide} px too wide"] if wide > 0 else []
        found = Axe().run(page).response["violations"]
        grave = [each for each in found if each["impact"] in ("serious", "critical")]
        faults += [f"{address}: {each['id']} {each['nodes'][0]['html'][:120]}" for each in grave]
    context.close()
    assert not faults
