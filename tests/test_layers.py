"""Imports point down: a room imports rooms of a lower level only, and rooms of one level do not import each other."""

import ast
from pathlib import Path

import kintsu

ROOT = Path(kintsu.__file__).parent
LEVEL = {
    "core": 0,
    "profile": 1,
    "rules": 2,
    "match": 2,
    "detect": 3,
    "heal": 3,
    "diagnose": 3,
    "learn": 3,
    "monitor": 3,
    "io": 4,
    "run": 5,
    "apps": 6,
}


def imports(path: Path) -> list[tuple[int, str]]:
    """(line, room) of every import of our own rooms in a file, also those inside functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "kintsu":
            names = [f"kintsu.{alias.name}" for alias in node.names]
        found += [(node.lineno, name.split(".")[1]) for name in names if name.startswith("kintsu.")]
    return found


def test_imports_point_down():
    broken = []
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).parts
        if len(parts) == 1:  # the public face hands names on from run/
            continue
        room = parts[0]
        for line, target in imports(path):
            allowed = target == room or (room == "testing" and target == "core")
            if room != "testing" and target in LEVEL:
                allowed |= LEVEL[target] < LEVEL[room]
            if target in LEVEL and not allowed:
                broken.append(f"{path.relative_to(ROOT)}:{line}: {room} may not import {target}")
    assert not broken, "\n".join(broken)


def test_every_room_has_a_level():
    rooms = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert rooms <= {*LEVEL, "testing"}, f"rooms without a level: {rooms - {*LEVEL, 'testing'}}"


def test_sentences_are_made_by_phrase():
    """`pl.format` panics on some frames: see `core.phrase`."""
    using = [path.name for path in ROOT.rglob("*.py") if "pl.format(" in path.read_text(encoding="utf-8")]
    assert set(using) <= {"phrase.py"}
