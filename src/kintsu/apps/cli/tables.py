"""Lists and tables for the terminal: history, edits, differences, profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from kintsu.apps.cli.console import GOLD, plain
from kintsu.apps.cli.summary import DIM, arrow, facts, grid, heading
from kintsu.apps.cli.watched import bars_of
from kintsu.diagnose.words import counted, size_text

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

__all__ = [
    "compare_table",
    "diff_table",
    "entries_table",
    "freed_summary",
    "profile_table",
    "runs_course",
    "runs_table",
    "show_table",
    "sizes_table",
]

CELLS: Final = 20


def _whole_lines(rows: Sequence[Sequence[str]], right: Sequence[int], console: Console) -> None:
    """Columns under each other, each line whole at any width of the terminal, so that ids can be copied."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [c.rjust(w) if n in right else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True))]
        console.print("  ".join(cells).rstrip(), soft_wrap=True)


def _when(text: object, length: int) -> str:
    return f"{str(text)[:length].replace('T', ' ')}Z"


def runs_table(runs: Sequence[Mapping[str, Any]], console: Console) -> None:
    """One line per run: which, when, what became of it, which table, what an undo takes back."""
    if not runs:
        console.print("The history is empty.")
        return
    lines = []
    for run in runs:
        edits = counted(sum(run.get(name) or 0 for name in ("set", "drop", "add")), "edit")
        part = ", ".join(f"{name} {plain(value, 30)}" for name, value in run["selection"].items())
        undoes = f", takes back {run['undoes']}" + (f" ({part})" if part else "") if run["undoes"] else ""
        about = plain(run["table"], 40) + undoes
        lines.append((run["run"], _when(run["started"], 16), run["kind"], run["status"], edits, about))
    _whole_lines(lines, (4,), console)


def runs_course(course: pl.DataFrame, facts: Sequence[str], console: Console) -> None:
    """One line per heal or check of a table, with a bar for each fact between its least and its most."""
    names = ["run", "kind", *(["table"] if course["table"].n_unique() > 1 else [])]
    bars = {fact: bars_of(course[fact].to_list()) for fact in facts}
    lines = [[*names, *facts]]
    for i, row in enumerate(course.iter_rows(named=True)):
        cells = [f"{'' if row[fact] is None else f'{row[fact]:,.6g}'} {bars[fact][i]}" for fact in facts]
        lines.append([*(plain(row[name], 40) for name in names), *cells])
    _whole_lines(lines, (), console)


def entries_table(entries: Sequence[Mapping[str, Any]], console: Console) -> None:
    """One line per entry of the ledger."""
    lines = []
    for entry in entries:
        about = plain(entry["table"], 40) if entry.get("table") else ""
        lines.append((str(entry["n"]), _when(entry["at"], 19), entry["event"], entry["run"] or "", about))
    if lines:
        _whole_lines(lines, (0,), console)


def show_table(told: Mapping[str, Any], chosen: int, console: Console) -> None:
    """The facts of a run, its recipes and the first of its edits."""
    lines = [
        ("Run", f"{told['run']}  {told['kind']}, {told['status']}"),
        ("Started", _when(told["started"], 19)),
        ("Input", plain(told["input"])),
        ("Output", plain(told["output"])),
        ("Edits", f"{told['edits']:,}" + (f", {told['purged']:,} without values" if told["purged"] else "")),
    ]
    lines += [("Undoes", str(told["undoes"]))] if told.get("undoes") else []
    facts(console, lines)
    if not told["changes"]:
        return
    console.print()
    heading(console, "Recipes", "for kintsu undo RUN --recipe ID")
    table = grid({"justify": "right", "min_width": 6}, {"no_wrap": True}, {"ratio": 1, "style": DIM})
    for recipe in told["recipes"][:CELLS]:
        words = recipe["text"] or f"{recipe['healer']} in {recipe['column'] or 'whole rows'}"
        table.add_row(f"{recipe['edits']:,}", recipe["recipe"] or "", plain(words, 120))
    console.print(table)
    if len(told["recipes"]) > CELLS:
        console.print(f"and {len(told['recipes']) - CELLS:,} more: --json lists them", style=DIM)
    console.print()
    heading(console, "Edits", f"{len(told['changes']):,} of {chosen:,}")
    table = grid({"justify": "right", "min_width": 6, "style": DIM}, {"style": DIM}, {"ratio": 1})
    for change in told["changes"]:
        table.add_row(f"{change['row']}", plain(change["column"] or "whole row", 24), arrow(change))
    console.print(table)


def sizes_table(told: Mapping[str, Any], console: Console) -> None:
    """Room taken, by part."""
    parts = ("ledger", "changes", "findings", "originals", "unclaimed", "total")
    lines = [("Store", plain(told["home"])), ("Runs", f"{told['runs']:,}")]
    facts(console, [*lines, *((name.capitalize(), size_text(told[name])) for name in parts)])


def freed_summary(told: Mapping[str, Any], console: Console) -> None:
    """What was removed and which undos are gone."""
    gone = ", ".join(told["undos_gone"]) or "none"
    facts(console, [("Freed", size_text(told["freed"])), ("Undos gone", gone)])


