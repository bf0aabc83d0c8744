"""A text file as a table: batches of text columns, and edits spliced back into its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from kintsu.core.batch import Batch, TableRef
from kintsu.core.errors import UsageError
from kintsu.io.files import bytes_version
from kintsu.io.text.chunks import Chunk, Plan, kept_plan, plan_of, rescan, scanned, why_malformed
from kintsu.io.text.dialect import line_hash
from kintsu.io.text.dialects import Layout
from kintsu.io.text.parse import clean, parse, parse_slowly
from kintsu.io.text.scan import FINE, UNCLOSED, Records
from kintsu.io.text.source import open_inner
from kintsu.io.text.undecodable import BAD_CELLS, bad_cells

__all__ = ["TextTable"]

_TORN_PASSES: Final[int] = 5  # knowing one torn line may tear another of the same text: nearly always one more pass

MALFORMED: Final[dict[str, type[pl.DataType]]] = {"row": pl.Int64, "why": pl.String}


class TextTable:
    """A CSV or TSV file of any size; never more than a few chunks of it are in memory.

    The first pass finds out where records lie and looks at nothing else; the passes after it parse only.
    1M rows x 24 columns (268 MB): hash, index and first pass 1.7 CPU s, a later pass 0.7, two columns of it 0.3.
    """

    connector = "text"

    def __init__(self, path: Path, shown: str, suffix: str, layout: Layout, *, is_spooled: bool = False) -> None:
        self.file, self.offset, self._shown = path, layout.offset, shown
        self.columns, self.dialect, self.suffix = layout.columns, layout.dialect, suffix
        self.path = None if is_spooled else path
        self.exact = layout.dialect.compression is None
        self._chunks: list[Chunk] | None = None
        self._malformed = self._bad_cells = pl.DataFrame()

    @cached_property
    def ref(self) -> TableRef:
        """The version is the SHA-256 of the file's bytes, read on first use."""
        return TableRef(name=self._shown, version=bytes_version(self.file))

    @property
    def rows(self) -> int:
        chunks = self.chunks
        return chunks[-1].first + chunks[-1].rows if chunks else 0

    @property
    def chunks(self) -> list[Chunk]:
        """Where the records lie; scans the file once, and again where it holds torn lines (see `Dialect.torn`)."""
        if self._chunks is None:
            for _ in range(_TORN_PASSES):
                chunks, torn = self._index()
                if torn == self.dialect.torn:
                    break
                self.dialect = replace(self.dialect, torn=torn)
            self._chunks = chunks
        return self._chunks

    @property
    def malformed(self) -> pl.DataFrame:
        """Records that are no rows of this table: `row`, `why`. Null in batches, untouched in the output."""
        assert self.chunks is not None
        return self._malformed

    @property
    def bad_cells(self) -> pl.DataFrame:
        """Cells whose bytes are not text in the file's encoding: `row`, `column`, `value` as read, `why`."""
        assert self.chunks is not None
        return self._bad_cells

    def describe(self) -> dict[str, Any]:
        """The dialect; as `ReadOptions(extra={"description": ...})` it opens the output without sniffing."""
        assert self.chunks is not None  # torn lines are known behind it
        return {"connector": self.connector, **self.dialect.to_dict()}

    def patch(self, edits: pl.DataFrame, target: Path) -> pl.DataFrame:
        """See `core.contracts.Table.patch` and, for row numbers, `splice`."""
        from kintsu.io.text.splice import splice

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

    def stored(self) -> Iterator[tuple[Chunk, bytes]]:
        """Every chunk with its bytes, in order."""
        with open_inner(self.file, self.dialect.compression, self.dialect.encoding) as file:
            file.read(self.offset)
            for chunk in self.chunks:
                yield chunk, file.read(chunk.length)

    def _index(self) -> tuple[list[Chunk], frozenset[str]]:
        """One pass over the structure: the chunks, and the torn lines; notes what is malformed on the way."""
        chunks: list[Chunk] = []
        malformed, bad = [pl.DataFrame(schema=MALFORMED)], [pl.DataFrame(schema=BAD_CELLS)]
        torn, row = set(self.dialect.torn), 0
        with open_inner(self.file, self.dialect.compression, self.dialect.encoding) as file:
            file.read(self.offset)
            for offset, data, records in scanned(file, self.dialect, self.offset):
                plan = kept_plan(plan_of(data, records, self.dialect))
                quoted = self.dialect.quote is not None and self.dialect.quote.encode() in data
                chunks.append(Chunk(offset, len(data), row, len(records), quoted, plan))
                malformed.append(self._malformed_of(records, row))
                bad.append(bad_cells(data, records, self.dialect, self.columns, row))
                open_quotes = np.flatnonzero(records.why == UNCLOSED).tolist()
                torn |= {line_hash(data[records.start[i] : records.stop[i]]) for i in open_quotes}
                row += len(records)
        self._malformed, self._bad_cells = pl.concat(malformed), pl.concat(bad)
        return chunks, frozenset(torn)

    def _malformed_of(self, records: Records, first: int) -> pl.DataFrame:
        bad = np.flatnonzero(records.why != FINE)
        codes, counts = records.why[bad].tolist(), records.fields[bad].tolist()
        why = [why_malformed(code, n, self.dialect.width) for code, n in zip(codes, counts, strict=True)]
        return pl.DataFrame({"row": bad + first, "why": why}, schema=MALFORMED)

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
