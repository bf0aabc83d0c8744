"""What a person reads in the terminal after a run: short, at 80 columns, with and without colour."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kintsu.apps.cli.console import GOLD, plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = [
    "arrow",
    "check_summary",
    "command_for",
    "crash_summary",
    "facts",
    "grid",
    "heading",
    "heal_summary",
    "undo_summary",
    "warn_failed",
]

KINDS: Final = 8
RECIPES: Final = 8
LEFT: Final = 5
DIM: Final = "grey62"


def warn_failed(steps: Sequence[Any]) -> None:
    """Failed steps on standard error: each its name and one line. The tracebacks only with KINTSU_DEBUG=1."""
    for step in steps:
        told = step.to_dict()
        sys.stderr.write(f"kintsu: step {plain(told['step'])} failed: {plain(told['error'])}; the rest is done\n")
        if os.environ.get("KINTSU_DEBUG") == "1" and getattr(step, "trace", None):
            sys.stderr.write(step.trace)


def command_for(verb: str, run: str, home: Path | None) -> str:
    """A command about a run, as it works from here: the program as it was called, `--home` where needed."""
    found = Path(os.environ.get("KINTSU_HOME") or ".kintsu").absolute()
    place = ""
    if home and found != Path(home).absolute():
        inside = Path(home).absolute().is_relative_to(Path.cwd())
        place = f" --home {shlex.quote(os.path.relpath(home) if inside else str(home))}"
    return f"{program()} {verb} {run}{place}"


def program() -> str:
    """How this program is called here: "kintsu" where the shell finds it under this name, else as it was called."""
    called, known = sys.argv[0], shutil.which("kintsu")
    is_script = Path(called).stem == "kintsu" and Path(called).is_file()
    if not is_script or (known and Path(known).resolve() == Path(called).resolve()):
        return "kintsu"
    return shlex.quote(os.path.relpath(called) if Path(called).absolute().is_relative_to(Path.cwd()) else called)


def heal_summary(result: Any, files: Mapping[str, Path | None], console: Console, *, piped: bool = False) -> None:
    """What was found, mended and left alone, the score, the files, and how to take it back.

    `piped`: the table went to standard output, so only the reader knows where it is now.
    """
    from kintsu.diagnose.report import collect

    data = collect(result.report_data())
    run = data["run"]
    _title(console, run)
    _found(console, data)
    _mended(console, data)
    _left(console, data)
    lines: list[tuple[str, Any]] = [("Score", _score(data["scores"]))]
    if result.output:
        lines.append(("Written", "standard output" if piped else plain(os.path.relpath(result.output))))
    elif result.home:
        lines.append(("Written", plain(f"into {run['input']}, in one transaction")))
    lines += [(name.capitalize(), plain(path)) for name, path in files.items() if path]
    if not result.output and not result.home and result.frame is None:
        lines.append(("Dry run", "nothing was written"))
    facts(console, lines)
    moved = " --from FILE -o BACK" if piped else ""
    if data["questions"]:
        console.print(_text(f"What only you can tell: {plain(data['questions'][0]['text'], 240)}", DIM))
    if run["applied"] and result.home:
        _command(console, "Undo", command_for("undo", result.run, result.home) + moved)
    if (run["suggested"] or data["questions"]) and result.home:
        _command(console, "Ask", command_for("ask", result.run, result.home) + moved.removesuffix(" -o BACK"))
    if result.notice:
        console.print(_text(result.notice, DIM))


def check_summary(data: Mapping[str, Any], files: Mapping[str, Path | None], console: Console) -> None:
    """What was found, and the score by dimension."""
    _title(console, data["run"])
    _found(console, data)
    if data["issues"]:
        heading(console, "Why", "an example of each issue, dearest first")
        for issue in data["issues"][:RECIPES]:
            _issue(console, issue)
        console.print()
    lines: list[tuple[str, Any]] = [("Score", _score(data["scores"]))]
    parts = [
        f"{name} {value:g}" for name, value in (data["scores"]["before"] or {}).items()
        if name != "overall" and value is not None
    ]  # fmt: skip
    lines += [("", ", ".join(parts))] if parts else []
    lines += [(name.capitalize(), plain(path)) for name, path in files.items() if path]
    facts(console, lines)


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style=style, no_wrap=False)


def grid(*columns: Mapping[str, Any]) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for column in columns:
        table.add_column(**column)
    return table


def _title(console: Console, run: Mapping[str, Any]) -> None:
    from rich.text import Text

    from kintsu.diagnose.words import counted

    words = f"{counted(run['rows'], 'row')}, {counted(run['columns'], 'column')}"
    console.print(Text.assemble((plain(run["table"] or run["input"] or "table", 60), "bold"), "  ", (words, DIM)))
    console.print()


def heading(console: Console, title: str, note: str = "") -> None:
    from rich.text import Text

    console.print(Text.assemble((title, f"bold {GOLD}"), ("  " + note if note else "", DIM)))


def _found(console: Console, data: Mapping[str, Any]) -> None:
    from kintsu.diagnose.words import noun

    kinds = data["kinds"]
    if not kinds:
        looked = "every cell looks as the rest of its column does" if data["run"]["rows"] else "there are no rows"
        console.print(f"Nothing found: {looked}.")
        console.print()
        return
    heading(console, "Found", "cells by kind")
    table = grid({"justify": "right", "min_width": 6}, {}, {"style": DIM})
    for kind in kinds[:KINDS]:
        columns = "column" if kind["columns"] == 1 else "columns"
        where = f"in {kind['columns']} {columns}" if kind["columns"] else ""
        table.add_row(f"{kind['cells']:,}", noun(kind["cells"], kind["kind"]), where)
    rest = kinds[KINDS:]
    if rest:
        table.add_row(f"{sum(kind['cells'] for kind in rest):,}", "of other kinds", "")
    console.print(table)
    console.print()


def arrow(example: Mapping[str, Any], width: int = 26) -> Text:
    """One change as `before → after`, the new value in gold."""
    from rich.text import Text

    from kintsu.diagnose.words import contrast

    old, new = contrast(example["old"], example["new"], width)
    if example["edit"] == "drop":
        return Text(f"row {example['row']} removed", style=DIM)
    return Text.assemble((_cell(old), DIM), " → ", (_cell(new), f"bold {GOLD}"))


def _cell(text: str | None) -> str:
    return "(empty)" if text is None else text or "''"


def _mended(console: Console, data: Mapping[str, Any]) -> None:
    from kintsu.diagnose.words import percent

    groups = data["applied"]
    if not groups:
        if data["kinds"]:
            console.print("Nothing was changed: no repair was sure enough.")
            console.print()
        return
    heading(console, "Mended", f"{_cells_and_rows(groups)}; how sure on average")
    table = grid({"justify": "right", "min_width": 6}, {"ratio": 1}, {"justify": "right", "min_width": 6})
    for group in groups[:RECIPES]:
        table.add_row(f"{group['cells']:,}", _text(plain(group["text"], 120)), _text(percent(group["sure"]), "bold"))
        if group["examples"]:
            table.add_row("", arrow(group["examples"][0]), "")
    rest = groups[RECIPES:]
    if rest:
        more = "recipe" if len(rest) == 1 else "recipes"
        table.add_row(f"{sum(g['cells'] for g in rest):,}", _text(f"by {len(rest)} more {more}", DIM), "")
    console.print(table)
    console.print()


def _cells_and_rows(groups: Sequence[Mapping[str, Any]]) -> str:
    """How many cells were changed and rows removed."""
    from kintsu.diagnose.words import counted

    rows = sum(group["cells"] for group in groups if group["edit"] == "drop")
    cells = sum(group["cells"] for group in groups) - rows
    told = [counted(cells, "cell")] if cells else []
    return " and ".join([*told, f"{counted(rows, 'row')} removed"] if rows else told)


def _counts(run: Mapping[str, Any]) -> str:
    from kintsu.diagnose.words import counted

    told = [f"{counted(run['suggested'], 'repair')} suggested"] if run["suggested"] else []
    return ", ".join([*told, f"{counted(run['flagged'], 'cell')} only flagged"] if run["flagged"] else told)


def _left(console: Console, data: Mapping[str, Any]) -> None:
    from kintsu.diagnose.words import noun

    items = data["left"]
    if not items:
        return
    run = data["run"]
    heading(console, "Left alone", _counts(run))
    table = grid({"justify": "right", "min_width": 6}, {"ratio": 1})
    for item in items[:LEFT]:
        where = f" in {plain(item['column'], 40, told=False)}" if item["column"] is not None else ""
        table.add_row(f"{item['cells']:,}", f"{noun(item['cells'], item['kind'])}{where}")
        table.add_row("", _text(plain(item["reason"], 140), DIM))
    if data["left_in_all"] > LEFT:
        table.add_row("", _text(f"and {data['left_in_all'] - LEFT:,} more: --report and --suggestions tell", DIM))
    console.print(table)
    console.print()


def _issue(console: Console, issue: Mapping[str, Any]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from kintsu.diagnose.words import count_of

    where = f" in {plain(issue['column'], 40, told=False)}" if issue["column"] is not None else ""
    console.print(Text(f"  {count_of(issue['cells'], issue['kind'])}{where}"))
    for example in issue["examples"][:1]:
        if example["why"]:
            console.print(Padding(Text(plain(example["why"], 150), style=DIM), (0, 0, 0, 4)))


def _score(scores: Mapping[str, Any]) -> Text:
    from rich.text import Text

    before = (scores["before"] or {}).get("overall")
    after = (scores["after"] or {}).get("overall")
    if before is None:
        return Text("does not apply")
    if after is None or after == before:
        return Text(f"{before:g} of 100")
    return Text.assemble((f"{before:g}", DIM), " → ", (f"{after:g}", f"bold {GOLD}"), " of 100")


def facts(console: Console, lines: Sequence[tuple[str, Any]]) -> None:
    table = grid({"style": f"bold {GOLD}", "no_wrap": True, "min_width": 7}, {"ratio": 1, "overflow": "fold"})
    for label, value in lines:
        table.add_row(label, value if not isinstance(value, str) else _text(value))
    console.print(table)


def _command(console: Console, label: str, command: str) -> None:
    """A command on one line, however long: so that it can be copied."""
    from rich.text import Text

    console.print(Text.assemble((f"{label:<9}", f"bold {GOLD}"), command), soft_wrap=True)


def undo_summary(undone: Any, console: Console) -> None:
    """What came back, and whether it is the original to the byte."""
    words = {
        "bytes": "the original again, byte for byte (SHA-256 checked)",
        "values": "the original values, types and metadata",
        "part": "other edits of this run remain",
    }
    from kintsu.diagnose.words import counted

    told = undone.to_dict()
    is_redo = str(told["run"]).startswith("u-")
    if is_redo:
        words |= {"bytes": "the table as it was before that undo, byte for byte (SHA-256 checked)"}
        words |= {"values": "the values, types and metadata from before that undo"}
    lines = [
        ("Redone" if is_redo else "Undone", f"{counted(told['edits'], 'edit')} of {told['run']}"),
        ("Result", words.get(told["restored"], str(told["restored"]))),
        ("Written", plain(os.path.relpath(told["output"]) if "://" not in told["output"] else told["output"])),
    ]
    if told.get("already"):
        lines.insert(1, ("", f"{counted(told['already'], 'edit')} undone before"))
    facts(console, lines)
    _command(console, "Undo" if is_redo else "Redo", f"{program()} undo {told['change']}")


def crash_summary(told: Mapping[str, Any], console: Console) -> None:
    """What was broken, found and mended, by mistake and by column."""
    from kintsu.diagnose.words import percent

    console.print(_text(f"{told['broken']:,} clean-looking cells of a copy were broken on purpose."))
    console.print()
    found, mended = told["detection"], told["repair"]
    for title, key in (("By mistake", "by_kind"), ("By column", "by_column")):
        if not found[key]:
            continue
        heading(console, title)
        right = {"justify": "right", "min_width": 7}
        table = grid({"min_width": 1}, {"ratio": 1}, right, right, right)
        table.add_row("", "", *(_text(name, DIM) for name in ("broken", "found", "mended")))
        for name, line in found[key].items():
            label = plain(name.replace("_", " ") if key == "by_kind" else name, 40)
            shares = percent(line["recall"]), percent(mended[key][name]["recall"])
            table.add_row("", label, f"{line['broken']:,}", *shares)
        console.print(table)
        console.print()
    lines = [
        ("Found", _with_interval(found["recall"], found["interval"])),
        ("Mended", _with_interval(mended["broken"]["recall"], mended["broken"]["interval"])),
        ("Wrong", _with_interval(told["error_rate"]["estimate"], told["error_rate"]["interval"])),
    ]
    facts(console, lines)
    console.print(
        _text("Found and mended: of the cells broken on purpose. Wrong: share of the table's own cells.", DIM)
    )
    console.print()
    heading(console, "What a heal of this table would reach")
    for one in told["forecast"]:
        applied = f"{one['applied']:,} repairs, right {_with_interval(one['precision'], one['precision_interval'])}"
        reached = f"mends {_with_interval(one['recall'], one['recall_interval'])} of what is wrong"
        facts(console, [(f"--auto {one['auto']:g}", applied), ("", reached)])


def _with_interval(share: float | None, interval: Sequence[float] | None) -> str:
    from kintsu.diagnose.words import percent

    if share is None:
        return "nothing was tried"
    return percent(share) + (f" (90 % interval {percent(interval[0])} to {percent(interval[1])})" if interval else "")
