"""What was learned from a reference, or read off a batch, once, though several detectors and healers ask for it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference

__all__ = ["remembered"]

Model = TypeVar("Model")

# id of its owner -> the owner, held weakly, and what was learned from it; gone as soon as the owner is
_LEARNED: Final[dict[int, tuple[weakref.ref[Reference | Batch], dict[Hashable, Any]]]] = {}


def remembered(owner: Reference | Batch, key: Hashable, learn: Callable[[], Model]) -> Model:
    """`learn()`, computed on the first call for this owner (the very object) and key.

    The result must be a pure function of owner and key, which are read-only; it is forgotten with the owner.
    """
    token = id(owner)
    held = _LEARNED.get(token)
    if held is None or held[0]() is not owner:
        held = (weakref.ref(owner, lambda _: _LEARNED.pop(token, None)), {})
        _LEARNED[token] = held
    if key not in held[1]:
        held[1][key] = learn()
    model: Model = held[1][key]
    return model
