"""What a job of the service keeps of a table beside the file: its profile, and its rules, declared and discovered."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, cast

from kintsu.core.contracts import Reference
from kintsu.profile.reference import LocalReference
from kintsu.rules.discover.contract import discovered
from kintsu.rules.language import Rule
from kintsu.run.job_source import Desk
from kintsu.run.kept_runs import course
from kintsu.run.profile import ProfileResult
from kintsu.run.sidecar import write_text

__all__ = ["keep_profile", "kept_file", "kept_profile"]

PROFILE: Final = "profile.json"
NOTHING: Final[dict[str, Any]] = {
    **dict.fromkeys(("run", "kind", "at")),
    "profile": {"rows": None, "scores": {}, "columns": {}},
    "rules": [],
}
LOOKED_AT: Final = 50  # last runs of a table
PLAIN: Final = ("not_null", "unique", "key", "fd", "order", "arithmetic")  # kinds that quote no values


def keep_profile(reference: Any, folder: Path, sensitive: Collection[str] = ()) -> None:
    """Write the profile and the rules of a table that was read; nothing where a treatment was replayed without one."""
    if not isinstance(reference, LocalReference):
        return
    declared: list[Rule] = reference.option("rules") or []
    found = discovered(cast(Reference, reference))
    lines = [_rule(rule, sensitive) for rule in (*declared, *found)]
    told = {
        "profile": ProfileResult(reference.profile, tuple(sensitive)).to_dict(),
        "rules": [line for line in lines if line is not None],
    }
    write_text(json.dumps(told, ensure_ascii=False, default=str), folder / PROFILE)


def _rule(rule: Rule, sensitive: Collection[str]) -> dict[str, Any] | None:
    """A rule as people read it; None where it would tell values of a sensitive column."""
    touched = {*rule.columns, *rule.when, str(rule.must.get("right", ""))}
    if touched & set(sensitive) and (rule.kind not in PLAIN or rule.when):
        return None
    return {
        "rule": rule.id,
        "kind": rule.kind,
        "columns": list(rule.columns),
        "text": rule.text,
        "source": rule.source,
        "dimension": rule.dimension,
        "confidence": rule.confidence,
        "support": rule.support,
        "as_yaml": rule.to_dict(),
    }


def kept_profile(table: str, desk: Desk) -> dict[str, Any]:
    """The last profile of a table: `run`, `kind`, `at`, `profile` as `kintsu profile --json` prints it, and `rules`.

    All are null or empty where none of its last runs was a job: those keep it.

    Raises
    ------
    UnknownName
        No run of such a table.
    """
    return kept_file(table, desk, PROFILE) or NOTHING


def kept_file(table: str, desk: Desk, name: str) -> dict[str, Any] | None:
    """The newest file of this name that a job about a table left, with the run that left it."""
    runs = course(table, (), home=desk.home).tail(LOOKED_AT).reverse()
    for line in runs.iter_rows(named=True):
        for folder in _folders(desk, Path(str(line["input"])), str(line["run"])):
            path = desk.shelf.fetch(folder / name)
            if path.is_file():
                told: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                return {"run": line["run"], "kind": line["kind"], "at": line["at"].isoformat(), **told}
    return None


def _folders(desk: Desk, source: Path, run: str) -> tuple[Path, Path]:
    """Where a job may have left what it made: see `Desk.folder`. The upload may have lain in another machine's home."""
    files = desk.uploads.folder
    return files / source.parent.name / run, files / run
