"""Numbers that carry check digits: iban, payment card, isbn, issn, ean, isin, lei. The sums are python-stdnum's."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from kintsu.profile.semantic.kinds import SemanticType, by_pattern

__all__ = ["TYPES"]


def _standard(module: str) -> Callable[[str], bool]:
    """The test of a standard number, loaded when a value is shaped like one; blanks and dashes group its digits."""

    def is_valid(text: str) -> bool:
        right: bool = import_module(f"stdnum.{module}").is_valid(text.replace(" ", "").replace("-", ""))
        return right

    return is_valid


# Digits alone look like any number, so nearly all of them have to pass, unless the column's name says what they are:
# one in ten passes by chance.
TYPES = (
    SemanticType("iban", by_pattern(r"(?i:[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){11,30})"), check=_standard("iban")),
    SemanticType("lei", by_pattern(r"[A-Z0-9]{18}\d{2}"), check=_standard("lei")),
    SemanticType("isin", by_pattern(r"[A-Z]{2}[A-Z0-9]{9}\d"), check=_standard("isin")),
    SemanticType(
        "isbn",
        by_pattern(r"(?:97[89][- ]?)?\d{1,5}[- ]?\d{1,7}[- ]?\d{1,7}[- ]?[\dXx]"),
        frozenset({"isbn"}),
        share=0.8,
        check=_standard("isbn"),
    ),
    SemanticType("issn", by_pattern(r"\d{4}-?\d{3}[\dXx]"), frozenset({"issn"}), share=0.8, check=_standard("issn")),
    SemanticType(
        "ean",
        by_pattern(r"\d{8}|\d{12,14}"),
        frozenset({"ean", "gtin", "upc", "barcode"}),
        share=0.8,
        check=_standard("ean"),
    ),
    SemanticType(
        "payment_card", by_pattern(r"[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}"), share=0.9, check=_standard("luhn")
    ),
)
