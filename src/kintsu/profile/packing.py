"""Bytes of a summary: a one-line JSON header, then the raw arrays. Little-endian, so they mean the same everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kintsu.core.errors import MergeError

__all__ = ["pack", "unpack"]

Array = npt.NDArray[Any]


def pack(name: str, version: int, facts: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> bytes:
    """`facts` must be JSON-able (floats round-trip, NaN and infinities included); `arrays` are one-dimensional."""
    held = {key: np.ascontiguousarray(a, dtype=a.dtype.newbyteorder("<")) for key, a in (arrays or {}).items()}
    shapes = [[key, a.dtype.str, len(a)] for key, a in held.items()]
    header = json.dumps({"summary": name, "version": version, "facts": dict(facts), "arrays": shapes})
    return header.encode() + b"\n" + b"".join(a.tobytes() for a in held.values())


def unpack(data: bytes, name: str, version: int) -> tuple[dict[str, Any], dict[str, Array]]:
    """Facts and arrays as packed.

    Raises
    ------
    MergeError
        The bytes are of another summary or of a format version that this release does not know.
    """
    line, _, body = data.partition(b"\n")
    header = json.loads(line)
    if header["summary"] != name or header["version"] != version:
        found = f"{header['summary']} version {header['version']}"
        raise MergeError(f"expected the bytes of summary {name} version {version}, found {found}")
    arrays: dict[str, Array] = {}
    offset = 0
    for key, dtype, length in header["arrays"]:
        arrays[key] = np.frombuffer(body, dtype=np.dtype(dtype), count=length, offset=offset)
        offset += arrays[key].nbytes
    return header["facts"], arrays
