"""Kill, limit and race the writer: the input stays, the output is absent or complete, the ledger verifies."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tiny import TinyTable, write

from kintsu.io.store.store import Store
from kintsu.io.store.unfinished import is_unfinished

PROGRAM = Path(__file__).with_name("crashing.py")
EXPECTED = "mended"

pytestmark = [
    pytest.mark.rough,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of this system"),
]


def start(what, folder, *rest):
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), what, str(folder), *map(str, rest)], stdout=subprocess.PIPE, text=True
    )


def finish(process):
    out, _ = process.communicate(timeout=120)
    return process.returncode, out.replace("ready\n", "").strip()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("KINTSU_HOME", raising=False)
    write(tmp_path / "in.tiny", [[str(i), "x", "y"] for i in range(20_000)])
    return tmp_path


def kill_after(process, seconds):
    assert process.stdout.readline() == "ready\n"
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def healed(path):
    cells = TinyTable(path).cells()
    return all((cell[1] == EXPECTED) == (row % 3 == 0) for row, cell in enumerate(cells)) and len(cells) == 20_000


def check_killed_heal(folder, seconds):
    before = (folder / "in.tiny").read_bytes()
    killed = kill_after(start("heal", folder), seconds)
    out = folder / "out.tiny"
    assert (folder / "in.tiny").read_bytes() == before
    assert not out.exists() or healed(out)
    store = Store(folder / ".kintsu")
    if store.runs():
        store.verify()
    # a kill may also come when the process has told all and is being taken down
    ended = any(run.status == "done" and not is_unfinished(store.home, run.id) for run in store.runs())
    code, told = finish(start("heal", folder))
    if not killed or ended:  # it ended before the kill: an ordinary output that exists
        assert code == 2 and "--force" in told
    else:
        assert code == 0, told
        assert healed(out)
    store.verify()
    assert not [path for path in folder.iterdir() if path.suffix == ".tmp"]
    run = store.runs(status="done")[-1]
    assert finish(start("undo", folder)) == (0, "")
    assert out.read_bytes() == before and store.run(run.id).status == "undone"


@pytest.mark.parametrize("seconds", [0.02, 0.15, 0.3])
def test_a_kill_leaves_all_or_nothing_and_the_rerun_succeeds(folder, seconds):
    check_killed_heal(folder, seconds)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_kill_at_any_moment_leaves_all_or_nothing(folder, seed):
    check_killed_heal(folder, random.Random(seed).uniform(0, 0.8))


@pytest.mark.parametrize("seconds", [0.05, 0.25])
def test_a_killed_undo_leaves_the_one_or_the_other(folder, seconds):
    assert finish(start("heal", folder)) == (0, "")
    before, after = (folder / "in.tiny").read_bytes(), (folder / "out.tiny").read_bytes()
    kill_after(start("undo", folder), seconds)
    assert (folder / "out.tiny").read_bytes() in (before, after)
    Store(folder / ".kintsu").verify()
    if (folder / "out.tiny").read_bytes() == after:
        assert finish(start("undo", folder)) == (0, "")
    assert (folder / "out.tiny").read_bytes() == before


def test_a_run_killed_between_name_and_log_is_settled_and_may_be_run_again(folder):
    assert finish(start("heal", folder)) == (0, "")
    store = Store(folder / ".kintsu")
    from sqlalchemy import delete, update

    from kintsu.io.store import schema

    with schema.writing(store.engine) as connection:  # the last entry was never written
        first = connection.execute(schema.entries.select().where(schema.entries.c.n == 1)).one()
        connection.execute(delete(schema.entries).where(schema.entries.c.n == 2))
        connection.execute(update(schema.head).values(n=1, hash=first.hash))
        connection.execute(update(schema.runs).values(status="prepared"))
    store.verify()
    assert [run.id for run in store.runs(status="prepared")] == store.recover()
    assert [run.status for run in store.runs()] == ["done"]
    assert finish(start("heal", folder)) == (0, "")
    assert finish(start("heal", folder))[0] == 2
    store.verify()


def test_a_run_killed_before_it_could_tell_may_be_run_again(folder):
    assert finish(start("heal", folder)) == (0, "")
    assert finish(start("heal", folder))[0] == 2  # it ended orderly
    marks = folder / ".kintsu" / "unfinished"
    assert not list(marks.iterdir())
    (marks / Store(folder / ".kintsu").runs()[-1].id).touch()  # as a kill between "done" and the end leaves it
    out = (folder / "out.tiny").read_bytes()
    (folder / "out.tiny").write_bytes(out + b"by hand\n")
    assert finish(start("heal", folder))[0] == 2  # no longer what the run left
    (folder / "out.tiny").write_bytes(out)
    assert finish(start("heal", folder)) == (0, "")
    assert finish(start("heal", folder))[0] == 2
    Store(folder / ".kintsu").verify()


@pytest.mark.parametrize("limit", [5_000, 60_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(folder, limit):
    before = (folder / "in.tiny").read_bytes()
    code, told = finish(start("limited", folder, limit))
    assert code == 2 and told.startswith(("OutputError", "StoreUnusable")) and "\n" not in told, told
    assert (folder / "in.tiny").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir() if path.name != ".kintsu") == ["in.tiny"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can become nobody")
def test_no_permission_is_one_line_and_leaves_nothing(folder):
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        open_to_all = Path(name)
        open_to_all.chmod(0o755)
        shutil.copy(folder / "in.tiny", open_to_all)
        code, told = finish(start("nobody", open_to_all))
        assert (
            code == 2
            and told.startswith(("OutputError", "StoreUnusable"))
            and "permission" in told
            and "\n" not in told
        ), told
        assert [path.name for path in open_to_all.iterdir()] == ["in.tiny"]
        (open_to_all / ".kintsu").mkdir()
        (open_to_all / ".kintsu").chmod(0o777)
        code, told = finish(start("nobody", open_to_all))
        assert code == 2 and "permission denied" in told and "\n" not in told, told


def test_two_writers_on_one_store_are_both_right(folder):
    before = (folder / "in.tiny").read_bytes()
    both = [start("many", folder, name, 3) for name in "ab"]
    assert [finish(process)[0] for process in both] == [0, 0]
    store = Store(folder / ".kintsu")
    assert store.verify().entries == 2 * 3 * 5
    assert {run.status for run in store.runs()} == {"done", "undone"} and len(store.runs()) == 12
    for name in "ab":
        for number in range(3):
            assert (folder / f"{name}{number}.tiny").read_bytes() == before


def test_two_writers_of_one_output_leave_one_whole_file(folder):
    both = [start("heal", folder), start("heal", folder)]
    codes = sorted(finish(process)[0] for process in both)
    assert codes == [0, 2] and healed(folder / "out.tiny")
    Store(folder / ".kintsu").verify()
