"""Values that cannot be what their column holds."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean, iban, isbn, luhn

from kintsu.core.batch import Batch, TableRef
from kintsu.detect.semantic_check import SemanticCheck
from kintsu.profile.build import reference_of
from kintsu.profile.semantic.validity import CHECKS
from kintsu.testing.checks import check_detector

RNG = np.random.default_rng(5)
N = 200
DIGITS = RNG.integers(0, 10**9, N).tolist()


def made(**columns):
    batch = Batch.of(pl.DataFrame({name: pl.Series(cells, dtype=pl.String) for name, cells in columns.items()}))
    reference = reference_of(
        lambda names: [Batch(batch.table, batch.frame.select(names) if names else batch.frame, batch.row)],
        TableRef("t"),
    )
    return batch, reference


def found(cells, name="c"):
    batch, reference = made(**{name: cells})
    detector = SemanticCheck()
    return detector.find(batch, detector.train(reference), reference)


def german(bank: int) -> str:
    bare = f"{bank:018d}"
    return iban.format(f"DE{iban.calc_check_digits(f'DE00{bare}')}{bare}")


RIGHT = {
    "iban": [german(d) for d in DIGITS],
    "isbn": [f"978{d:09d}" + isbn.ean.calc_check_digit(f"978{d:09d}") for d in DIGITS],
    "ean": [f"400{d:09d}" + ean.calc_check_digit(f"400{d:09d}") for d in DIGITS],
    "payment_card": [f"411111{d:09d}" + luhn.calc_check_digit(f"411111{d:09d}") for d in DIGITS],
    "email": [f"jo.{d}@example.org" for d in DIGITS],
    "phone": [f"+49 30 {d % 10**7:07d}" for d in DIGITS],
    "country": ["Germany", "Peru", "Japan", "Côte d'Ivoire"] * (N // 4),
}
WRONG = {
    "iban": "DE88 3704 0044 0532 0130 00",
    "isbn": "9780306406158",
    "ean": "4006381333932",
    "payment_card": "4111111111111112",
    "email": "jo..doe@example.org",
    "phone": "+49 30 12345678901234567",
    "country": "Germoney",
}


@pytest.mark.parametrize("meaning", RIGHT)
def test_one_wrong_value_among_right_ones_is_found(meaning):
    result = found([*RIGHT[meaning], WRONG[meaning]])
    assert result["row"].to_list() == [N]
    assert WRONG[meaning] in result["why"][0] and "99.5 %" in result["why"][0]


@pytest.mark.parametrize("meaning", RIGHT)
def test_right_values_blanks_and_words_for_missing_are_left_alone(meaning):
    assert found([*RIGHT[meaning], None, " ", "n/a"]).is_empty()


@pytest.mark.parametrize("meaning", RIGHT)
def test_the_laws_of_detectors_hold(meaning):
    batch, reference = made(c=[*RIGHT[meaning], WRONG[meaning], None])
    check_detector(SemanticCheck(), batch, reference)


@given(st.integers(0, N - 1), st.integers(4, 21), st.integers(1, 9))
def test_a_changed_digit_of_an_iban_never_passes(which, place, by):
    bare = RIGHT["iban"][which].replace(" ", "")
    changed = f"{bare[:place]}{(int(bare[place]) + by) % 10}{bare[place + 1 :]}"
    assert CHECKS["iban"].invalid(pl.Series([changed, bare])).to_list() == [True, False]


def test_numbers_without_check_digits_are_no_cards_or_barcodes():
    assert found([f"4{d:015d}" for d in DIGITS]).is_empty()
    assert found([f"40{d:011d}" for d in DIGITS], name="amount").is_empty()


def test_addresses_in_any_script_and_numbers_without_a_country_pass():
    assert found([*RIGHT["email"], "jö.müller@exämple.org", "o'hara+x@sub.example.co.uk"]).is_empty()
    assert found([*RIGHT["phone"], "030 1234567", "0049 30 1234567", "+1 (555) 010-9999 ext. 12"]).is_empty()


def test_another_convention_for_countries_is_no_error():
    assert found([*RIGHT["country"], *["Hellas"] * 40], name="country").is_empty()
