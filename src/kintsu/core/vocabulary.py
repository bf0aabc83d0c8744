"""The words of the product: kinds of findings, dimensions of quality, edits and actions."""

from __future__ import annotations

from typing import Final

__all__ = ["ACTIONS", "DIMENSIONS", "DIMENSION_OF", "EDITS", "KINDS", "NATURES", "TYPES"]

DIMENSION_OF: Final[dict[str, str]] = {
    "missing": "completeness",
    "disguised_missing": "completeness",
    "type": "validity",
    "format": "validity",
    "unit": "validity",
    "domain": "validity",
    "typo": "validity",
    "range": "validity",
    "malformed": "validity",
    "outlier": "validity",
    "rare_category": "validity",
    "text_anomaly": "validity",
    "multivariate": "consistency",
    "contextual": "consistency",
    "dependency": "consistency",
    "arithmetic": "consistency",
    "order": "consistency",
    "inclusion": "consistency",
    "glued": "consistency",
    "duplicate": "uniqueness",
    "key": "uniqueness",
    "spike": "timeliness",
    "step": "timeliness",
}
"""Kind of a finding -> the dimension of quality that it lowers."""

KINDS: Final[frozenset[str]] = frozenset(DIMENSION_OF)

DIMENSIONS: Final[tuple[str, ...]] = (
    "completeness",
    "validity",
    "consistency",
    "uniqueness",
    "timeliness",
    "accuracy",
)

EDITS: Final[tuple[str, ...]] = ("set", "drop", "add", "cast")

ACTIONS: Final[tuple[str, ...]] = ("apply", "suggest", "flag", "withdraw")

TYPES: Final[tuple[str, ...]] = (
    "null",
    "boolean",
    "integer",
    "float",
    "date",
    "datetime",
    "time",
    "text",
)

NATURES: Final[tuple[str, ...]] = ("follows", "canonical", "statistical", "capping", "removal")
"""What kind of claim a recipe makes.

follows      the new value follows from other cells or from the value itself (dependency, formula, typo, duplicate row)
canonical    the same value, spelt as the rest of the column spells it (format, unit, null token)
statistical  a best guess: mean, median, mode, neighbours, a model. A suggestion unless asked for (`--impute`)
capping      an extreme number pulled to a fence. A suggestion unless asked for (`--cap`)
removal      a row is dropped. A suggestion unless asked for (`--drop-duplicates`)
"""
