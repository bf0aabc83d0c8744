"""train: learn once what `heal --treatment` and streams replay."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from kintsu.apps.cli import mend
from kintsu.apps.cli import options as o
from kintsu.apps.cli.console import console, emit, plain, progress

__all__ = ["train"]

Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FOLDER", help="Where to save it (else IN.treatment).", show_default=False),
]


@o.reads
def train(
    source: o.In,
    out: Out = None,
    auto: mend.Auto = 0.95,
    seed: o.Seed = 0,
    impute: mend.Impute = False,
    cap: mend.Cap = False,
    winsorise: mend.Winsorise = False,
    max_share: mend.MaxShare = 0.5,
    max_per_recipe: mend.MaxPerRecipe = None,
    never_touch: mend.NeverTouch = None,
    only: mend.Only = None,
    key: o.Keys = None,
    sensitive: o.Sensitive = None,
    rules: o.Rules = None,
    with_: o.Tables = None,
    multivariate: o.Multivariate = None,
    no_crash_test: mend.NoCrashTest = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the treatment if it exists.")] = False,
    home: o.Home = None,
    *,
    read: o.Read,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Learn from a table what is wrong and how it is mended, once, to replay it on any rows."""
    from kintsu.apps.cli.exits import OK, STEP_FAILED
    from kintsu.apps.cli.summary import warn_failed
    from kintsu.run.train import train as run

    with progress(quiet or as_json) as show:
        result = run(
            source,
            out=out,
            auto=auto,
            seed=seed,
            impute=impute,
            cap=cap,
            winsorise=winsorise,
            max_share=max_share,
            max_per_recipe=max_per_recipe,
            never_touch=o.names(never_touch),
            only=o.names(only),
            keys=o.names(key),
            sensitive=o.names(sensitive),
            rules=rules,
            tables=o.named_tables(with_),
            multivariate=o.names(multivariate),
            crash_test=not no_crash_test,
            force=force,
            home=home,
            read=read,
            progress=show,
        )
    if as_json:
        emit(result.to_dict())
    elif not quiet:
        _tell(result)
    warn_failed(result.failed)
    return STEP_FAILED if result.failed else OK


def _tell(result: Any) -> None:
    from kintsu.apps.cli.summary import facts

    told, folder = result.to_dict(), plain(os.path.relpath(result.folder))
    decided = ", ".join(f"{n} {name}" for name, n in told["recipes"].items() if n)
    lines = [
        ("Learned", f"from {told['rows']:,} rows of {plain(told['table'])}, {told['columns']} columns"),
        ("Recipes", decided or "none"),
        *(("Left out", f"{plain(name)}: {plain(why)}") for name, why in told["left_out"].items()),
        ("Saved", f"{folder} (treatment {told['id']})"),
        ("Replay", f"kintsu heal FILE --treatment {folder}"),
    ]
    facts(console(), lines)
