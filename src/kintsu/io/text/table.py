"""A text file as a table: batches of text columns, and edits spliced back into its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.errors import UsageError
from kintsu.io.text.chunks import Chunk, Plan, plan_of, rescan
from kintsu.io.text.dialects import Layout
from kintsu.io.text.indexed import Indexed
from kintsu.io.text.parse import clean, parse, parse_slowly
from kintsu.io.text.splice import splice

__all__ = ["TextTable"]


class TextTable(Indexed):
    """A CSV or TSV file of any size; never more than a few chunks of it are in memory.

    The first pass finds out where records lie and looks at nothing else; the passes after it parse only.
    1M rows x 24 columns (268 MB): hash, index and first pass 1.7 CPU s, a later pass 0.7, two columns of it 0.3.
    """

    connector = "text"

    def __init__(self, path: Path, shown: str, suffix: str, layout: Layout, *, is_spooled: bool = False) -> None:
        super().__init__(path, shown, layout)
        self.suffix = suffix
        self.path = None if is_spooled else path
        self.exact = layout.dialect.compression is None

    def describe(self) -> dict[str, Any]:
        """The dialect; as `ReadOptions(extra={"description": ...})` it opens the output without sniffing."""
        assert self.chunks is not None  # torn lines are known behind it
        return {"connector": self.connector, **self.dialect.to_dict()}

    def patch(self, edits: pl.DataFrame, target: Path) -> pl.DataFrame:
        """See `core.contracts.Table.patch` and, for row numbers, `splice`."""
        return splice(self, edits, target)

    def batches(self, size: int = 131_072, columns: list[str] | None = None) -> Iterator[Batch]:
        """Batches of `size` rows (the last one smaller) in row order."""
        chosen = list(self.columns) if columns is None else columns
        for name in chosen:
            if name not in self.columns:
                raise UsageError(f"no column {name!r} in {self._shown}; columns: {', '.join(self.columns)}")
        waiting: list[pl.DataFrame] = []
        held, row = 0, 0
        for rows, frame in self._frames(chosen):
            at = 0
            while held + rows - at >= size:
                taken = size - held
                yield self._batch([*waiting, frame[at : at + taken]], chosen, row, size)
                waiting, held, at, row = [], 0, at + taken, row + size
            if at < rows:
                waiting, held = [*waiting, frame[at:]], held + rows - at
        if held:
            yield self._batch(waiting, chosen, row, held)

    def _batch(self, frames: list[pl.DataFrame], chosen: list[str], row: int, rows: int) -> Batch:
        frame = pl.concat(frames) if len(frames) > 1 else frames[0]
        numbers = pl.int_range(row, row + rows, eager=True).alias("row")
        return Batch(self.ref, frame.select(chosen), numbers, self.dialect.decimal_comma)

    def _frames(self, chosen: list[str]) -> Iterator[tuple[int, pl.DataFrame]]:
        """(rows, frame) of each chunk."""
        for chunk, data in self.stored():
            plan = chunk.plan if chunk.plan is not None else plan_of(data, rescan(data, self.dialect), self.dialect)
            yield chunk.rows, self._frame(chunk, data, plan, chosen)

    def _frame(self, chunk: Chunk, data: bytes, plan: Plan, chosen: list[str]) -> pl.DataFrame:
        if not chosen:
            return pl.DataFrame({"_": pl.repeat(None, chunk.rows, eager=True)})
        plain = clean(data, plan, self.dialect.inner)
        try:
            frame = parse(plain, self.dialect, self.columns, chosen, quoted=chunk.quoted)
        except pl.exceptions.PolarsError:
            frame = pl.DataFrame()
        if len(frame) != chunk.rows or (chunk.rows and not frame.width):
            frame = parse_slowly(plain, self.dialect, self.columns, chosen)
        return frame
