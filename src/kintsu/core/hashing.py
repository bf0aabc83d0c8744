"""Hashes that stay the same over processes, machines and versions."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["drawn_rows", "mix", "stable_hash", "text_hash"]

UInt64s = npt.NDArray[np.uint64]


def text_hash(text: str, key: bytes = b"") -> int:
    """64 bits of BLAKE2b over the UTF-8 of `text`; with a secret key of at most 64 bytes nobody else can compute it.

    >>> text_hash("a") == text_hash("a"), text_hash("a") == text_hash("b")
    (True, False)
    """
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest(), "little"
    )


def stable_hash(values: pl.Series) -> UInt64s:
    """64-bit hash of each text in `values`; null hashes to 0. Costs one BLAKE2b per *distinct* value."""
    distinct = values.unique().drop_nulls()
    hashes = pl.Series([text_hash(v) for v in distinct.to_list()], dtype=pl.UInt64)
    table = pl.DataFrame({"value": distinct, "hash": hashes}, schema={"value": pl.String, "hash": pl.UInt64})
    joined = pl.DataFrame({"value": values.cast(pl.String)}).join(table, on="value", how="left", maintain_order="left")
    return joined["hash"].fill_null(0).to_numpy()


def mix(*parts: UInt64s | int) -> UInt64s:
    """Combine hashes of equal length (or single numbers) into one, order matters (splitmix64 finaliser)."""
    state = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        result: UInt64s = np.zeros(1, np.uint64)
        for part in parts:
            p = np.asarray(part, dtype=np.uint64)
            z = (result + state) ^ p
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            result = z ^ (z >> np.uint64(31))
    return result


def drawn_rows(hashes: UInt64s, n: int) -> npt.NDArray[np.int64]:
    """Places of at most `n` rows drawn by their hashes: rows of the same content whatever their order.

    Equal rows are told apart by their number among themselves; else all or none of them would be drawn.
    """
    if not len(hashes):
        return np.empty(0, dtype=np.int64)
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    number = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.append(starts, len(ordered))))
    return np.asarray(order[np.argsort(mix(ordered, number.astype(np.uint64)), kind="stable")[:n]], dtype=np.int64)
