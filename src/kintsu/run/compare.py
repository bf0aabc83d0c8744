"""What changed between two tables, by their profiles."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from kintsu.core.contracts import ReadOptions
from kintsu.profile.difference import ColumnDifference, column_difference
from kintsu.profile.table import Profile
from kintsu.run.profile import ProfileResult, profile

__all__ = ["CompareResult", "compare"]


@dataclass(frozen=True)
class CompareResult:
    """The difference of two tables: schema, rows, and a `ColumnDifference` for each column that both have."""

    rows: tuple[int, int]
    added: list[str]
    removed: list[str]
    retyped: dict[str, tuple[str, str]]
    columns: dict[str, ColumnDifference]
    signatures: tuple[str, str]

    @property
    def same_schema(self) -> bool:
        """Same column names and types, in the same order."""
        return self.signatures[0] == self.signatures[1]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `kintsu compare --json`."""
        return {
            "rows": list(self.rows),
            "schema": {
                "same": self.same_schema,
                "added": self.added,
                "removed": self.removed,
                "retyped": {name: list(types) for name, types in self.retyped.items()},
                "signatures": list(self.signatures),
            },
            "columns": {name: _plain(asdict(difference)) for name, difference in self.columns.items()},
        }


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    held = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in held.items()}


def compare(a: Any, b: Any, *, seed: int = 0, read: ReadOptions | None = None) -> CompareResult:
    """Compare a later table `b` with an earlier one `a`. Either may be a path, a frame, or a profile made before."""
    before, after = (_profile(source, seed, read) for source in (a, b))
    shared = [name for name in before.columns if name in after.columns]
    return CompareResult(
        rows=(before.rows, after.rows),
        added=[name for name in after.columns if name not in before.columns],
        removed=[name for name in before.columns if name not in after.columns],
        retyped={
            name: (before.columns[name].type, after.columns[name].type)
            for name in shared
            if before.columns[name].type != after.columns[name].type
        },
        columns={name: column_difference(name, before, after) for name in shared},
        signatures=(before.signature, after.signature),
    )


def _profile(source: Any, seed: int, read: ReadOptions | None) -> Profile:
    if isinstance(source, ProfileResult):
        return source.profile
    return source if isinstance(source, Profile) else profile(source, seed=seed, read=read).profile
