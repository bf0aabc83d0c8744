"""check, profile, compare and diff: commands that change nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from kintsu.apps.cli import options as o
from kintsu.apps.cli.console import console, emit, progress

__all__ = ["check", "compare", "diff", "profile"]

FailUnder = Annotated[
    float | None,
    typer.Option("--fail-under", metavar="X", min=0, max=100, help="Exit with 1 if the overall score is below X."),
]
Against = Annotated[
    str | None,
    typer.Option("--against", metavar="TABLE", help="A table known to be right, matched by --key: scores accuracy."),
]
A = Annotated[str, typer.Argument(metavar="A", help="The earlier table.", show_default=False)]
B = Annotated[str, typer.Argument(metavar="B", help="The later table.", show_default=False)]


@o.reads
def check(
    source: o.In,
    findings: o.FindingsFile = None,
    report: o.ReportFile = None,
    fail_under: FailUnder = None,
    seed: o.Seed = 0,
    key: o.Keys = None,
    sensitive: o.Sensitive = None,
    order_column: o.OrderColumn = None,
    identifier: o.Identifiers = None,
    rules: o.Rules = None,
    with_: o.Tables = None,
    multivariate: o.Multivariate = None,
    against: Against = None,
    home: o.Home = None,
    *,
    read: o.Read,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Find what is wrong with a table and score it; nothing is changed. A gate with --fail-under."""
    from kintsu.apps.cli.exits import BELOW, OK, STEP_FAILED
    from kintsu.apps.cli.summary import check_summary, warn_failed
    from kintsu.diagnose.report import collect
    from kintsu.run.check import check as run

    with progress(quiet or as_json) as show:
        result = run(
            source,
            findings=findings,
            report=report,
            seed=seed,
            keys=o.names(key),
            sensitive=o.names(sensitive),
            order_column=order_column,
            identifiers=o.names(identifier),
            rules=rules,
            tables=o.named_tables(with_),
            multivariate=o.names(multivariate),
            against=against,
            home=home,
            read=read,
            progress=show,
        )
    if as_json:
        emit(result.run_object())
    elif not quiet:
        check_summary(collect(result.report_data()), {"findings": findings, "report": report}, console())
    warn_failed(result.failed)
    overall = result.scores.get("overall")
    if fail_under is not None and overall is not None and overall < fail_under:
        typer.echo(f"kintsu: the score {overall:.1f} is below {fail_under:g}", err=True)
        return BELOW
    return STEP_FAILED if result.failed else OK


@o.reads
def profile(
    source: o.In,
    seed: o.Seed = 0,
    sensitive: o.Sensitive = None,
    *,
    read: o.Read,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Show what is in a table: types, meanings, gaps, distributions, patterns, scores."""
    from kintsu.apps.cli.tables import profile_table
    from kintsu.run.profile import profile as run

    told = run(source, seed=seed, read=read, sensitive=o.names(sensitive)).to_dict()
    if as_json:
        emit(told)
    elif not quiet:
        profile_table(told, console())
    return 0


@o.reads
def compare(
    old: A,
    new: B,
    seed: o.Seed = 0,
    drift: Annotated[
        bool,
        typer.Option("--drift", help="Measure drift by test and by size, column by column and of the rows as a whole."),
    ] = False,
    *,
    read: o.Read,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Show what changed between two tables, by their profiles: schema, gaps, distributions."""
    from kintsu.apps.cli.tables import compare_table
    from kintsu.run.compare import compare as run

    told = run(old, new, seed=seed, read=read).to_dict()
    if drift:
        from kintsu.run.drift import drift as measured

        told["drift"] = measured(old, new, seed=seed, read=read).to_dict()
    if as_json:
        emit(told)
    elif not quiet:
        compare_table(told, console())
    return 0


@o.reads
def diff(
    old: A,
    new: B,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="Cells listed with --json.")] = 10_000,
    *,
    read: o.Read,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """List the cells that differ between two tables, row by row."""
    from kintsu.apps.cli.tables import diff_table
    from kintsu.run.diff import diff as run

    told = run(old, new, read=read).to_dict(limit)
    if as_json:
        emit(told)
    elif not quiet:
        diff_table(told, console())
    return 0
