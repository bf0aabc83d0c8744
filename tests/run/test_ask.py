"""Questions and answers change a healed table at once, and undo takes them back."""

import csv
from pathlib import Path

import pytest
from asking import TOKEN, UNIT, VOTE, healed

from kintsu.core.errors import StaleRepair, UnknownRun, UsageError
from kintsu.run.answer import answer
from kintsu.run.ask import ask
from kintsu.run.log import runs
from kintsu.run.store import prune, purge
from kintsu.run.undo import undo

pytestmark = pytest.mark.usefixtures("tiny_is_known")


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def cells(path: Path, column: int) -> list[str]:
    return [row[column] for row in rows(path)]


def about(found, recipe):
    return next(each for each in found if recipe.text in each.text)


def test_the_most_valuable_question_comes_first(tmp_path):
    store, run, _ = healed(tmp_path)
    found = ask(run, home=store.home)
    assert found[0].cells == 6
    assert about(found, UNIT).text.startswith(
        "a: strip the unit oz. Is that right for 6 cells of a? For example '0 oz' → '0'"
    )
    assert found == sorted(found, key=lambda each: -each.value)


def test_a_question_lists_what_its_answers_do(tmp_path):
    store, run, _ = healed(tmp_path)
    asked = about(ask(run, home=store.home), UNIT).to_dict()
    options = {each["option"]: each["effect"] for each in asked["options"]}
    assert options["accept"][0] == {"row": 0, "column": "a", "new": "0"}
    assert options["reject"][0] == {"row": 0, "column": "a", "new": "0 oz"}
    assert asked["cells"] == len(options["accept"]) == 6


def test_an_accepted_question_changes_the_table_and_the_files_beside_it(tmp_path):
    store, run, out = healed(tmp_path)
    said = answer(run, about(ask(run, home=store.home), UNIT).question, "accept", home=store.home, by="ada")
    assert cells(out, 0) == [str(i) for i in range(12)]
    assert said.applied == 6
    told = rows(tmp_path / "c.csv")
    assert len(told) == 10 and {row[1] for row in told} == {"a", "b"}
    assert {name: store.run(said.change).answer[name] for name in ("of", "option", "by")} == {
        "of": run,
        "option": "accept",
        "by": "ada",
    }
    assert UNIT.text not in " ".join(each.text for each in ask(run, home=store.home))


def test_a_rejected_question_puts_applied_cells_back(tmp_path):
    store, run, out = healed(tmp_path)
    assert cells(out, 1)[6:10] == [""] * 4
    said = answer(run, about(ask(run, home=store.home), TOKEN).question, "reject", home=store.home)
    assert cells(out, 1)[6:10] == ["-"] * 4
    assert rows(tmp_path / "c.csv") == []
    assert [row for row in rows(tmp_path / "f.csv") if row[5] == "null_token"] == []
    assert said.applied == 4


def test_an_alternative_takes_the_other_value(tmp_path):
    store, run, out = healed(tmp_path)
    asked = next(each for each in ask(run, home=store.home) if VOTE.id in {o.option for o in each.options})
    answer(run, asked.question, VOTE.id, home=store.home)
    assert cells(out, 1)[10] == "blue"


@pytest.mark.parametrize("option", ["accept", "reject"])
def test_undo_of_an_answer_gives_the_healed_bytes_and_opens_the_question_again(tmp_path, option):
    store, run, out = healed(tmp_path)
    before = out.read_bytes(), ask(run, home=store.home), (tmp_path / "c.csv").read_bytes()
    for asked in before[1]:
        said = answer(run, asked.question, option, home=store.home)
        undone = undo(said.change, home=store.home)
        assert undone.restored == "bytes"
        now = ask(run, home=store.home)
        assert [each.to_dict() for each in now] == [each.to_dict() for each in before[1]]
        assert (out.read_bytes(), (tmp_path / "c.csv").read_bytes()) == (before[0], before[2])
    store.verify()


