"""Polars gets one thread where a table is small, and what the user asked for in any case."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kintsu.apps.cli.threads import suit_threads

CODE = """
import sys
from kintsu.apps.cli import edge
edge.run(["profile", sys.argv[1], "--quiet"])
import polars
print(polars.thread_pool_size())
"""


def pool(path: Path | str, **environment: str) -> int:
    """Threads of polars in a process that was told of this input."""
    inherited = {name: value for name, value in os.environ.items() if name != "POLARS_MAX_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(path)],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_a_small_file_gets_one_thread_unless_the_user_said_otherwise(tmp_path: Path) -> None:
    small = tmp_path / "small.CSV"
    small.write_text("a,b\n1,2\n")
    assert pool(small) == 1
    assert pool(small, POLARS_MAX_THREADS="3") == 3


@pytest.mark.parametrize("name", ["large.csv", "packed.parquet", "absent.csv", "-"])
def test_other_inputs_leave_the_number_of_threads_to_polars(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLARS_MAX_THREADS", raising=False)
    if name == "large.csv":
        (tmp_path / name).write_bytes(b"1" * (2**20 + 1))
    if name == "packed.parquet":
        (tmp_path / name).write_bytes(b"PAR1")
    suit_threads(str(tmp_path / name) if name != "-" else name)
    assert "POLARS_MAX_THREADS" not in os.environ
