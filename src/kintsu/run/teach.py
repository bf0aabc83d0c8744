"""Take corrections of cells: they are applied, generalised to cells like them, and judge who proposed what."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import polars as pl

from kintsu.core.errors import InputError, UsageError
from kintsu.core.frames import DECISIONS, empty
from kintsu.core.recipe import Recipe
from kintsu.learn.cases import with_cases
from kintsu.learn.synthesis.search import ASKS, Learned, learn
from kintsu.learn.verdicts import Labels
from kintsu.run.answer import by_whom
from kintsu.run.questions.session import Session, opened_session
from kintsu.run.questions.write import Said, written

__all__ = ["read_labels", "teach"]

Label = tuple[int, str, str | None]

SURE: Final = 0.995  # of what a person said: people slip too
_LABELS: Final = {"row": pl.Int64, "column": pl.String, "value": pl.String}


def teach(
    run: str,
    labels: Iterable[Label] | pl.DataFrame,
    *,
    home: Path | str | None = None,
    from_file: Path | str | None = None,
    by: str | None = None,
) -> Said:
    """Give the right values of cells: (row, column, value), rows as the heal's input counts, None for an empty cell.

    A value that the cell had says that the cell was right. Small programs that explain all corrections of a column
    and leave clean-looking cells alone are proposed for the other cells, and applied where they are sure enough. That
    one cell with a common value was wrong says nothing of the others with it: those become a question. The recipes
    that proposed the right or a wrong value for a labelled cell gain or lose confidence everywhere.

    Raises
    ------
    UsageError
        No such column or row, no label, or two labels for one cell.
    StaleRepair
        The healed file was edited by someone else; nothing was touched.
    """
    session = opened_session(run, home=home, from_file=from_file)
    told = labels if isinstance(labels, pl.DataFrame) else pl.DataFrame(list(labels), schema=_LABELS, orient="row")
    told = told.select(pl.col(name).cast(dtype) for name, dtype in _LABELS.items()).unique(maintain_order=True)
    told = told.with_columns(value=pl.when(pl.col("value") != "").then("value"))
    _check(told, session)
    read = session.original(told["column"].unique().sort().to_list())
    texts = {name: read.select("row", value=name) for name in read.columns if name != "row"}
    said = _said(told, texts)
    if len(said) < len(told):
        missing = told.join(said, on=["row", "column"], how="anti").row(0, named=True)
        raise UsageError(f"{session.source} has no row {missing['row']} as the input of {session.heal.id} counts rows")
    decided, recipes = _generalised(said, texts, session)
    added = pl.concat([_person(said), decided])
    recipes |= {recipe.id: recipe for recipe in map(_label_recipe, told["column"].unique())}
    event = Labels(with_cases(added, recipes))
    return written(session, event, {"taught": len(said), "by": by or by_whom()}, recipes=recipes, added=added)


def read_labels(path: Path | str) -> pl.DataFrame:
    """Labels from a CSV file with the columns row, column, value; an empty value means that the cell is empty.

    Raises
    ------
    InputError, UsageError
        It cannot be read, or has other columns or no numbers in `row`.
    """
    place = Path(path)
    try:
        frame = pl.read_csv(place, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{place} cannot be read as CSV: {str(error).splitlines()[0]}") from error
    missing = [name for name in _LABELS if name not in frame.columns]
    if missing:
        raise UsageError(f"{place} has no column {missing[0]!r}: labels need row, column, value")
    rows = frame["row"].cast(pl.Int64, strict=False)
    if rows.has_nulls():
        raise UsageError(f"{place}: row {frame['row'].gather(rows.is_null().arg_true())[0]!r} is not a row number")
    return frame.with_columns(rows).select(list(_LABELS))


def _check(told: pl.DataFrame, session: Session) -> None:
    if not len(told):
        raise UsageError("nothing to teach: give --row, --column and --value, or --file labels.csv")
    unknown = [name for name in told["column"].unique().sort() if name not in session.heal.columns]
    if unknown:
        known = ", ".join(session.heal.columns)
        raise UsageError(f"no column {unknown[0]!r} in {session.heal.table}; columns: {known}")
    twice = told.filter(told.select("row", "column").is_duplicated())
    if len(twice):
        raise UsageError(f"two values for row {twice['row'][0]}, {twice['column'][0]}: a cell has one")
    locked = session.policy.never_touch | session.policy.keys
    held = told.filter(pl.col("column").is_in(sorted(locked)))
    if len(held):
        raise UsageError(f"column {held['column'][0]!r} is never edited in {session.heal.id}")


def _said(told: pl.DataFrame, texts: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The labels with what each cell held before: row, column, old, new."""
    parts = [
        part.join(texts[str(name)].rename({"value": "old"}), on="row", how="inner", maintain_order="left")
        for (name,), part in told.group_by("column", maintain_order=True)
    ]
    return pl.concat(parts).select("row", "column", "old", new="value")


