"""A text format small enough to read at a glance: cells between commas, no quotes, null written as nothing.

It has the laws of a real one: exact bytes, checked old values, rows counted in the union of before and added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.core.contracts import ReadOptions
from kintsu.core.errors import StaleRepair


@dataclass
class TinyTable:
    path: Path
    exact: bool = True
    connector: str = "tiny"
    suffix: str = ".tiny"
    slowly: bool = False
    malformed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"row": pl.Int64, "why": pl.String}))

    def __post_init__(self) -> None:
        data = self.path.read_bytes()
        self.ref = TableRef(self.path.name, version=hashlib.sha256(data).hexdigest())
        header, *self.records = data.split(b"\n")[:-1]
        self.header = header
        self.columns = tuple(header.decode().split(","))

    @property
    def rows(self) -> int:
        return len(self.records)

    def cells(self) -> list[list[str | None]]:
        return [[text or None for text in record.decode().split(",")] for record in self.records]

    def batches(self, size: int = 131_072, columns: list[str] | None = None) -> Iterator[Batch]:
        frame = pl.DataFrame(self.cells(), schema=dict.fromkeys(self.columns, pl.String), orient="row")
        yield Batch(self.ref, frame, pl.int_range(len(frame), eager=True).alias("row"))

    def describe(self) -> dict[str, Any]:
        return {"format": "tiny", "exact": self.exact}

    def patch(self, edits: pl.DataFrame, target: Path) -> pl.DataFrame:
        added = dict(edits.filter(edit="add").select("row", "new_raw").iter_rows())
        records = list(self.records)
        union: list[bytes | None] = []
        while records or len(union) in added:
            union.append(None if len(union) in added else records.pop(0))
        done = []
        for edit in edits.to_dicts():
            row = edit["row"]
            if edit["edit"] == "set":
                cells = union[row].split(b",")
                at = self.columns.index(edit["column"])
                if cells[at].decode() != (edit["old"] or ""):
                    raise StaleRepair(f"{edit['column']}, row {row}: {cells[at]!r}")
                edit["old_raw"], edit["new_raw"] = cells[at], (edit["new"] or "").encode()
                cells[at] = edit["new_raw"]
                union[row] = b",".join(cells)
            elif edit["edit"] == "drop":
                edit["old_raw"] = union[row]
            else:
                union[row] = added[row]
            done.append(edit)
        gone = set(edits.filter(edit="drop")["row"])
        kept = [record for row, record in enumerate(union) if row not in gone]
        assert None not in kept
        with target.open("wb") as file:
            for record in [self.header, *kept]:
                file.write(record + b"\n")
                if self.slowly:
                    file.flush()
        return pl.DataFrame(done, schema=edits.schema)


class Tiny:
    name: ClassVar[str] = "tiny"

    def accepts(self, source: Any) -> bool:
        return str(source).endswith(".tiny")

    def open(self, source: Any, options: ReadOptions) -> TinyTable:
        return TinyTable(Path(source), exact=options.extra.get("exact", True))


def write(path: Path, records: list[list[str | None]], columns: str = "a,b,c") -> TinyTable:
    lines = [columns, *(",".join(cell or "" for cell in record) for record in records)]
    path.write_bytes("".join(line + "\n" for line in lines).encode())
    return TinyTable(path)


def sets(table: TinyTable, *cells: tuple[int, str, str | None]) -> pl.DataFrame:
    """Edits that set these cells; old values are taken from the table."""
    now = table.cells()
    return pl.DataFrame(
        [
            {
                "row": r,
                "column": c,
                "edit": "set",
                "old": now[r][table.columns.index(c)],
                "new": new,
                "recipe": f"r-{c}",
            }
            for r, c, new in cells
        ],
        schema={"row": pl.Int64} | dict.fromkeys(["column", "edit", "old", "new", "recipe"], pl.String),
    )


def drops(*rows: int) -> pl.DataFrame:
    """Edits that drop these records."""
    return pl.DataFrame({"row": list(rows), "edit": ["drop"] * len(rows)}, schema={"row": pl.Int64, "edit": pl.String})


__all__ = ["Tiny", "TinyTable", "drops", "sets", "write"]
