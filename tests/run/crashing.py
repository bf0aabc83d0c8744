"""Programs that tests run as processes of their own: to be killed, limited, or run side by side."""

import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tiny import TinyTable, sets

from kintsu.core.errors import KintsuError
from kintsu.core.registered import BUILT_IN
from kintsu.io.store.records import Draft
from kintsu.io.store.store import Store
from kintsu.run.publish import publish
from kintsu.run.sidecar import write_table
from kintsu.run.undo import undo


def heal(folder: Path, name: str = "out.tiny", *, force: bool = False) -> None:
    """Mend every third cell of column b; writes changes beside."""
    table = TinyTable(folder / "in.tiny", slowly=True)
    edits = sets(table, *((row, "b", "mended") for row in range(0, table.rows, 3)))
    print("ready", flush=True)
    store = Store(folder / ".kintsu")
    publish(
        store,
        Draft(),
        table,
        edits,
        folder / name,
        force=force,
        write_sidecars=lambda changes: write_table(changes.select("row", "new"), folder / f"{name}.csv"),
    )


def many(folder: Path, name: str, times: int) -> None:
    """Publish and undo again and again, to meet others on the ledger."""
    for number in range(times):
        heal(folder, f"{name}{number}.tiny")
        run = Store(folder / ".kintsu").runs(output=os.path.realpath(folder / f"{name}{number}.tiny"))[-1].id
        undo(run, home=folder / ".kintsu")


def in_place(folder: Path) -> None:
    """Undo of the last run, slowly, in place."""
    print("ready", flush=True)
    undo("last", home=folder / ".kintsu")


def main() -> int:
    what, folder, *rest = sys.argv[1:]
    try:
        if what == "limited":
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(rest[0]), int(rest[0])))
            heal(Path(folder))
        elif what == "nobody":
            import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401

            with tempfile.TemporaryDirectory() as name:  # import all while the interpreter can be read
                shutil.copy(Path(folder) / "in.tiny", name)
                heal(Path(name))
            os.setgid(65534)
            os.setuid(65534)
            heal(Path(folder))
        elif what == "many":
            many(Path(folder), rest[0], int(rest[1]))
        elif what == "undo":
            in_place(Path(folder))
        else:
            heal(Path(folder))
    except KintsuError as error:
        print(type(error).__name__, error, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    BUILT_IN["connectors"]["tiny"] = "tiny:Tiny"  # only in a process of its own: other tests read the registry
    sys.exit(main())