def _label_recipe(column: str) -> Recipe:
    return Recipe("person", column, "label", f"{column}: values given by a person", "follows", {}, "domain")


def _person(said: pl.DataFrame) -> pl.DataFrame:
    ids = {name: _label_recipe(name).id for name in said["column"].unique()}
    right = pl.col("old").eq_missing(pl.col("new"))
    told = said.with_columns(
        edit=pl.lit("set"),
        score=pl.lit(SURE),
        confidence=pl.lit(SURE),
        healer=pl.lit("person"),
        recipe=pl.col("column").replace_strict(ids, return_dtype=pl.String),
        why=pl.lit("a person gave this value"),
        group=pl.lit(None, pl.String),
        action=pl.when(right).then(pl.lit("withdraw")).otherwise(pl.lit("apply")),
        reason=pl.when(right).then(pl.lit("a person said that the cell is right")).otherwise(pl.lit("taught")),
    )
    return told.select(pl.col(name).cast(dtype) for name, dtype in DECISIONS.items())


def _generalised(
    said: pl.DataFrame, texts: dict[str, pl.DataFrame], session: Session
) -> tuple[pl.DataFrame, dict[str, Recipe]]:
    """Decisions of the programs that explain all labels so far, for the cells that nobody labelled."""
    state = session.state()
    earlier = state.filter(pl.col("healer") == "person").select("row", "column", "old", "new")
    every = pl.concat([earlier.join(said, on=["row", "column"], how="anti"), said])
    flagged = _flagged(session)
    parts, recipes = [], {}
    for name in said["column"].unique().sort():
        cells = texts[name].join(flagged.filter(pl.col("column") == name), on="row", how="left")
        values = cells.group_by("value").agg(n=pl.len(), flagged=pl.col("hit").fill_null(False).sum()).sort("value")
        labels = every.filter(pl.col("column") == name).sort("row")
        open_ = texts[name].join(labels, on="row", how="anti")
        for learned in learn(labels.select("old", "new").rows(), values):
            recipe = _recipe(name, learned)
            decided = _decided(open_, values, learned, recipe, session)
            if len(decided):
                parts.append(decided)
                recipes[recipe.id] = recipe
    return pl.concat(parts) if parts else empty(DECISIONS), recipes


def _flagged(session: Session) -> pl.DataFrame:
    heal = session.heal
    if heal.findings is None:
        return pl.DataFrame(schema={"row": pl.Int64, "column": pl.String, "hit": pl.Boolean})
    found = session.store.frame(heal.findings, since=heal.line)
    return found.drop_nulls(["row", "column"]).select("row", "column", hit=pl.lit(True)).unique()


def _recipe(column: str, learned: Learned) -> Recipe:
    return Recipe(
        healer="taught",
        column=column,
        operation=learned.program.operation,
        text=f"{column}: {learned.program.text}",
        nature="follows",
        parameters=learned.program.to_dict(),
        kind="domain",
    )


def _decided(
    cells: pl.DataFrame, values: pl.DataFrame, learned: Learned, recipe: Recipe, session: Session
) -> pl.DataFrame:
    """The program's decisions; too many cells for one recipe are a question for a person."""
    fires = learned.program.fires(values["value"])
    table = values.filter(fires).select(
        "value", new=learned.program.run(values["value"]).filter(fires), hit=pl.lit(True)
    )
    changed = cells.join(table, on="value", how="inner", nulls_equal=True)
    much = len(changed) > session.policy.budget * max(session.heal.rows, 1)
    n = learned.pairs
    doubt = "as sure as its examples make it"
    if much:
        doubt = "it would change much of the column: a question for a person"
    elif learned.asks:
        doubt = ASKS
    told = changed.with_columns(
        column=pl.lit(recipe.column),
        edit=pl.lit("set"),
        old="value",
        score=pl.lit(learned.confidence),
        confidence=pl.lit(learned.confidence),
        healer=pl.lit(recipe.healer),
        recipe=pl.lit(recipe.id),
        why=pl.lit(f"{learned.program.text}: so {n} labelled cell{'s' if n != 1 else ''} of the column"),
        group=pl.lit(None, pl.String),
        action=pl.lit("suggest"),
        reason=pl.lit(doubt),
    )
    return told.select(pl.col(name).cast(dtype) for name, dtype in DECISIONS.items())
