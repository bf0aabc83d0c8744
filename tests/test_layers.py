"""Imports point down: a room imports rooms of a lower level only, and rooms of one level do not import each other."""

import ast
from graphlib import TopologicalSorter
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


def modules(path: Path) -> list[tuple[int, str]]:
    """(line, module) of every import of our own in a file, also those inside functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "kintsu":
            names = [f"kintsu.{alias.name}" for alias in node.names]
        found += [(node.lineno, name) for name in names if name.startswith("kintsu.")]
    return found


def imports(path: Path) -> list[tuple[int, str]]:
    """(line, room) of every import of our own rooms in a file."""
    return [(line, name.split(".")[1]) for line, name in modules(path)]


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


def test_folders_of_a_room_do_not_import_each_other_both_ways():
    """Files that lie in the room itself may stand above its folders or below them."""
    for room in filter(lambda each: (ROOT / each).is_dir(), LEVEL):
        within: dict[str, set[str]] = {}
        for folder in (path for path in (ROOT / room).iterdir() if path.is_dir()):
            parts = {
                name.split(".")[2] for path in folder.rglob("*.py") for _, name in modules(path) if _is_in(name, room)
            }
            within[folder.name] = {part for part in parts if (ROOT / room / part).is_dir()} - {folder.name}
        TopologicalSorter(within).prepare()  # raises, with the way round


def _is_in(name: str, room: str) -> bool:
    return name.startswith(f"kintsu.{room}.")


def test_every_room_has_a_level():
    rooms = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert rooms <= {*LEVEL, "testing"}, f"rooms without a level: {rooms - {*LEVEL, 'testing'}}"


def test_sentences_are_made_by_phrase():
    """`pl.format` panics on some frames: see `core.phrase`."""
    using = [path.name for path in ROOT.rglob("*.py") if "pl.format(" in path.read_text(encoding="utf-8")]
    assert set(using) <= {"phrase.py"}
