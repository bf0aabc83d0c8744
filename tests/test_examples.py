"""The notebook runs from its first cell to its last, in a kernel of its own; needs the extra `dev`.

`pytest -m slow tests/test_examples.py` runs it, and so does `.ci/run`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
RUN = """
import sys, nbclient, nbformat
path, folder = sys.argv[1:]
book = nbformat.read(path, as_version=4)
nbclient.NotebookClient(book, timeout=180, resources={"metadata": {"path": folder}}).execute()
for cell in book.cells:
    for output in cell.get("outputs", ()):
        print(output.get("text", "") or output.get("data", {}).get("text/html", ""))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.name for path in sorted(EXAMPLES.glob("*.ipynb"))])
def test_a_notebook_runs(name, tmp_path):
    environment = os.environ | {
        "PYTHONWARNINGS": "ignore",
        "IPYTHONDIR": str(tmp_path),
        "KINTSU_HOME": "",
        "KINTSU_KEY": "",
    }
    words = [sys.executable, "-c", RUN, str(EXAMPLES / name), str(EXAMPLES)]
    told = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert told.returncode == 0, told.stderr[-3000:]
    assert "<ins title=" in told.stdout and "background:#fbf0d0" in told.stdout  # cells in gold
    assert "cells changed" in told.stdout and "taken back" in told.stdout


@pytest.mark.parametrize("name", [path.name for path in sorted(EXAMPLES.glob("*.ipynb"))])
def test_a_notebook_is_kept_without_outputs(name):
    cells = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))["cells"]
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
