"""Questions about tables in which several sources report the same entities."""

import shutil
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "rules"))

import made_sources

from kintsu.io.store.store import Store
from kintsu.run.answer import answer
from kintsu.run.ask import ask
from kintsu.run.heal import heal
from kintsu.run.log import runs
from kintsu.run.teach import teach
from kintsu.run.undo import undo


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Parcels that two families of sites report differently: the folder of a heal, its run, and the truth."""
    folder = tmp_path_factory.mktemp("sites")
    dirty, clean = made_sources.two_events(np.random.default_rng(3), entities=60)
    dirty.write_csv(folder / "in.csv")
    result = heal(folder / "in.csv", out=folder / "out.csv", auto=0.5, home=folder / ".kintsu", crash_test=False)
    return folder, result.run, clean


@pytest.fixture
def sites(made, tmp_path):
    folder, run, clean = made
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return tmp_path, run, clean


def held(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "out.csv", infer_schema=False)


def right(folder: Path, clean: pl.DataFrame) -> float:
    return float((held(folder)["left"].fill_null("") == clean["left"].fill_null("")).mean())


def look(folder, run, n=1):
    return ask(run, home=folder / ".kintsu", from_file=folder / "out.csv", limit=n)


def say(folder, run, question, option):
    return answer(run, question, option, home=folder / ".kintsu", from_file=folder / "out.csv")


def best(question, clean):
    def score(option):
        told = option.effect.with_columns(true=clean["left"].gather(option.effect["row"]))
        return told.filter(pl.col("column") == "left")["new"].eq_missing(told["true"]).sum()

    return max(question.options, key=score).option


def test_one_answer_about_a_family_settles_the_column(sites):
    folder, run, clean = sites
    first = look(folder, run)[0]
    assert "Trust" in first.text and "left" in first.text
    before = right(folder, clean)
    say(folder, run, first.question, best(first, clean))
    assert before < 0.7 and right(folder, clean) > 0.97
    assert not [each for each in look(folder, run, 50) if "Trust" in each.text and "left" in each.text]


def test_the_file_holds_what_the_option_said(sites):
    folder, run, _ = sites
    question = look(folder, run)[0]
    for option in question.options:
        said = say(folder, run, question.question, option.option)
        now = held(folder)["left"].gather(option.effect["row"])
        assert now.to_list() == option.effect["new"].to_list()
        undo(said.change, home=folder / ".kintsu")
        assert look(folder, run)[0].to_dict() == question.to_dict()


def about_entities(folder, run):
    return [each for each in look(folder, run, 60) if "Which left is right" in each.text]


def test_an_entity_that_the_trusted_sources_are_unsure_of_is_asked_about_on_its_own(sites):
    folder, run, clean = sites
    first = look(folder, run)[0]
    say(folder, run, first.question, best(first, clean))
    asked = about_entities(folder, run)[0]
    assert len({option.option for option in asked.options}) >= 2
    entity = {held(folder)["entity"][row] for row in asked.options[0].effect["row"]}
    assert len(entity) == 1
    say(folder, run, asked.question, "reject")
    dirty = pl.read_csv(folder / "in.csv", infer_schema=False)
    rows = asked.options[0].effect["row"]
    assert held(folder)["left"].gather(rows).to_list() == dirty["left"].gather(rows).to_list()
    assert asked.question not in {each.question for each in look(folder, run, 60)}


def test_a_few_labels_tell_which_family_is_right(sites):
    folder, run, clean = sites
    rows = (
        clean.with_row_index("row")
        .filter(pl.col("left").is_not_null())
        .unique("entity", keep="first", maintain_order=True)
    )
    labels = rows.head(6).select(pl.col("row").cast(pl.Int64), pl.lit("left").alias("column"), value="left")
    before = right(folder, clean)
    teach(run, labels, home=folder / ".kintsu", from_file=folder / "out.csv")
    assert right(folder, clean) > before + 0.2


def test_the_log_tells_the_share_of_found_cells_that_was_mended(sites):
    folder, run, _ = sites
    told = next(line for line in runs(home=folder / ".kintsu") if line["run"] == run)
    assert 0 < told["recovery_rate"] <= 1 and told["recovery_rate"] == pytest.approx(
        told["set"] / found(folder, run), abs=1e-4
    )


def found(folder, run):
    return Store(folder / ".kintsu").run(run).summary["cells_found"]