def test_ids_of_questions_outlive_other_answers(tmp_path):
    store, run, out = healed(tmp_path)
    for asked in ask(run, home=store.home):
        answer(run, asked.question, "accept", home=store.home)
    assert ask(run, home=store.home) == []
    assert cells(out, 1) == ["red"] * 6 + [""] * 4 + ["red", "blue"]
    assert undo("last", home=store.home).edits >= 0


def test_an_undone_heal_has_no_questions(tmp_path):
    store, run, _ = healed(tmp_path)
    undo(run, home=store.home)
    with pytest.raises(UsageError, match="nothing to ask"):
        ask(run, home=store.home)


def test_a_file_edited_by_hand_is_not_touched(tmp_path):
    store, run, out = healed(tmp_path)
    asked = ask(run, home=store.home)[0]
    out.write_bytes(out.read_bytes().replace(b"0 oz", b"9 oz"))
    edited = out.read_bytes()
    with pytest.raises(StaleRepair):
        answer(run, asked.question, "accept", home=store.home)
    assert out.read_bytes() == edited


def test_unknown_runs_questions_and_options_are_named(tmp_path):
    store, run, _ = healed(tmp_path)
    with pytest.raises(UnknownRun):
        ask("r-nothing", home=store.home)
    with pytest.raises(UsageError, match="q-nothing"):
        answer(run, "q-nothing", "accept", home=store.home)
    with pytest.raises(UsageError, match="options: accept, reject"):
        answer(run, ask(run, home=store.home)[0].question, "perhaps", home=store.home)


def test_a_sensitive_column_is_masked(tmp_path):
    store, run, _ = healed(tmp_path, sensitive=("a",))
    asked = next(each for each in ask(run, home=store.home) if "6 cells of a" in each.text)
    assert "oz" not in asked.text and {each["new"] for each in asked.options[0].effect.to_dicts()} == {"•••"}
    answer(run, asked.question, "accept", home=store.home)
    assert {row[3] for row in rows(tmp_path / "c.csv") if row[1] == "a"} == {"•••"}


def test_a_purge_takes_the_open_decisions_along(tmp_path):
    store, run, _ = healed(tmp_path)
    answer(run, ask(run, home=store.home)[0].question, "accept", home=store.home)
    purge(home=store.home, run=run)
    with pytest.raises(UsageError, match="removed on purpose"):
        ask(run, home=store.home)
    left = b"".join(store.blobs.get(digest) for digest, _ in store.blobs)
    assert b"oz" not in left
    store.verify()


def test_the_same_heal_asks_the_same_questions(tmp_path):
    asked = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        store, run, _ = healed(tmp_path / name)
        asked.append([each.to_dict() for each in ask(run, home=store.home)])
    assert asked[0] == asked[1]


def test_an_answer_can_be_undone_after_its_heal_was_pruned(tmp_path):
    store, run, out = healed(tmp_path)
    said = answer(run, about(ask(run, home=store.home), UNIT).question, "accept", home=store.home)
    assert prune(home=store.home, keep=1).undos_gone == (run,)
    undo(said.change, home=store.home)
    assert cells(out, 0)[:6] == [f"{i} oz" for i in range(6)]


def test_the_log_tells_how_many_recipes_people_accepted(tmp_path):
    store, run, _ = healed(tmp_path)
    asked = ask(run, home=store.home)
    assert runs(home=store.home)[0]["acceptance_rate"] is None
    answer(run, about(asked, UNIT).question, "accept", home=store.home)
    refused = answer(run, about(asked, TOKEN).question, "reject", home=store.home)
    told = runs(home=store.home)[0]
    assert (told["answers"], told["verdicts"], told["acceptance_rate"]) == (2, 2, 0.5)
    undo(refused.change, home=store.home)
    assert runs(home=store.home)[0]["acceptance_rate"] == 1.0
