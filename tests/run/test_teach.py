"""A correction is applied, generalised where that is sure, and undone like any change."""

import pytest
from asking import UNIT, healed
from test_ask import cells, rows

from kintsu.apps.cli.edge import run as command
from kintsu.core.errors import InputError, UsageError
from kintsu.run.answer import answer
from kintsu.run.ask import ask
from kintsu.run.label import label
from kintsu.run.recipes import write_recipes
from kintsu.run.teach import read_labels, teach
from kintsu.run.undo import undo

pytestmark = pytest.mark.usefixtures("tiny_is_known")


def test_a_corrected_cell_holds_the_value_and_is_listed(tmp_path):
    store, run, out = healed(tmp_path)
    teach(run, [(3, "c", "z")], home=store.home)
    assert cells(out, 2)[3] == "z"
    [line] = [row for row in rows(tmp_path / "c.csv") if row[1] == "c"]
    assert line[:5] == ["3", "c", "set", "x", "z"] and line[8] == "person"


def test_corrections_confirm_the_recipe_that_proposed_them(tmp_path):
    store, run, out = healed(tmp_path, auto=0.8)
    said = teach(run, [(i, "a", f"{i}") for i in range(4)], home=store.home)
    assert cells(out, 0) == [str(i) for i in range(12)] and said.applied >= 6


def test_a_program_is_offered_where_it_is_not_sure(tmp_path):
    store, run, out = healed(tmp_path)
    teach(run, [(2, "c", "X")], home=store.home)
    assert cells(out, 2)[:2] == ["x", "x"]
    found = [each for each in ask(run, home=store.home) if "c: write" in each.text]
    assert found and found[0].cells >= 6


def test_one_corrected_cell_of_a_common_value_changes_no_other_even_at_a_low_threshold(tmp_path):
    store, run, out = healed(tmp_path, auto=0.2)
    teach(run, [(2, "c", "z")], home=store.home)
    assert cells(out, 2).count("z") == 1
    [found] = [each for each in ask(run, home=store.home) if "c: write" in each.text]
    assert found.cells == 6


def test_a_program_that_asks_is_remembered_once_somebody_says_yes(tmp_path):
    store, run, _ = healed(tmp_path)
    teach(run, [(2, "c", "z")], home=store.home)
    assert write_recipes(run, tmp_path / "r.yaml", home=store.home) == 0
    [found] = [each for each in ask(run, home=store.home) if "c: write" in each.text]
    answer(run, found.question, "accept", home=store.home)
    assert write_recipes(run, tmp_path / "r.yaml", home=store.home) == 1


def test_a_value_corrected_again_and_again_is_generalised(tmp_path):
    store, run, out = healed(tmp_path, auto=0.5)
    teach(run, [(row, "c", "z") for row in range(5)], home=store.home)
    assert "x" not in cells(out, 2)


def test_a_confirmed_cell_goes_back_to_what_it_was(tmp_path):
    store, run, out = healed(tmp_path)
    teach(run, [(6, "b", "-")], home=store.home)
    assert cells(out, 1)[6] == "-"
    assert ["6", "b"] not in [row[:2] for row in rows(tmp_path / "f.csv")]


def test_undo_of_teaching_gives_the_healed_bytes(tmp_path):
    store, run, out = healed(tmp_path)
    before = out.read_bytes()
    said = teach(run, [(i, "a", f"{i}") for i in range(6)] + [(6, "b", "-")], home=store.home)
    assert out.read_bytes() != before
    assert undo(said.change, home=store.home).restored == "bytes" and out.read_bytes() == before


def test_teaching_twice_keeps_the_last_word(tmp_path):
    store, run, out = healed(tmp_path)
    teach(run, [(0, "a", "one")], home=store.home)
    teach(run, [(0, "a", "two")], home=store.home)
    assert cells(out, 0)[0] == "two"
    assert UNIT.text in " ".join(each.text for each in ask(run, home=store.home))


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([(0, "nope", "x")], "no column 'nope'"),
        ([(99, "a", "x")], "no row 99"),
        ([(0, "a", "x"), (0, "a", "y")], "two values"),
        ([], "nothing to teach"),
    ],
)
def test_wrong_labels_are_one_line(tmp_path, labels, told):
    store, run, out = healed(tmp_path)
    before = out.read_bytes()
    with pytest.raises(UsageError, match=told):
        teach(run, labels, home=store.home)
    assert out.read_bytes() == before


def test_labels_are_read_from_a_file(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("row,column,value\n3,a,\n4,b,x\n")
    assert read_labels(path).rows() == [(3, "a", None), (4, "b", "x")]
    path.write_text("row,column\n3,a\n")
    with pytest.raises(UsageError, match="'value'"):
        read_labels(path)
    path.write_text("row,column,value\nthree,a,x\n")
    with pytest.raises(UsageError, match="three"):
        read_labels(path)
    with pytest.raises(InputError):
        read_labels(tmp_path / "none.csv")


def test_labelled_rows_are_not_named_again(tmp_path):
    store, run, _ = healed(tmp_path)
    first = label(run, 1, home=store.home)["row"][0]
    teach(run, [(first, "a", str(first)), (first, "b", "red")], home=store.home)
    assert first not in label(run, 20, home=store.home)["row"].to_list()


def test_the_commands_print_one_json_value(tmp_path, capsys):
    import json

    store, run, _ = healed(tmp_path)
    home = ["--home", str(store.home), "--json"]

    def told(*arguments: str):
        code = command([*arguments, *home])
        return code, json.loads(capsys.readouterr().out)

    code, asked = told("ask", run)
    assert code == 0 and set(asked[0]) >= {"question", "text", "cells", "options"}
    code, said = told("answer", run, asked[0]["question"], "accept")
    assert code == 0 and said["applied"] > 0
    code, rows_ = told("label", run, "-n", "3")
    assert code == 0 and len(rows_) == 3 and "row" in rows_[0]
    code, said = told("teach", run, "--row", "3", "--column", "c", "--value", "z")
    assert code == 0 and said["applied"] == 1
    code, error = told("teach", run, "--row", "3")
    assert code == 2 and "belong together" in error["error"]["message"]
