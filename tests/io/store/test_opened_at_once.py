"""A new store that several processes open in the same moment."""

import sqlite3
import subprocess
import sys
import threading

from kintsu.io.store import database

OPEN = """
import sys, time
from kintsu.io.store import schema
from kintsu.io.store.history import History
from kintsu.io.store.streams import StreamStore
print("ready", flush=True)
for place in sys.stdin:
    print(StreamStore(History(place.strip())).stream("orders", {}), flush=True)
"""


def test_all_of_them_can_write(tmp_path):
    start = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen([sys.executable, "-c", OPEN], **start) for _ in range(2)]
    try:
        assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 2
        for n in range(40):
            for worker in workers:
                worker.stdin.write(f"{tmp_path / str(n)}\n")
                worker.stdin.flush()
            assert [worker.stdout.readline() for worker in workers] == ["1\n"] * 2
    finally:
        for worker in workers:
            worker.stdin.close()
            worker.stdout.close()
            worker.wait()


def test_who_finds_a_new_file_locked_waits(tmp_path):
    path = tmp_path / "kintsu.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE a (b)")
    other.execute("BEGIN EXCLUSIVE")
    ended = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    ended.start()
    engine = database._sqlite(path)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    ended.join()
    other.close()
    engine.dispose()
