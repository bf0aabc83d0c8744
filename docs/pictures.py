"""Draw the README's pictures again: `python docs/pictures.py [CHROMIUM]`. The report needs Chromium or Chrome."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme

from kintsu.apps.cli.summary import heal_summary
from kintsu.run.heal import heal

HERE = Path(__file__).parent
TABLE = HERE.parent / "examples" / "customers.csv"
THEME = TerminalTheme((28, 31, 36), (236, 231, 219), [(28, 31, 36)] * 8, [(236, 231, 219)] * 8)
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--blink-settings=preferredColorScheme=1",
)


def terminal(folder: Path) -> None:
    """The summary of a heal, as a terminal shows it. Fonts are the reader's: nothing is fetched."""
    result = heal(TABLE.name, report=folder / "report.html")
    stream = (folder / "terminal.txt").open("w", encoding="utf-8")
    plain = {"highlight": False, "markup": False, "emoji": False}
    console = Console(record=True, width=80, force_terminal=True, color_system="truecolor", file=stream, **plain)
    console.print("$ kintsu heal customers.csv --report report.html", style="bold")
    heal_summary(result, {"report": Path("report.html")}, console)
    svg = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, SF Mono, Menlo, Consolas, DejaVu Sans Mono, monospace")
    picture = console.export_svg(title="kintsu", theme=THEME, code_format=svg, unique_id="kintsu")
    (HERE / "images" / "terminal.svg").write_text(picture, encoding="utf-8")
    stream.close()


def report(folder: Path, chromium: str) -> None:
    """The top of the report, in light colours."""
    target = HERE / "images" / "report.png"
    profile = f"--user-data-dir={folder / 'profile'}"
    page = (folder / "report.html").as_uri()
    subprocess.run(
        [chromium, *OPTIONS, profile, f"--screenshot={target}", "--window-size=1240,1440", page],
        check=True,
        capture_output=True,
    )


def main() -> None:
    """Draw both, from a copy of the bundled table."""
    chromium = sys.argv[1] if len(sys.argv) > 1 else shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        shutil.copy(TABLE, folder)
        os.chdir(folder)
        terminal(folder)
        if chromium:
            report(folder, chromium)
        os.chdir(HERE)


if __name__ == "__main__":
    main()
