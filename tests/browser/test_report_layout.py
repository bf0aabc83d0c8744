"""The report in a real browser: nothing sticks out of the page or is cut off, on a desk and on a phone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import polars as pl
import pytest

from kintsu.run.generate import generate
from kintsu.run.heal import heal

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]

# The page allows no script of its own, so another page looks at it through a frame of the width that is asked for.
LOOK = """<!doctype html><iframe id="f" width="{width}" height="900" src="{page}"></iframe><script>
f.onload = () => {{
  const page = f.contentDocument, plots = [...page.querySelectorAll("svg.plot text")];
  const cut = plots.filter(t => {{ const b = t.getBBox(); return b.x < -1 || b.x + b.width > 341; }});
  document.title = JSON.stringify({{wide: page.documentElement.scrollWidth, words: page.body.innerText.length,
    plots: plots.length, cut: cut.map(t => t.textContent)}});
}};
</script>"""


def seen(folder: Path, width: int, *, dark: bool) -> dict:
    """What the frame measured."""
    (folder / "look.html").write_text(LOOK.format(width=width, page="report.html"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    options += ["--disable-web-security", "--allow-file-access-from-files", f"--user-data-dir={folder / 'profile'}"]
    options += [f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--virtual-time-budget=5000"]
    page = (folder / "look.html").as_uri()
    told = subprocess.run(
        [str(CHROMIUM), *options, "--dump-dom", page], capture_output=True, text=True, timeout=120, check=True
    )
    title = re.search(r"<title>(.*?)</title>", told.stdout, flags=re.DOTALL)
    assert title is not None, told.stderr[-500:]
    return json.loads(unescape(title[1]))


def wide() -> pl.DataFrame:
    values = ["alpha", "beta", "a rather long value of quite some words", "שלום", "👩\u200d👩\u200d👧 Kim", "<b>"] * 30
    return pl.DataFrame({f"a rather long name of column {n}": [*values, "alpah", None] for n in range(60)})


@pytest.mark.parametrize("table", ["made up", "wide", "one row"])
def test_nothing_sticks_out_or_is_cut_off(table, tmp_path):
    frame = {
        "made up": lambda: generate("customers", 600, seed=1).dirty,
        "wide": wide,
        "one row": lambda: pl.DataFrame({"id": ["1"], "name": ["Ada"]}),
    }[table]()
    heal(frame, report=tmp_path / "report.html")
    for width, dark in ((1280, False), (390, True)):
        told = seen(tmp_path, width, dark=dark)
        assert told["words"] > 100 and told["wide"] <= width, told
        assert told["cut"] == [] and (told["plots"] > 0 or table == "one row"), told
