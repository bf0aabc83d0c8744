"""Open anything that a connector knows as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kintsu.core.contracts import ReadOptions, Table
from kintsu.core.errors import InputError, UnsupportedFormat
from kintsu.core.registry import load, names

__all__ = ["open_table"]


def open_table(source: Any, options: ReadOptions | None = None) -> Table:
    """Open `source` with the first registered connector that accepts it.

    `source` is a path, a URL, "-" for standard input, or a frame: whatever some connector takes. Connectors are asked
    in registration order and imported one by one, so that a CSV file never pays for the import of another format.

    Raises
    ------
    UnsupportedFormat
        No connector accepts the source.
    InputError
        The connector that accepts it cannot read it.
    """
    chosen = options or ReadOptions()
    for name in names("connectors"):
        connector = load("connectors", name)()
        if connector.accepts(source):
            table: Table = connector.open(source, chosen)
            return table
    if isinstance(source, (str, Path)) and "://" not in str(source) and not Path(source).exists():
        raise InputError(f"{source}: no such file. Check the spelling and the folder.")
    raise UnsupportedFormat(
        f"no connector reads {_shown(source)}; known kinds: {', '.join(names('connectors'))}. "
        "Name the file with its usual suffix (.csv, .tsv, .parquet, ...) or convert it first."
    )


def _shown(source: Any) -> str:
    """A path or URL as it was given; of anything else only the type, since values may be private."""
    return repr(str(source)) if isinstance(source, (str, Path)) else f"a {type(source).__name__}"
