"""Answers are remembered on the next file of the same table, and travel to others as YAML."""

import pytest
from test_heal import orders, read, write

import kintsu as kt
from kintsu.core.errors import UsageError
from kintsu.run.answer import answer
from kintsu.run.ask import ask
from kintsu.run.recipes import write_recipes
from kintsu.run.teach import teach


def mixed() -> list[list[str]]:
    """Orders with a convention that only a person can decide: some amounts carry a unit, some codes a suffix."""
    rows = orders(300)
    for i in range(0, 300, 2):
        rows[i][3] += " EUR"
    for i in range(5, 300, 30):
        rows[i][4] += "_old"
    return rows


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memory")
    table = write(folder / "orders.csv", mixed())
    first = kt.heal(table, out=folder / "one.csv", crash_test=False)
    for row in (5, 35, 65, 95, 125):
        teach(first.run, [(row, "status", mixed()[row][4].removesuffix("_old"))], home=folder / ".kintsu")
    for question in ask(first.run, home=folder / ".kintsu"):
        if "EUR" in question.text:
            answer(first.run, question.question, "accept", home=folder / ".kintsu")
    return folder, first


def test_recipes_replay_without_training(taught, tmp_path):
    folder, first = taught
    assert write_recipes(first.run, tmp_path / "r.yaml", home=folder / ".kintsu") >= 1
    (tmp_path / "next").mkdir()
    fresh = write(tmp_path / "next" / "more.csv", [["00001", "10115", "Berlin", "3.50", "paid_old"]])
    again = kt.heal(fresh, recipes=tmp_path / "r.yaml", auto=0.5)
    assert read(again.output)[1] == ["00001", "10115", "Berlin", "3.50", "paid"]
    assert again.changes["healer"].to_list() == ["taught"]
    assert set(again.findings["row"]) == {0}
    kt.undo(again.run, home=again.home)
    assert again.output.read_bytes() == fresh.read_bytes()


def test_what_was_taught_is_used_on_the_next_file(taught):
    folder, _ = taught
    fresh = write(folder / "tuesday.csv", [row if row[4] != "new" else [*row[:4], "new_old"] for row in orders(250)])
    again = kt.heal(fresh, crash_test=False, auto=0.5)
    assert "new_old" not in {row[4] for row in read(again.output)}


def test_another_table_knows_nothing_of_it(taught, tmp_path):
    folder, first = taught
    write_recipes(first.run, tmp_path / "r.yaml", home=folder / ".kintsu")
    other = tmp_path / "other.csv"
    other.write_text("x,y\n1,2\n")
    with pytest.raises(UsageError, match="no recipe fits"):
        kt.heal(other, recipes=tmp_path / "r.yaml")


def test_a_refused_recipe_is_not_applied_again(tmp_path):
    table = write(tmp_path / "orders.csv", orders(300))
    first = kt.heal(table, out=tmp_path / "one.csv", crash_test=False)
    recipe = first.changes["recipe"].mode().sort()[0]
    for question in [each for each in ask(first.run, home=first.home) if each.applied]:
        answer(first.run, question.question, "reject", home=first.home)
    second = kt.heal(table, out=tmp_path / "two.csv", crash_test=False)
    assert recipe in first.recipes and recipe not in set(second.changes["recipe"])


def test_a_database_is_asked_about_and_answered_in_place(tmp_path):
    import sqlite3

    rows = mixed()[:120] + mixed()[5:9]
    with sqlite3.connect(tmp_path / "o.db") as base:
        base.execute("create table t(id text, postcode text, city text, amount text, status text)")
        base.executemany("insert into t values (?, ?, ?, ?, ?)", rows)
    base.close()
    run = kt.heal(f"sqlite:///{tmp_path}/o.db#t", in_place=True, home=tmp_path / "s", crash_test=False).run
    found = ask(run, home=tmp_path / "s")
    assert found and "Drop rows" not in " ".join(each.text for each in found)  # a database keeps its rows
    said = answer(run, found[0].question, "reject" if found[0].applied else "accept", home=tmp_path / "s")
    assert said.applied == found[0].cells
    assert kt.undo(said.change, home=tmp_path / "s").restored == "values"
