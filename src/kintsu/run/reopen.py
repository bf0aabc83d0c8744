"""Open a table again in the way it was opened before."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kintsu.core.contracts import ReadOptions, Table
from kintsu.core.registry import load

__all__ = ["location", "options_from", "reopen"]


_BY_NAME = ("sheet", "table", "decimal_comma", "day_first")


def options_from(facts: Mapping[str, Any]) -> ReadOptions:
    """The read options that a table's `describe()` tells; the whole description is in `extra`."""
    named = {name: facts[name] for name in _BY_NAME if name in facts}
    return ReadOptions(**named, extra={**facts, "description": dict(facts)})


def location(connector: str, facts: Mapping[str, Any], path: Path | None) -> str:
    """The URL of a database table, with the absolute path of its file where it is one."""
    if path is None:
        return str(facts["url"])
    return f"{connector}:///{Path(os.path.realpath(path)).as_posix()}#{facts.get('table', '')}"


def reopen(source: Path | str, connector: str, facts: Mapping[str, Any]) -> Table:
    """The table at `source`, with the connector and the facts that a run recorded."""
    table: Table = load("connectors", connector)().open(source, options_from(facts))
    return table
