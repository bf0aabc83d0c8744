"""Rules as YAML: `rules:` with one mapping per rule."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kintsu.core.errors import InputError, UsageError
from kintsu.core.settings import nearest
from kintsu.rules.language import Rule, rule_from

__all__ = ["dump", "load", "parse"]


def parse(text: str, where: str = "rules") -> list[Rule]:
    """Rules from YAML text: a list, or a mapping with the key `rules`.

    Raises
    ------
    UsageError
        No YAML, an unknown key, a rule that cannot be one, or two rules with one id; says which rule (from 1).
    """
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"{where}{line}: not YAML: {getattr(error, 'problem', error)}") from error
    if content is None:
        return []
    if isinstance(content, dict):
        unknown = [key for key in content if key not in ("rules", "version")]
        if unknown:
            raise UsageError(f"{where}: unknown key {unknown[0]!r}{nearest(str(unknown[0]), ('rules', 'version'))}")
        content = content.get("rules") or []
    if not isinstance(content, list):
        raise UsageError(f"{where}: expected a list of rules, found {type(content).__name__}")
    found = [rule_from(plain, f"{where}, rule {i}") for i, plain in enumerate(content, 1)]
    seen: dict[str, int] = {}
    for i, rule in enumerate(found, 1):
        if rule.id in seen:
            raise UsageError(f"{where}, rule {i}: its id {rule.id!r} is that of rule {seen[rule.id]}")
        seen[rule.id] = i
    return found


def load(path: Path) -> list[Rule]:
    """Rules of a YAML file; see `parse`.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read rules from {path}: {error}") from error
    return parse(text, str(path))


def dump(rules: Iterable[Rule]) -> str:
    """YAML text that `parse` reads back to equal rules."""
    import yaml

    plain = [rule.to_dict() for rule in rules]
    return yaml.safe_dump({"version": 1, "rules": plain}, sort_keys=False, allow_unicode=True)
