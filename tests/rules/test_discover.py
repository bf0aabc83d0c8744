"""What made-up tables obey is found, and nothing else."""

import numpy as np
import polars as pl
import pytest
from made import invoices, reference, seller_reports, sensors, staff

from kintsu.rules import yaml
from kintsu.rules.discover.contract import discovered
from kintsu.rules.discover.dependency import dependencies
from kintsu.rules.evaluate import learn, violates
from kintsu.rules.judge import judge, train


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (staff, {("employee", "department"), ("department", "manager"), ("department", "site"), ("site", "country")}),
        (invoices, {("vendor", "vendor_name"), ("vendor", "country"), ("country", "currency")}),
        (sensors, {("device", "model"), ("model", "vendor"), ("room", "floor"), ("room", "building")}),
        (seller_reports, {("book", "title"), ("book", "year"), ("book", "pages")}),
    ],
)
def test_the_dependencies_of_a_table_are_found(table, expected):
    found = {(d.left[0], d.right) for d in dependencies(reference(table(np.random.default_rng(1)))) if len(d.left) == 1}
    assert expected <= found
    noise = {"seller", "grade", "celsius", "humidity", "state", "hours", "quantity", "rate"}
    assert not noise & {right for _, right in found}


@pytest.mark.parametrize("table", [staff, invoices, sensors, seller_reports])
def test_a_discovered_contract_is_kept_by_its_table_and_reads_back(table):
    frame = table(np.random.default_rng(2))
    ref = reference(frame)
    rules = discovered(ref)
    assert rules and yaml.parse(yaml.dump(rules)) == rules
    for rule in rules:
        broken = violates(ref.sample, rule, learn(rule, ref))
        assert broken.mean() <= 1 - rule.confidence + 0.01, rule.text


def test_a_column_of_few_values_is_tried_beside_the_one_that_leaves_much_open():
    rng = np.random.default_rng(5)
    product, quantity = rng.integers(0, 40, 2000), rng.choice(6, 2000, p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05]) + 1
    each = rng.permutation(np.arange(11, 911))[:40]
    weight = pl.Series((each[product] * quantity).astype(str))
    typed = pl.Series(rng.random(2000) < 0.1)
    slips = pl.DataFrame({"weight": weight, "typed": typed}).select(
        pl.when("typed").then(pl.col("weight") + "7").otherwise("weight")
    )
    frame = slips.with_columns(
        product=pl.Series([f"P{p:02d}" for p in product]), quantity=pl.Series(quantity.astype(str))
    )
    assert [d.left for d in dependencies(reference(frame)) if d.right == "weight"] == [("product", "quantity")]


def test_a_table_without_structure_has_no_dependencies():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {f"c{i}": rng.integers(0, n, 3000).astype(str) for i, n in enumerate((2, 5, 20, 80, 300, 900))}
    )
    assert dependencies(reference(frame)) == []


def test_a_wide_table_is_screened():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{i}": rng.integers(0, 5 + i, 300).astype(str) for i in range(90)})
    frame = frame.with_columns(copy=pl.lit("x") + pl.col("c40"))
    assert {(d.left[0], d.right) for d in dependencies(reference(frame))} == {("c40", "copy"), ("copy", "c40")}


def test_a_dependency_that_holds_under_a_condition_is_found_and_votes():
    rng = np.random.default_rng(3)
    n = 3000
    code = rng.integers(0, 150, n)
    free = rng.integers(0, 40, n)
    country = rng.choice(["DE", "US", "FR"], n)
    town = np.where(country == "DE", code % 40, free)
    frame = pl.DataFrame(
        {"code": [f"K{c:03d}" for c in code], "country": country, "town": [f"town {t:02d}" for t in town]}
    )
    hit = np.flatnonzero(country == "DE")[:30]
    dirty = frame["town"].to_numpy().copy()
    dirty[hit] = [f"town {(int(t[5:]) + 7) % 40:02d}" for t in dirty[hit]]
    found = reference(frame.with_columns(town=pl.Series(dirty, dtype=pl.String)))
    conditional = [d for d in dependencies(found) if d.condition is not None]
    assert [d.text for d in conditional] == ["code -> town where country is DE"]
    judged = judge(found.sample, train(found)).filter(pl.col("column") == "town")
    assert set(judged["row"]) == set(hit.tolist())
    right = dict(zip(hit.tolist(), frame["town"].gather(hit)))
    assert all(right[row] == new for row, new in judged.select("row", "new").iter_rows())
    assert "where country is DE" in " ".join(rule.text for rule in discovered(found) if rule.kind == "fd")
