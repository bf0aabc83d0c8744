"""models list, show, train, retrain, promote, rollback, export, import: trained models and which of them is in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kintsu.apps.cli import options as o
from kintsu.apps.cli.console import GOLD, console, emit, plain, progress
from kintsu.apps.cli.monitors import Home

if TYPE_CHECKING:
    from kintsu.io.store.models import ModelVersion
    from kintsu.run.models import Models

__all__ = ["models"]

models = typer.Typer(
    name="models",
    help="Trained models: versions, which of them is in use, retraining that promotes only what is better.",
    no_args_is_help=True,
    add_completion=False,
)

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="issues, or issues:TABLE for one watched table alone.", show_default=False),
]
Version = Annotated[int, typer.Argument(metavar="VERSION", help="Its number.", show_default=False)]
AnyVersion = Annotated[
    int | None, typer.Argument(metavar="[VERSION]", help="Its number; the live one, else the newest, without.")
]
By = Annotated[str | None, typer.Option("--by", metavar="WHO", help="Who does it (else the user of this machine).")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Kept with the promotion.")]
Place = Annotated[
    str | None,
    typer.Option(
        "--registry", metavar="PLACE", help="mlflow:URI keeps models in MLflow (else KINTSU_REGISTRY, else the store)."
    ),
]
Steps = Annotated[
    int, typer.Option("--steps", metavar="N", min=2, help="Damage the last N good batches; some are held back.")
]
Rounds = Annotated[
    int, typer.Option("--rounds", metavar="N", min=1, help="Cut the rows of each table into batches N times anew.")
]


def _open(home: str | None, registry: str | None, *, create: bool = False) -> Models:
    from kintsu.run.models import Models

    return Models.open(home, registry, create=create)


@models.command("list")
def list_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One model; all without.")] = None,
    home: Home = None,
    registry: Place = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Versions of models: which is live, when and by whom each was made, how often it names the right issue."""
    from kintsu.apps.cli.summary import grid

    found = _open(home, registry).versions(name)
    if as_json:
        emit({"models": [each.to_dict() for each in found]})
    elif not found and not quiet:
        console().print("no model was trained here: the one that comes with Kintsu is in use")
    elif not quiet:
        table = grid(*({"header": head} for head in ("model", "version", "stage", "made", "by", "right", "log loss")))
        table.show_header = True
        for each in found:
            metrics = each.about.metrics
            made = (each.created_at[:16].replace("T", " "), plain(each.created_by, 30))
            figures = (_figure(metrics.get("right"), ".1%"), _figure(metrics.get("log_loss"), ".4f"))
            style = GOLD if each.stage == "live" else ""
            table.add_row(plain(each.name, 60), str(each.version), each.stage, *made, *figures, style=style)
        console().print(table)
    return 0


def _figure(value: object, form: str) -> str:
    return format(value, form) if isinstance(value, int | float) else ""


