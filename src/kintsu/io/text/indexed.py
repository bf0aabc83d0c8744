"""A text file with the places of its records: what both reading it and splicing edits into it start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from kintsu.core.batch import TableRef
from kintsu.io.files import bytes_version
from kintsu.io.text.chunks import Chunk, kept_plan, plan_of, scanned, why_malformed
from kintsu.io.text.dialect import line_hash
from kintsu.io.text.dialects import Layout
from kintsu.io.text.scan import FINE, UNCLOSED, Records
from kintsu.io.text.source import open_inner
from kintsu.io.text.undecodable import BAD_CELLS, bad_cells

__all__ = ["Indexed"]

_TORN_PASSES: Final[int] = 5  # knowing one torn line may tear another of the same text: nearly always one more pass

MALFORMED: Final[dict[str, type[pl.DataType]]] = {"row": pl.Int64, "why": pl.String}


class Indexed:
    """A CSV or TSV file and where its records lie, found in one pass that looks at nothing else."""

    def __init__(self, path: Path, shown: str, layout: Layout) -> None:
        self.file, self.offset, self._shown = path, layout.offset, shown
        self.columns, self.dialect = layout.columns, layout.dialect
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