def diff_table(told: Mapping[str, Any], console: Console) -> None:
    """Cells that differ, the first of them one by one."""
    from rich.text import Text

    if told["rows"][0] != told["rows"][1]:
        console.print(f"rows: {told['rows'][0]:,} and {told['rows'][1]:,}; the first rows are compared")
    for name, words in (("only_old", "only in the first"), ("only_new", "only in the second")):
        if told[name]:
            console.print(f"{words}: {', '.join(plain(column, 60) for column in told[name])}")
    if not told["differing"]:
        console.print("No cell differs.")
        return
    by_column = ", ".join(f"{plain(column, 40)} {n:,}" for column, n in list(told["columns"].items())[:12])
    console.print(Text.assemble((f"{told['differing']:,} cells differ", f"bold {GOLD}"), f": {by_column}"))
    table = grid({"justify": "right", "min_width": 6, "style": DIM}, {"style": DIM}, {"ratio": 1})
    for cell in told["cells"][:CELLS]:
        table.add_row(f"{cell['row']}", plain(cell["column"], 24), arrow({**cell, "edit": "set"}))
    console.print(table)
    if told["differing"] > CELLS:
        console.print(Text(f"and {told['differing'] - CELLS:,} more: --json lists them", style=DIM))


def _number(value: Any, length: int = 13) -> str:
    """A number or text of a profile, short."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        whole = abs(value) < 1e10 and value == int(value)
        return f"{value:,.0f}" if whole else f"{value:.4g}"
    return plain(value, length, told=False)


def profile_table(told: Mapping[str, Any], console: Console) -> None:
    """One line per column: type, meaning, gaps, distinct values, smallest and largest; commonest where it fits."""
    from rich.table import Table

    rows, wide = told["rows"], console.width >= 100
    console.print(f"{counted(rows, 'row')}, {counted(len(told['columns']), 'column')}")
    console.print()
    table = Table(box=None, pad_edge=False, header_style=f"bold {GOLD}", padding=(0, 2, 0, 0))
    for name in ("column", "type", "missing", "distinct", "from", "to", *(["commonest"] if wide else [])):
        table.add_column(name, justify="right" if name in ("missing", "distinct") else "left", no_wrap=True)
    for name, column in told["columns"].items():
        cells = [plain(name, 20, told=False), plain(column["semantic_type"] or column["type"], 12, told=False)]
        cells.append(f"{100 * column['nulls'] / rows:.1f} %" if rows and column["nulls"] else "-")
        cells += [f"{column['distinct']:,}", _number(column["min"]), _number(column["max"])]
        repeated = column["top"] and column["top"][0][1] > 1
        cells += [plain(column["top"][0][0], 20, told=False) if repeated else ""] if wide else []
        table.add_row(*cells)
    console.print(table)
    overall = told["scores"].get("overall")
    if overall is not None:
        console.print()
        facts(console, [("Score", f"{overall:.1f} of 100 by the profile alone; kintsu check looks at every cell")])


def compare_table(told: Mapping[str, Any], console: Console) -> None:
    """Schema first, then the columns that differ."""
    schema, rows = told["schema"], told["rows"]
    lines = [("Rows", f"{rows[0]:,} → {rows[1]:,}"), ("Schema", "the same" if schema["same"] else "changed")]
    for name in ("added", "removed"):
        lines += [(name.capitalize(), ", ".join(plain(c, 40) for c in schema[name]))] if schema[name] else []
    retyped = [f"{plain(name, 40)}: {old} → {new}" for name, (old, new) in schema["retyped"].items()]
    facts(console, [*lines, *([("Retyped", ", ".join(retyped))] if retyped else [])])
    console.print()
    differing = {name: words for name, column in told["columns"].items() if (words := _differences(column))}
    if not differing:
        console.print("No column that both have differs.")
    else:
        heading(console, "Columns that differ", f"{len(differing):,} of {len(told['columns']):,}")
        table = grid({"min_width": 1}, {"no_wrap": True}, {"style": DIM, "ratio": 1})
        for name, words in differing.items():
            table.add_row("", plain(name, 24, told=False), "; ".join(words))
        console.print(table)
    if "drift" in told:
        _drift(told["drift"], console)


def _drift(told: Mapping[str, Any], console: Console) -> None:
    """Columns that drifted by more than chance, and what tells the rows of the two tables apart."""
    console.print()
    drifted = [column for column in told["columns"] if column["is_drifted"]]
    heading(console, "Drift", f"{len(drifted):,} of {len(told['columns']):,} columns, by more than chance")
    table = grid({"min_width": 1}, {"no_wrap": True}, {"style": DIM, "ratio": 1})
    for column in drifted:
        sizes = [
            f"{name.replace('_', ' ')} {size:.3g} (by chance {column[f'{name}_by_chance']:.2g})"
            for name, size in column.items()
            if f"{name}_by_chance" in column
        ]
        p = [f"p {column['p']:.2g}"] if "p" in column else [column["kind"]]
        table.add_row("", plain(column["column"], 24, told=False), "; ".join([*p, *sizes]))
    if drifted:
        console.print(table)
    joint = told["joint"]
    if joint is not None:
        by = ", ".join(plain(name, 24) for name, _ in joint["columns"])
        console.print(f"Rows told apart with an AUC of {joint['auc']:.3f} (p {joint['p']:.2g}){by and f', by {by}'}")


def _differences(column: Mapping[str, Any]) -> list[str]:
    """What differs in one column, in words; a shift is told when it is well above chance."""
    told = []
    missing = [f"{100 * share:.1f} %" for share in column["nulls"]]
    pairs = {"missing": missing, **{name: [_number(v) for v in column[name] or ()] for name in ("distinct", "mean")}}
    told += [f"{name} {pair[0]} → {pair[1]}" for name, pair in pairs.items() if pair and pair[0] != pair[1]]
    psi, noise = column["psi"], column["psi_noise"]
    if psi is not None and psi > max(0.1, 3 * (noise or 0.0)):  # 0.1: commonly called a moderate shift
        told.append(f"distribution shifted (PSI {psi:.2f})")
    for name in ("values_new", "values_gone"):
        values = ", ".join(plain(value, 20, told=False) for value in column[name][:4])
        told += [f"{name.removeprefix('values_')}: {values}"] if values else []
    return told
