"""The documentation names everything that exists, and its generated pages are up to date."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from kintsu.apps.cli.app import app
from kintsu.core import registry

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


COMMANDS: dict[str, Any] = dict(generator()._commands(typer.main.get_command(app)))
GROUPS = {name.partition(" ")[0] for name in COMMANDS if " " in name}
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["api.md", "cli.md", "plugins.md"])
def test_generated_pages_are_up_to_date(page):
    made = generator().PAGES[page]().rstrip("\n") + "\n"
    assert (REFERENCE / page).read_text(encoding="utf-8") == made, "run `python docs/generate.py` and commit"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_described(command):
    page = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    section = page.split(f"## kintsu {command}\n")[1].split("\n## ")[0]
    missing = [
        name for option in COMMANDS[command].params for name in option.opts if option.help and name not in section
    ]
    assert [name for name in missing if name.startswith("-") and name != "--help"] == []
    assert all(option.help for option in COMMANDS[command].params), "every option has a sentence"


@pytest.mark.parametrize("kind", ["detectors", "healers", "summaries", "connectors", "notifiers"])
def test_every_member_of_the_registry_is_described(kind):
    page = (REFERENCE / "plugins.md").read_text(encoding="utf-8")
    lines = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert [name for name in registry.names(kind) if name not in lines] == []
    assert [name for name in registry.names(kind) if len(lines[name]) < len(name) + 20] == [], "a docstring is missing"


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_the_docs_exist(page):
    text = page.read_text(encoding="utf-8")
    shown = re.findall(r"^(?:\$ |    )?(?:\.venv/bin/)?kintsu ([a-z][a-z-]*)(.*)$", text, flags=re.MULTILINE)
    shown += re.findall(r"`kintsu ([a-z][a-z-]*)([^`]*)`", text)
    for command, rest in shown:
        if command in GROUPS:
            if not rest.strip():
                continue
            command = f"{command} {rest.split()[0]}"
        assert command in COMMANDS, f"kintsu {command}"
        known = {name for option in COMMANDS[command].params for name in option.opts} | {"--help"}
        used = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", rest.split("  #")[0]))
        assert used <= known, f"kintsu {command}: {used - known}"


def test_figures_name_programs_that_exist_with_their_options():
    told = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "bench" / "RESULTS.md", *pages()))
    wrong = []
    for program, words in re.findall(r"`[^`]*?\b(bench/\w+\.py|pytest)\b([^`]*)`", told):
        source = ROOT / program
        options = source.read_text(encoding="utf-8") if source.is_file() else None
        if program == "pytest":
            wrong += [word for word in words.split() if word.startswith("tests/") and not (ROOT / word).exists()]
        elif options is None:
            wrong.append(program)
        else:
            named = re.findall(r"--[a-z][a-z-]*", words)
            wrong += [f"{program} {option}" for option in named if f'"{option}"' not in options]
    assert wrong == []


def test_the_readme_names_real_tests():
    named = re.findall(r"`(tests/[\w/.]+\.py)(?:::(\w+))?`", README)
    assert named
    for path, test in named:
        assert (ROOT / path).is_file(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{test}"


def test_the_readme_has_exactly_the_two_commands_that_ci_runs():
    found = [readme_command(number) for number in (1, 2)]
    assert "kintsu heal examples/" in found[0] and found[1].endswith("pytest")
    assert "<!-- command 3 -->" not in README


def readme_command(number: int) -> str:
    """The command as `.ci/run` takes it from the README."""
    script = ROOT / ".ci" / "readme-command"
    told = subprocess.run(["bash", str(script), str(number)], capture_output=True, text=True, check=True, cwd=ROOT)
    return told.stdout.strip()


@pytest.mark.parametrize("name", ["docs/images/terminal.svg", "docs/images/report.png"])
def test_pictures_are_there_and_small(name):
    assert 0 < (ROOT / name).stat().st_size < 300_000
