"""heal and undo: the two commands that write tables."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from kintsu.apps.cli import options as o
from kintsu.apps.cli.console import console, emit, progress

__all__ = ["heal", "undo"]

Out = Annotated[
    str | None,
    typer.Option(
        "--out", "-o", metavar="OUT", help="Where to write (else IN.healed.EXT); - for standard output.",
        rich_help_panel="Output",
    ),
]  # fmt: skip
ChangesFile = Annotated[
    Path | None,
    typer.Option("--changes", metavar="C", help="Write the changes (CSV or Parquet).", rich_help_panel="Output"),
]
SuggestionsFile = Annotated[
    Path | None,
    typer.Option(
        "--suggestions", metavar="S", help="Write the repairs that were not applied (CSV or Parquet).",
        rich_help_panel="Output",
    ),
]  # fmt: skip
InPlace = Annotated[bool, typer.Option("--in-place", help="Replace IN, atomically.", rich_help_panel="Output")]
Force = Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.", rich_help_panel="Output")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Decide, but write no table.", rich_help_panel="Output")]
Auto = Annotated[
    float, typer.Option("--auto", metavar="P", help="Least confidence at which a repair is applied, 0 to 1.")
]
Impute = Annotated[bool, typer.Option("--impute", help="Also fill gaps by statistics.")]
Cap = Annotated[bool, typer.Option("--cap", help="Also pull extreme numbers to a fence.")]
Winsorise = Annotated[
    bool, typer.Option("--winsorise", help="As --cap, to the 1st and the 99th percentile instead of a fence.")
]
DropDuplicates = Annotated[bool, typer.Option("--drop-duplicates", help="Also remove exact duplicate rows.")]
MaxShare = Annotated[
    float,
    typer.Option("--max-share", metavar="P", help="Apply nothing if more than this share of all cells would change."),
]
MaxPerRecipe = Annotated[
    float | None,
    typer.Option(
        "--max-per-recipe", metavar="P",
        help="Ask before one recipe changes more than this share of the rows (else 0.5 at --auto 0.95, 1 at 0.5).",
    ),
]  # fmt: skip
NeverTouch = Annotated[
    list[str] | None, typer.Option("--never-touch", metavar="COLUMN", help="Never edit this column; repeatable.")
]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="COLUMN", help="Edit this column only; repeatable.")]
Recipes = Annotated[
    Path | None,
    typer.Option("--recipes", metavar="R.yaml", help="Only replay these recipes: nothing is detected or trained."),
]
TreatmentFolder = Annotated[
    Path | None,
    typer.Option(
        "--treatment", metavar="FOLDER", help="Replay what kintsu train learned; nothing is trained or calibrated."
    ),
]
NoCrashTest = Annotated[
    bool, typer.Option("--no-crash-test", help="Faster: keep the healers' own estimates as confidence.")
]


@o.reads
def heal(
    source: o.In,
    out: Out = None,
    in_place: InPlace = False,
    findings: o.FindingsFile = None,
    changes: ChangesFile = None,
    suggestions: SuggestionsFile = None,
    report: o.ReportFile = None,
    auto: Auto = 0.95,
    seed: o.Seed = 0,
    impute: Impute = False,
    cap: Cap = False,
    winsorise: Winsorise = False,
    drop_duplicates: DropDuplicates = False,
    max_share: MaxShare = 0.5,
    max_per_recipe: MaxPerRecipe = None,
    never_touch: NeverTouch = None,
    only: Only = None,
    key: o.Keys = None,
    sensitive: o.Sensitive = None,
    order_column: o.OrderColumn = None,
    identifier: o.Identifiers = None,
    rules: o.Rules = None,
    with_: o.Tables = None,
    multivariate: o.Multivariate = None,
    recipes: Recipes = None,
    treatment: TreatmentFolder = None,
    no_crash_test: NoCrashTest = False,
    dry_run: DryRun = False,
    force: Force = False,
    home: o.Home = None,
    *,
    read: o.Read,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Find what is wrong with a table, mend what is sure, say why, and log it for undo."""
    from kintsu.core.errors import UsageError
    from kintsu.run.heal import heal as run

    if source == "-" and out is None and not (in_place or dry_run or as_json):
        out = "-"  # a filter: standard input to standard output
    if out == "-" and as_json:
        raise UsageError("-o - and --json both want standard output: give -o a file")
    with tempfile.TemporaryDirectory(prefix="kintsu-") as folder:
        target = Path(folder) / f"table{_suffix(source)}" if out == "-" else None
        with progress(quiet or as_json) as show:
            result = run(
                source,
                out=target or out,
                in_place=in_place,
                findings=findings,
                changes=changes,
                suggestions=suggestions,
                report=report,
                auto=auto,
                seed=seed,
                impute=impute,
                cap=cap,
                winsorise=winsorise,
                drop_duplicates=drop_duplicates,
                max_share=max_share,
                max_per_recipe=max_per_recipe,
                never_touch=o.names(never_touch),
                only=o.names(only),
                keys=o.names(key),
                sensitive=o.names(sensitive),
                order_column=order_column,
                identifiers=o.names(identifier),
                rules=rules,
                tables=o.named_tables(with_),
                multivariate=o.names(multivariate),
                recipes=recipes,
                treatment=treatment,
                crash_test=not no_crash_test,
                dry_run=dry_run,
                force=force,
                home=home,
                read=read,
                progress=show,
            )
        if target is not None and target.exists():
            with target.open("rb") as stream:
                shutil.copyfileobj(stream, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    files = {"findings": findings, "changes": changes, "suggestions": suggestions, "report": report}
    return _tell(result, files, as_json, quiet, piped=target is not None)


def _suffix(source: str) -> str:
    """The suffix that a table from `source` gets: what is piped on keeps its format."""
    return "".join(Path(source).suffixes[-2:]) if source != "-" else ".csv"


def _tell(result: Any, files: dict[str, Path | None], as_json: bool, quiet: bool, *, piped: bool) -> int:
    from kintsu.apps.cli.exits import OK, STEP_FAILED
    from kintsu.apps.cli.summary import heal_summary, warn_failed

    if as_json:
        emit(result.run_object())
    elif not quiet:
        heal_summary(result, files, console(stderr=piped), piped=piped)
    warn_failed(result.failed)
    return STEP_FAILED if result.failed else OK


def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run, an undo (which redoes), or: last.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="BACK", help="Write here; else the healed file is replaced.")
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Where the healed file is now, if it was moved.")
    ] = None,
    row: Annotated[int | None, typer.Option("--row", metavar="N", help="Only edits of this row (from 0).")] = None,
    column: Annotated[str | None, typer.Option("--column", metavar="COLUMN", help="Only edits of this column.")] = None,
    recipe: Annotated[str | None, typer.Option("--recipe", metavar="ID", help="Only edits of this recipe.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace BACK if it exists.")] = False,
    home: o.Home = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Take a run back, exactly, or a part of it; any time later, in any order."""
    from kintsu.apps.cli.summary import undo_summary
    from kintsu.run.undo import undo as take_back

    undone = take_back(run, home=home, out=out, from_file=from_file, row=row, column=column, recipe=recipe, force=force)
    if as_json:
        emit(undone.to_dict())
    elif not quiet:
        undo_summary(undone, console())
    return 0