@models.command("show")
def show(
    name: Name,
    version: AnyVersion = None,
    home: Home = None,
    registry: Place = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """What is known of a version: metrics, data window, lineage, promotions; and whether a live one has drifted."""
    opened = _open(home, registry)
    told = opened.find(name, version)
    drift = opened.drift(name) if told.stage == "live" else None
    history = opened.promotions(name)
    if as_json:
        emit({**told.to_dict(), "drift": drift, "promotions": [vars(each) for each in history]})
    elif not quiet:
        _shown(told, drift)
        for each in history:
            now = "the model that comes with Kintsu" if each.version is None else f"version {each.version}"
            console().print(
                f"{each.at[:16].replace('T', ' ')} {now} in use, by {plain(each.by, 40)}  {plain(each.why)}"
            )
    return 0


def _shown(told: ModelVersion, drift: dict[str, Any] | None) -> None:
    out = console()
    out.print(f"{plain(told.name, 80)} version {told.version}: {told.stage}", style=GOLD)
    out.print(f"made {told.created_at} by {plain(told.created_by, 40)}, SHA-256 {told.sha256[:16]}")
    for title, part in (("measured", told.about.metrics), ("lineage", told.about.lineage)):
        flat = [f"{key} {value}" for key, value in part.items() if not isinstance(value, dict)]
        out.print(f"{title}: {plain(', '.join(flat) or 'nothing is known')}", soft_wrap=True)
    for table, window in told.about.data.get("tables", {}).items():
        kept = ", ".join(f"{key} {value}" for key, value in window.items() if key != "sha256")
        out.print(f"  {plain(table, 60)}: {plain(kept)}", soft_wrap=True)
    if drift is not None:
        out.print(f"drift: {drift['state']}", style=GOLD if drift["state"] == "drifted" else "")
        sure, then = (_figure(drift[key], ".3f") for key in ("mean_confidence", "mean_confidence_at_training"))
        right = _figure(drift["precision"], ".0%")
        out.print(
            f"  {drift['alarms']} alarms since it is live; mean confidence {sure or '-'}, at training {then or '-'}; "
            f"of the alarms decided on {right or '-'} were right",
            soft_wrap=True,
        )


@models.command("train")
def train(
    name: Name,
    tables: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TABLE]...", help="Tables to learn from; the past of the watched tables without."),
    ] = None,
    steps: Steps = 24,
    rounds: Rounds = 10,
    seed: o.Seed = 0,
    by: By = None,
    home: Home = None,
    registry: Place = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Train a candidate on damaged past batches, or on tables, and measure it on what was held back of them."""
    from kintsu.run.issue_history import Amount

    given = None if not tables else {table: table for table in tables}
    opened = _open(home, registry, create=given is not None)
    with progress(quiet or as_json) as show:
        told = opened.train(name, given, amount=Amount(steps, rounds), seed=seed, by=by, progress=show)
    if as_json:
        emit(told.to_dict())
    elif not quiet:
        _shown(told, None)
        console().print(f"`kintsu models promote {plain(name, 80)} {told.version}` puts it to use")
    return 0


@models.command("retrain")
def retrain(
    name: Name,
    older_than: Annotated[
        str | None,
        typer.Option("--if-older-than", metavar="7d", help="Do nothing where the newest version is younger."),
    ] = None,
    steps: Steps = 24,
    rounds: Rounds = 10,
    seed: o.Seed = 0,
    by: By = None,
    home: Home = None,
    registry: Place = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Train a candidate on the past of the watched tables; promote it only if it is better by more than chance."""
    from kintsu.run.issue_history import Amount

    opened, amount = _open(home, registry), Amount(steps, rounds)
    with progress(quiet or as_json) as show:
        done = opened.retrain(name, older_than=older_than, amount=amount, seed=seed, by=by, progress=show)
    if as_json:
        emit(done.to_dict())
    elif not quiet:
        console().print(plain(done.message), soft_wrap=True)
    return 0


@models.command("promote")
def promote(
    name: Name,
    version: Version,
    why: Why = "",
    by: By = None,
    home: Home = None,
    registry: Place = None,
    as_json: o.Json = False,
) -> int:
    """Put a version to use in the place of the one that is live."""
    told = _open(home, registry).promote(name, version, by=by, why=why)
    if as_json:
        emit(told.to_dict())
    else:
        console().print(
            f"version {version} of {plain(name, 80)} is live; `kintsu models rollback {plain(name, 80)}` undoes it"
        )
    return 0


@models.command("rollback")
def rollback(
    name: Name, why: Why = "", by: By = None, home: Home = None, registry: Place = None, as_json: o.Json = False
) -> int:
    """Take the last promotion back: what was in use before it is in use again."""
    told = _open(home, registry).rollback(name, by=by, why=why)
    if as_json:
        emit({"name": name, "live": None if told is None else told.version})
    else:
        now = "the model that comes with Kintsu" if told is None else f"version {told.version}"
        console().print(f"{plain(name, 80)}: {now} is in use again")
    return 0


@models.command("export")
def export(
    name: Name,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="Write it here.")],
    version: AnyVersion = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT.")] = False,
    home: Home = None,
    registry: Place = None,
    as_json: o.Json = False,
) -> int:
    """Write a version with all that is known of it into one file."""
    from kintsu.run.model_files import export_model

    told = export_model(_open(home, registry), name, out, version=version, force=force)
    if as_json:
        emit({"name": name, "version": told.version, "output": out})
    else:
        console().print(f"version {told.version} of {plain(name, 80)} written to {plain(out)}", soft_wrap=True)
    return 0


@models.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="What `models export` wrote.", show_default=False)],
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name than it had.")] = None,
    by: By = None,
    home: Home = None,
    registry: Place = None,
    as_json: o.Json = False,
) -> int:
    """Register an exported model as a candidate, once it has been checked."""
    from kintsu.run.model_files import import_model

    told = import_model(_open(home, registry, create=True), path, name, by=by)
    if as_json:
        emit(told.to_dict())
    else:
        console().print(f"it is version {told.version} of {plain(told.name, 80)}, a candidate")
    return 0
