"""What answers taught, in a form that needs no training: value maps and programs, kept and shared as YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.errors import InputError, UsageError
from kintsu.core.frames import REPAIRS, concat, repairs
from kintsu.core.recipe import Recipe
from kintsu.learn.synthesis.program import Program

__all__ = ["Learned", "dump", "learned", "load", "merged", "parse", "replayed"]

VERSION: Final = 1
COVERED: Final = 0.9  # share of the cells with a value that were changed alike, for the value alone to decide


@dataclass(frozen=True)
class Learned:
    """One recipe that a person accepted or taught.

    Parameters
    ----------
    values
        (texts of the columns `when`..., old text, new text): cells with this old text, in rows with these texts, get
        the new one. None is an empty cell.
    program
        Instead of values: what is done to every text that it changes.
    """

    recipe: Recipe
    confidence: float
    when: tuple[str, ...] = ()
    values: tuple[tuple[str | None, ...], ...] = ()
    program: Program | None = None
    verdict: str = "accepted"
    columns: tuple[str, ...] = field(default=(), compare=False)  # of the table that it was learned on

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for YAML."""
        told = {k: v for k, v in self.recipe.to_dict().items() if k != "id"}
        return {
            **told,
            "confidence": round(self.confidence, 4),
            "verdict": self.verdict,
            "when": list(self.when),
            "values": [list(line) for line in self.values],
            "program": self.program.to_dict() if self.program is not None else None,
        }

    @staticmethod
    def of(told: Mapping[str, Any], where: str) -> Learned:
        """What `to_dict` wrote.

        Raises
        ------
        UsageError
            Something is missing or of the wrong kind; `where` says in which recipe.
        """
        try:
            names = ("healer", "column", "operation", "text", "nature", "parameters", "kind")
            recipe = Recipe(**{name: told[name] for name in names if name in told})
            when = tuple(map(str, told.get("when") or ()))
            values = tuple(tuple(None if v is None else str(v) for v in line) for line in told.get("values") or ())
            program = Program.of(told["program"]) if told.get("program") else None
            confidence = float(told.get("confidence", 0.95))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"{where}: this is no recipe: {type(error).__name__}: {error}") from error
        if any(len(line) != len(when) + 2 for line in values):
            raise UsageError(f"{where}: each of its values needs {len(when)} texts to compare, the old and the new one")
        if not 0 <= confidence <= 1:
            raise UsageError(f"{where}: confidence is between 0 and 1, not {confidence}")
        return Learned(recipe, confidence, when, values, program, str(told.get("verdict", "accepted")))


def learned(decided: pl.DataFrame, texts: pl.DataFrame, recipe: Recipe, confidence: float) -> Learned | None:
    """The value map behind decisions of one recipe, where old texts (and the columns that it votes by) decide.

    Parameters
    ----------
    decided
        `row`, `old`, `new` of the cells that the recipe changes.
    texts
        `row`, the recipe's column as it was read, and the columns that its parameters name.

    None where nothing is left: one old text became different new ones, or cells with it were left alone.
    """
    when = conditions(recipe)
    if recipe.column is None or not {*when, recipe.column} <= set(texts.columns):
        return None
    key = [*when, "__old"]
    all_ = texts.rename({recipe.column: "__old"}) if recipe.column not in when else texts
    if "__old" not in all_.columns:
        return None
    met = all_.group_by(key).agg(n=pl.len())
    named = decided.select("row", "old", "new").join(all_.select("row", *key), on="row", how="inner")
    agreed = (
        named.group_by(key)
        .agg(done=pl.len(), kinds=pl.col("new").n_unique(), new=pl.col("new").first())
        .join(met, on=key, how="left", nulls_equal=True)
        .filter((pl.col("kinds") == 1) & (pl.col("done") >= COVERED * pl.col("n")))
    )
    if when:
        agreed = agreed.drop_nulls(list(when))
    elif not when:
        agreed = agreed.filter(pl.col("__old").is_not_null())  # an empty cell says nothing about what belongs there
    values = tuple(agreed.select(*key, "new").sort(*key, "new", nulls_last=True).iter_rows())
    return Learned(recipe, confidence, when, values) if values else None


