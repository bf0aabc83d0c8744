"""What may be meant is never changed without asking: the harm a silent repair could do is not in its score."""

import random

import polars as pl
import pytest

import kintsu as kt


def changed(name: str, cells: list[str], **others: list[str]) -> list[tuple[str, str]]:
    """(old, new) of what is applied by default in one column of a table."""
    frame = pl.DataFrame({"id": [f"x{i}" for i in range(len(cells))], name: cells, **others})
    return kt.heal(frame).changes.filter(pl.col("column") == name).select("old", "new").rows()


@pytest.fixture
def rng():
    return random.Random(1)


def test_of_several_units_only_a_clear_one_is_taken_away(rng):
    plain = [str(rng.choice([5, 10, 250, 500, 850])) for _ in range(300)]
    mixed = changed("dose", [*plain, *["500 mg", "850 mg", "250 mg"] * 5, "1 g", "2 g", *["75 µg"] * 9])
    assert mixed == []
    alone = changed("dose", [*plain, *["500 mg", "850 mg", "250 mg"] * 5])
    assert set(alone) == {("500 mg", "500"), ("850 mg", "850"), ("250 mg", "250")}


def test_currencies_are_not_mixed(rng):
    plain = [f"{rng.uniform(5, 90):.2f}" for _ in range(300)]
    assert changed("price", [*plain, "€18.50", "$49.99", "$12.00", "€7.25"]) == []


def test_a_multiplier_is_no_unit(rng):
    assert changed("population", [*(str(rng.randint(10**5, 10**8)) for _ in range(60)), "0.5m", "1.2M"]) == []


def test_two_digit_years_fall_into_the_column_s_century(rng):
    days = [f"{rng.randint(1, 28):02d}.{rng.randint(1, 12):02d}.{rng.randint(1930, 1971)}" for _ in range(200)]
    made = changed("born", [*days, "02.01.39", "17.10.46"])
    assert made == [("02.01.39", "02.01.1939"), ("17.10.46", "17.10.1946")]


def test_refunds_keep_their_sign(rng):
    kinds = ["refund" if i % 12 == 0 else "sale" for i in range(240)]
    price = [rng.choice([5.0, 12.5, 20.0]) for _ in kinds]
    number = [rng.randint(1, 5) for _ in kinds]
    total = [f"{(-1 if k == 'refund' else 1) * p * n:.2f}" for k, p, n in zip(kinds, price, number, strict=True)]
    columns = {"price": [f"{p:.2f}" for p in price], "number": [str(n) for n in number], "kind": kinds}
    assert changed("total", total, **columns) == []
