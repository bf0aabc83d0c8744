"""Which filler does best for each column, judged on cells that are hidden from it."""

from __future__ import annotations

from typing import Any

from kintsu.core.contracts import Reference
from kintsu.heal.fillers.boosted import model_filler
from kintsu.heal.fillers.neighbours import knn_filler
from kintsu.heal.fillers.simple import simple_filler
from kintsu.heal.filling import chosen

__all__ = ["best_fillers"]


def best_fillers(reference: Reference) -> dict[str, tuple[str, Any]]:
    """The best way to fill every column, judged on hidden cells: name -> (builder, filler)."""
    return chosen(reference, {"simple": simple_filler, "knn": knn_filler, "model": model_filler})
