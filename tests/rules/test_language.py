"""Rules read and write as YAML, and mistakes in them are told with the nearest word."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.errors import UsageError
from kintsu.rules import yaml
from kintsu.rules.expression import names_in
from kintsu.rules.language import KINDS, Rule, rule_from

name = st.text("abcdefgh_ ", min_size=1, max_size=8).filter(str.strip)
when = st.dictionaries(name, st.sampled_from(["null", "not null", "x", ["a", "b"], 3]), max_size=2)
rules = st.one_of(
    st.builds(Rule, st.just("range"), st.tuples(name), st.fixed_dictionaries({"min": st.integers(-9, 9)}), when),
    st.builds(Rule, st.just("domain"), st.tuples(name), st.fixed_dictionaries({"values": st.lists(name)}), when),
    st.builds(Rule, st.just("fd"), st.tuples(name, name), st.fixed_dictionaries({"right": name}), when),
    st.builds(Rule, st.sampled_from(["unique", "key", "not_null"]), st.lists(name, min_size=1, max_size=3).map(tuple)),
    st.builds(Rule, st.just("order"), st.tuples(name, name), st.just({"strict": True}), when),
)


@settings(deadline=None)
@given(st.lists(rules, max_size=4, unique_by=lambda rule: rule.id))
def test_dump_and_parse_give_equal_rules(written):
    assert yaml.parse(yaml.dump(written)) == written


@settings(deadline=None)
@given(rules)
def test_every_rule_says_itself_in_words(rule):
    assert rule.columns[0] in rule.text and rule.dimension


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- {kind: rnage, column: a}", "rule 1: unknown kind 'rnage'; did you mean 'range'?"),
        ("- {kind: range, colum: a, min: 1}", "has no 'colum'; did you mean 'column'?"),
        ("- {kind: range, column: a, max: 1, min: 2}", "min 2 is larger than max 1"),
        ("- {kind: range, column: a}", "needs `min`, `max` or both"),
        ("- {kind: domain, column: a}", "needs 'values'"),
        ("- {kind: fd, left: [a]}", "needs 'right'"),
        ("- {kind: order, columns: [a]}", "two columns"),
        ("- {kind: pattern, column: a, pattern: '(['}", "no regular expression"),
        ("- {kind: arithmetic, formula: a b}", "equals sign"),
        ("- {kind: arithmetic, formula: 'a = open(b)'}", "only"),
        ("- {kind: not_null, column: a, dimension: validty}", "did you mean 'validity'?"),
        ("rule: []", "unknown key 'rule'; did you mean 'rules'?"),
        ("- [", "line"),
        ("- {kind: key, column: a}\n- {kind: key, column: a}", "its id"),
        ("3", "expected a list of rules, found int"),
    ],
)
def test_mistakes_are_told_with_the_place_and_what_to_write(text, says):
    with pytest.raises(UsageError) as error:
        yaml.parse(text, "rules.yaml")
    assert says in str(error.value) and "rules.yaml" in str(error.value)


def test_a_formula_names_its_columns_in_order():
    rule = rule_from({"kind": "arithmetic", "formula": "total = round(`unit price` * quantity, 2)"})
    assert rule.columns == ("total", "unit price", "quantity") == names_in(rule.must["formula"])


def test_no_rules_are_an_empty_list():
    assert yaml.parse("") == [] == yaml.parse("rules:")


def test_the_examples_of_the_reference_page_are_rules():
    page = (Path(__file__).parents[2] / "docs/reference/rules.md").read_text(encoding="utf-8")
    shown = page.split("```yaml\n")[1].split("```")[0]
    assert {rule.kind for rule in yaml.parse(shown)} == set(KINDS)
