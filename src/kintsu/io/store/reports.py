"""What the report of a heal is drawn from: JSON, masked when it was made, kept as a blob that can be purged."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from kintsu.io.store.records import Run
from kintsu.io.store.store import Releases, Store

__all__ = ["put_report", "read_report"]


def put_report(store: Store, report: Mapping[str, Any]) -> dict[str, str]:
    """Keep it; returns its hash by the name of the field of `Run` that holds it."""
    text = json.dumps(report, ensure_ascii=False, default=str)
    return {"report": store.blobs.put(zlib.compress(text.encode()))}  # about an eighth of the text


def read_report(store: Store, run: Run, *, releases: Releases | None = None) -> dict[str, Any] | None:
    """What `put_report` kept; None where this run has none, or where it was purged or pruned."""
    digest = store.current(run.report, since=run.line, releases=releases)
    if digest is None:
        return None
    text = zlib.decompress(store.blobs.get(digest))
    told: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)  # NaN is no JSON
    return told
