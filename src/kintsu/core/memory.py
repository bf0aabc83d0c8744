"""What was learned from one reference is learned once, though several detectors and healers ask for it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from kintsu.core.contracts import Reference

__all__ = ["remembered"]

Model = TypeVar("Model")

# id of a reference -> the reference, held weakly, and what was learned from it; gone as soon as the reference is
_LEARNED: Final[dict[int, tuple[weakref.ref[Reference], dict[Hashable, Any]]]] = {}


def remembered(reference: Reference, key: Hashable, learn: Callable[[], Model]) -> Model:
    """`learn()`, computed on the first call for this reference object and key.

    The result must be a pure function of the reference, which is read-only; it is forgotten with the reference.
    """
    token = id(reference)
    held = _LEARNED.get(token)
    if held is None or held[0]() is not reference:
        held = (weakref.ref(reference, lambda _: _LEARNED.pop(token, None)), {})
        _LEARNED[token] = held
    if key not in held[1]:
        held[1][key] = learn()
    model: Model = held[1][key]
    return model
