"""Settings keep the line of every value, and secrets stay out of errors."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.errors import InputError, UsageError
from kintsu.core.settings import duration, nearest, parse_settings, read_settings

leaves = st.none() | st.booleans() | st.integers(-99, 99) | st.text("abc: #'\n", max_size=6)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
)


@given(values)
def test_json_is_read_as_it_was_written(value):
    assert parse_settings(json.dumps({"it": value})).mapping()["it"].plain() == value


def test_every_value_knows_its_file_and_line(tmp_path):
    path = tmp_path / "monitor.yaml"
    path.write_text("alerts:\n  level: warn\n\n  levels:\n    - a\n    - b\n", encoding="utf-8")
    alerts = read_settings(path).mapping()["alerts"].mapping()
    assert alerts["level"].where == f"{path}, line 2"
    assert [member.where[-6:] for member in alerts["levels"].items()] == ["line 5", "line 6"]


def test_an_empty_file_is_an_empty_mapping_and_a_missing_one_is_told(tmp_path):
    assert parse_settings("").mapping() == {} and parse_settings("# nothing").mapping(("a",)) == {}
    with pytest.raises(InputError, match="cannot read settings from"):
        read_settings(tmp_path / "none.yaml")


def test_a_secret_comes_from_the_environment_and_is_in_no_error():
    setting = parse_settings("url: https://host/${TOKEN}").mapping()["url"]
    assert setting.secret({"TOKEN": "s3cret"}) == "https://host/s3cret"
    with pytest.raises(UsageError, match=r"settings, line 1: the environment has no variable TOKEN; set it"):
        setting.secret({"OTHER": "s3cret"})
    for wrong in (setting.items, setting.flag, lambda: setting.number(least=0), lambda: setting.count(least=1)):
        with pytest.raises(UsageError) as error:
            wrong()
        assert "TOKEN" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1 day", 86_400), ("15 minutes", 900), ("2.5hours", 9_000), ("3 weeks", 1_814_400)]
)
def test_durations(text, seconds):
    assert duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "day", "-1 day", "1 month", "1e9 days", "9999999999999 days", "1 day 2 hours"])
def test_what_is_no_duration(text):
    with pytest.raises(UsageError):
        duration(text)


def test_the_nearest_word_or_all_of_them():
    assert nearest("levle", ["level", "table"]) == "; did you mean 'level'?"
    assert nearest("x", ["level", "table"]) == "; known: level, table"


@pytest.mark.parametrize(
    "text", ["a: !!python/object:os.system x", "&a [*a]", "{[1]: 2}", "? {a: b}\n: c", "a: 1\na: 2"]
)
def test_what_is_refused(text):
    with pytest.raises(UsageError):
        parse_settings(text)