def conditions(recipe: Recipe) -> tuple[str, ...]:
    """The columns whose texts a recipe goes by, besides its own."""
    named = recipe.parameters.get("left")
    if isinstance(named, list | tuple):
        return tuple(map(str, named))
    entity = recipe.parameters.get("entity")
    return (str(entity),) if entity else ()


def replayed(batches: Iterable[Batch], known: Sequence[Learned]) -> tuple[dict[str, Recipe], pl.DataFrame]:
    """Recipes by id and repairs (with confidence), by looking values up: nothing is trained."""
    found: list[pl.DataFrame] = []
    tables = [(each, _table(each)) for each in known if each.recipe.column is not None]
    for batch in batches:
        for each, table in tables:
            if {str(each.recipe.column), *each.when} <= set(batch.columns):
                found.append(_replayed(batch, each, table))
    return {each.recipe.id: each.recipe for each in known}, concat(found, REPAIRS)


def _table(each: Learned) -> pl.DataFrame | None:
    if each.program is not None:
        return None
    schema = {**{f"__{i}": pl.String for i in range(len(each.when))}, "old": pl.String, "new": pl.String}
    frame = pl.DataFrame(list(each.values), schema=schema, orient="row")
    return frame.unique([*(f"__{i}" for i in range(len(each.when))), "old"], keep="first", maintain_order=True)


def _replayed(batch: Batch, each: Learned, table: pl.DataFrame | None) -> pl.DataFrame:
    column = str(each.recipe.column)
    cells = pl.DataFrame({"row": batch.row, "old": batch[column].text})
    if table is None:
        assert each.program is not None
        values = cells.select("old").unique()
        fires = each.program.fires(values["old"])
        table = values.filter(fires).with_columns(new=each.program.run(values["old"]).filter(fires))
    key = ["old"]
    for i, name in enumerate(each.when):
        cells = cells.with_columns(batch[name].text.alias(f"__{i}"))
        key.append(f"__{i}")
    hits = cells.join(table, on=key, how="inner", nulls_equal=True)
    hits = hits.filter(~pl.col("old").eq_missing(pl.col("new")))
    told = hits.select(
        "row",
        "old",
        "new",
        score=pl.lit(each.confidence),
        confidence=pl.lit(each.confidence),
        why=pl.lit(f"{each.verdict} before: {each.recipe.text.rstrip('.')}"),
    )
    return repairs(told, healer=each.recipe.healer, recipe=each.recipe.id, column=column)


def merged(known: Iterable[Learned]) -> list[Learned]:
    """One entry per recipe and condition: later values win, the later confidence counts."""
    found: dict[tuple[str, tuple[str, ...]], Learned] = {}
    for each in known:
        key = (each.recipe.id, each.when)
        before = found.get(key)
        table = {line[:-1]: line for line in (*(before.values if before else ()), *each.values)}
        found[key] = Learned(
            each.recipe, each.confidence, each.when, tuple(table.values()), each.program, each.verdict, each.columns
        )
    return list(found.values())


def dump(known: Iterable[Learned], columns: Iterable[str] = ()) -> str:
    """YAML text of recipes; `parse` reads it."""
    import yaml

    content = {"version": VERSION, "columns": list(columns), "recipes": [each.to_dict() for each in known]}
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    return text


def parse(text: str, where: str = "recipes") -> list[Learned]:
    """Recipes from YAML text.

    Raises
    ------
    UsageError
        No YAML, or no recipes; says which one (from 1).
    """
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{where}: not YAML: {getattr(error, 'problem', error)}") from error
    told = content.get("recipes") if isinstance(content, dict) else content
    if not isinstance(told, list):
        raise UsageError(f"{where}: expected `recipes:` with a list")
    return [
        Learned.of(each if isinstance(each, dict) else {}, f"{where}, recipe {i}") for i, each in enumerate(told, 1)
    ]


def load(path: Path) -> list[Learned]:
    """Recipes of a YAML file; see `parse`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return parse(text, str(path))
